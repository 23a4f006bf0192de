/**
 * What one of our Ingresses asks for, before it is set beside the others: its settings, its claims, and whether it may
 * be served at all.
 */
import type { Problem } from '#resource/problem.ts'
import type { Ingress } from '#resource/resource.ts'
import type { Claim } from './claim.ts'
import { claimsOf } from './claim.ts'
import type { Globals } from './ingress-nginx/config-map.ts'
import { ingressNginx } from './ingress-nginx/dialect.ts'
import type { Settings } from './ingress-nginx/settings.ts'
import { readSettings } from './ingress-nginx/settings.ts'
import { annotationScope, readBoolean } from './setting.ts'
import { judgeAnnotations } from './verdict.ts'

export type Plan = {
  readonly ingress: Ingress
  readonly settings: Settings
  readonly claims: readonly Claim[]
  /** Why its routes answer 503; `undefined` when they are served. */
  readonly closed: string | undefined
  /** Why it adds no routes; `undefined` when it does. */
  readonly absent: string | undefined
}

export function planOf(ingress: Ingress, globals: Globals, problems: Problem[]): Plan {
  const verdicts = judgeAnnotations(ingress)
  for (const { problem } of verdicts) if (problem !== undefined) problems.push(problem)
  const closing = verdicts.find(({ meanwhile, problem }) => meanwhile === 'closed' && problem !== undefined)
  const absent = verdicts.find(({ meanwhile, problem }) => meanwhile === 'absent' && problem !== undefined)
  const closed = globals.closed ?? (closing && `${closing.annotation} is not honoured`)
  const scope = annotationScope(ingress, ingressNginx.prefix, problems)
  // Its value is read again with the other settings; a bad one is reported there once.
  const patterns = readBoolean({ ...scope, problems: [] }, 'use-regex', false) || (scope.value('rewrite-target')?.trim() ?? '') !== ''
  return {
    ingress,
    settings: readSettings(scope, globals.settings),
    claims: absent === undefined ? claimsOf(ingress, { closed: closed !== undefined, patterns, problems }) : [],
    closed,
    absent: absent && `${absent.annotation} is not honoured yet`,
  }
}

/**
 * Snippets of one Ingress: every statement is explained, and with `genkan.dev/allow-snippets: safe` those of the safe
 * subset become policies. A snippet is never run.
 */
import { turnsAway } from '#policy/conditional-return.ts'
import type { PolicySpec } from '#snapshot/snapshot.ts'
import { problemOf } from '#resource/problem.ts'
import { allowSnippets } from '../allow-snippets.ts'
import type { Snippets } from '../annotation.ts'
import type { Scope } from '../setting.ts'
import { interpret } from './safe-snippet.ts'
import { decorates } from './snippet.ts'
import { adviceFor } from './snippet-advice.ts'
import type { Statement } from './snippet-text.ts'
import { statementsOf } from './snippet-text.ts'

export type ReadSnippets = {
  /** Of the routes of the Ingress. */
  readonly policies: readonly PolicySpec[]
  /** Those among them that turn requests away from the whole host (`server-snippet`). */
  readonly hostRefusals: readonly PolicySpec[]
}

/** Whether every statement is interpreted, or only decorates and may be left out. */
export function isInterpretable(text: string): boolean {
  const statements = statementsOf(text)
  return (
    statements !== undefined &&
    interpret(statements).every(
      ({ statement, policy, isPart }) =>
        policy !== undefined || isPart || (!statement.block && statement.depth === 0 && decorates(statement.name)),
    )
  )
}

/**
 * `own` are our own annotations, `snippets` what counts without one. In a snippet that cannot be had as a whole nothing
 * is interpreted. nginx comes to `server-snippet` first.
 */
export function readSnippets(scope: Scope, own: Scope, snippets: Snippets): ReadSnippets {
  const allowed = (own.value(allowSnippets)?.trim() || snippets) === 'safe'
  const read = (name: string): readonly PolicySpec[] => {
    const text = scope.value(name) ?? ''
    const statements = statementsOf(text) ?? []
    const whole = allowed && isInterpretable(text)
    const policies = interpret(statements).map(({ statement, policy, isPart }) => {
      const safe = policy !== undefined || isPart
      if (!whole || !safe) explain(scope, { name, statement, allowed, safe })
      return policy
    })
    return whole ? policies.filter((each) => each !== undefined) : []
  }
  const ofServer = read('server-snippet')
  return { policies: [...ofServer, ...read('configuration-snippet')], hostRefusals: ofServer.filter(turnsAway) }
}

type Explained = {
  readonly name: string
  readonly statement: Statement
  readonly allowed: boolean
  readonly safe: boolean
}

function explain({ resource, problems, at }: Scope, { name, statement, allowed, safe }: Explained): void {
  const text = `${statement.name} ${statement.words.join(' ')}`.trim()
  const message = `${name}, line ${statement.line}: ${text.length > 80 ? `${text.slice(0, 80)}…` : text}`
  const advice = adviceFor(statement)
  const instead =
    allowed && safe
      ? 'it would be interpreted if every other statement could be'
      : (advice ?? 'nothing here does the same')
  problems.push(
    problemOf(resource, {
      severity: allowed && !safe ? 'warning' : 'info',
      code: 'snippet-statement',
      at: at(name),
      message,
      instead,
    }),
  )
}

/**
 * Paths that are regular expressions, and how far that reaches: by default to the paths of the Ingress that says so,
 * with `--compat ingress-nginx` to all paths of its hosts, whoever wrote them.
 */
import { toAscii } from '#http/authority.ts'
import type { Problem } from '#resource/problem.ts'
import { problemOf } from '#resource/problem.ts'
import type { Ingress, IngressPath } from '#resource/resource.ts'
import { compilePathPattern } from '#route/path-pattern.ts'
import type { Claim } from './claim.ts'
import { claimFrom } from './claim.ts'
import { hasPattern, literalPart } from './ingress-nginx/pattern.ts'
import { ingressNginx } from './ingress-nginx/dialect.ts'
import type { Rewriting } from './ingress-nginx/rewriting.ts'
import { isPattern, readRewriting } from './ingress-nginx/rewriting.ts'
import type { Plan } from './plan.ts'
import { annotationScope } from './setting.ts'

/** Hosts all of whose paths are expressions. */
export function patternHosts(ingresses: readonly Ingress[], compat: 'none' | 'ingress-nginx'): ReadonlySet<string> {
  const hosts = new Set<string>()
  if (compat === 'none') return hosts
  for (const ingress of ingresses) {
    // What is wrong with the values is reported where they are read for the routes.
    const rewriting = readRewriting(annotationScope(ingress, ingressNginx.prefix, []))
    for (const rule of ingress.spec.rules) {
      const host = rule.host === '' ? '' : toAscii(rule.host)
      if (host !== undefined && rule.paths.some(({ path }) => isPattern(rewriting, path))) hosts.add(host)
    }
  }
  return hosts
}

/** Whether a path is an expression. An Exact path without any special character stays what it is. */
export function patternTest(
  rewriting: Rewriting,
  hosts: ReadonlySet<string>,
): (host: string, path: IngressPath) => boolean {
  return (host, path) => {
    if (hosts.has(host)) return true
    return isPattern(rewriting, path.path) && (path.pathType !== 'Exact' || hasPattern(path.path))
  }
}

/** Steps that one character of a path may cost at worst, over all expressions of a host: hundreds of ordinary ones. */
const hostBudget = 20_000

/**
 * The claims of all plans, so that no path can stall a worker: expressions that a host has no room left for are refused
 * like those that cannot be matched. `plans` in order of age.
 */
export function withinBudget(
  plans: readonly Pick<Plan, 'claims' | 'guarded'>[],
  problems: Problem[],
): readonly Claim[] {
  const spent = new Map<string, number>()
  return plans.flatMap(({ claims, guarded }) => {
    if (claims.every(({ path }) => path.kind !== 'regex')) return claims
    return claims.map((claim) => {
      const compiled = claim.path.kind === 'regex' ? compilePathPattern(claim.path.value) : undefined
      if (compiled?.ok !== true) return claim
      const total = (spent.get(claim.host) ?? 0) + compiled.pattern.size
      if (total > hostBudget) return standIn(claim, guarded, problems)
      spent.set(claim.host, total)
      return claim
    })
  })
}

function standIn(claim: Claim, guarded: boolean, problems: Problem[]): Claim {
  const { ingress, at, host, written } = claim
  const value = literalPart(written, guarded ? 'superset' : 'likely')
  const message = `the regular expressions of ${host === '' ? 'the rules without host' : host} are too many or too large to be matched together`
  problems.push(
    problemOf(ingress, {
      severity: 'error',
      code: 'pattern-refused',
      at: [...at, 'path'],
      message,
      instead: `requests below ${value} answer 503`,
    }),
  )
  const standing = guarded ? 'guard' : 'pattern'
  return claimFrom({ ...claim, path: { kind: 'prefix', value }, standing, backend: undefined })
}

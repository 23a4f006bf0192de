/**
 * Whom a `server-snippet` turns away. As in ingress-nginx that is a matter of the whole host: who relies on it for the
 * rules of another Ingress must not lose it there. Everything else it says stays with its own routes.
 */
import type { Problem } from '#resource/problem.ts'
import { problemOf } from '#resource/problem.ts'
import { objectName } from '#resource/resource.ts'
import type { PolicySpec } from '#snapshot/snapshot.ts'
import type { Aliases } from './alias.ts'
import type { Claim } from './claim.ts'
import type { Plan } from './plan.ts'

/** What others ask for on the host of a claim; the same list for as long as a single Ingress there asks. */
export type HostRefusals = (claim: Claim) => readonly PolicySpec[] | undefined

/** `plans` in order of age. */
export function hostRefusalsOf(plans: readonly Plan[], aliases: Aliases): HostRefusals {
  const askers = Map.groupBy(
    plans
      .filter(({ shaping }) => shaping.hostRefusals.length > 0)
      .flatMap((plan) => [...new Set(plan.claims.map(({ host }) => host))].map((host) => ({ host, plan }))),
    ({ host }) => host,
  )
  if (askers.size === 0) return () => undefined
  return ({ ingress, host, answer }) => {
    // Answers that no rule writes have nothing of their Ingress's own.
    const others = (askers.get(aliases.get(host) ?? host) ?? []).filter(
      ({ plan }) => plan.ingress !== ingress || answer !== undefined,
    )
    const [first, ...rest] = others.map(({ plan }) => plan.shaping.hostRefusals)
    return first === undefined || rest.length === 0 ? first : [first, ...rest].flat()
  }
}

/** Whoever is served beside a `server-snippet` that is refused may have relied on it without having written it. */
export function reportUnguarded(plans: readonly Plan[], problems: Problem[]): void {
  const losers = plans.filter(({ losesHostSnippet }) => losesHostSnippet)
  for (const loser of losers) {
    const hosts = new Set(loser.claims.map(({ host }) => host))
    for (const { ingress, closed, losesHostSnippet, claims } of plans) {
      const claim = claims.find(({ host }) => hosts.has(host))
      if (claim === undefined || closed !== undefined || losesHostSnippet) continue
      const name = claim.host === '' ? 'every host' : claim.host
      problems.push(
        problemOf(ingress, {
          severity: 'warning',
          code: 'host-snippet-refused',
          at: claim.at,
          message: `the server-snippet of ${objectName(loser.ingress)} is refused, and may have guarded all rules of ${name}`,
          instead: 'this Ingress is served without it',
        }),
      )
    }
  }
}

/**
 * Whom a `server-snippet` turns away. As in ingress-nginx that is a matter of the whole host: who relies on it for the
 * rules of another Ingress must not lose it there. Everything else it says stays with its own routes.
 */
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

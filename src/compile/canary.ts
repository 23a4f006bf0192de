/**
 * Canaries → the routes of which they take a part. A canary belongs to the route with the same host, path and path type;
 * the oldest canary of a route counts. One without such a route gets no traffic and adds no route.
 */
import type { Problem } from '#resource/problem.ts'
import { problemOf } from '#resource/problem.ts'
import { objectName } from '#resource/resource.ts'
import type { CanarySpec } from '#snapshot/snapshot.ts'
import type { Claim } from './claim.ts'
import { describeClaim } from './contest.ts'
import type { CanaryRules } from './ingress-nginx/canary.ts'
import type { Plan } from './plan.ts'
import type { Placement } from './route-spec.ts'
import type { UpstreamList } from './upstream-list.ts'

export type Attachment = {
  readonly claim: Claim
  readonly rules: CanaryRules
  /** Id of the canary's upstream. */
  readonly upstream: string
  readonly affinity: CanarySpec['affinity']
}

type World = { readonly upstreams: UpstreamList; readonly problems: Problem[] }

/** By the claim of the main route. `plans` oldest first, canaries and others. */
export function attachCanaries(
  plans: readonly Plan[],
  placements: readonly Placement[],
  world: World,
): ReadonlyMap<Claim, Attachment> {
  if (plans.every(({ canary }) => canary === undefined)) return new Map()
  const mains = new Map(placements.map((each) => [each.claim.key, each]))
  const attached = new Map<Claim, Attachment>()
  for (const [rank, plan] of plans.entries()) {
    if (plan.canary === undefined) continue
    const asker = { ingress: plan.ingress, wish: plan.wish, rank }
    for (const claim of plan.claims) {
      const main = mainOf(claim, mains.get(claim.key), world)
      if (main === undefined || isTaken(claim, attached.get(main.claim), world)) continue
      const { upstreams } = world
      const place = {
        at: () => (claim.standing === 'fallback' ? claim.at : [...claim.at, 'backend']),
        asked: plan.wish.discovery?.value,
      }
      const resolved = claim.backend && upstreams.resolve(plan.ingress, claim.backend, place)
      // A main route that answers 503 does so for everybody.
      if (resolved?.kind !== 'upstream' || plan.closed !== undefined || main.resolved.kind !== 'upstream') continue
      const affinity = main.plan.canaryBehavior ?? plan.canaryBehavior ?? 'sticky'
      upstreams.ask(resolved.id, asker)
      upstreams.follow(resolved.id, main.resolved.id, affinity === 'sticky')
      attached.set(main.claim, { claim, rules: plan.canary, upstream: resolved.id, affinity })
    }
  }
  return attached
}

function mainOf(claim: Claim, main: Placement | undefined, { problems }: World): Placement | undefined {
  // A default backend belongs to a default backend: beside rules it stands for everything they leave.
  const fits = main !== undefined && (claim.standing !== 'fallback' || main.claim.standing === 'fallback')
  if (fits) return main
  if (claim.standing === 'fallback' && claim.ingress.spec.rules.length > 0) return undefined
  const message = `no Ingress that is no canary has ${describeClaim(claim)}`
  const at = claim.standing === 'fallback' ? claim.at : [...claim.at, 'path']
  problems.push(
    problemOf(claim.ingress, {
      severity: 'warning',
      code: 'canary-without-main',
      at,
      message,
      instead: 'there is no traffic to take a part of',
    }),
  )
  return undefined
}

function isTaken(claim: Claim, other: Attachment | undefined, { problems }: World): boolean {
  if (other === undefined) return false
  const { file, line, column } = other.claim.ingress.origin.locate(other.claim.at)
  const message = `${describeClaim(claim)} has a canary already: ${objectName(other.claim.ingress)} (${file}:${line}:${column})`
  const at = claim.standing === 'fallback' ? claim.at : [...claim.at, 'path']
  problems.push(
    problemOf(claim.ingress, {
      severity: 'warning',
      code: 'second-canary',
      at,
      message,
      instead: 'the older one counts',
    }),
  )
  return true
}

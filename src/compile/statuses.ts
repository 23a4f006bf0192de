/**
 * What became of every one of our Ingresses, in one word and a reason.
 */
import { mapped, type Steps } from '#lib/slices.ts'
import { objectName } from '#resource/resource.ts'
import type { Ingress } from '#resource/resource.ts'
import type { Loss } from './contest.ts'
import type { CompileMemo } from './memo.ts'
import type { Plan } from './plan.ts'
import type { Routing } from './route-spec.ts'

/** One per Ingress we looked at. */
export type ResourceStatus = {
  /** `Ingress default/web` */
  readonly object: string
  /** `served`, `partly` (some of it is not), `rejected` (none of it is), `foreign` (another controller's class). */
  readonly state: 'served' | 'partly' | 'rejected' | 'foreign'
  readonly reason: string
  readonly routes: number
}

export type Outcomes = {
  readonly routings: readonly Routing[]
  readonly losses: readonly Loss[]
  readonly memo: CompileMemo
}

/** In the order of the plans. */
export function* statusesOf(
  plans: readonly Plan[],
  { routings, losses, memo }: Outcomes,
): Steps<readonly ResourceStatus[]> {
  const counts = countRoutes(routings)
  const lost = countLosses(losses)
  return yield* mapped(plans, (plan) => {
    const { routes, dead, parts } = counts.get(plan.ingress) ?? noRoutes
    const given = [routes, dead, parts, lost.get(plan.ingress) ?? 0]
    const known = memo.statuses.find(plan, given)
    if (known !== undefined) return known
    return memo.statuses.keep(plan, given, statusOf(plan, { routes, dead, parts, lost: lost.get(plan.ingress) ?? 0 }))
  })
}

/** `dead` of its routes answer 503; of `parts` routes of others it is the canary. */
type RouteCounts = { routes: number; dead: number; parts: number }

const noRoutes: RouteCounts = { routes: 0, dead: 0, parts: 0 }

function countRoutes(routings: readonly Routing[]): ReadonlyMap<Ingress, RouteCounts> {
  const counts = new Map<Ingress, RouteCounts>()
  const of = (ingress: Ingress): RouteCounts => {
    let found = counts.get(ingress)
    if (found === undefined) counts.set(ingress, (found = { ...noRoutes }))
    return found
  }
  for (const { owner, canary, unreachable } of routings) {
    const own = of(owner)
    own.routes++
    if (unreachable !== undefined) own.dead++
    if (canary !== undefined) of(canary).parts++
  }
  return counts
}

/** Giving way as a default backend or as what an expression could mean is no loss. */
function countLosses(losses: readonly Loss[]): ReadonlyMap<Ingress, number> {
  const counts = new Map<Ingress, number>()
  for (const { claim, winner } of losses) {
    if (claim.standing === winner.standing) counts.set(claim.ingress, (counts.get(claim.ingress) ?? 0) + 1)
  }
  return counts
}

function statusOf(plan: Plan, { routes, dead, parts, lost }: RouteCounts & { readonly lost: number }): ResourceStatus {
  const object = objectName(plan.ingress)
  if (plan.canary !== undefined) return { object, ...judgeCanary(plan, parts) }
  return { object, routes, ...judgePlan(plan, { routes, dead, lost }) }
}

/** `routes`: those of other Ingresses of which it takes a part. */
function judgeCanary({ ingress, closed }: Plan, routes: number): Pick<ResourceStatus, 'state' | 'reason' | 'routes'> {
  if (closed !== undefined) return { state: 'rejected', reason: `${closed}: it gets no traffic`, routes }
  if (routes === 0) return { state: 'rejected', reason: 'it is the canary of no route', routes }
  const missing = countPaths(ingress) - routes
  return missing > 0
    ? { state: 'partly', reason: counted(missing, 'rule without a main one', 'rules without a main one'), routes }
    : { state: 'served', reason: '', routes }
}

type Counts = { readonly routes: number; readonly dead: number; readonly lost: number }

function judgePlan(plan: Plan, { routes, dead, lost }: Counts): Pick<ResourceStatus, 'state' | 'reason'> {
  if (plan.closed !== undefined) return { state: 'rejected', reason: `${plan.closed}: its routes answer 503` }
  const missing = countPaths(plan.ingress) - plan.claims.filter((claim) => claim.standing !== 'fallback').length
  if (routes === 0)
    return {
      state: 'rejected',
      reason: lost > 0 ? 'other Ingresses have all its hosts and paths' : 'it has no rule that can be served',
    }
  if (dead === routes) return { state: 'rejected', reason: 'none of its backends can be reached' }
  if (dead + lost + missing === 0) return { state: 'served', reason: '' }
  const parts = [
    counted(dead, 'route answers 503', 'routes answer 503'),
    counted(lost, 'lost to another rule', 'lost to other rules'),
    counted(missing, 'left out', 'left out'),
  ]
  return { state: 'partly', reason: parts.filter((part) => part !== '').join(', ') }
}

function countPaths(ingress: Ingress): number {
  return ingress.spec.rules.reduce((sum, rule) => sum + rule.paths.length, 0)
}

function counted(count: number, one: string, many: string): string {
  return count === 0 ? '' : `${count} ${count === 1 ? one : many}`
}

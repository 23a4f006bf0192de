/**
 * Consistent hashing by highest random weight: every endpoint has a score for a key, and the highest wins. It needs no
 * ring to be built, spreads keys exactly by weight, and when an endpoint goes only its own keys move, each to its
 * second best. Depends on ids and keys alone, so all workers and replicas choose alike.
 */
import { mixHashes } from '#lib/scatter.ts'
import type { Endpoint } from './endpoint.ts'
import type { Weigh } from './tier.ts'

/**
 * The endpoint with the highest score for `key` (a hash) among those that `accepts` takes, or among all. One of weight 0
 * only when there is no other.
 */
export function highest(
  members: readonly Endpoint[],
  key: number,
  weigh: Weigh | undefined,
  accepts?: (endpoint: Endpoint) => boolean,
): Endpoint | undefined {
  let best: Endpoint | undefined
  let bestScore = -1
  for (const member of members) {
    if (accepts !== undefined && !accepts(member)) continue
    const score = scoreOf(member, key, weigh)
    if (score <= bestScore) continue
    best = member
    bestScore = score
  }
  return best
}

/** The `count` endpoints with the highest scores, the best first. */
export function highestOf(
  members: readonly Endpoint[],
  key: number,
  weigh: Weigh | undefined,
  count: number,
): Endpoint[] {
  const scored = members.map((member) => ({ member, score: scoreOf(member, key, weigh) }))
  return scored
    .toSorted((a, b) => b.score - a.score)
    .slice(0, count)
    .map(({ member }) => member)
}

/** With -w / ln(u) for u even in (0, 1), the highest is member i with the probability of its part of all weights. */
function scoreOf(endpoint: Endpoint, key: number, weigh: Weigh | undefined): number {
  const even = (mixHashes(key, endpoint.hash) + 0.5) / 2 ** 32
  return weigh === undefined ? even : -weigh(endpoint) / Math.log(even)
}

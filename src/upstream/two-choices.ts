/**
 * Two different endpoints by chance, each as likely as its weight says: the better of two is nearly as good as the best
 * of all, and many workers that know little of each other do not all run to the same one.
 */
import type { BalancerEnv } from './balancer.ts'
import type { Endpoint } from './endpoint.ts'
import type { Tier, Weigh } from './tier.ts'

/** The lower, the better. `weight` is relative to the others. */
export type Score = (endpoint: Endpoint, weight: number) => number

/** The better of two; the first of them when they are equal. */
export function betterOfTwo(
  tier: Tier,
  tried: readonly Endpoint[],
  { now, random }: BalancerEnv,
  score: Score,
): Endpoint | undefined {
  const weigh = tier.weigh(now())
  const free = tier.members.filter((each) => each.isFree(tried))
  const first = draw(free, weigh, random)
  if (first === undefined || free.length === 1) return first
  const second = draw(
    free.filter((each) => each !== first),
    weigh,
    random,
  )
  // Weight 0 is for when nobody else is left.
  if (second === undefined || second.spec.weight === 0) return first
  return score(second, weigh?.(second) ?? 1) < score(first, weigh?.(first) ?? 1) ? second : first
}

function draw(from: readonly Endpoint[], weigh: Weigh | undefined, random: () => number): Endpoint | undefined {
  if (weigh === undefined) return from[Math.floor(random() * from.length)]
  let total = 0
  for (const each of from) total += weigh(each)
  if (total === 0) return from[Math.floor(random() * from.length)]
  let left = random() * total
  let last: Endpoint | undefined
  for (const each of from) {
    const weight = weigh(each)
    if (weight === 0) continue
    left -= weight
    last = each
    if (left < 0) return each
  }
  return last
}

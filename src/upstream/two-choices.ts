/**
 * Two different endpoints by chance, each as likely as its weight says: the better of two is nearly as good as the best
 * of all, and many workers that know little of each other do not all run to the same one.
 */
import type { BalancerEnv } from './balancer.ts'
import type { Endpoint } from './endpoint.ts'
import type { Tier, Weigh } from './tier.ts'

/** The lower, the better. `weight` is relative to the others. */
export type Score = (endpoint: Endpoint, weight: number) => number

/** Draws for one endpoint before those that may be drawn are looked for one by one. */
const mostDraws = 6

/** The better of two; the first of them when they are equal. */
export function betterOfTwo(
  tier: Tier,
  tried: readonly Endpoint[],
  env: BalancerEnv,
  score: Score,
): Endpoint | undefined {
  const now = env.now()
  const first = draw({ tier, tried, except: undefined }, now, env)
  if (first === undefined) return undefined
  const second = draw({ tier, tried, except: first }, now, env)
  // Weight 0 is for when nobody else is left.
  if (second === undefined || second.spec.weight === 0) return first
  const weigh = tier.weigh(now)
  return score(second, weigh?.(second) ?? 1) < score(first, weigh?.(first) ?? 1) ? second : first
}

type Drawing = { readonly tier: Tier; readonly tried: readonly Endpoint[]; readonly except: Endpoint | undefined }

/** From all first, until one comes that may: chances among those who may are the same, and mostly the first one may. */
function draw({ tier, tried, except }: Drawing, now: number, { random }: BalancerEnv): Endpoint | undefined {
  const { members } = tier
  if (members.length > 1) {
    for (let draws = 0; draws < mostDraws; draws++) {
      const drawn = tier.draw(random, now)
      if (drawn !== undefined && drawn !== except && drawn.isFree(tried)) return drawn
    }
  }
  const left = members.filter((each) => each !== except && each.isFree(tried))
  return drawFrom(left, tier.weigh(now), random)
}

function drawFrom(from: readonly Endpoint[], weigh: Weigh | undefined, random: () => number): Endpoint | undefined {
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

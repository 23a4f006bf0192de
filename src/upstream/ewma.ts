/** Of two endpoints the one that has answered faster of late (peak EWMA), requests under way counted in. */
import type { Balancer, BalancerEnv } from './balancer.ts'
import type { Endpoint } from './endpoint.ts'
import type { Tier } from './tier.ts'
import { betterOfTwo } from './two-choices.ts'

/** An average is asked of everybody: once in so many milliseconds is enough. */
const averageMs = 50

export class Ewma implements Balancer {
  readonly #env: BalancerEnv
  #average: number
  #averageOf: Tier | undefined
  #averageAt: number

  constructor(env: BalancerEnv) {
    this.#env = env
    this.#average = 1
    this.#averageOf = undefined
    this.#averageAt = 0
  }

  pick(tier: Tier, tried: readonly Endpoint[]): Endpoint | undefined {
    const now = this.#env.now()
    return betterOfTwo(
      tier,
      tried,
      this.#env,
      (endpoint, weight) => (endpoint.latency(now) ?? this.#usual(tier, now)) * (1 + endpoint.load / weight),
    )
  }

  #usual(tier: Tier, now: number): number {
    if (this.#averageOf !== tier || now >= this.#averageAt + averageMs) {
      this.#average = averageLatency(tier.members, now)
      this.#averageOf = tier
      this.#averageAt = now
    }
    return this.#average
  }
}

/** A new endpoint counts as an average one: neither shunned nor flooded. 1 when nothing was ever measured. */
function averageLatency(members: readonly Endpoint[], now: number): number {
  let sum = 0
  let known = 0
  for (const each of members) {
    const latency = each.latency(now)
    if (latency === undefined) continue
    sum += latency
    known++
  }
  return known === 0 ? 1 : sum / known
}

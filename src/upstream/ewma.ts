/** Of two endpoints the one that has answered faster of late (peak EWMA), requests under way counted in. */
import type { Balancer, BalancerEnv } from './balancer.ts'
import type { Endpoint } from './endpoint.ts'
import type { Tier } from './tier.ts'
import { betterOfTwo } from './two-choices.ts'

export class Ewma implements Balancer {
  readonly #env: BalancerEnv

  constructor(env: BalancerEnv) {
    this.#env = env
  }

  pick(tier: Tier, tried: readonly Endpoint[]): Endpoint | undefined {
    const now = this.#env.now()
    const usual = averageLatency(tier.members, now)
    return betterOfTwo(
      tier,
      tried,
      this.#env,
      (endpoint, weight) => (endpoint.latency(now) ?? usual) * (1 + endpoint.load / weight),
    )
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

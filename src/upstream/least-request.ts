/** Of two endpoints the one with fewer requests under way in all workers, for its weight. */
import type { Balancer, BalancerEnv } from './balancer.ts'
import type { Endpoint } from './endpoint.ts'
import type { Tier } from './tier.ts'
import { betterOfTwo } from './two-choices.ts'

export class LeastRequest implements Balancer {
  readonly #env: BalancerEnv

  constructor(env: BalancerEnv) {
    this.#env = env
  }

  pick(tier: Tier, tried: readonly Endpoint[]): Endpoint | undefined {
    return betterOfTwo(tier, tried, this.#env, ({ load }, weight) => load / weight)
  }
}

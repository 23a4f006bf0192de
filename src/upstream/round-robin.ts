/** Endpoints in turn; unequal weights are smoothed so that no endpoint gets a burst. */
import type { Balancer, BalancerEnv } from './balancer.ts'
import type { Endpoint } from './endpoint.ts'
import type { Tier, Weigh } from './tier.ts'

export class RoundRobin implements Balancer {
  readonly #env: Pick<BalancerEnv, 'now'>
  #turn: number

  constructor(env: Pick<BalancerEnv, 'now'>) {
    this.#env = env
    this.#turn = 0
  }

  pick(tier: Tier, tried: readonly Endpoint[]): Endpoint | undefined {
    const weigh = tier.weigh(this.#env.now())
    return weigh === undefined ? this.#inTurn(tier.members, tried) : byWeight(tier.members, tried, weigh)
  }

  #inTurn(members: readonly Endpoint[], tried: readonly Endpoint[]): Endpoint | undefined {
    for (let step = 0; step < members.length; step++) {
      if (this.#turn >= members.length) this.#turn = 0
      const candidate = members[this.#turn++]!
      if (candidate.isFree(tried)) return candidate
    }
    return undefined
  }
}

/** Smooth weighted round robin: everybody earns their weight, the richest is picked and pays what all have earned. */
function byWeight(members: readonly Endpoint[], tried: readonly Endpoint[], weigh: Weigh): Endpoint | undefined {
  let best: Endpoint | undefined
  let earned = 0
  for (const candidate of members) {
    if (!candidate.isFree(tried)) continue
    const weight = weigh(candidate)
    candidate.credit += weight
    earned += weight
    if (best === undefined || outranks(candidate, best)) best = candidate
  }
  if (best !== undefined) best.credit -= earned
  return best
}

function outranks(candidate: Endpoint, best: Endpoint): boolean {
  if (candidate.spec.weight > 0 !== best.spec.weight > 0) return candidate.spec.weight > 0
  return candidate.credit > best.credit
}

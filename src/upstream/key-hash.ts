/**
 * Requests with the same key go to the same endpoint, as long as that one is not far busier than the others (bounded
 * load): then the next best for the key gets them. With `subset` the key chooses a few endpoints, and chance one of
 * them.
 */
import { hashText } from '#lib/scatter.ts'
import type { BalanceSpec } from '#snapshot/snapshot.ts'
import type { Asker, Balancer, BalancerEnv } from './balancer.ts'
import type { Endpoint } from './endpoint.ts'
import { hashKey } from './hash-key.ts'
import { highest } from './rendezvous.ts'
import { RoundRobin } from './round-robin.ts'
import type { Tier } from './tier.ts'

/** How much more than its part of all requests under way an endpoint may have. */
const overload = 1.25
/** Below this many nobody is overloaded, so that a quiet upstream keeps keys and endpoints together. */
const leastBound = 16

export class KeyHash implements Balancer {
  readonly #spec: BalanceSpec & { readonly kind: 'ringHash' }
  readonly #env: BalancerEnv
  /** For requests without a key. */
  readonly #turns: RoundRobin

  constructor(spec: BalanceSpec & { readonly kind: 'ringHash' }, env: BalancerEnv) {
    this.#spec = spec
    this.#env = env
    this.#turns = new RoundRobin(env)
  }

  pick(tier: Tier, tried: readonly Endpoint[], asker: Asker): Endpoint | undefined {
    const key = hashKey(this.#spec.key, asker)
    if (key === undefined) return this.#turns.pick(tier, tried)
    const hash = hashText(key)
    return this.#ofSubset(tier, tried, hash) ?? boundedHighest(tier, tried, hash)
  }

  #ofSubset(tier: Tier, tried: readonly Endpoint[], hash: number): Endpoint | undefined {
    const { subset } = this.#spec
    if (subset === undefined) return undefined
    const group = tier.owners(hash, subset)
    const free = group.filter((each) => each.isFree(tried) && each.spec.weight > 0)
    return free[Math.floor(this.#env.random() * free.length)]
  }
}

function boundedHighest(tier: Tier, tried: readonly Endpoint[], hash: number): Endpoint | undefined {
  const owner = tier.owner(hash)
  if (owner.inFlight < leastBound && owner.isFree(tried)) return owner
  const { members } = tier
  const weigh = tier.weighPlain()
  let busy = 0
  let weights = 0
  for (const each of members) {
    busy += each.inFlight
    weights += weigh?.(each) ?? 1
  }
  const share = (overload * (busy + 1)) / weights
  const bound = (endpoint: Endpoint): number => Math.max(leastBound, Math.ceil(share * (weigh?.(endpoint) ?? 1)))
  const within = highest(members, hash, weigh, (each) => each.isFree(tried) && each.inFlight < bound(each))
  return within ?? highest(members, hash, weigh, (each) => each.isFree(tried))
}

/**
 * The contract of a balancer: chooses one endpoint of a tier. Asked again with the endpoints already tried, it goes on
 * with the same walk, so that a retry lands where the request would have gone without them.
 *
 * To add one: a file here, a case in `createBalancer`, its spec in snapshot.ts, and the table of test/upstream.
 */
import type { BalanceSpec } from '#snapshot/snapshot.ts'
import type { Endpoint } from './endpoint.ts'
import { Ewma } from './ewma.ts'
import type { Keyed } from './hash-key.ts'
import { KeyHash } from './key-hash.ts'
import { LeastRequest } from './least-request.ts'
import { RoundRobin } from './round-robin.ts'
import type { Tier } from './tier.ts'

/** What a choice may depend on; an exchange is one. */
export type Asker = Keyed

export type BalancerEnv = {
  /** Milliseconds since the epoch. */
  readonly now: () => number
  /** 0 to 1. */
  readonly random: () => number
}

export interface Balancer {
  /**
   * One of the tier that is neither in `tried` nor full; `undefined` when there is none. One of weight 0 is chosen only
   * when nobody else is left (RFC 2782 asks for a very small chance).
   */
  pick(tier: Tier, tried: readonly Endpoint[], asker: Asker): Endpoint | undefined
}

export function createBalancer(spec: BalanceSpec, env: BalancerEnv): Balancer {
  switch (spec.kind) {
    case 'roundRobin':
      return new RoundRobin(env)
    case 'leastRequest':
      return new LeastRequest(env)
    case 'ewma':
      return new Ewma(env)
    case 'ringHash':
      return new KeyHash(spec, env)
  }
}

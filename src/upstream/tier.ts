/**
 * Endpoints of one SRV priority that may get new requests, and what each of them weighs at this moment: its weight as
 * discovery gives it, and for one that has just become ready a growing part of that (slow start).
 */
import type { Endpoint } from './endpoint.ts'

/** Weight of an endpoint now; never negative. */
export type Weigh = (endpoint: Endpoint) => number

/** A new endpoint begins with this part of its weight. */
const firstShare = 0.1

export class Tier {
  readonly members: readonly Endpoint[]
  readonly #uneven: boolean
  readonly #slowStartMs: number
  /** Milliseconds since the epoch: from then on everybody has their full weight. */
  readonly #grownAt: number

  constructor(members: readonly Endpoint[], slowStartMs = 0) {
    this.members = members
    this.#uneven = members.some((each) => each.spec.weight !== members[0]!.spec.weight)
    this.#slowStartMs = slowStartMs
    this.#grownAt =
      slowStartMs === 0
        ? 0
        : Math.max(...members.map((each) => (each.spec.health?.readySince ?? -Infinity) + slowStartMs))
  }

  /** `undefined` when all weigh the same. */
  weigh(now: number): Weigh | undefined {
    if (now < this.#grownAt) return (endpoint) => endpoint.spec.weight * this.#share(endpoint, now)
    return this.#uneven ? plainWeight : undefined
  }

  /** Without slow start: a hash must not move keys around while an endpoint warms up. */
  weighPlain(): Weigh | undefined {
    return this.#uneven ? plainWeight : undefined
  }

  #share({ spec }: Endpoint, now: number): number {
    const since = spec.health?.readySince
    if (since === undefined) return 1
    const grown = Math.max(0, now - since) / this.#slowStartMs
    return grown >= 1 ? 1 : firstShare + (1 - firstShare) * grown
  }
}

/** By SRV priority, the lowest number first (RFC 2782). */
export function tiersOf(endpoints: Iterable<Endpoint>, slowStartMs = 0): Tier[] {
  const byPriority = new Map<number, Endpoint[]>()
  for (const endpoint of endpoints) {
    if (!endpoint.takesNew) continue
    const tier = byPriority.get(endpoint.spec.priority)
    if (tier === undefined) byPriority.set(endpoint.spec.priority, [endpoint])
    else tier.push(endpoint)
  }
  return [...byPriority].toSorted(([a], [b]) => a - b).map(([, members]) => new Tier(members, slowStartMs))
}

function plainWeight({ spec }: Endpoint): number {
  return spec.weight
}

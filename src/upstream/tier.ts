/**
 * Endpoints of one SRV priority, what each of them weighs at this moment, and the ways to choose one that do not look at
 * all of them. A weight is what discovery gives, and for an endpoint that has just become ready a growing part of that
 * (slow start).
 */
import { HashMemo } from '#lib/hash-memo.ts'
import type { Endpoint } from './endpoint.ts'
import { highest, highestOf } from './rendezvous.ts'

/** Weight of an endpoint now; never negative. */
export type Weigh = (endpoint: Endpoint) => number

/** A new endpoint begins with this part of its weight. */
const firstShare = 0.1
/** Keys remembered for each member: what is forgotten costs as much more as there are members. */
const keysPerMember = 4
const mostKeys = 4_096

export class Tier {
  readonly members: readonly Endpoint[]
  readonly #uneven: boolean
  readonly #slowStartMs: number
  /** Milliseconds since the epoch: from then on everybody has their full weight. */
  readonly #grownAt: number
  /** Weights of all members up to each of them; made when somebody draws by weight. */
  #sums: Float64Array | undefined
  /** Made when somebody chooses by key. */
  #owners: HashMemo<Endpoint> | undefined
  #groups: HashMemo<readonly Endpoint[]> | undefined

  /** At least one. */
  constructor(members: readonly Endpoint[], slowStartMs = 0) {
    this.members = members
    this.#uneven = members.some((each) => each.spec.weight !== members[0]!.spec.weight)
    this.#slowStartMs = slowStartMs
    this.#grownAt =
      slowStartMs === 0
        ? 0
        : Math.max(...members.map((each) => (each.spec.health?.readySince ?? -Infinity) + slowStartMs))
    this.#sums = undefined
    this.#owners = undefined
    this.#groups = undefined
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

  /** Anyone, each as likely as it weighs; `undefined` for a draw without a winner, which slow start makes possible. */
  draw(random: () => number, now: number): Endpoint | undefined {
    const drawn = this.#drawPlain(random)
    return now < this.#grownAt && random() >= this.#share(drawn, now) ? undefined : drawn
  }

  /** To whom a key (a hash) belongs by rendezvous.ts, whether it takes requests at this moment or not. */
  owner(key: number): Endpoint {
    this.#owners ??= new HashMemo(this.#places())
    let owner = this.#owners.get(key)
    if (owner === undefined) {
      // There is a member, and anyone is accepted.
      owner = highest(this.members, key, this.weighPlain())!
      this.#owners.set(key, owner)
    }
    return owner
  }

  /** The `count` members to whom it belongs first. */
  owners(key: number, count: number): readonly Endpoint[] {
    this.#groups ??= new HashMemo(this.#places())
    let group = this.#groups.get(key)
    if (group?.length !== Math.min(count, this.members.length)) {
      group = highestOf(this.members, key, this.weighPlain(), count)
      this.#groups.set(key, group)
    }
    return group
  }

  #places(): number {
    return Math.min(mostKeys, 2 ** Math.ceil(Math.log2(this.members.length * keysPerMember)))
  }

  #drawPlain(random: () => number): Endpoint {
    const { members } = this
    const sums = this.#uneven ? (this.#sums ??= sumsOf(members)) : undefined
    // Weights are not all equal, so one of them is above 0.
    const at = sums === undefined ? Math.floor(random() * members.length) : firstAbove(sums, random() * sums.at(-1)!)
    return members[at]!
  }

  #share({ spec }: Endpoint, now: number): number {
    const since = spec.health?.readySince
    if (since === undefined) return 1
    const grown = (now - since) / this.#slowStartMs
    // So far ahead is nobody who has told the time by our clock: it was set back, and would keep them back until then.
    if (grown >= 1 || grown < -1) return 1
    return firstShare + (1 - firstShare) * Math.max(0, grown)
  }
}

/** By SRV priority, the lowest number first (RFC 2782). */
export function tiersOf(endpoints: Iterable<Endpoint>, slowStartMs = 0): Tier[] {
  const byPriority = new Map<number, Endpoint[]>()
  for (const endpoint of endpoints) {
    const tier = byPriority.get(endpoint.spec.priority)
    if (tier === undefined) byPriority.set(endpoint.spec.priority, [endpoint])
    else tier.push(endpoint)
  }
  return [...byPriority].toSorted(([a], [b]) => a - b).map(([, members]) => new Tier(members, slowStartMs))
}

function plainWeight({ spec }: Endpoint): number {
  return spec.weight
}

function sumsOf(members: readonly Endpoint[]): Float64Array {
  let sum = 0
  return Float64Array.from(members, ({ spec }) => (sum += spec.weight))
}

/** The first place whose number is above `value`; the last one when rounding leaves none. */
function firstAbove(sums: Float64Array, value: number): number {
  let low = 0
  let high = sums.length - 1
  while (low < high) {
    const middle = (low + high) >> 1
    if (sums[middle]! > value) high = middle
    else low = middle + 1
  }
  return low
}

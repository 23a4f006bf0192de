/**
 * A named group of endpoints and the choice among them. It outlives snapshots: endpoint sets replace one another here
 * while requests go on, and an exchange that began earlier picks among the endpoints known now.
 */
import type { RequestHead } from '#http/head.ts'
import type { DiscoveryState, EndpointSet } from '#snapshot/snapshot.ts'
import { Endpoint } from './endpoint.ts'

/** What a choice may depend on; an exchange is one. */
export type Asker = { readonly received: RequestHead; readonly client: { readonly address: string } }

/** Why nobody could be picked: keys of proxy/failure.ts. */
export type Unavailable = 'dns_pending' | 'dns_failed' | 'no_ready_endpoints'

export class Upstream {
  readonly id: string
  #state: DiscoveryState
  #endpoints: ReadonlyMap<string, Endpoint>
  /** Those that may get new requests, by SRV priority, the lowest number first. */
  #tiers: readonly Tier[]

  constructor(id: string) {
    this.id = id
    this.#state = 'pending'
    this.#endpoints = new Map()
    this.#tiers = []
  }

  get state(): DiscoveryState {
    return this.#state
  }

  endpoints(): IterableIterator<Endpoint> {
    return this.#endpoints.values()
  }

  /** Takes over what discovery says now. Endpoints that are still named keep their counts. */
  update(set: EndpointSet): void {
    const next = new Map<string, Endpoint>()
    for (const spec of set.endpoints) {
      const known = this.#endpoints.get(spec.id)
      if (known !== undefined) known.spec = spec
      next.set(spec.id, known ?? new Endpoint(spec))
    }
    this.#state = set.state
    this.#endpoints = next
    this.#tiers = tiersOf(next.values())
  }

  /**
   * The next endpoint in turn, from the first tier that has one that is not in `tried`. `undefined` when there is none:
   * `unavailable` then says why.
   */
  pick(_asker: Asker, tried: readonly Endpoint[]): Endpoint | undefined {
    for (const tier of this.#tiers) {
      const picked = tier.next(tried)
      if (picked !== undefined) return picked
    }
    return undefined
  }

  unavailable(): Unavailable {
    if (this.#state === 'pending') return 'dns_pending'
    return this.#state === 'failed' ? 'dns_failed' : 'no_ready_endpoints'
  }
}

/** Endpoints of one priority, taken in turn; unequal weights are smoothed so that no endpoint gets a burst. */
class Tier {
  readonly #members: readonly Endpoint[]
  readonly #weighted: boolean
  #turn: number

  constructor(members: readonly Endpoint[]) {
    this.#members = members
    this.#weighted = members.some((each) => each.spec.weight !== members[0]!.spec.weight)
    this.#turn = 0
  }

  next(tried: readonly Endpoint[]): Endpoint | undefined {
    return this.#weighted ? this.#nextByWeight(tried) : this.#nextInTurn(tried)
  }

  #nextInTurn(tried: readonly Endpoint[]): Endpoint | undefined {
    const members = this.#members
    for (let step = 0; step < members.length; step++) {
      if (this.#turn >= members.length) this.#turn = 0
      const candidate = members[this.#turn++]!
      if (!tried.includes(candidate)) return candidate
    }
    return undefined
  }

  /**
   * Smooth weighted round robin: everybody earns their weight, the richest is picked and pays what all have earned.
   * Weight 0 earns nothing and is picked only when nobody else is left (RFC 2782 asks for a very small chance).
   */
  #nextByWeight(tried: readonly Endpoint[]): Endpoint | undefined {
    let best: Endpoint | undefined
    let earned = 0
    for (const candidate of this.#members) {
      if (tried.includes(candidate)) continue
      candidate.credit += candidate.spec.weight
      earned += candidate.spec.weight
      if (best === undefined || outranks(candidate, best)) best = candidate
    }
    if (best !== undefined) best.credit -= earned
    return best
  }
}

function outranks(candidate: Endpoint, best: Endpoint): boolean {
  if ((candidate.spec.weight > 0) !== (best.spec.weight > 0)) return candidate.spec.weight > 0
  return candidate.credit > best.credit
}

function tiersOf(endpoints: Iterable<Endpoint>): Tier[] {
  const byPriority = new Map<number, Endpoint[]>()
  for (const endpoint of endpoints) {
    const { ready, terminating, priority } = endpoint.spec
    if (!ready || terminating) continue
    const tier = byPriority.get(priority)
    if (tier === undefined) byPriority.set(priority, [endpoint])
    else tier.push(endpoint)
  }
  return [...byPriority].toSorted(([a], [b]) => a - b).map(([, members]) => new Tier(members))
}

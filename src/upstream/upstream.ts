/**
 * A named group of endpoints and the choice among them. It outlives snapshots: endpoint sets and specs replace one
 * another here while requests go on, and an exchange that began earlier picks among the endpoints known now.
 */
import { ExpiringMap } from '#lib/expiring-map.ts'
import type { Ledger } from '#lib/ledger.ts'
import { hashText } from '#lib/scatter.ts'
import type { AffinitySpec, DiscoveryState, EndpointSet, UpstreamSpec } from '#snapshot/snapshot.ts'
import { type Asker, type Balancer, type BalancerEnv, createBalancer } from './balancer.ts'
import { Endpoint } from './endpoint.ts'
import { highest } from './rendezvous.ts'
import { RetryBudget } from './retry-budget.ts'
import { newToken, type Session, type SessionSeal } from './session.ts'
import { type Tier, tiersOf } from './tier.ts'
import { WaitingLine } from './waiting-line.ts'

export type { Asker }

export type UpstreamEnv = BalancerEnv & {
  readonly seal: SessionSeal
  /** What all workers have under way, by `slot` of an endpoint. Absent: this worker is the only one. */
  readonly ledger?: Ledger
}

/** Why nobody could be picked: keys of proxy/failure.ts. */
export type Unavailable = 'dns_pending' | 'dns_failed' | 'no_ready_endpoints'

/** What of the spec a choice depends on. */
type Choosing = Pick<UpstreamSpec, 'protocol' | 'balance' | 'affinity' | 'slowStartMs' | 'bounds' | 'tls'>

/** Clients remembered per upstream with `clientIP`; those longest unseen are forgotten first. */
const mostClients = 65_536
/** Random tokens drawn before a new session takes what it gets. */
const mostDraws = 32

export class Upstream {
  readonly id: string
  readonly retries: RetryBudget
  readonly line: WaitingLine
  readonly #env: UpstreamEnv
  #spec: Choosing
  #limit: number
  #state: DiscoveryState
  #endpoints: ReadonlyMap<string, Endpoint>
  /** Those that may get new requests, by SRV priority, the lowest number first. */
  #tiers: readonly Tier[]
  /** Those that serve sessions: the same, and others on their way out. */
  #boundTiers: readonly Tier[]
  /** By tag; made when a session asks. */
  #tags: ReadonlyMap<string, Endpoint> | undefined
  #balancer: Balancer
  readonly #clients: ExpiringMap<string>

  constructor(id: string, env: UpstreamEnv) {
    this.id = id
    this.retries = new RetryBudget()
    this.line = new WaitingLine()
    this.#env = env
    this.#spec = { protocol: 'http' }
    this.#limit = Infinity
    this.#state = 'pending'
    this.#endpoints = new Map()
    this.#tiers = []
    this.#boundTiers = []
    this.#tags = undefined
    this.#balancer = createBalancer({ kind: 'roundRobin' }, env)
    this.#clients = new ExpiringMap(mostClients)
  }

  get state(): DiscoveryState {
    return this.#state
  }

  get spec(): Choosing {
    return this.#spec
  }

  endpoints(): IterableIterator<Endpoint> {
    return this.#endpoints.values()
  }

  /** What the snapshot says of it now. `limit`: attempts under way at one endpoint at once. */
  configure(spec: Choosing, limit: number): void {
    const before = JSON.stringify(this.#spec.balance)
    if (JSON.stringify(spec.balance) !== before)
      this.#balancer = createBalancer(spec.balance ?? { kind: 'roundRobin' }, this.#env)
    this.#spec = spec
    this.#limit = limit
    this.#rebuild()
  }

  /** Takes over what discovery says now. Endpoints that are still named keep their counts. */
  update(set: EndpointSet): void {
    const next = new Map<string, Endpoint>()
    for (const spec of set.endpoints) {
      const known = this.#endpoints.get(spec.id)
      if (known !== undefined) known.spec = spec
      next.set(spec.id, known ?? new Endpoint(spec, this.#env.ledger))
    }
    this.#state = set.state
    this.#endpoints = next
    this.#rebuild()
    this.line.wake()
  }

  /**
   * The balancer's choice, from the first tier that has one that is neither in `tried` nor full. `undefined` when there
   * is none: `hasRoomLater` and `unavailable` then say why.
   */
  pick(asker: Asker, tried: readonly Endpoint[]): Endpoint | undefined {
    const { affinity } = this.#spec
    if (affinity?.kind === 'clientIP') return this.#pickForClient(asker, tried, affinity)
    return this.#balance(asker, tried)
  }

  /** The endpoint that a session is bound to, full or not, as long as it serves sessions at all. */
  bound(session: Session): Endpoint | undefined {
    if (session.mode === 'balanced') return this.#boundTiers[0]?.owner(hashText(session.token))
    this.#tags ??= new Map(this.#boundTiers.flatMap(({ members }) => members.map((each) => [this.#tagOf(each), each])))
    return this.#tags.get(session.token)
  }

  /** Where a `balanced` session goes when its endpoint has failed. */
  boundElsewhere(session: Session, tried: readonly Endpoint[]): Endpoint | undefined {
    return hashed(this.#boundTiers, session.token, tried)
  }

  /** An endpoint for a new session and the session that leads to it. */
  bind(
    asker: Asker,
    tried: readonly Endpoint[],
    mode: Session['mode'],
  ): { readonly endpoint: Endpoint; readonly session: Session } | undefined {
    if (mode === 'persistent') {
      const endpoint = this.#balance(asker, tried)
      return endpoint && { endpoint, session: { mode, upstream: this.id, token: this.#tagOf(endpoint) } }
    }
    // Drawn until it leads to an endpoint that takes new sessions: the next request must find the same.
    for (let draws = 0; draws < mostDraws; draws++) {
      const session: Session = { mode, upstream: this.id, token: newToken(this.#env.random) }
      const endpoint = this.bound(session)
      if (endpoint === undefined) break
      if (endpoint.takesNew && endpoint.isFree(tried)) return { endpoint, session }
    }
    const endpoint = this.#balance(asker, tried)
    return endpoint && { endpoint, session: { mode, upstream: this.id, token: newToken(this.#env.random) } }
  }

  /** Somebody is there who has not been tried, but has as many requests as they may have. */
  hasRoomLater(tried: readonly Endpoint[]): boolean {
    return this.#tiers.some(({ members }) => members.some((each) => each.isFull && !tried.includes(each)))
  }

  /** Whether new requests can be sent here at all. */
  get isAvailable(): boolean {
    return this.#tiers.length > 0
  }

  unavailable(): Unavailable {
    if (this.#state === 'pending') return 'dns_pending'
    return this.#state === 'failed' ? 'dns_failed' : 'no_ready_endpoints'
  }

  #rebuild(): void {
    for (const each of this.#endpoints.values()) each.capacity = this.#limit
    const all = [...this.#endpoints.values()]
    const takingNew = all.filter(({ takesNew }) => takesNew)
    const takingBound = all.filter(({ takesBound }) => takesBound)
    this.#tiers = tiersOf(takingNew, this.#spec.slowStartMs)
    this.#boundTiers = takingBound.length === takingNew.length ? this.#tiers : tiersOf(takingBound)
    this.#tags = undefined
  }

  #balance(asker: Asker, tried: readonly Endpoint[]): Endpoint | undefined {
    for (const tier of this.#tiers) {
      const picked = this.#balancer.pick(tier, tried, asker)
      if (picked !== undefined) return picked
    }
    return undefined
  }

  /** A client's first endpoint is found by hash, so that all workers agree on it without talking. */
  #pickForClient(
    { client }: Asker,
    tried: readonly Endpoint[],
    { timeoutMs }: AffinitySpec & { readonly kind: 'clientIP' },
  ): Endpoint | undefined {
    const now = this.#env.now()
    const known = this.#endpoints.get(this.#clients.get(client.address, now) ?? '')
    const stays = known?.takesBound === true && known.isFree(tried)
    const endpoint = stays ? known : hashed(this.#tiers, client.address, tried)
    // A full one is left for once, but not for good.
    const keeps = known?.takesBound === true && known.isFull
    if (endpoint !== undefined && !keeps) this.#clients.set(client.address, endpoint.id, now + timeoutMs)
    return endpoint
  }

  #tagOf(endpoint: Endpoint): string {
    if (endpoint.tag === '') endpoint.tag = this.#env.seal.endpointTag(this.id, endpoint.id)
    return endpoint.tag
  }
}

/** Within the first tier that has somebody who is free. */
function hashed(tiers: readonly Tier[], text: string, tried: readonly Endpoint[]): Endpoint | undefined {
  const key = hashText(text)
  for (const tier of tiers) {
    const owner = tier.owner(key)
    if (owner.isFree(tried)) return owner
    const next = highest(tier.members, key, tier.weighPlain(), (each) => each.isFree(tried))
    if (next !== undefined) return next
  }
  return undefined
}

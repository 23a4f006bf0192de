/**
 * One endpoint while it lives: what discovery says of it now, and what this worker has seen of it. The object stays the
 * same over snapshots and endpoint sets for as long as its upstream names it, so counts are never lost to a change.
 */
import type { Ledger } from '#lib/ledger.ts'
import { hashText } from '#lib/scatter.ts'
import type { EndpointSpec } from '#snapshot/snapshot.ts'

/** Half of what is known of an endpoint's latency is forgotten in a little less than this. */
const latencyDecayMs = 10_000

export class Endpoint {
  /** `address:port`, its identity within the upstream. */
  readonly id: string
  /** Of the id: where hashes of keys meet it. */
  readonly hash: number
  /** Replaced when discovery says something new; address and port never change under one id. */
  spec: EndpointSpec
  /** Attempts that may be under way in this worker. */
  capacity: number
  /** Attempts under way in this worker. */
  inFlight: number
  /** Milliseconds since the epoch; 0 for never. */
  lastUsedAt: number
  /** Failures on the upstream side since the last response. */
  consecutiveFailures: number
  /** Running value of the smooth weighted round robin. */
  credit: number
  /** What stands for it in cookies; empty until somebody asks. */
  tag: string
  /** Running peak of the time to a response head, in milliseconds, as of `#latencyAt`; -1 while nothing was measured. */
  #latencyMs: number
  #latencyAt: number
  /** Of all workers; `undefined` where each counts for itself. */
  readonly #ledger: Ledger | undefined
  readonly #slot: number

  /** It keeps the slot it has now for life: what is counted there must be taken back there. */
  constructor(spec: EndpointSpec, ledger?: Ledger) {
    this.#ledger = spec.slot === undefined ? undefined : ledger
    this.#slot = spec.slot ?? 0
    this.id = spec.id
    this.hash = hashText(spec.id)
    this.spec = spec
    this.capacity = Infinity
    this.inFlight = 0
    this.lastUsedAt = 0
    this.consecutiveFailures = 0
    this.credit = 0
    this.tag = ''
    this.#latencyMs = -1
    this.#latencyAt = 0
  }

  /** New requests and new sessions may go to it. */
  get takesNew(): boolean {
    return this.spec.ready && !this.spec.terminating
  }

  /** Sessions bound to it may go on: also on its way out, while it still answers. */
  get takesBound(): boolean {
    return this.takesNew || (this.spec.serving && this.spec.terminating)
  }

  /** Attempts under way in all workers, as far as we know of them. */
  get load(): number {
    return this.#ledger === undefined ? this.inFlight : this.#ledger.sum(this.#slot)
  }

  get isFull(): boolean {
    return this.inFlight >= this.capacity
  }

  /** A request that has tried these may be sent here now. */
  isFree(tried: readonly Endpoint[]): boolean {
    return this.inFlight < this.capacity && (tried.length === 0 || !tried.includes(this))
  }

  /** An attempt begins here. Pairs with `release`. */
  acquire(now: number): void {
    this.inFlight++
    this.#ledger?.add(this.#slot, 1)
    this.lastUsedAt = now
  }

  release(): void {
    this.inFlight--
    this.#ledger?.add(this.#slot, -1)
  }

  /**
   * Notes how long a response head took. A slower one counts in full at once, faster ones pull the value down as time
   * passes (peak EWMA), so that an endpoint in trouble is noticed at its first slow answer.
   */
  observe(latencyMs: number, now: number): void {
    const known = this.#latencyMs
    const kept = Math.exp(-Math.max(0, now - this.#latencyAt) / latencyDecayMs)
    this.#latencyMs = known < 0 || latencyMs > known * kept ? latencyMs : known * kept + latencyMs * (1 - kept)
    this.#latencyAt = now
  }

  /** In milliseconds; fades while it is not asked, so that it is tried again. `undefined` while nothing was measured. */
  latency(now: number): number | undefined {
    if (this.#latencyMs < 0) return undefined
    return this.#latencyMs * Math.exp(-Math.max(0, now - this.#latencyAt) / latencyDecayMs)
  }
}

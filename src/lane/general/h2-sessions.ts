/** HTTP/2 connections to endpoints, shared by the requests to them: another is made only when all have their streams. */
import type { Failure } from '#proxy/failure.ts'
import type { Limits } from '#proxy/limits.ts'
import { H2Session } from './h2-session.ts'
import type { Target } from './target.ts'

/** Somebody who wants to open one stream. */
export interface StreamTaker {
  /** It has room at this moment. */
  onSession(session: H2Session): void
  onNoSession(failure: Failure): void
}

export class H2Sessions {
  #limits: Limits
  readonly #entries = new Map<string, Entry>()
  /** Closing, until their last stream is done. */
  readonly #retired = new Set<Entry>()

  constructor(limits: Limits) {
    this.#limits = limits
  }

  /** For connections from now on. */
  use(limits: Limits): void {
    this.#limits = limits
  }

  /** Calls back at once or later, once; the result takes the wish back. */
  take(target: Target, taker: StreamTaker): () => void {
    let entry = this.#entries.get(target.key)
    if (entry === undefined) this.#entries.set(target.key, (entry = new Entry(target, () => this.#limits)))
    return entry.take(taker)
  }

  /** Connections to other endpoints are closed once nothing is in flight on them. */
  keep(ids: ReadonlySet<string>): void {
    for (const entry of this.#retired) if (entry.isEmpty) this.#retired.delete(entry)
    for (const [key, entry] of this.#entries) {
      if (ids.has(entry.endpoint)) continue
      this.#entries.delete(key)
      this.#retired.add(entry)
      entry.retire()
    }
  }

  /** Cuts everything. */
  destroy(): void {
    for (const entry of [...this.#retired, ...this.#entries.values()]) entry.destroy()
    this.#entries.clear()
    this.#retired.clear()
  }
}

/** Everything for one key. */
class Entry {
  readonly #target: Target
  readonly #limits: () => Limits
  readonly #sessions = new Set<H2Session>()
  /** No longer for new streams, and not gone yet. */
  readonly #leaving = new Set<H2Session>()
  readonly #waiting = new Set<StreamTaker>()

  constructor(target: Target, limits: () => Limits) {
    this.#target = target
    this.#limits = limits
  }

  get endpoint(): string {
    return this.#target.endpoint.id
  }

  get isEmpty(): boolean {
    return this.#sessions.size + this.#leaving.size + this.#waiting.size === 0
  }

  take(taker: StreamTaker): () => void {
    const session = this.#free()
    if (session !== undefined) {
      taker.onSession(session)
      return () => {}
    }
    this.#waiting.add(taker)
    this.#connect()
    return () => void this.#waiting.delete(taker)
  }

  retire(): void {
    for (const session of this.#sessions) session.retire()
  }

  destroy(): void {
    for (const session of [...this.#sessions, ...this.#leaving]) session.destroy()
  }

  #free(): H2Session | undefined {
    for (const session of this.#sessions) if (session.room > 0) return session
    return undefined
  }

  /** Enough connections for those who wait, as far as may be; beyond that they wait for streams to end. */
  #connect(): void {
    const connecting = [...this.#sessions].filter((each) => each.isConnecting).length
    const limits = this.#limits()
    const enough = connecting * limits.upstreamStreams >= this.#waiting.size
    if (this.#waiting.size === 0 || enough || this.#sessions.size >= this.#target.connections) return
    const session: H2Session = new H2Session({
      target: this.#target,
      limits,
      onRoom: () => this.#serve(),
      onRetired: (failure) => this.#onRetired(session, failure),
    })
    this.#sessions.add(session)
  }

  #serve(): void {
    for (const taker of Array.from(this.#waiting)) {
      const session = this.#free()
      if (session === undefined) break
      this.#waiting.delete(taker)
      taker.onSession(session)
    }
    this.#connect()
  }

  /** Those who wait for a connection that cannot be made are told: another endpoint may be there for them. */
  #onRetired(session: H2Session, failure: Failure | undefined): void {
    this.#sessions.delete(session)
    if (failure === undefined) {
      this.#leaving.add(session)
      session.onceGone(() => this.#leaving.delete(session))
      return this.#connect()
    }
    const waiting = [...this.#waiting]
    this.#waiting.clear()
    for (const taker of waiting) taker.onNoSession(failure)
  }
}

/**
 * HTTP/1 connections to endpoints: one undici pool per endpoint, connect timeout and way to speak TLS. A pool whose
 * endpoint is gone is closed once nothing is in flight on it.
 */
import type { Socket } from 'node:net'
import { buildConnector, Client, type Dispatcher, Pool } from 'undici'
import type { Limits } from '#proxy/limits.ts'
import { hostOf, type Target } from './target.ts'

/** What an attempt can know about the connection it was given. */
export interface Wire {
  /** Whether an earlier request went over the connection of this moment. */
  readonly reused: boolean
  /** The endpoint reset the connection, where undici may report a clean end. */
  readonly wasReset: boolean
  /** A request is about to be written. */
  used(): void
}

/** A handler that wants to know its connection. */
export interface WiredHandler extends Dispatcher.DispatchHandler {
  onWire(wire: Wire): void
}

/** The right to send one request to an endpoint. */
export interface Lease {
  dispatch(options: Dispatcher.DispatchOptions, handler: WiredHandler): void
}

type Entry = { readonly pool: Pool; readonly endpoint: string }

export class Pools {
  readonly #limits: Limits
  readonly #entries = new Map<string, Entry>()
  /** Closing, until their last request is done. */
  readonly #retired = new Set<Pool>()

  constructor(limits: Limits) {
    this.#limits = limits
  }

  /** How many there may be under way at once is for the proxy to say: it knows of endpoints that have room. */
  lease(target: Target): Lease {
    const { pool } = this.#entryOf(target)
    // undici would take Host for the server name, and make another connection for every other Host. It knows the option
    // that prevents that, and only its type does not.
    return {
      dispatch: (options, handler) =>
        void pool.dispatch({ ...options, servername: sameForAll } as Dispatcher.DispatchOptions, handler),
    }
  }

  /** Pools of other endpoints are closed once nothing is in flight on them. */
  keep(ids: ReadonlySet<string>): void {
    for (const [key, { endpoint, pool }] of this.#entries) {
      if (ids.has(endpoint)) continue
      this.#entries.delete(key)
      this.#retired.add(pool)
      void pool.close().finally(() => this.#retired.delete(pool))
    }
  }

  /** Cuts everything. */
  async destroy(): Promise<void> {
    const pools = [...this.#retired, ...[...this.#entries.values()].map(({ pool }) => pool)]
    this.#entries.clear()
    this.#retired.clear()
    await Promise.allSettled(pools.map((pool) => pool.destroy()))
  }

  #entryOf(target: Target): Entry {
    const { endpoint, key } = target
    let entry = this.#entries.get(key)
    if (entry === undefined) this.#entries.set(key, (entry = { pool: this.#build(target), endpoint: endpoint.id }))
    return entry
  }

  #build({ endpoint, tls, connectMs, connections }: Target): Pool {
    const { upstreamIdleTimeoutMs, responseHeaderBytes } = this.#limits
    return new Pool(`${tls === undefined ? 'http' : 'https'}://${hostOf(endpoint)}:${endpoint.spec.port}`, {
      connections,
      // One request at a time: a second one behind it would wait for the first and share its fate.
      pipelining: 1,
      keepAliveTimeout: upstreamIdleTimeoutMs,
      keepAliveMaxTimeout: upstreamIdleTimeoutMs,
      // Endpoints that say `Keep-Alive: timeout=5` are believed, minus a second for the way.
      keepAliveTimeoutThreshold: 1_000,
      maxHeaderSize: responseHeaderBytes,
      allowH2: false,
      factory: (url, options) => new WiredClient(url, options, { connectMs, tls }),
    })
  }
}

const sameForAll = 'endpoint.invalid'

/** A client of undici's, one connection at a time, that tells handlers about that connection. */
class WiredClient extends Client implements Wire {
  #requests = 0
  #reset = false

  constructor(origin: string | URL, options: Client.Options, { connectMs, tls }: Pick<Target, 'connectMs' | 'tls'>) {
    const connect = buildConnector({ ...tls?.options, timeout: connectMs, allowH2: false })
    super(origin, {
      ...options,
      connect: (target, callback) =>
        connect({ ...target, servername: '' }, (...result) => {
          if (result[0] === null) this.#watch(result[1])
          callback(...result)
        }),
    })
  }

  get reused(): boolean {
    return this.#requests > 1
  }

  get wasReset(): boolean {
    return this.#reset
  }

  used(): void {
    this.#requests++
  }

  // Handlers that come through a pool of ours are wired ones; undici's own signature cannot say so.
  override dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean {
    if ('onWire' in handler) (handler as WiredHandler).onWire(this)
    return super.dispatch(options, handler)
  }

  /** Listens before undici does: it takes a reset that ends a body without length for the end of that body. */
  #watch(socket: Socket): void {
    this.#requests = 0
    this.#reset = false
    socket.on('error', () => {
      this.#reset = true
    })
  }
}

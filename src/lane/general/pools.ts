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
  /** It is over: what becomes of the connection is not the request's any more. */
  done(): void
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
  #limits: Limits
  /** Connections without a request, the one that has idled longest first. */
  readonly #idle = new Set<WiredClient>()
  readonly #entries = new Map<string, Entry>()
  /** Closing, until their last request is done. */
  readonly #retired = new Set<Pool>()

  constructor(limits: Limits) {
    this.#limits = limits
  }

  /** For connections from now on; those that idle by another time are closed once nothing is in flight on them. */
  use(limits: Limits): void {
    const stays = limits.upstreamIdleTimeoutMs === this.#limits.upstreamIdleTimeoutMs
    this.#limits = limits
    if (!stays) this.keep(new Set())
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

  readonly #keeper: Keeper = {
    limits: () => this.#limits,
    onBusy: (client) => void this.#idle.delete(client),
    onIdle: (client) => {
      this.#idle.add(client)
      if (this.#idle.size <= this.#limits.upstreamIdleConnections) return
      const [longest = client] = this.#idle
      // undici is still at the response that made it idle, and may have the next request for it already.
      setImmediate(() => {
        if (this.#idle.delete(longest)) longest.cut()
      })
    },
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
      factory: (url, options) => new WiredClient(url, options, { connectMs, tls, keeper: this.#keeper }),
    })
  }
}

/** Whether connections are kept, and how many. */
type Keeper = {
  readonly limits: () => Limits
  readonly onBusy: (client: WiredClient) => void
  readonly onIdle: (client: WiredClient) => void
}

type WiredInit = Pick<Target, 'connectMs' | 'tls'> & { readonly keeper: Keeper }

const sameForAll = 'endpoint.invalid'

/** A client of undici's, one connection at a time, that tells handlers about that connection. */
class WiredClient extends Client implements Wire {
  readonly #keeper: Keeper
  #socket: Socket | undefined
  #requests = 0
  #connectedAt = 0
  #reset = false

  constructor(origin: string | URL, options: Client.Options, { connectMs, tls, keeper }: WiredInit) {
    const connect = buildConnector({ ...tls?.options, timeout: connectMs, allowH2: false })
    super(origin, {
      ...options,
      connect: (target, callback) =>
        connect({ ...target, servername: '' }, (...result) => {
          if (result[0] === null) this.#watch(result[1])
          callback(...result)
        }),
    })
    this.#keeper = keeper
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

  done(): void {
    if (this.#socket?.destroyed === false) this.#keeper.onIdle(this)
  }

  /** Nothing is in flight on it. */
  cut(): void {
    this.#socket?.destroy()
  }

  // Handlers that come through a pool of ours are wired ones; undici's own signature cannot say so.
  override dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean {
    if ('onWire' in handler) (handler as WiredHandler).onWire(this)
    this.#keeper.onBusy(this)
    return super.dispatch(this.#isLast() ? { ...options, reset: true } : options, handler)
  }

  /** Whether the connection of this moment is not to be kept behind the next request. */
  #isLast(): boolean {
    const { upstreamRequests, upstreamLifetimeMs } = this.#keeper.limits()
    if (upstreamRequests > 0 && this.#requests + 1 >= upstreamRequests) return true
    return upstreamLifetimeMs > 0 && this.#requests > 0 && performance.now() - this.#connectedAt >= upstreamLifetimeMs
  }

  /** Listens before undici does: it takes a reset that ends a body without length for the end of that body. */
  #watch(socket: Socket): void {
    this.#socket = socket
    this.#requests = 0
    this.#connectedAt = performance.now()
    this.#reset = false
    socket.on('error', () => {
      this.#reset = true
    })
    socket.once('close', () => {
      this.#requests = 0
      this.#keeper.onBusy(this)
    })
  }
}

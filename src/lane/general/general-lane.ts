/**
 * The lane that speaks everything: node:http and node:http2 towards clients; towards endpoints wires for clear
 * HTTP/1.1, undici for TLS, node:http2 for HTTP/2, http-proxy for WebSockets.
 */
import type { Socket } from 'node:net'
import type { WirePool } from '#lane/wire/wire-pool.ts'
import type { Connection } from '#proxy/connection.ts'
import type { Limits } from '#proxy/limits.ts'
import type { Observer } from '#proxy/observer.ts'
import type { Proxy } from '#proxy/proxy.ts'
import { emptyRuntime, type Runtime } from '#proxy/runtime.ts'
import { emptyWithin } from '../empty-within.ts'
import type { Lane } from '../lane.ts'
import { H1Server } from './h1-server.ts'
import { H2Server } from './h2-server.ts'
import { H2Sessions } from './h2-sessions.ts'
import type { PaceClock } from './pace.ts'
import { Pools } from './pools.ts'

export type GeneralLaneInit = {
  readonly proxy: Proxy
  readonly limits: Limits
  readonly observer: Observer
  /** Shared with the fast lane, and closed by whoever made it. */
  readonly wires: WirePool
  readonly clock: PaceClock
}

export class GeneralLane implements Lane {
  readonly #pools: Pools
  readonly #sessions: H2Sessions
  readonly #h1: H1Server
  readonly #h2: H2Server
  #limits: Limits
  #runtime: Runtime
  #closed: boolean

  constructor({ proxy, limits, observer, wires, clock }: GeneralLaneInit) {
    this.#limits = limits
    this.#runtime = emptyRuntime
    this.#closed = false
    this.#pools = new Pools(limits)
    this.#sessions = new H2Sessions(limits)
    const runtime = (): Runtime => this.#runtime
    const current = (): Limits => this.#limits
    const env = {
      proxy,
      wires,
      pools: this.#pools,
      sessions: this.#sessions,
      observer,
      runtime,
      clock,
      get limits() {
        return current()
      },
    }
    this.#h1 = new H1Server(env)
    this.#h2 = new H2Server(env)
  }

  serve(socket: Socket, connection: Connection, early?: Buffer): void {
    // Handshakes that were under way may still arrive after the end.
    if (this.#closed) {
      socket.destroy()
      return
    }
    const server = connection.tls?.alpn === 'h2' ? this.#h2 : this.#h1
    if (early === undefined || early.length === 0) {
      server.serve(socket, connection)
      return
    }
    // The parser takes the socket over from where it is paused, and must be told to go on.
    socket.pause()
    socket.unshift(early)
    server.serve(socket, connection)
    socket.resume()
  }

  use(runtime: Runtime): void {
    this.#runtime = runtime
    const { limits } = runtime.terms
    if (limits === this.#limits) return
    this.#limits = limits
    this.#h1.use(limits)
    this.#h2.use(limits)
    this.#pools.use(limits)
    this.#sessions.use(limits)
  }

  keepEndpoints(ids: ReadonlySet<string>): void {
    this.#pools.keep(ids)
    this.#sessions.keep(ids)
  }

  async drain(timeoutMs: number): Promise<number> {
    this.#h1.drain()
    this.#h2.drain()
    await emptyWithin(() => this.#h1.size + this.#h2.size, timeoutMs)
    const cut = this.#h1.cut() + this.#h2.cut()
    await this.close()
    return cut
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#h1.close()
    this.#h2.cut()
    this.#sessions.destroy()
    await this.#pools.destroy()
  }
}

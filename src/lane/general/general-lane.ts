/**
 * The lane that speaks everything: node:http and node:http2 towards clients; towards endpoints wires for clear
 * HTTP/1.1, undici for TLS, node:http2 for HTTP/2, http-proxy for WebSockets.
 */
import type { Socket } from 'node:net'
import { speaksHttp2 } from '#lane/wire/preface.ts'
import type { Ticking } from '#lane/wire/ticker.ts'
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
import { Newcomers } from './newcomers.ts'
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
  readonly #newcomers: Newcomers
  #limits: Limits
  #runtime: Runtime
  #isDraining: boolean
  #closed: boolean

  constructor({ proxy, limits, observer, wires, clock }: GeneralLaneInit) {
    this.#limits = limits
    this.#runtime = emptyRuntime
    this.#isDraining = false
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
      uploads: { ticker: wires.ticker, active: new Set<Ticking>() },
      get limits() {
        return current()
      },
    }
    wires.ticker.watch(env.uploads.active)
    this.#h1 = new H1Server(env)
    this.#h2 = new H2Server(env)
    this.#newcomers = new Newcomers(wires.ticker, (...newcomer) => this.#seat(...newcomer))
  }

  serve(socket: Socket, connection: Connection, early?: Buffer): void {
    // Handshakes that were under way may still arrive after the end.
    if (this.#closed) {
      socket.destroy()
      return
    }
    if (connection.tls?.alpn === 'h2') this.#h2.serve(socket, connection)
    else if (early !== undefined && early.length > 0) this.#seat(socket, connection, early)
    else if (connection.tls !== undefined || this.#isDraining) this.#h1.serve(socket, connection)
    else this.#newcomers.add(socket, connection, this.#limits.headerTimeoutMs)
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
    this.#isDraining = true
    this.#newcomers.seat()
    this.#h1.drain()
    this.#h2.drain()
    await emptyWithin(() => this.#h1.size + this.#h2.size, timeoutMs)
    const cut = this.#h1.cut() + this.#h2.cut()
    await this.close()
    return cut
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#newcomers.seat()
    this.#h1.close()
    this.#h2.cut()
    this.#sessions.destroy()
    await this.#pools.destroy()
  }

  /** TLS connections have said by ALPN what they speak. */
  #seat(socket: Socket, connection: Connection, early: Buffer): void {
    socket.pause()
    if (early.length > 0) socket.unshift(early)
    // Its session fetches what is there by itself, and reads on below the stream.
    if (connection.tls === undefined && speaksHttp2(early) === true) return this.#h2.serve(socket, connection)
    // The parser takes the socket over from where it is paused, and must be told to go on.
    this.#h1.serve(socket, connection)
    socket.resume()
  }
}

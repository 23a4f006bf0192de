/**
 * The lane that speaks little, very fast: HTTP/1.1 of plain requests, from clear or decrypted sockets to endpoints
 * without encryption, on sockets alone. Everything else goes to the general lane with every unread byte, one way.
 */
import type { Socket } from 'node:net'
import type { Connection } from '#proxy/connection.ts'
import type { Limits } from '#proxy/limits.ts'
import type { Observer } from '#proxy/observer.ts'
import type { Proxy } from '#proxy/proxy.ts'
import { emptyRuntime, type Runtime } from '#proxy/runtime.ts'
import { emptyWithin } from '../empty-within.ts'
import type { Lane } from '../lane.ts'
import { type ConnectionHost, FastConnection } from './connection.ts'
import { HeadParser } from '#lane/wire/parse.ts'
import type { Ticker } from '#lane/wire/ticker.ts'
import type { UnfitReason } from './unfit.ts'
import type { WirePool } from '#lane/wire/wire-pool.ts'

export type FastLaneInit = {
  readonly proxy: Proxy
  readonly limits: Limits
  readonly observer: Observer
  /** Shared with the general lane, and closed by whoever made it. */
  readonly wires: WirePool
  /** Serves what this lane does not. */
  readonly general: Lane
}

export class FastLane implements Lane, ConnectionHost {
  readonly proxy: Proxy
  readonly ticker: Ticker
  readonly pool: WirePool
  readonly #observer: Observer
  readonly #general: Lane
  readonly #connections = new Set<FastConnection>()
  /** Sockets that were handed over while draining: the general lane may have said it is done by then. */
  readonly #lateSockets = new Set<Socket>()
  #limits: Limits
  #parser: HeadParser
  #keepAlive: string
  #runtime: Runtime
  #isDraining: boolean

  constructor({ proxy, limits, observer, wires, general }: FastLaneInit) {
    this.proxy = proxy
    this.ticker = wires.ticker
    this.pool = wires
    this.#observer = observer
    this.#general = general
    this.#limits = limits
    this.#parser = parserOf(limits)
    this.#keepAlive = keepAliveOf(limits)
    this.#runtime = emptyRuntime
    this.#isDraining = false
    this.ticker.watch(this.#connections)
  }

  get limits(): Limits {
    return this.#limits
  }

  get parser(): HeadParser {
    return this.#parser
  }

  get keepAlive(): string {
    return this.#keepAlive
  }

  get runtime(): Runtime {
    return this.#runtime
  }

  get isDraining(): boolean {
    return this.#isDraining
  }

  serve(socket: Socket, facts: Connection, early?: Buffer): void {
    if (facts.tls?.alpn === 'h2' || (early !== undefined && early.length > 0)) this.#general.serve(socket, facts, early)
    else this.#connections.add(new FastConnection(socket, facts, this))
  }

  use(runtime: Runtime): void {
    this.#runtime = runtime
    this.#general.use(runtime)
    const { limits } = runtime.terms
    if (limits === this.#limits) return
    this.#limits = limits
    this.#parser = parserOf(limits)
    this.#keepAlive = keepAliveOf(limits)
  }

  keepEndpoints(ids: ReadonlySet<string>): void {
    this.#general.keepEndpoints(ids)
  }

  handOver(connection: FastConnection, reason: UnfitReason, early: Buffer): void {
    const { socket, facts } = connection
    connection.detach()
    this.#connections.delete(connection)
    this.#observer.onUnfit(reason)
    if (this.#isDraining) {
      this.#lateSockets.add(socket)
      socket.once('close', () => this.#lateSockets.delete(socket))
    }
    this.#general.serve(socket, { ...facts, unfit: reason }, early)
  }

  onClosed(connection: FastConnection): void {
    this.#connections.delete(connection)
  }

  async drain(timeoutMs: number): Promise<number> {
    this.#isDraining = true
    for (const connection of this.#connections) connection.drain('new')
    setTimeout(() => {
      for (const connection of this.#connections) connection.drain('gone')
    }, this.limits.lingerMs).unref()
    const [cutThere] = await Promise.all([
      this.#general.drain(timeoutMs),
      emptyWithin(() => this.#connections.size + this.#lateSockets.size, timeoutMs),
    ])
    const cutHere = this.#connections.size + this.#lateSockets.size
    await this.close()
    return cutHere + cutThere
  }

  async close(): Promise<void> {
    for (const { socket } of this.#connections) socket.destroy()
    for (const socket of this.#lateSockets) socket.destroy()
    await this.#general.close()
  }
}

function parserOf({ headerBytes, headerCount }: Limits): HeadParser {
  return new HeadParser({ bytes: headerBytes, fields: headerCount })
}

function keepAliveOf({ idleTimeoutMs }: Limits): string {
  return `Connection: keep-alive\r\nKeep-Alive: timeout=${Math.floor(idleTimeoutMs / 1000)}\r\n`
}

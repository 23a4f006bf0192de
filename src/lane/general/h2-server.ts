/** HTTP/2 clients, on node:http2's streams with raw field lists. Sockets are handed over with `h2` already agreed on. */
import {
  constants,
  createServer,
  type Http2Server,
  type ServerHttp2Session,
  type ServerHttp2Stream,
  type Settings,
} from 'node:http2'
import type { Socket } from 'node:net'
import type { WirePool } from '#lane/wire/wire-pool.ts'
import type { Connection } from '#proxy/connection.ts'
import type { Exchange } from '#proxy/exchange.ts'
import type { Limits } from '#proxy/limits.ts'
import type { Proxy } from '#proxy/proxy.ts'
import type { Runtime } from '#proxy/runtime.ts'
import { H2Client } from './h2-client.ts'
import { H2Downstream } from './h2-downstream.ts'
import type { H2Sessions } from './h2-sessions.ts'
import type { PaceClock } from './pace.ts'
import type { Pools } from './pools.ts'
import { GeneralTransport } from './transport.ts'
import type { Uploads } from './upload.ts'

export type H2Env = {
  readonly proxy: Proxy
  readonly wires: WirePool
  readonly pools: Pools
  readonly sessions: H2Sessions
  readonly limits: Limits
  readonly clock: PaceClock
  readonly uploads: Uploads
  readonly runtime: () => Runtime
}

/** What a client may send of a request body before it is read: an upload gets as much of it through per round trip. */
const streamWindow = 256 * 1024
/** The same for all of a connection. It bounds nothing, since node takes in what comes and each stream is bounded. */
const connectionWindow = 1024 * 1024

export class H2Server {
  readonly #env: H2Env
  readonly #server: Http2Server
  readonly #clients = new Map<ServerHttp2Session, H2Client>()
  #serving: Connection | undefined
  #draining = false

  constructor(env: H2Env) {
    this.#env = env
    this.#server = createServer(optionsOf(env.limits))
    env.wires.ticker.watch({ keys: () => this.#clients.values() })
    this.#server.on('session', (session) => this.#onSession(session))
    // A server's streams are server streams; the type of the event is that of both sides.
    this.#server.on('stream', (stream, _headers, _flags, raw) => this.#onStream(stream as ServerHttp2Stream, raw))
    this.#server.on('sessionError', () => {})
    this.#server.on('error', () => {})
  }

  /** For connections from now on. */
  use(limits: Limits): void {
    this.#server.updateSettings(settingsOf(limits))
  }

  get size(): number {
    return this.#clients.size
  }

  serve(socket: Socket, facts: Connection): void {
    socket.on('error', () => {})
    // node makes the session within this call.
    this.#serving = facts
    this.#server.emit('connection', socket)
    this.#serving = undefined
  }

  /** GOAWAY to all; streams that are open finish. */
  drain(): void {
    this.#draining = true
    for (const session of this.#clients.keys()) session.close()
  }

  /** Returns how many connections were cut. */
  cut(): number {
    const cut = this.#clients.size
    for (const [session, client] of this.#clients) {
      client.isCut = true
      session.destroy()
    }
    return cut
  }

  #onSession(session: ServerHttp2Session): void {
    const { limits, clock } = this.#env
    const facts = this.#serving
    if (facts === undefined) return session.destroy()
    const client = new H2Client(facts, limits, clock.monotonic())
    this.#clients.set(session, client)
    session.setLocalWindowSize(connectionWindow)
    session.on('error', () => {})
    session.on('frameError', () => {})
    session.once('close', () => this.#clients.delete(session))
    // Where nothing is kept, one that never asks anything has as long as a head may take.
    session.setTimeout(limits.idleTimeoutMs || limits.headerTimeoutMs, () => {
      // Streams that wait for their endpoint are not idle; they have timeouts of their own.
      if (client.streams.size === 0) session.close()
    })
    if (this.#draining) session.close()
  }

  #onStream(stream: ServerHttp2Stream, raw: readonly string[]): void {
    const session = stream.session
    const client = session === undefined ? undefined : this.#clients.get(session as ServerHttp2Session)
    if (client === undefined || client.isCut) {
      stream.on('error', ignore)
      return stream.close(constants.NGHTTP2_REFUSED_STREAM)
    }
    // Told at once, while 'close' would come only after all the streams of this packet have begun.
    stream.on('aborted', () => this.#countReset(session as ServerHttp2Session, client))
    client.count++
    this.#closeAfterLast(session as ServerHttp2Session, client)
    const { proxy, limits } = this.#env
    const transport = new GeneralTransport(this.#env, client.writer)
    const exchange = this.#begin(client, transport, { raw, headOnly: stream.endAfterHeaders })
    const { writeIdleTimeoutMs: writeIdleMs } = limits
    transport.attach(exchange, new H2Downstream({ stream, writeIdleMs, client, events: transport }))
    if (limits.idleTimeoutMs === 0) stream.once('close', () => closeIfIdle(session as ServerHttp2Session, client))
    proxy.onRequest(exchange)
  }

  #begin(
    client: H2Client,
    transport: GeneralTransport,
    { raw, headOnly }: { readonly raw: readonly string[]; readonly headOnly: boolean },
  ): Exchange {
    const { facts: connection, memory } = client
    const { proxy } = this.#env
    const runtime = this.#env.runtime()
    const { received, scan } = client.requestHeads.read(raw)
    const { fields: kin } = received
    const look = scan === undefined ? undefined : proxy.look({ received, kin, scan, connection, runtime, memory })
    return proxy.begin({ received, transport, connection, runtime, lane: 'general', headOnly, look })
  }

  #closeAfterLast(session: ServerHttp2Session, { count }: H2Client): void {
    const { requestsPerConnection } = this.#env.limits
    if (requestsPerConnection > 0 && count >= requestsPerConnection && !session.closed) session.close()
  }

  /**
   * CVE-2023-44487 and CVE-2025-8671: starting and cancelling streams costs a client nothing and us a request each, so
   * a connection has a budget for streams that end early, whoever reset them.
   */
  #countReset(session: ServerHttp2Session, client: H2Client): void {
    if (client.isCut || session.destroyed || client.mayReset(this.#env.clock.monotonic())) return
    client.isCut = true
    session.goaway(constants.NGHTTP2_ENHANCE_YOUR_CALM)
    // Destroyed at once, node would say GOAWAY(NO_ERROR) in its place.
    setImmediate(() => session.destroy())
  }
}

function optionsOf(limits: Limits): Parameters<typeof createServer>[0] & object {
  return {
    settings: settingsOf(limits),
    // Pseudo-fields count too. CVE-2024-27316: nghttp2 bounds CONTINUATION frames by the size.
    maxHeaderListPairs: limits.headerCount + 6,
    maxSendHeaderBlockLength: limits.responseHeaderBytes,
    /** Megabytes: all buffers of one connection. */
    maxSessionMemory: 10,
    maxSessionInvalidFrames: 100,
    maxSessionRejectedStreams: 100,
    maxOutstandingPings: 10,
    maxSettings: 32,
    streamResetBurst: limits.streamResets,
    streamResetRate: Math.ceil(limits.streamResets / 10),
    // Repeated fields of endpoints are theirs to repeat.
    strictSingleValueFields: false,
  }
}

function settingsOf(limits: Limits): Settings {
  return {
    maxConcurrentStreams: limits.streamsPerConnection,
    maxHeaderListSize: limits.headerBytes,
    enablePush: false,
    initialWindowSize: streamWindow,
  }
}

function closeIfIdle(session: ServerHttp2Session, { streams }: H2Client): void {
  if (streams.size === 0 && !session.closed) session.close()
}

function ignore(): void {}

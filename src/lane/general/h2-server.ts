/** HTTP/2 clients, on node:http2's streams with raw field lists. Sockets are handed over with `h2` already agreed on. */
import { constants, createServer, type Http2Server, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2'
import type { Socket } from 'node:net'
import type { RequestHead } from '#http/head.ts'
import { RequestWriter } from '#lane/wire/serialize.ts'
import type { WirePool } from '#lane/wire/wire-pool.ts'
import type { Connection } from '#proxy/connection.ts'
import type { Limits } from '#proxy/limits.ts'
import type { Proxy } from '#proxy/proxy.ts'
import type { Runtime } from '#proxy/runtime.ts'
import { H2Downstream } from './h2-downstream.ts'
import type { H2Sessions } from './h2-sessions.ts'
import type { Pools } from './pools.ts'
import { ResetBudget } from './reset-budget.ts'
import { GeneralTransport } from './transport.ts'

export type H2Env = {
  readonly proxy: Proxy
  readonly wires: WirePool
  readonly pools: Pools
  readonly sessions: H2Sessions
  readonly limits: Limits
  readonly runtime: () => Runtime
  /** Milliseconds that never go back. */
  readonly monotonic: () => number
}

type Client = {
  readonly facts: Connection
  readonly resets: ResetBudget
  readonly writer: RequestWriter
  open: number
  requests: number
  isCut: boolean
}

export class H2Server {
  readonly #env: H2Env
  readonly #server: Http2Server
  readonly #clients = new Map<ServerHttp2Session, Client>()
  #serving: Connection | undefined
  #draining = false

  constructor(env: H2Env) {
    this.#env = env
    this.#server = createServer(optionsOf(env.limits))
    this.#server.on('session', (session) => this.#onSession(session))
    // A server's streams are server streams; the type of the event is that of both sides.
    this.#server.on('stream', (stream, _headers, _flags, raw) => this.#onStream(stream as ServerHttp2Stream, raw))
    this.#server.on('sessionError', () => {})
    this.#server.on('error', () => {})
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
    for (const session of this.#clients.keys()) session.destroy()
    return cut
  }

  #onSession(session: ServerHttp2Session): void {
    const { limits, monotonic } = this.#env
    const facts = this.#serving
    if (facts === undefined) return session.destroy()
    const client: Client = {
      facts,
      resets: new ResetBudget(limits.streamResets, monotonic()),
      writer: new RequestWriter(),
      open: 0,
      requests: 0,
      isCut: false,
    }
    this.#clients.set(session, client)
    session.on('error', () => {})
    session.on('frameError', () => {})
    session.once('close', () => this.#clients.delete(session))
    session.setTimeout(limits.idleTimeoutMs, () => {
      // Streams that wait for their endpoint are not idle; they have timeouts of their own.
      if (client.open === 0) session.close()
    })
    if (this.#draining) session.close()
  }

  #onStream(stream: ServerHttp2Stream, raw: readonly string[]): void {
    const session = stream.session
    const client = session === undefined ? undefined : this.#clients.get(session as ServerHttp2Session)
    stream.on('error', () => {})
    if (client === undefined) return stream.close(constants.NGHTTP2_REFUSED_STREAM)
    if (client.isCut) return stream.close(constants.NGHTTP2_REFUSED_STREAM)
    // Told at once, while 'close' would come only after all the streams of this packet have begun.
    stream.once('aborted', () => this.#countReset(session as ServerHttp2Session, client))
    client.open++
    client.requests++
    this.#closeAfterLast(session as ServerHttp2Session, client)
    const { proxy, limits, runtime } = this.#env
    const transport = new GeneralTransport(this.#env, client.writer)
    const exchange = proxy.begin({
      received: headOf(raw),
      transport,
      connection: client.facts,
      runtime: runtime(),
      lane: 'general',
      headOnly: stream.endAfterHeaders,
    })
    const downstream = new H2Downstream({
      stream,
      writeIdleMs: limits.writeIdleTimeoutMs,
      events: {
        onDrain: () => transport.onDrain(),
        onStalled: () => transport.onStalled(),
        onClosed: (complete) => {
          client.open--
          transport.onClosed(complete)
        },
      },
    })
    transport.attach(exchange, downstream)
    proxy.onRequest(exchange)
  }

  #closeAfterLast(session: ServerHttp2Session, { requests }: Client): void {
    const { requestsPerConnection } = this.#env.limits
    if (requestsPerConnection > 0 && requests >= requestsPerConnection && !session.closed) session.close()
  }

  /**
   * CVE-2023-44487 and CVE-2025-8671: starting and cancelling streams costs a client nothing and us a request each, so
   * a connection has a budget for streams that end early, whoever reset them.
   */
  #countReset(session: ServerHttp2Session, client: Client): void {
    if (client.isCut || session.destroyed || client.resets.take(this.#env.monotonic())) return
    client.isCut = true
    session.goaway(constants.NGHTTP2_ENHANCE_YOUR_CALM)
    // Destroyed at once, node would say GOAWAY(NO_ERROR) in its place.
    setImmediate(() => session.destroy())
  }
}

function optionsOf(limits: Limits): Parameters<typeof createServer>[0] & object {
  return {
    settings: {
      maxConcurrentStreams: limits.streamsPerConnection,
      maxHeaderListSize: limits.headerBytes,
      enablePush: false,
      initialWindowSize: 64 * 1024,
    },
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

/** RFC 9113 section 8.3: pseudo-fields become what HTTP/1 says in its request line and in Host. */
function headOf(raw: readonly string[]): RequestHead {
  let method = ''
  let target = ''
  let authority: string | undefined
  const fields: string[] = []
  for (let at = 0; at < raw.length; at += 2) {
    const name = raw[at]!
    const value = raw[at + 1]!
    if (name === ':method') method = value
    else if (name === ':path') target = value
    else if (name === ':authority') authority = value
    else if (!name.startsWith(':')) fields.push(name, value)
  }
  if (authority !== undefined && !repeats(fields, authority)) fields.unshift('host', authority)
  return { method, target, version: '2', fields }
}

/** A Host equal to :authority is allowed beside it; a different one stays a second Host, which is refused. */
function repeats(fields: readonly string[], authority: string): boolean {
  const hosts = fields.filter((_, at) => at % 2 === 1 && fields[at - 1] === 'host')
  return hosts.length === 1 && hosts[0]!.toLowerCase() === authority.toLowerCase()
}

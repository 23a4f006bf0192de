/**
 * WebSocket handshakes and the tunnels behind them. http-proxy makes the request and joins the two sockets; what is
 * sent, what is accepted and what the client is told stay with the proxy. Until the endpoint has said 101 not a byte
 * behind the handshake leaves for it.
 */
import { type ClientRequest, type IncomingMessage, ServerResponse } from 'node:http'
import { Agent } from 'node:https'
import type { Socket } from 'node:net'
import { createProxyServer } from 'http-proxy'
import type { ResponseHead } from '#http/head.ts'
import type { Exchange } from '#proxy/exchange.ts'
import type { Failure } from '#proxy/failure.ts'
import type { Limits } from '#proxy/limits.ts'
import type { Observer } from '#proxy/observer.ts'
import type { Proxy } from '#proxy/proxy.ts'
import type { Reply, Transport } from '#proxy/transport.ts'
import type { Endpoint } from '#upstream/endpoint.ts'
import { H1Downstream } from './h1-downstream.ts'
import { type Target, targetOf } from './target.ts'
import { failureOf, type Progress } from './upstream-failure.ts'

export type UpgradeInit = {
  readonly socket: Socket
  readonly request: IncomingMessage
  /** What the client sent behind its handshake. */
  readonly early: Buffer
  readonly proxy: Proxy
  readonly limits: Limits
  readonly observer: Observer
}

export class UpgradeTransport implements Transport {
  readonly #init: UpgradeInit
  readonly #socket: Socket
  // Assigned by `attach` before anything can happen.
  #exchange!: Exchange
  #asked: ClientRequest | undefined
  #answer: IncomingMessage | undefined
  /** For answers other than 101. */
  #downstream: H1Downstream | undefined
  #tunnel: Socket | undefined
  #closed: boolean

  constructor(init: UpgradeInit) {
    this.#init = init
    this.#socket = init.socket
    this.#asked = undefined
    this.#answer = undefined
    this.#downstream = undefined
    this.#tunnel = undefined
    this.#closed = false
    if (init.early.length > 0) init.socket.unshift(init.early)
    init.socket.on('error', () => {})
    init.socket.once('close', () => this.#onClosed(this.#tunnel !== undefined))
  }

  attach(exchange: Exchange): void {
    this.#exchange = exchange
  }

  send(exchange: Exchange, endpoint: Endpoint): void {
    this.#drop()
    this.#answer = undefined
    let target: Target
    try {
      target = targetOf(exchange, endpoint, this.#init.limits)
    } catch (error) {
      return this.#fail({ cause: 'upstream_tls', detail: String(error) })
    }
    // RFC 8441 is spoken by few and asked for by nobody yet.
    if (target.protocol === 'h2')
      this.#fail({ cause: 'upstream_protocol', detail: 'no WebSocket over HTTP/2 to endpoints' })
    else this.#ask(exchange, target)
  }

  relay(_exchange: Exchange, head: ResponseHead): void {
    if (head.status === 101) this.#answer!.headers = objectOf(head.fields)
    else if (head.status < 200) this.#clientSide().inform(head)
    else {
      this.#clientSide().start(head, { close: true, unread: false })
      this.#pour()
    }
  }

  reply(exchange: Exchange, reply: Reply): void {
    this.#drop()
    exchange.responseBytes = Buffer.byteLength(reply.body)
    this.#clientSide().reply(reply, { close: true, unread: false })
  }

  abort(_exchange: Exchange): void {
    this.#drop()
    this.#socket.destroy()
  }

  #ask(exchange: Exchange, { endpoint, tls, connectMs }: Target): void {
    const { request } = this.#init
    // Only what http-proxy itself looks at; everything that is sent is set below.
    request.url = '/'
    request.headers = { connection: 'Upgrade', upgrade: 'websocket' }
    const joiner = createProxyServer()
    // Errors of the sockets reach us through their own events.
    joiner.on('error', () => {})
    joiner.on('proxyReqWs', (asked) => {
      this.#asked = asked
      writeAnew(asked, exchange.sent)
    })
    joiner.on('open', (tunnel) => this.#onOpen(tunnel))
    const { address: host, port } = endpoint.spec
    const target = { protocol: tls === undefined ? 'http:' : 'https:', host, port }
    // http-proxy knows only some of TLS's options; an agent knows them all. One connection is all it ever makes.
    const secure =
      tls === undefined
        ? {}
        : { agent: new Agent({ ...tls.options, ALPNProtocols: ['http/1.1'] }), secure: tls.options.rejectUnauthorized }
    joiner.ws(request, this.#socket, Buffer.alloc(0), { target, connectTimeout: connectMs, ...secure })
    if (this.#asked !== undefined) this.#listen(this.#asked, exchange)
  }

  /** http-proxy's own listeners would answer the client before the proxy has decided. Only its joining is kept. */
  #listen(asked: ClientRequest, exchange: Exchange): void {
    const { proxy } = this.#init
    let progress: Progress = 'connecting'
    asked.on('socket', (socket) =>
      socket.once('encrypted' in socket ? 'secureConnect' : 'connect', () => (progress = 'waiting')),
    )
    const join = asked.listeners('upgrade')
    asked.removeAllListeners('upgrade').on('upgrade', (answer, tunnel, early) => {
      this.#answer = answer
      tunnel.on('error', () => {})
      const isWebSocket = answer.headers.upgrade?.toLowerCase() === 'websocket'
      if (!isWebSocket)
        proxy.onFailure(exchange, { cause: 'upstream_protocol', detail: 'switched to another protocol' })
      else proxy.onResponse(exchange, headOf(answer))
      if (exchange.status === 101 && !this.#closed) for (const each of join) each.call(asked, answer, tunnel, early)
      else tunnel.destroy()
    })
    asked.removeAllListeners('response').on('response', (answer: IncomingMessage) => {
      this.#answer = answer
      answer.on('error', () => {})
      // Without the fields that name a protocol node takes it for an ordinary response.
      if (answer.statusCode === 101) this.#fail({ cause: 'upstream_protocol', detail: '101 without Upgrade' })
      else proxy.onResponse(exchange, headOf(answer))
    })
    asked.on('information', ({ statusCode, rawHeaders }) => {
      proxy.onResponse(exchange, { status: statusCode, reason: '', fields: [...rawHeaders] })
    })
    asked.removeAllListeners('error').on('error', (error: Error) => {
      if (this.#asked === asked && this.#answer === undefined) this.#fail(failureOf(error, progress))
    })
    const { readMs } = exchange.timeouts
    asked.setTimeout(readMs, () => {
      if (this.#tunnel !== undefined) return
      this.#fail({ cause: 'upstream_timeout', detail: 'no answer to the handshake' })
    })
  }

  #fail(failure: Failure): void {
    this.#init.proxy.onFailure(this.#exchange, failure)
  }

  #onOpen(tunnel: Socket): void {
    this.#tunnel = tunnel
    this.#init.observer.onTunnel(1)
    // Either direction counts: what one side sends is written to the other.
    const idleMs = this.#exchange.timeouts.streamIdleMs ?? this.#init.limits.tunnelIdleTimeoutMs
    this.#socket.setTimeout(idleMs, () => this.#socket.destroy())
    // A tunnel that breaks must not leave its other half waiting.
    tunnel.once('close', () => this.#socket.destroySoon())
    this.#socket.once('close', () => tunnel.destroySoon())
  }

  /** The body of an answer that is no 101, then the end of the connection. */
  #pour(): void {
    const answer = this.#answer!
    answer.on('data', (chunk: Buffer) => {
      this.#exchange.responseBytes += chunk.length
      if (!this.#clientSide().write(chunk)) answer.pause()
    })
    answer.on('end', () => this.#clientSide().end([]))
    answer.on('close', () => {
      if (!answer.complete) this.#fail({ cause: 'upstream_truncated', detail: 'answer to the handshake broke off' })
    })
  }

  /** node has let go of this connection; a response of its own class still knows best how to frame one. */
  #clientSide(): H1Downstream {
    if (this.#downstream !== undefined) return this.#downstream
    const { request, limits } = this.#init
    const response = new ServerResponse(request)
    response.shouldKeepAlive = false
    response.assignSocket(this.#socket)
    this.#downstream = new H1Downstream({
      request,
      response,
      writeIdleMs: limits.writeIdleTimeoutMs,
      isLast: () => true,
      events: {
        onDrain: () => this.#answer?.resume(),
        onStalled: () => this.#fail({ cause: 'client_abort', detail: 'client stopped reading the response' }),
        onClosed: (complete) => {
          this.#onClosed(complete)
          this.#socket.destroySoon()
        },
      },
    })
    this.#socket.on('timeout', () => this.#downstream?.events.onStalled())
    return this.#downstream
  }

  #onClosed(complete: boolean): void {
    if (this.#closed) return
    this.#closed = true
    if (!complete) this.#fail({ cause: 'client_abort', detail: 'client went away' })
    if (this.#tunnel !== undefined) {
      this.#exchange.requestBytes = this.#tunnel.bytesWritten
      this.#exchange.responseBytes = this.#tunnel.bytesRead
      this.#init.observer.onTunnel(-1)
    }
    this.#drop()
    this.#init.proxy.onFinish(this.#exchange)
  }

  #drop(): void {
    const asked = this.#asked
    this.#asked = undefined
    if (this.#tunnel === undefined) asked?.destroy()
  }
}

/** Leaves nothing of what http-proxy or node put there. */
function writeAnew(asked: ClientRequest, { target, fields }: Exchange['sent']): void {
  for (const name of asked.getHeaderNames()) asked.removeHeader(name)
  asked.path = target
  for (let at = 0; at < fields.length; at += 2) asked.appendHeader(fields[at]!, fields[at + 1]!)
}

function headOf({ statusCode, statusMessage, rawHeaders }: IncomingMessage): ResponseHead {
  return { status: statusCode ?? 0, reason: statusMessage ?? '', fields: [...rawHeaders] }
}

/** The form http-proxy writes out: repeated names as arrays. Without a prototype, so that no name is special. */
function objectOf(fields: readonly string[]): NodeJS.Dict<string | string[]> {
  const object: NodeJS.Dict<string | string[]> = Object.create(null)
  for (let at = 0; at < fields.length; at += 2) {
    const name = fields[at]!
    const before = object[name]
    const value = fields[at + 1]!
    object[name] = before === undefined ? value : Array.isArray(before) ? [...before, value] : [before, value]
  }
  return object
}

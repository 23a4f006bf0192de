/**
 * One HTTP/1 client connection: which request is served, which wait behind it, and how it ends. Pipelined requests are
 * served one after the other, so that a POST is done before the GET behind it is begun.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { RequestHead } from '#http/head.ts'
import { RequestWriter } from '#lane/wire/serialize.ts'
import type { WirePool } from '#lane/wire/wire-pool.ts'
import type { Connection } from '#proxy/connection.ts'
import type { Failure } from '#proxy/failure.ts'
import type { Limits } from '#proxy/limits.ts'
import type { Observer } from '#proxy/observer.ts'
import type { Proxy } from '#proxy/proxy.ts'
import type { Runtime } from '#proxy/runtime.ts'
import { H1Downstream } from './h1-downstream.ts'
import type { H2Sessions } from './h2-sessions.ts'
import type { PaceClock } from './pace.ts'
import type { Pools } from './pools.ts'
import { endThenDiscard, SocketTransport } from './socket-transport.ts'
import { GeneralTransport } from './transport.ts'
import type { Uploads } from './upload.ts'
import { UpgradeTransport } from './upgrade.ts'

export type H1Env = {
  readonly proxy: Proxy
  readonly wires: WirePool
  readonly pools: Pools
  readonly sessions: H2Sessions
  readonly observer: Observer
  readonly limits: Limits
  readonly clock: PaceClock
  readonly uploads: Uploads
  readonly runtime: () => Runtime
}

export type H1ConnectionInit = {
  readonly socket: Socket
  readonly facts: Connection
  readonly env: H1Env
  readonly isDraining: () => boolean
}

type Waiting = { readonly request: IncomingMessage; readonly response: ServerResponse; readonly head: RequestHead }

export class H1Connection {
  readonly #socket: Socket
  readonly #facts: Connection
  readonly #env: H1Env
  readonly #isDraining: () => boolean
  readonly #writer: RequestWriter
  readonly #waiting: Waiting[]
  #current: { readonly transport: GeneralTransport; readonly request: IncomingMessage } | undefined
  /** From the first request until none is left, the moments between two included. */
  #serving: boolean
  #requests: number
  /** Of the socket, when the last response was done. */
  #bytesRead: number
  /** Nothing may follow the response to it. */
  #last: IncomingMessage | undefined
  /** The client has said that it asks nothing more, and its parser reads nothing more. */
  #isDone: boolean
  /** What follows cannot be read; said once the responses before it are out. */
  #broken: Failure | undefined
  /** Nothing that arrives is looked at any more. */
  #closing: boolean
  /** The socket speaks no HTTP any more. */
  #detached: boolean

  constructor({ socket, facts, env, isDraining }: H1ConnectionInit) {
    this.#socket = socket
    this.#facts = facts
    this.#env = env
    this.#isDraining = isDraining
    this.#writer = new RequestWriter()
    this.#waiting = []
    this.#current = undefined
    this.#serving = false
    this.#requests = 0
    this.#bytesRead = 0
    this.#last = undefined
    this.#isDone = false
    this.#broken = undefined
    this.#closing = false
    this.#detached = false
    socket.on('error', () => {})
    this.#lingerOnDestroySoon()
  }

  /** A request is being served or waits. */
  get isBusy(): boolean {
    return this.#serving
  }

  onRequest(request: IncomingMessage, response: ServerResponse, head: RequestHead): void {
    if (this.#closing) return
    const waiting: Waiting = { request, response, head }
    if (!this.#serving) return this.#begin(waiting)
    this.#waiting.push(waiting)
    this.#socket.pause()
  }

  /**
   * This request asks for an upgrade and will not get it. node's parser then throws away what it has read behind the
   * request and goes on with what comes next, so whoever is in front of us could have another idea of where the next
   * request begins: there is none.
   */
  ignoreUpgrade(request: IncomingMessage): void {
    this.#last ??= request
  }

  onUpgrade(request: IncomingMessage, head: RequestHead, early: Buffer): void {
    this.#detach()
    const { observer, proxy, limits } = this.#env
    const transport = new UpgradeTransport({ socket: this.#socket, request, early, observer, proxy, limits })
    const exchange = this.#exchange(transport, head)
    transport.attach(exchange)
    proxy.onRequest(exchange)
  }

  /** CONNECT: the proxy refuses it whatever it says. */
  onConnect(head: RequestHead): void {
    const busy = this.isBusy
    this.#detach()
    // node has let go of the connection, so the response under way could get stuck: break it off honestly.
    if (busy) this.#socket.destroy()
    else this.#env.proxy.onRequest(this.#exchange(new SocketTransport(this.#socket, this.#env), head))
  }

  /** The parser gave up, or the head took too long. Nothing behind this point is ever looked at. */
  onBroken(error: Error): void {
    if (this.#closing || this.#broken !== undefined) return
    const failure = failureOf(error)
    if (failure === 'done') {
      this.#isDone = true
      if (!this.isBusy) this.#bye()
      return
    }
    if (failure === undefined) return
    const { request, transport } = this.#current ?? {}
    if (request !== undefined && !request.complete) {
      this.#closing = true
      transport?.fail(failure)
      return
    }
    this.#broken = failure
    if (!this.isBusy) this.#answerBroken()
  }

  onTimeout(): void {
    if (this.#current === undefined) this.#socket.destroy()
    else this.#current.transport.onStalled()
  }

  /**
   * Ends the connection if nothing is going on. One that has sent something since the last response is let be: it is
   * told with the response to that. One that has never sent anything may just be about to, so it is asked once more
   * later, with `patience` gone.
   */
  drain(patience: 'new' | 'gone'): void {
    if (this.#detached || this.isBusy || this.#socket.bytesRead > this.#bytesRead) return
    if (this.#requests > 0 || patience === 'gone') this.#bye()
  }

  #begin({ request, response, head }: Waiting): void {
    const { proxy, limits } = this.#env
    this.#serving = true
    this.#requests++
    const transport = new GeneralTransport(this.#env, this.#writer)
    const exchange = this.#exchange(transport, head)
    const downstream = new H1Downstream({
      request,
      response,
      writeIdleMs: limits.writeIdleTimeoutMs,
      isLast: () => this.#isLast(),
      events: {
        onDrain: () => transport.onDrain(),
        onStalled: () => transport.onStalled(),
        onClosed: (complete) => {
          transport.onClosed(complete)
          this.#done(complete, response)
        },
      },
    })
    transport.attach(exchange, downstream)
    this.#current = { transport, request }
    // While it waited, the parser gave up in the middle of its body.
    if (this.#broken !== undefined && !request.complete) transport.fail(this.#broken)
    else proxy.onRequest(exchange)
  }

  #done(complete: boolean, response: ServerResponse): void {
    this.#current = undefined
    if (!complete || !response.shouldKeepAlive || this.#socket.writableEnded) this.#closing = true
    if (this.#closing) return
    const next = this.#waiting.shift()
    if (next !== undefined) {
      // On a stack of its own: ten thousand pipelined requests that we answer ourselves must not nest.
      setImmediate(() => {
        if (!this.#socket.destroyed) this.#begin(next)
      })
      return
    }
    this.#serving = false
    this.#bytesRead = this.#socket.bytesRead
    if (this.#broken !== undefined) this.#answerBroken()
    else if (this.#isDraining() || this.#isDone) this.#bye()
    else this.#socket.resume()
  }

  /** A client that does not end its side in turn must not hold a drain up. */
  #bye(): void {
    this.#closing = true
    endThenDiscard(this.#socket, { lingerMs: this.#env.limits.lingerMs })
  }

  #answerBroken(): void {
    const failure = this.#broken!
    this.#closing = true
    if (this.#socket.destroyed) return
    // A client that opened a connection and said nothing asked nothing.
    if (this.#socket.bytesRead === 0) {
      this.#socket.destroy()
      return
    }
    const { proxy } = this.#env
    proxy.onFailure(this.#exchange(new SocketTransport(this.#socket, this.#env), unreadable), failure)
  }

  #exchange(
    transport: GeneralTransport | SocketTransport | UpgradeTransport,
    received: RequestHead,
  ): ReturnType<Proxy['begin']> {
    const { proxy, runtime } = this.#env
    return proxy.begin({
      received,
      transport,
      connection: this.#facts,
      runtime: runtime(),
      lane: 'general',
      headOnly: false,
    })
  }

  #isLast(): boolean {
    const { requestsPerConnection, idleTimeoutMs } = this.#env.limits
    if (this.#isDraining() || idleTimeoutMs === 0) return true
    if (this.#last !== undefined && this.#last === this.#current?.request) return true
    return requestsPerConnection > 0 && this.#requests >= requestsPerConnection
  }

  /** The socket is ours alone now: node has taken its listeners off. */
  #detach(): void {
    this.#closing = true
    this.#detached = true
    this.#socket.setTimeout(0)
  }

  /**
   * node closes with `destroySoon` once the last response is written. If the client is still sending then, the kernel
   * would answer its bytes with a reset, and the client could lose the response it has not read yet. So we end our side
   * and discard what comes, for a while.
   */
  #lingerOnDestroySoon(): void {
    const socket = this.#socket
    const destroySoon = socket.destroySoon.bind(socket)
    socket.destroySoon = () => {
      const request = this.#current?.request
      if (request === undefined || request.complete) return destroySoon()
      request.resume()
      endThenDiscard(socket, { lingerMs: this.#env.limits.lingerMs })
    }
  }
}

/** What stands in for a head nobody could read. */
const unreadable: RequestHead = { method: '', target: '', version: '1.1', fields: [] }

/** `undefined` for what needs no answer; `done` for more bytes of a client that had nothing more to ask. */
function failureOf(error: Error): Failure | 'done' | undefined {
  const code = 'code' in error && typeof error.code === 'string' ? error.code : ''
  const detail = code === '' ? error.message : `${code} ${error.message}`
  switch (code) {
    case 'HPE_HEADER_OVERFLOW':
      return { cause: 'header_too_large', detail }
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return { cause: 'header_timeout', detail }
    // A FIN within a message.
    case 'HPE_INVALID_EOF_STATE':
      return { cause: 'client_abort', detail }
    // Bytes after a request that said `Connection: close`, maybe in its trailers: the response to it is all that client
    // gets.
    case 'HPE_CLOSED_CONNECTION':
      return 'done'
    // The socket broke; its 'close' tells the rest.
    case 'ECONNRESET':
    case 'EPIPE':
    case 'ETIMEDOUT':
      return undefined
    default:
      return { cause: 'bad_request', detail }
  }
}

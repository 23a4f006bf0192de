/**
 * The four verbs on a client's socket and a wire: one of these lives as long as its connection and serves its exchanges
 * one after the other. What is small leaves in one write, head and body together.
 */
import type { Socket } from 'node:net'
import { type BodyFraming, isBodiless } from '#http/framing.ts'
import type { ResponseHead } from '#http/head.ts'
import type { Connection } from '#proxy/connection.ts'
import type { Exchange } from '#proxy/exchange.ts'
import { type Failure, failures } from '#proxy/failure.ts'
import type { Limits } from '#proxy/limits.ts'
import type { Proxy } from '#proxy/proxy.ts'
import type { Reply, Transport } from '#proxy/transport.ts'
import type { Endpoint } from '#upstream/endpoint.ts'
import { type Coding, interimText, lastChunk, RequestWriter, ResponseWriter } from '#lane/wire/serialize.ts'
import type { Ticker } from '#lane/wire/ticker.ts'
import type { Wire, WireUser } from '#lane/wire/wire.ts'
import type { WirePool } from '#lane/wire/wire-pool.ts'

/** What the transport must know of the connection it works for, and what it tells it. */
export interface Client {
  readonly socket: Socket
  readonly facts: Connection
  /** The request of this exchange was received to its end. */
  readonly isReceived: boolean
  /** Nothing may follow the response of this exchange anyway. */
  readonly isLast: boolean
  /** The endpoint is ready for the request body: give all of it to `upload`, from its start, as it comes. */
  startUpload(): void
  resumeUpload(): void
  /** The request body is nobody's until `startUpload` comes again. */
  haltUpload(): void
  /** What is left of the request body is discarded. */
  stopUpload(): void
  /** The response is out, or nothing more can be. `close`: nothing may follow. */
  onExchangeDone(close: boolean): void
}

export type FastInit = {
  readonly proxy: Proxy
  readonly limits: Limits
  readonly ticker: Ticker
  readonly pool: WirePool
  /** Whole lines of a response that leaves the connection open. */
  readonly keepAlive: string
}

const closing = 'Connection: close\r\n'
/** What fits into one write together with its head is copied into it as text; node writes that much from its stack. */
const smallBody = 8 * 1024
const nothing = Buffer.alloc(0)

export class FastTransport implements Transport, WireUser {
  readonly #init: FastInit
  readonly #client: Client
  readonly #socket: Socket
  readonly #writer: RequestWriter
  #exchange: Exchange | undefined
  #wire: Wire | undefined
  /** Heads that wait for their wire, and for the first bytes of their bodies. */
  #requestHead: string
  #responseHead: string
  #requestCoding: Coding
  #responseCoding: Coding
  /** The client has asked for the head alone, whatever the endpoint was asked. */
  #isBodiless: boolean
  #close: boolean

  constructor(init: FastInit, client: Client) {
    this.#init = init
    this.#client = client
    this.#socket = client.socket
    this.#writer = new RequestWriter()
    this.#exchange = undefined
    this.#wire = undefined
    this.#requestHead = ''
    this.#responseHead = ''
    this.#requestCoding = 'asIs'
    this.#responseCoding = 'asIs'
    this.#isBodiless = false
    this.#close = false
  }

  /** Of the exchange under way. */
  get exchange(): Exchange | undefined {
    return this.#exchange
  }

  begin(exchange: Exchange): void {
    this.#exchange = exchange
    this.#responseHead = ''
  }

  send(exchange: Exchange, endpoint: Endpoint): void {
    this.#drop()
    // Here and not when the wire is ready: a field that cannot be sent throws, and must cost nobody but this exchange.
    const head = this.#writeHead(exchange)
    const { connectMs, readMs } = exchange.timeouts
    const wire = this.#init.pool.take(endpoint, connectMs)
    if (wire === undefined) {
      this.#init.proxy.onFailure(exchange, {
        cause: 'upstream_busy',
        detail: 'all connections to the endpoint are busy',
      })
      return
    }
    this.#wire = wire
    this.#requestHead = head
    wire.begin(this, exchange.sent.method, readMs)
    if (wire.isReady) this.onWireReady()
  }

  relay(exchange: Exchange, head: ResponseHead): void {
    if (head.status < 200) {
      // The client did not ask for 100, and no one may switch protocols here.
      if (head.status !== 100 && head.status !== 101) this.#socket.write(interimText(head), 'latin1')
      return
    }
    const { streamIdleMs } = exchange.timeouts
    // The proxy watches a stream that has a bound of its own; this one must only be the longer.
    if (streamIdleMs !== undefined) this.#wire?.bearWith(streamIdleMs * 2)
    this.#close = this.#mustClose(exchange)
    const writer = this.#wire?.memory.writer ?? new ResponseWriter()
    this.#responseHead = writer.text(head, {
      coding: this.#responseCoding,
      connection: this.#close ? closing : this.#init.keepAlive,
      clock: this.#init.ticker,
      checked: exchange.route?.responseFilters.length === 0,
    })
  }

  reply(exchange: Exchange, { status, fields, body }: Reply): void {
    this.#drop()
    this.#close = this.#mustClose(exchange)
    this.#client.stopUpload()
    const length = Buffer.byteLength(body)
    const framed = isBodiless(status) ? [...fields] : [...fields, 'Content-Length', String(length)]
    const connection = this.#close ? closing : this.#init.keepAlive
    const options = { coding: 'asIs', connection, clock: this.#init.ticker, checked: false } as const
    const text = new ResponseWriter().text({ status, reason: '', fields: framed }, options)
    const written = exchange.received.method === 'HEAD' || isBodiless(status) ? '' : body
    if (written !== '') exchange.responseBytes = length
    // As many bytes as characters: it is ASCII.
    if (written === '' || length === body.length) this.#socket.write(text + written, 'latin1')
    else this.#write(text, Buffer.from(written), '')
    this.#settle()
  }

  abort(_exchange: Exchange): void {
    this.#drop()
    this.#socket.destroy()
    this.#finish(true)
  }

  onWireReady(): void {
    const { hasBody, sendsBody } = this.#exchange!
    if (hasBody && sendsBody) return this.#client.startUpload()
    const wire = this.#wire!
    wire.writeText(this.#requestHead)
    this.#requestHead = ''
    wire.sent()
  }

  /**
   * Passes a piece of the request body on, the first `length` of these bytes; `done` when it is the last one. `isSpent`:
   * nobody looks at any of the bytes again. Returns whether more may come at once.
   */
  upload(bytes: Buffer, length: number, done: boolean, isSpent: boolean): boolean {
    const wire = this.#wire
    if (wire === undefined) return false
    const isChunked = this.#requestCoding === 'chunked'
    const before = isChunked && length > 0 ? `${this.#requestHead}${length.toString(16)}\r\n` : this.#requestHead
    const after = isChunked ? (length > 0 ? '\r\n' : '') + (done ? lastChunk([]) : '') : ''
    this.#requestHead = ''
    if (length > smallBody) {
      wire.writeParts(before, [bytes.subarray(0, length)], after)
      if (isSpent) wire.freeOnceOut(bytes)
    } else if (length > 0) wire.writeText(before + bytes.toString('latin1', 0, length) + after)
    else if (before !== '' || after !== '') wire.writeText(before + after)
    if (done) wire.sent()
    if (done || !wire.isFull) return true
    wire.watchWrites(this.#exchange!.timeouts.sendMs)
    return false
  }

  onWireDrain(): void {
    this.#wire?.watchWrites(0)
    this.#client.resumeUpload()
  }

  onWireHead(head: ResponseHead, framing: BodyFraming | undefined): void {
    this.#isBodiless = this.#exchange!.received.method === 'HEAD'
    const isOpen = framing?.kind === 'chunked' || framing?.kind === 'untilClose'
    this.#responseCoding = isOpen && !this.#isBodiless ? 'chunked' : 'asIs'
    const wire = this.#wire!
    // What is no good the proxy judges itself.
    const judged = framing === undefined ? undefined : { framing, memory: wire.memory.judged }
    this.#init.proxy.onResponse(this.#exchange!, head, judged)
    // Nobody wants it: another attempt is still to come, or waits for an endpoint.
    if (head.status >= 200 && this.#wire === wire && this.#responseHead === '') this.#drop()
  }

  onWireBody(bytes: Buffer, start: number, end: number): void {
    const length = this.#isBodiless ? 0 : end - start
    const head = this.#responseHead
    if (length === 0 && head === '') return
    this.#responseHead = ''
    this.#exchange!.responseBytes += length
    const isChunk = this.#responseCoding === 'chunked' && length > 0
    const before = isChunk ? `${head}${length.toString(16)}\r\n` : head
    // As much as that fills the socket: unless the kernel takes all of it at once, the wire is paused until it has.
    const mayKeep = this.#wire?.isPrivate === true && length >= this.#socket.writableHighWaterMark
    this.#write(before, bytes.subarray(start, start + length), isChunk ? '\r\n' : '', mayKeep)
    if (!this.#socket.writableNeedDrain || this.#socket.writableLength === 0) return
    this.#wire?.pause()
    this.#socket.setTimeout(this.#init.limits.writeIdleTimeoutMs)
  }

  onWireEnd(bytes: Buffer, start: number, end: number, trailers: readonly string[]): void {
    this.#wire = undefined
    const length = this.#isBodiless ? 0 : end - start
    let before = this.#responseHead
    let after = ''
    this.#responseHead = ''
    this.#exchange!.responseBytes += length
    if (this.#responseCoding === 'chunked') {
      after = lastChunk(trailers)
      if (length > 0) {
        before += `${length.toString(16)}\r\n`
        after = `\r\n${after}`
      }
    }
    this.#write(before, bytes.subarray(start, start + length), after)
    this.#settle()
  }

  onWireFailed(failure: Failure): void {
    this.#drop()
    this.#init.proxy.onFailure(this.#exchange!, failure)
  }

  /** The client takes more again. */
  onDrain(): void {
    if (this.#exchange === undefined || this.#wire === undefined) return
    this.#socket.setTimeout(0)
    this.#wire.resume()
  }

  #writeHead(exchange: Exchange): string {
    const { sent, admitted, hasBody, sendsBody, route } = exchange
    this.#requestCoding = hasBody && sendsBody && admitted?.framing.kind === 'chunked' ? 'chunked' : 'asIs'
    return this.#writer.text(sent, this.#requestCoding, route?.requestFilters.length === 0 ? 'all' : exchange)
  }

  /** Text of one character per byte around bytes that belong to a wire, and are copied unless they may be kept. */
  #write(before: string, bytes: Buffer, after: string, mayKeep = false): void {
    const socket = this.#socket
    if (bytes.length <= smallBody) {
      const text = bytes.length === 0 ? before + after : before + bytes.toString('latin1', 0, bytes.length) + after
      if (text !== '') socket.write(text, 'latin1')
      return
    }
    socket.cork()
    if (before !== '') socket.write(before, 'latin1')
    socket.write(mayKeep ? bytes : Buffer.from(bytes))
    if (after !== '') socket.write(after, 'latin1')
    socket.uncork()
  }

  /** The response is written; it is out when the kernel has it, which mostly is the case already. */
  #settle(): void {
    const socket = this.#socket
    // TLS says so one turn of the loop later; for less than its buffer that is not waited for.
    const isOut = socket.writableLength === 0 || (this.#client.facts.tls !== undefined && !socket.writableNeedDrain)
    if (isOut) return this.#finish(this.#close)
    const exchange = this.#exchange
    socket.setTimeout(this.#init.limits.writeIdleTimeoutMs)
    socket.write(nothing, (error) => {
      if (error !== null && error !== undefined) return
      if (this.#exchange !== exchange || exchange === undefined) return
      socket.setTimeout(0)
      this.#finish(this.#close)
    })
  }

  #finish(close: boolean): void {
    const exchange = this.#exchange!
    this.#exchange = undefined
    this.#init.proxy.onFinish(exchange)
    this.#client.onExchangeDone(close)
  }

  #drop(): void {
    const wire = this.#wire
    this.#wire = undefined
    this.#requestHead = ''
    this.#responseHead = ''
    if (wire === undefined) return
    wire.cut()
    this.#client.haltUpload()
  }

  /** RFC 9112 section 9.3: behind an unread body no next request can be found; behind a refused one none is looked for. */
  #mustClose({ failure }: Exchange): boolean {
    if (!this.#client.isReceived || this.#client.isLast) return true
    return failure !== undefined && failures[failure.cause].side === 'client'
  }
}

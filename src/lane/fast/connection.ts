/**
 * One client connection: reads heads and bodies, one request after the other, and keeps the time. Requests that come
 * before their turn wait unread, so a client can be ahead by one read of its socket and no more.
 */
import type { Socket } from 'node:net'
import type { RequestHead } from '#http/head.ts'
import type { Connection } from '#proxy/connection.ts'
import type { Exchange, Look } from '#proxy/exchange.ts'
import type { Cause } from '#proxy/failure.ts'
import { mayRunTwice } from '#proxy/retry.ts'
import { RequestMemory } from '#proxy/request-memory.ts'
import type { Runtime } from '#proxy/runtime.ts'
import { BodyDecoder } from '#lane/wire/body.ts'
import { asksToClose } from '#lane/wire/keep-alive.ts'
import { isWorthKeeping, noRequestBlock, type RequestBlock } from '#lane/wire/block.ts'
import { type HeadParser, isWorthParsing } from '#lane/wire/parse.ts'
import { speaksHttp2 } from '#lane/wire/preface.ts'
import type { Ticking } from '#lane/wire/ticker.ts'
import { KeptBody } from './kept-body.ts'
import { type Client, type FastInit, FastTransport } from './transport.ts'
import { unfit, type UnfitReason } from './unfit.ts'

export interface ConnectionHost extends FastInit {
  readonly parser: HeadParser
  readonly runtime: Runtime
  readonly isDraining: boolean
  /** The connection is not ours any more; `early` was read and not acted on. */
  handOver(connection: FastConnection, reason: UnfitReason, early: Buffer): void
  onClosed(connection: FastConnection): void
}

/**
 * `head`: a request is waited for or half there. `body`: its body is being received. `held`: it was received, and its
 * response is under way. `discard`: nothing that comes is looked at. `gone`: closed, or handed over.
 */
type Phase = 'head' | 'body' | 'held' | 'discard' | 'gone'

type Awaited = 'firstByte' | 'head' | 'nextHead' | 'body' | 'close'

export class FastConnection implements Client, Ticking {
  readonly socket: Socket
  readonly facts: Connection
  readonly #host: ConnectionHost
  readonly #transport: FastTransport
  readonly #body: BodyDecoder
  #phase: Phase
  /** Of the last request. */
  #block: RequestBlock
  readonly #memory: RequestMemory
  /** Received and not acted on. */
  #pending: Buffer | undefined
  readonly #kept: KeptBody
  #isPaused: boolean
  #isUploading: boolean
  #requests: number
  /** The fields of the last request say that it is the client's last one. */
  #closes: boolean
  /** They do, or the trailers behind it did. */
  #closesNow: boolean
  #awaited: Awaited
  #deadline: number

  constructor(socket: Socket, facts: Connection, host: ConnectionHost) {
    this.socket = socket
    this.facts = facts
    this.#host = host
    this.#transport = new FastTransport(host, this)
    this.#body = new BodyDecoder(host.parser, 'request')
    this.#phase = 'head'
    this.#block = noRequestBlock
    this.#memory = new RequestMemory()
    this.#pending = undefined
    this.#kept = new KeptBody()
    this.#isPaused = false
    this.#isUploading = false
    this.#requests = 0
    this.#closes = false
    this.#closesNow = false
    this.#awaited = 'firstByte'
    this.#deadline = host.ticker.after(host.limits.headerTimeoutMs)
    socket
      .on('data', this.#onData)
      .on('end', this.#onEnd)
      .on('close', this.#onClose)
      .on('error', ignore)
      .on('drain', this.#onDrain)
      .on('timeout', this.#onStalled)
  }

  get isReceived(): boolean {
    return this.#phase === 'held'
  }

  get isLast(): boolean {
    const { isDraining, limits } = this.#host
    return (
      this.#closesNow ||
      isDraining ||
      limits.idleTimeoutMs === 0 ||
      (limits.requestsPerConnection > 0 && this.#requests >= limits.requestsPerConnection)
    )
  }

  startUpload(): void {
    const exchange = this.#transport.exchange!
    if (this.#phase === 'body' && exchange.requestBytes === 0) exchange.replayable = mayRunTwice(exchange)
    else this.#replay()
    if (this.#phase !== 'body') return
    this.#isUploading = true
    this.resumeUpload()
  }

  haltUpload(): void {
    this.#isUploading = false
    this.#deadline = 0
  }

  resumeUpload(): void {
    if (!this.#isUploading) return
    const bytes = this.#pending ?? nothing
    this.#pending = undefined
    this.#feed(bytes)
  }

  stopUpload(): void {
    this.#isUploading = false
    if (this.#phase !== 'body') return
    this.#phase = 'discard'
    this.#pending = undefined
    this.#deadline = 0
    this.#resume()
  }

  onExchangeDone(close: boolean): void {
    this.#isUploading = false
    this.#kept.forget()
    if (this.#phase === 'gone') return
    if (close || this.socket.destroyed) return this.#end()
    this.#phase = 'head'
    this.#await('nextHead', this.#host.limits.idleTimeoutMs)
    // On a stack of its own: ten thousand pipelined requests that we answer ourselves must not nest.
    if (this.#pending === undefined) this.#resume()
    else setImmediate(this.#next)
  }

  /**
   * Ends the connection if nothing is going on. One that has sent something since the last response is let be: it is
   * told with the response to that. One that has never sent anything may just be about to, so it is asked once more
   * later, with `patience` gone.
   */
  drain(patience: 'new' | 'gone'): void {
    if (this.#phase !== 'head' || this.#pending !== undefined) return
    if (this.#requests > 0 || patience === 'gone') this.#end()
  }

  onTick(now: number): void {
    if (this.#deadline === 0 || now < this.#deadline) return
    this.#deadline = 0
    if (this.#awaited === 'head') this.#refuse('header_timeout', 'head not complete in time')
    else if (this.#awaited === 'body') this.#fail('body_timeout', 'client stopped sending the request body')
    else this.socket.destroy()
  }

  /** Lets go of the socket, which then is another's. */
  detach(): void {
    this.#phase = 'gone'
    this.#deadline = 0
    this.socket
      .off('data', this.#onData)
      .off('end', this.#onEnd)
      .off('close', this.#onClose)
      .off('error', ignore)
      .off('drain', this.#onDrain)
      .off('timeout', this.#onStalled)
  }

  readonly #onData = (chunk: Buffer): void => {
    if (this.#phase === 'head') this.#readMore(chunk)
    else if (this.#phase === 'body' && this.#isUploading && !this.#isPaused) this.#feed(chunk)
    else if (this.#phase !== 'discard') this.#hold(chunk)
  }

  readonly #onEnd = (): void => {
    if (this.#phase === 'head' && this.#pending === undefined) this.#end()
    else if (this.#phase === 'head') this.#refuse('client_abort', 'connection closed within a head')
    // A client that closes its side while it waits does not wait: nothing tells it from one that is gone.
    else if (this.#phase !== 'discard') this.#fail('client_abort', 'client went away')
  }

  readonly #onClose = (): void => {
    if (this.#transport.exchange !== undefined) this.#fail('client_abort', 'client went away')
    this.#phase = 'gone'
    this.#deadline = 0
    this.#host.onClosed(this)
  }

  readonly #onDrain = (): void => this.#transport.onDrain()

  readonly #onStalled = (): void => this.#fail('client_abort', 'client stopped reading the response')

  readonly #next = (): void => {
    if (this.#phase !== 'head' || this.#pending === undefined) return
    const bytes = this.#pending
    this.#pending = undefined
    this.#readHead(bytes)
  }

  #readMore(chunk: Buffer): void {
    if (this.#pending === undefined) return this.#readHead(chunk)
    const bytes = Buffer.concat([this.#pending, chunk])
    this.#pending = undefined
    if (isWorthParsing(chunk) || bytes.length > this.#host.limits.headerBytes) this.#readHead(bytes)
    else this.#pending = bytes
  }

  #readHead(bytes: Buffer): void {
    const { parser, limits } = this.#host
    switch (parser.request(bytes, 0, bytes.length, this.#block)) {
      case 'head':
        return this.#begin(bytes)
      case 'bad':
        if (this.#requests === 0 && this.facts.tls === undefined && speaksHttp2(bytes) === true)
          return this.#host.handOver(this, 'http2', bytes)
        return this.#refuse('bad_request', parser.detail)
      case 'large':
        return this.#refuse('header_too_large', 'head too large')
      default:
        this.#pending = bytes
        if (this.#awaited !== 'head') this.#await('head', limits.headerTimeoutMs)
        this.#resume()
    }
  }

  #begin(bytes: Buffer): void {
    const { parser, proxy, runtime } = this.#host
    const { method, target, version, requestBlock: block, end } = parser
    const received: RequestHead = { method, target, version, fields: block.fields }
    if (block.kin !== this.#block.kin) this.#closes = asksToClose(block.fields)
    this.#closesNow = this.#closes
    const isKept = isWorthKeeping(block)
    this.#block = isKept ? block : noRequestBlock
    const { kin, scan } = block
    const memory = isKept ? this.#memory : new RequestMemory()
    const look = proxy.look({ received, kin, scan, connection: this.facts, runtime, memory })
    const reason = unfit(received, block, look, this.facts.scheme)
    if (reason !== undefined) {
      this.#host.handOver(this, reason, bytes)
      return
    }
    this.#requests++
    this.#deadline = 0
    this.#awaited = 'nextHead'
    if ('cause' in look.admitted) this.#phase = 'discard'
    else {
      this.#body.begin(look.admitted.framing)
      this.#phase = this.#body.done ? 'held' : 'body'
      if (end < bytes.length) this.#hold(bytes.subarray(end))
      else this.#resume()
    }
    proxy.onRequest(this.#exchange(received, look))
  }

  /** Reads a piece of the request body and passes it on. */
  #feed(bytes: Buffer): void {
    const body = this.#body
    const exchange = this.#transport.exchange!
    body.decode(bytes, 0, bytes.length)
    if (body.broken !== undefined) return this.#fail('bad_request', body.broken)
    exchange.requestBytes += body.length
    const { maxBodyBytes } = exchange
    if (maxBodyBytes > 0 && exchange.requestBytes + body.missing > maxBodyBytes) {
      return this.#fail('body_too_large', `more than ${maxBodyBytes} bytes`)
    }
    if (exchange.replayable) this.#keep(exchange, bytes.subarray(0, body.length))
    if (exchange.watchers.length > 0) this.#tell(exchange, bytes)
    if (body.done) this.#received(bytes)
    // Neither is it kept, nor has it the beginning of another request in it.
    const isSpent = !exchange.replayable && (!body.done || body.end === bytes.length)
    const mayGoOn = this.#transport.upload(bytes, body.length, body.done, isSpent)
    if (body.done) return
    if (mayGoOn) {
      this.#await('body', this.#host.limits.bodyIdleTimeoutMs)
      this.#resume()
    } else {
      this.#deadline = 0
      this.#pause()
    }
  }

  /** Keeps the beginning of a body that may have to be sent again. */
  #keep(exchange: Exchange, bytes: Buffer): void {
    exchange.replayable = exchange.requestBytes <= this.#host.limits.replayBytes
    if (exchange.replayable) this.#kept.add(bytes)
    else this.#kept.forget()
  }

  #tell(exchange: Exchange, bytes: Buffer): void {
    const { length, done } = this.#body
    if (length > 0) exchange.tellBody(bytes.subarray(0, length))
    if (done) exchange.tellBodyEnd(true)
  }

  /** Sends what was kept to another endpoint; only a body that is still whole gets here. */
  #replay(): void {
    const bytes = this.#kept.whole()
    this.#transport.upload(bytes, bytes.length, this.#phase === 'held', false)
  }

  #received(bytes: Buffer): void {
    this.#phase = 'held'
    this.#isUploading = false
    if (this.#body.trailers.length > 0 && asksToClose(this.#body.trailers)) this.#closesNow = true
    this.#deadline = 0
    if (this.#body.end < bytes.length) this.#hold(bytes.subarray(this.#body.end))
    else this.#resume()
  }

  #fail(cause: Cause, detail: string): void {
    const { exchange } = this.#transport
    if (exchange !== undefined) this.#host.proxy.onFailure(exchange, { cause, detail })
  }

  /** Answers for what is no request, and looks at nothing behind it. */
  #refuse(cause: Cause, detail: string): void {
    this.#phase = 'discard'
    this.#pending = undefined
    this.#deadline = 0
    this.#host.proxy.onFailure(this.#exchange(unreadable, undefined), { cause, detail })
  }

  #exchange(received: RequestHead, look: Look | undefined): Exchange {
    const { proxy, runtime } = this.#host
    const exchange = proxy.begin({
      received,
      connection: this.facts,
      transport: this.#transport,
      runtime,
      lane: 'fast',
      headOnly: false,
      look,
    })
    this.#transport.begin(exchange)
    return exchange
  }

  /**
   * Ends our side, then discards what the client still sends, for a while: closing at once would have the kernel answer
   * those bytes with a reset, which can destroy the response on the client's side before it is read.
   */
  #end(): void {
    this.#phase = 'discard'
    this.#pending = undefined
    this.#deadline = 0
    if (this.socket.destroyed) return
    this.socket.end()
    this.#await('close', this.#host.limits.lingerMs)
    this.#resume()
  }

  #await(what: Awaited, ms: number): void {
    this.#awaited = what
    this.#deadline = this.#host.ticker.after(ms)
  }

  #hold(bytes: Buffer): void {
    this.#pending = this.#pending === undefined ? bytes : Buffer.concat([this.#pending, bytes])
    this.#pause()
  }

  #pause(): void {
    if (this.#isPaused) return
    this.#isPaused = true
    this.socket.pause()
  }

  #resume(): void {
    if (!this.#isPaused) return
    this.#isPaused = false
    this.socket.resume()
  }
}

const nothing = Buffer.alloc(0)

/** What stands in for a head nobody could read. */
const unreadable: RequestHead = { method: '', target: '', version: '1.1', fields: [] }

function ignore(): void {}

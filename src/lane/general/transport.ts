/** The four verbs for requests of the general lane: a client's side of either protocol, and an endpoint's of either. */
import type { ResponseHead } from '#http/head.ts'
import type { RequestWriter } from '#lane/wire/serialize.ts'
import type { WirePool } from '#lane/wire/wire-pool.ts'
import type { Exchange } from '#proxy/exchange.ts'
import { type Failure, failures } from '#proxy/failure.ts'
import { mayRunTwice } from '#proxy/retry.ts'
import type { Limits } from '#proxy/limits.ts'
import type { Proxy } from '#proxy/proxy.ts'
import type { JudgedHead } from '#proxy/response-memory.ts'
import type { Reply, Transport } from '#proxy/transport.ts'
import type { Endpoint } from '#upstream/endpoint.ts'
import { Attempt, type AttemptOwner, type AttemptRequest, type UpstreamAttempt } from './attempt.ts'
import { BodyEncoder, type EncoderOwner } from './body-encoder.ts'
import { BodyTape } from './body-tape.ts'
import type { Downstream, DownstreamEvents, Ending } from './downstream.ts'
import { H2Attempt } from './h2-attempt.ts'
import type { H2Sessions } from './h2-sessions.ts'
import { type Pace, type PaceClock, PacedBody } from './pace.ts'
import type { Pools } from './pools.ts'
import { isClearHttp1, type Target, targetOf } from './target.ts'
import { Upload, type Uploads, UploadStream } from './upload.ts'
import { WireAttempt } from './wire-attempt.ts'

export type GeneralInit = {
  readonly proxy: Proxy
  readonly wires: WirePool
  readonly pools: Pools
  readonly sessions: H2Sessions
  readonly limits: Limits
  readonly clock: PaceClock
  readonly uploads: Uploads
}

export class GeneralTransport implements Transport, AttemptOwner, DownstreamEvents, EncoderOwner {
  readonly #init: GeneralInit
  readonly #writer: RequestWriter
  // Assigned by `attach` before anything can happen: the client's side needs its events, and they are us.
  #downstream!: Downstream
  #exchange!: Exchange
  #attempt: UpstreamAttempt | undefined
  #tape: BodyTape | undefined
  #encoder: BodyEncoder | undefined
  /** Of the endpoint, while what it has sent is still being encoded. */
  #trailers: readonly string[]
  /** The head that arrived last ended its message. */
  #headOnly: boolean
  /** Of a response that may not leave as fast as it can. */
  #paced: PacedBody | undefined
  #relayed: boolean
  #proceeded: boolean

  /** `writer`: that of the client's connection. */
  constructor(init: GeneralInit, writer: RequestWriter) {
    this.#init = init
    this.#writer = writer
    this.#attempt = undefined
    this.#tape = undefined
    this.#encoder = undefined
    this.#trailers = []
    this.#headOnly = false
    this.#paced = undefined
    this.#relayed = false
    this.#proceeded = false
  }

  attach(exchange: Exchange, downstream: Downstream): void {
    this.#exchange = exchange
    this.#downstream = downstream
  }

  send(exchange: Exchange, endpoint: Endpoint): void {
    this.#drop()
    if (isClearHttp1(exchange)) return this.#sendByWire(exchange, endpoint)
    const way = usable(exchange, endpoint, this.#init.limits)
    if ('cause' in way) return this.#init.proxy.onFailure(exchange, way)
    // HTTP/2 can refuse a request of any method when a part of its body is gone already.
    const { body: upload, ...rest } = this.#request(exchange, way.protocol === 'h2')
    const request = { ...rest, body: upload === undefined ? undefined : new UploadStream(upload) }
    if (way.protocol === 'h1') {
      const attempt = new Attempt(this, this.#init.pools.lease(way), request.body)
      this.#attempt = attempt
      attempt.start(request)
    } else {
      const attempt = new H2Attempt(this, request)
      this.#attempt = attempt
      attempt.start(this.#init.sessions, way)
    }
  }

  relay(exchange: Exchange, head: ResponseHead): void {
    if (head.status < 200) return this.#downstream.inform(head)
    this.#relayed = true
    const { coding, received, route } = exchange
    if (coding !== undefined && received.method !== 'HEAD') this.#encoder = new BodyEncoder(coding, this)
    if (route?.pace !== undefined) this.#paced = this.#pacedBody(exchange, route.pace)
    const empty = this.#headOnly && this.#encoder === undefined
    this.#downstream.start(head, { ...this.#ending(exchange), empty })
  }

  reply(exchange: Exchange, reply: Reply): void {
    this.#drop()
    if (exchange.received.method !== 'HEAD') exchange.responseBytes = Buffer.byteLength(reply.body)
    this.#downstream.reply(reply, this.#ending(exchange))
  }

  abort(_exchange: Exchange): void {
    this.#drop()
    this.#paced?.cancel()
    this.#downstream.abort()
  }

  onConnected(): void {
    if (this.#exchange.admitted?.expectContinue !== true || this.#proceeded) return
    this.#proceeded = true
    this.#downstream.proceed()
  }

  onHead(head: ResponseHead, last: boolean, judged?: JudgedHead): void {
    const attempt = this.#attempt
    this.#headOnly = last
    this.#init.proxy.onResponse(this.#exchange, head, judged)
    // Nobody wants it: another attempt is still to come, or waits for an endpoint.
    if (head.status >= 200 && !this.#relayed && this.#attempt === attempt) this.#drop()
  }

  onData(chunk: Buffer): boolean {
    return this.#encoder === undefined ? this.onEncoded(chunk) : this.#encoder.write(chunk)
  }

  onEncoded(chunk: Buffer): boolean {
    if (this.#paced !== undefined) return this.#paced.write(chunk)
    this.#exchange.responseBytes += chunk.length
    return this.#downstream.write(chunk)
  }

  onEnd(trailers: readonly string[], bytes?: Buffer): void {
    this.#attempt = undefined
    if (this.#encoder === undefined) return this.#endBody(trailers, bytes)
    this.#trailers = trailers
    // They are the wire's, and stay as they are only for the moment.
    if (bytes !== undefined) this.#encoder.write(Buffer.from(bytes))
    this.#encoder.end()
  }

  onEncoderRoom(): void {
    this.#attempt?.resume()
  }

  onEncodedEnd(): void {
    this.#encoder = undefined
    this.#endBody(this.#trailers, undefined)
  }

  onEncoderFailed(error: Error): void {
    this.#init.proxy.onFailure(this.#exchange, { cause: 'internal', detail: `encoder: ${error.message}` })
  }

  onAttemptFailed(failure: Failure): void {
    this.#attempt = undefined
    this.#init.proxy.onFailure(this.#exchange, failure)
  }

  onDrain(): void {
    if (this.#paced === undefined) this.#resume()
    else this.#paced.onDrain()
  }

  onStalled(): void {
    this.#init.proxy.onFailure(this.#exchange, { cause: 'client_abort', detail: 'client stopped reading the response' })
  }

  onClosed(complete: boolean): void {
    if (!complete) this.#init.proxy.onFailure(this.#exchange, { cause: 'client_abort', detail: 'client went away' })
    this.#drop()
    this.#paced?.cancel()
    this.#init.proxy.onFinish(this.#exchange)
  }

  /** The request on its way turned out to be broken. */
  fail(failure: Failure): void {
    this.#init.proxy.onFailure(this.#exchange, failure)
  }

  #sendByWire(exchange: Exchange, endpoint: Endpoint): void {
    const attempt = new WireAttempt({
      owner: this,
      request: this.#request(exchange, false),
      checked: exchange.route?.requestFilters.length === 0 ? 'all' : exchange,
      writer: this.#writer,
    })
    this.#attempt = attempt
    attempt.start(this.#init.wires, endpoint, exchange.timeouts.connectMs)
  }

  #request(exchange: Exchange, refusable: boolean): AttemptRequest<Upload> {
    const { method, target, fields } = exchange.sent
    const { readMs, streamIdleMs } = exchange.timeouts
    const body = exchange.hasBody && exchange.sendsBody ? this.#upload(exchange, refusable) : undefined
    return { method, target, fields, body, readMs, bodyMs: streamIdleMs === undefined ? readMs : 0 }
  }

  #upload(exchange: Exchange, refusable: boolean): Upload {
    const tape = (this.#tape ??= new BodyTape(refusable || mayRunTwice(exchange) ? this.#init.limits.replayBytes : 0))
    exchange.replayable = tape.isWhole
    const framing = exchange.admitted?.framing
    return new Upload({
      uploads: this.#init.uploads,
      tape,
      length: this.#downstream.isExact && framing?.kind === 'length' ? framing.bytes : undefined,
      source: this.#downstream.source,
      isComplete: () => this.#downstream.isComplete(),
      maxBytes: exchange.maxBodyBytes,
      idleMs: this.#init.limits.bodyIdleTimeoutMs,
      sendMs: exchange.timeouts.sendMs,
      onBytes: (bytes) => {
        exchange.requestBytes += bytes.length
        exchange.replayable = tape.isWhole
        exchange.tellBody(bytes)
      },
      onReceived: () => exchange.tellBodyEnd(true),
      onFailure: (failure) => this.#init.proxy.onFailure(exchange, failure),
    })
  }

  /** The last of what the client gets. `bytes` stay as they are only for the moment. */
  #endBody(trailers: readonly string[], bytes: Buffer | undefined): void {
    if (this.#paced !== undefined) {
      if (bytes !== undefined) this.#paced.write(bytes)
      return this.#paced.end(trailers)
    }
    if (bytes !== undefined) this.#exchange.responseBytes += bytes.length
    this.#downstream.end(trailers, bytes)
  }

  #resume(): void {
    if (this.#encoder === undefined) this.#attempt?.resume()
    else this.#encoder.resume()
  }

  #pacedBody(exchange: Exchange, pace: Pace): PacedBody {
    return new PacedBody({
      pace,
      clock: this.#init.clock,
      downstream: this.#downstream,
      onWritten: (bytes) => {
        exchange.responseBytes += bytes
      },
      onEmpty: () => this.#resume(),
    })
  }

  #drop(): void {
    const attempt = this.#attempt
    this.#attempt = undefined
    attempt?.cancel()
    this.#encoder?.destroy()
    this.#encoder = undefined
  }

  /** RFC 9112 section 9.3: behind an unread body no next request can be found; behind a refused one none is looked for. */
  #ending({ failure, hasBody, admitted }: Exchange): Ending {
    const unread = (hasBody || admitted === undefined) && !this.#downstream.isComplete()
    return { close: unread || (failure !== undefined && failures[failure.cause].side === 'client'), unread }
  }
}

function usable(exchange: Exchange, endpoint: Endpoint, limits: Limits): Target | Failure {
  try {
    return targetOf(exchange, endpoint, limits)
  } catch (error) {
    return { cause: 'upstream_tls', detail: error instanceof Error ? error.message : String(error) }
  }
}

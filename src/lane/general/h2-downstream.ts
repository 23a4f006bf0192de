/**
 * The client's side of an HTTP/2 exchange: one stream of node:http2, with raw field lists. Every listener on a stream
 * costs, so there are only those that the exchange has come to need.
 */
import { constants, type ServerHttp2Stream } from 'node:http2'
import type { ResponseHead } from '#http/head.ts'
import type { Ticking } from '#lane/wire/ticker.ts'
import type { Reply } from '#proxy/transport.ts'
import type { Downstream, DownstreamEvents, Ending } from './downstream.ts'
import type { H2Client } from './h2-client.ts'

export type H2Init = {
  readonly stream: ServerHttp2Stream
  readonly events: DownstreamEvents
  readonly writeIdleMs: number
  readonly client: H2Client
}

export class H2Downstream implements Downstream, Ticking {
  readonly events: DownstreamEvents
  readonly source: ServerHttp2Stream
  /** nghttp2 resets a stream that does not keep to its Content-Length. */
  readonly isExact = true
  readonly #init: H2Init
  /** Waits for the first of its body: if that is all of it, no place for trailers must be kept open. */
  #head: string[] | undefined
  #trailers: readonly string[]
  #received: boolean
  #ended: boolean
  /** Written to its end, and not out a tick later. */
  #lingers: boolean
  #listens: boolean

  constructor(init: H2Init) {
    const { stream, events } = init
    this.events = events
    this.source = stream
    this.#init = init
    this.#head = undefined
    this.#trailers = none
    this.#received = stream.endAfterHeaders
    this.#ended = false
    this.#lingers = false
    this.#listens = false
    init.client.streams.add(this)
    // Faults arrive as 'close'; without a listener node would throw them.
    stream.on('error', ignore)
    // A stream whose request was read is closed with the last byte that leaves, before node says that it is finished.
    stream.on('close', () => {
      init.client.streams.delete(this)
      events.onClosed(this.#ended && (stream.writableFinished || (stream.rstCode === 0 && !init.client.isCut)))
    })
  }

  /** A peer's RST_STREAM(NO_ERROR) ends the readable side as if the message were complete; only an open stream tells. */
  isComplete(): boolean {
    const { closed, aborted, readableEnded } = this.source
    if (readableEnded && !closed && !aborted) this.#received = true
    return this.#received
  }

  proceed(): void {
    if (this.#isOpen()) this.source.additionalHeaders({ ':status': 100 })
  }

  inform({ status, fields }: ResponseHead): void {
    if (this.#isOpen()) this.source.additionalHeaders({ ':status': status, ...objectOf(fields) })
  }

  start(head: ResponseHead, { empty }: Ending): void {
    if (!this.#isOpen()) return
    // Here and not when it is sent: a field that cannot be sent throws, and must cost nobody but this exchange.
    const list = this.#init.client.responseHeads.list(head)
    if (empty === true) {
      // gRPC's Trailers-Only: the head is also the trailer, and only its flag says so.
      this.source.respond(list, { endStream: true })
      this.#ended = true
      this.#stopReading()
      return
    }
    // A body of known length has no trailers (an HTTP/1 endpoint can send them only with chunked framing).
    if (hasLength(head.fields)) return this.#respond(list, undefined)
    this.#head = list
    queueMicrotask(this.#flush)
  }

  write(chunk: Buffer): boolean {
    this.#flush()
    if (this.source.destroyed || this.source.writableEnded) return true
    const more = this.source.write(chunk)
    if (!more) this.#watch()
    return more
  }

  end(trailers: readonly string[], bytes?: Buffer): void {
    const head = this.#head
    this.#head = undefined
    if (head !== undefined) this.#respond(head, trailers.length > 0 ? keepPlace : undefined)
    this.#ended = true
    this.#trailers = trailers
    if (this.source.destroyed || this.source.writableEnded) return
    if (bytes === undefined) this.source.end()
    else this.source.end(Buffer.from(bytes))
    this.#stopReading()
  }

  reply({ status, fields, body }: Reply, _ending: Ending): void {
    if (!this.#isOpen()) return
    const bytes = Buffer.from(body)
    const framed = status === 204 || status === 304 ? [...fields] : [...fields, 'Content-Length', String(bytes.length)]
    this.source.respond(this.#init.client.responseHeads.list({ status, fields: framed }), {
      endStream: bytes.length === 0,
    })
    this.#ended = true
    if (!this.source.writableEnded) this.source.end(bytes)
    this.#stopReading()
  }

  abort(): void {
    // `close` would send END_STREAM in front of its RST_STREAM, and a body without length would look complete.
    this.source.destroy(new Error('broken off'))
  }

  /** What is written to its end is mostly out at once: it is watched only when it is not. */
  onTick(): void {
    if (this.#lingers && !this.#listens) this.#watch()
    this.#lingers = this.#ended
  }

  readonly #flush = (): void => {
    const head = this.#head
    if (head === undefined) return
    this.#head = undefined
    if (this.#isOpen()) this.#respond(head, keepPlace)
  }

  #respond(head: string[], options: typeof keepPlace | undefined): void {
    if (options !== undefined) {
      this.source.on('wantTrailers', () => {
        if (!this.source.closed && !this.source.destroyed) this.source.sendTrailers(objectOf(this.#trailers))
      })
    }
    this.source.respond(head, options)
    this.#ended = this.source.writableEnded
  }

  /** RFC 9113 section 8.1: a complete response before the end of the request asks the client to stop sending. */
  #stopReading(): void {
    if (this.isComplete()) return
    const stream = this.source
    // What is left of the request is discarded: node closes no stream that nobody reads.
    stream.resume()
    // A head that ends the stream is still to be written: a reset now would take its place.
    if (stream.writableFinished || stream.writableEnded) setImmediate(() => stream.close(constants.NGHTTP2_NO_ERROR))
    else stream.once('finish', () => stream.close(constants.NGHTTP2_NO_ERROR))
  }

  #isOpen(): boolean {
    return !this.source.destroyed && !this.source.closed && !this.source.headersSent
  }

  /** The client must take some of what is queued from now on. */
  #watch(): void {
    const stream = this.source
    if (stream.destroyed) return
    stream.setTimeout(this.#init.writeIdleMs)
    if (this.#listens) return
    this.#listens = true
    stream.on('timeout', () => this.events.onStalled())
    stream.on('drain', () => {
      if (!stream.destroyed) stream.setTimeout(0)
      this.events.onDrain()
    })
  }
}

const none: readonly string[] = []
const keepPlace = { waitForTrailers: true } as const

function hasLength(fields: readonly string[]): boolean {
  // Written by http/response.ts, always like this.
  for (let at = fields.length - 2; at >= 0; at -= 2) if (fields[at] === 'Content-Length') return true
  return false
}

/** For the two calls of node:http2 that take no flat list. */
function objectOf(fields: readonly string[]): Record<string, string | string[]> {
  // Without a prototype: an endpoint may call a field `constructor`.
  const object = Object.create(null) as Record<string, string | string[]>
  for (let at = 0; at < fields.length; at += 2) {
    const name = fields[at]!.toLowerCase()
    const before = object[name]
    const value = fields[at + 1]!
    object[name] = before === undefined ? value : Array.isArray(before) ? [...before, value] : [before, value]
  }
  return object
}

function ignore(): void {}

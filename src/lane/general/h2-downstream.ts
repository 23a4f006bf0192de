/** The client's side of an HTTP/2 exchange: one stream of node:http2, with raw field lists. */
import { constants, type ServerHttp2Stream } from 'node:http2'
import type { ResponseHead } from '#http/head.ts'
import type { Reply } from '#proxy/transport.ts'
import type { Downstream, DownstreamEvents, Ending } from './downstream.ts'

export type H2Init = {
  readonly stream: ServerHttp2Stream
  readonly events: DownstreamEvents
  readonly writeIdleMs: number
}

export class H2Downstream implements Downstream {
  readonly events: DownstreamEvents
  readonly source: ServerHttp2Stream
  readonly #writeIdleMs: number
  #trailers: readonly string[]
  #received: boolean
  #ended: boolean

  constructor({ stream, events, writeIdleMs }: H2Init) {
    this.events = events
    this.source = stream
    this.#writeIdleMs = writeIdleMs
    this.#trailers = []
    this.#received = stream.endAfterHeaders
    this.#ended = false
    // Faults arrive as 'close'; without a listener node would throw them.
    stream.on('error', () => {})
    stream.on('drain', () => {
      this.#watch(false)
      events.onDrain()
    })
    stream.on('wantTrailers', () => {
      if (!stream.closed && !stream.destroyed) stream.sendTrailers(objectOf(this.#trailers))
    })
    // A peer's RST_STREAM(NO_ERROR) ends the readable side as if the message were complete; only an open stream tells.
    stream.on('end', () => {
      if (!stream.closed && !stream.aborted) this.#received = true
    })
    stream.on('timeout', () => events.onStalled())
    stream.once('close', () => events.onClosed(this.#ended && stream.writableFinished))
  }

  isComplete(): boolean {
    return this.#received || (!this.source.closed && this.source.readableEnded)
  }

  proceed(): void {
    if (this.#isOpen()) this.source.additionalHeaders({ ':status': 100 })
  }

  inform({ status, fields }: ResponseHead): void {
    if (this.#isOpen()) this.source.additionalHeaders({ ':status': status, ...objectOf(fields) })
  }

  start({ status, fields }: ResponseHead, { empty }: Ending): void {
    if (!this.#isOpen()) return
    if (empty === true) {
      // gRPC's Trailers-Only: the head is also the trailer, and only its flag says so.
      this.source.respond(withStatus(status, fields), { endStream: true })
      this.#ended = true
      this.#stopReading()
      return
    }
    // A body of known length has no trailers (an HTTP/1 endpoint can send them only with chunked framing).
    const waitForTrailers = !fields.some((name, at) => at % 2 === 0 && name === 'Content-Length')
    this.source.respond(withStatus(status, fields), { waitForTrailers })
    this.#ended = this.source.writableEnded
  }

  write(chunk: Buffer): boolean {
    if (this.source.destroyed || this.source.writableEnded) return true
    const more = this.source.write(chunk)
    if (!more) this.#watch(true)
    return more
  }

  end(trailers: readonly string[], bytes?: Buffer): void {
    this.#ended = true
    this.#trailers = trailers
    if (this.source.destroyed || this.source.writableEnded) return
    if (bytes === undefined) this.source.end()
    else this.source.end(Buffer.from(bytes))
    if (this.source.writableLength > 0) this.#watch(true)
    this.#stopReading()
  }

  reply({ status, fields, body }: Reply, _ending: Ending): void {
    if (!this.#isOpen()) return
    const bytes = Buffer.from(body)
    const framed = status === 204 || status === 304 ? fields : [...fields, 'Content-Length', String(bytes.length)]
    this.source.respond(withStatus(status, framed), { endStream: bytes.length === 0 })
    this.#ended = true
    if (!this.source.writableEnded) this.source.end(bytes)
    this.#stopReading()
  }

  abort(): void {
    // `close` would send END_STREAM in front of its RST_STREAM, and a body without length would look complete.
    this.source.destroy(new Error('broken off'))
  }

  /** RFC 9113 section 8.1: a complete response before the end of the request asks the client to stop sending. */
  #stopReading(): void {
    if (this.#received) return
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

  #watch(on: boolean): void {
    if (!this.source.destroyed) this.source.setTimeout(on ? this.#writeIdleMs : 0)
  }
}

function withStatus(status: number, fields: readonly string[]): string[] {
  const out = [':status', String(status)]
  for (let at = 0; at < fields.length; at += 2) out.push(fields[at]!.toLowerCase(), fields[at + 1]!)
  return out
}

/** For the two calls of node:http2 that take no flat list. */
function objectOf(fields: readonly string[]): Record<string, string | string[]> {
  const object: Record<string, string | string[]> = {}
  for (let at = 0; at < fields.length; at += 2) {
    const name = fields[at]!.toLowerCase()
    const before = object[name]
    const value = fields[at + 1]!
    object[name] = before === undefined ? value : Array.isArray(before) ? [...before, value] : [before, value]
  }
  return object
}

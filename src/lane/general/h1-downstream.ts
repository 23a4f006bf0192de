/** The client's side of an HTTP/1 exchange, on node:http. */
import { type IncomingMessage, STATUS_CODES, type ServerResponse } from 'node:http'
import type { ResponseHead } from '#http/head.ts'
import type { Reply } from '#proxy/transport.ts'
import type { Downstream, DownstreamEvents, Ending } from './downstream.ts'

export type H1Init = {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly events: DownstreamEvents
  readonly writeIdleMs: number
  /** Whether this must be the last response on the connection anyway. */
  readonly isLast: () => boolean
}

const smallBody = 8 * 1024

export class H1Downstream implements Downstream {
  readonly events: DownstreamEvents
  readonly source: IncomingMessage
  /** node looks for the next request when it has read the end of this one. */
  readonly isExact = false
  readonly #response: ServerResponse
  readonly #writeIdleMs: number
  readonly #isLast: () => boolean
  #begun: boolean
  #finished: boolean

  constructor({ request, response, events, writeIdleMs, isLast }: H1Init) {
    this.events = events
    this.source = request
    this.#response = response
    this.#writeIdleMs = writeIdleMs
    this.#isLast = isLast
    this.#begun = false
    this.#finished = false
    // Faults arrive as 'close'; without listeners node would throw them.
    request.on('error', () => {})
    response.on('error', () => {})
    response.on('drain', () => {
      this.#watch(false)
      events.onDrain()
    })
    response.on('finish', () => {
      this.#finished = true
      events.onClosed(true)
    })
    response.on('close', () => {
      if (!this.#finished) events.onClosed(false)
    })
  }

  isComplete(): boolean {
    return this.source.complete
  }

  proceed(): void {
    if (this.#isOpen()) this.#response.writeContinue()
  }

  inform({ status, fields }: ResponseHead): void {
    // RFC 9110 section 15.2: a 1.0 client knows no interim responses.
    if (!this.#isOpen() || this.source.httpVersion !== '1.1') return
    let text = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n`
    for (let at = 0; at < fields.length; at += 2) text += `${fields[at]}: ${fields[at + 1]}\r\n`
    this.#response.socket?.write(`${text}\r\n`, 'latin1')
  }

  start(head: ResponseHead, ending: Ending): void {
    if (!this.#isOpen()) return
    this.#writeHead(head.status, head.fields, { reason: head.reason, close: ending.close })
    // Head and body mostly come together and then leave in one write. A first byte that takes its time, as in an event
    // stream, must not hold the head back.
    queueMicrotask(() => {
      if (!this.#begun && !this.#response.destroyed) this.#response.flushHeaders()
    })
  }

  write(chunk: Buffer): boolean {
    if (this.#response.destroyed) return true
    this.#begun = true
    const more = this.#response.write(chunk)
    if (!more) this.#watch(true)
    return more
  }

  end(trailers: readonly string[], bytes?: Buffer): void {
    if (this.#response.destroyed) return
    this.#begun = true
    // Only chunked framing has a place for them; node writes none otherwise.
    if (trailers.length > 0) this.#response.addTrailers(pairsOf(trailers))
    if (bytes === undefined) this.#response.end()
    // Text leaves in one write with the head, if that is still here.
    else if (bytes.length <= smallBody) this.#response.end(bytes.toString('latin1'), 'latin1')
    else this.#response.end(Buffer.from(bytes))
    if (this.#response.writableLength > 0) this.#watch(true)
  }

  reply({ status, fields, body }: Reply, { close }: Ending): void {
    if (!this.#isOpen()) return
    const bytes = Buffer.from(body)
    const framed = status === 204 || status === 304 ? fields : [...fields, 'Content-Length', String(bytes.length)]
    this.#writeHead(status, framed, { reason: '', close })
    this.#response.end(bytes)
  }

  abort(): void {
    this.#response.destroy()
    this.#response.socket?.destroy()
    this.source.socket.destroy()
  }

  #writeHead(status: number, fields: readonly string[], { reason, close }: { reason: string; close: boolean }): void {
    if (close || this.#isLast()) this.#response.shouldKeepAlive = false
    // An array of pairs, flat, is what writeHead takes and hands on; node's type knows it only as mutable.
    this.#response.writeHead(status, isPhrase(reason) ? reason : (STATUS_CODES[status] ?? ''), fields as string[])
  }

  #isOpen(): boolean {
    return !this.#response.destroyed && !this.#response.headersSent
  }

  /** node refreshes the timeout whenever the kernel takes some of what is queued. */
  #watch(on: boolean): void {
    this.#response.socket?.setTimeout(on ? this.#writeIdleMs : 0)
  }
}

/** Non-empty and printable: an endpoint's own words are passed on when they cannot be read as anything else. */
function isPhrase(reason: string): boolean {
  return /^[\t\x20-\x7e]+$/.test(reason)
}

function pairsOf(fields: readonly string[]): [string, string][] {
  const pairs: [string, string][] = []
  for (let at = 0; at < fields.length; at += 2) pairs.push([fields[at]!, fields[at + 1]!])
  return pairs
}

/**
 * Reads HTTP/1.1 requests as the strictest endpoint would (RFC 9112 and nothing besides), so that whatever we forward
 * is judged by a reader that shares no code with us.
 */

/** A request that the reader has seen completely. */
export type ReadRequest = {
  readonly method: string
  readonly target: string
  /** Minor version: `1` for HTTP/1.1. */
  readonly minor: string
  /** Lower-case names; values of equal names joined by `, `. */
  readonly fields: ReadonlyMap<string, string>
  readonly body: string
}

/** A byte stream that a strict reader refuses. */
export class WireFault extends Error {}

type Phase = 'head' | 'counted' | 'size' | 'data' | 'trailer'

const tokenForm = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/

export class StrictReader {
  readonly #onRequest: (request: ReadRequest) => void
  #phase: Phase = 'head'
  #pending = ''
  #head: Omit<ReadRequest, 'body'> | undefined
  #body: string[] = []
  #missing = 0

  constructor(onRequest: (request: ReadRequest) => void) {
    this.#onRequest = onRequest
  }

  /** Between two messages, with nothing half-read. */
  get idle(): boolean {
    return this.#phase === 'head' && this.#pending === ''
  }

  /** The head that was read last, while its body is not complete. */
  get unfinished(): Omit<ReadRequest, 'body'> | undefined {
    return this.#head
  }

  /** Takes the next bytes, one character each. Throws a WireFault for what RFC 9112 does not allow. */
  push(bytes: string): void {
    this.#pending += bytes
    while (this.#step()) continue
  }

  /** Whether there may be more to read in what is pending. */
  #step(): boolean {
    if (this.#phase === 'head') return this.#readHead()
    if (this.#phase === 'counted') return this.#readCounted()
    if (this.#phase === 'size') return this.#readSize()
    return this.#phase === 'data' ? this.#readChunk() : this.#readTrailer()
  }

  #readCounted(): boolean {
    if (!this.#readData()) return false
    this.#finish()
    return true
  }

  #readHead(): boolean {
    const end = this.#pending.indexOf('\r\n\r\n')
    if (end < 0) {
      if (/(?:^|[^\r])\n/.test(this.#pending)) throw new WireFault('bare LF in a head')
      return false
    }
    const head = parseHead(this.#pending.slice(0, end))
    this.#pending = this.#pending.slice(end + 4)
    this.#head = head
    this.#body = []
    const coding = head.fields.get('transfer-encoding')
    const length = head.fields.get('content-length')
    this.#missing = Number(length ?? 0)
    this.#phase = coding === undefined ? 'counted' : 'size'
    return true
  }

  /** Takes what is there of the missing bytes; whether none is missing any more. */
  #readData(): boolean {
    const part = this.#pending.slice(0, this.#missing)
    this.#body.push(part)
    this.#pending = this.#pending.slice(part.length)
    this.#missing -= part.length
    return this.#missing === 0
  }

  #readSize(): boolean {
    const line = this.#takeLine()
    if (line === undefined) return false
    const size = /^([0-9a-fA-F]{1,12})(?:[ \t]*;.*)?$/.exec(line)?.[1]
    if (size === undefined) throw new WireFault(`bad chunk line ${quote(line)}`)
    this.#missing = Number.parseInt(size, 16)
    this.#phase = this.#missing === 0 ? 'trailer' : 'data'
    return true
  }

  #readChunk(): boolean {
    if (!this.#readData() || this.#pending.length < 2) return false
    if (!this.#pending.startsWith('\r\n')) throw new WireFault('no CRLF behind a chunk')
    this.#pending = this.#pending.slice(2)
    this.#phase = 'size'
    return true
  }

  #readTrailer(): boolean {
    const line = this.#takeLine()
    if (line === undefined) return false
    if (line === '') this.#finish()
    else parseField(line)
    return true
  }

  #takeLine(): string | undefined {
    const end = this.#pending.indexOf('\r\n')
    const line = end < 0 ? this.#pending : this.#pending.slice(0, end)
    if (/\n|\0|\r./s.test(line)) throw new WireFault('CR, LF or NUL inside a line')
    if (end < 0) return undefined
    this.#pending = this.#pending.slice(end + 2)
    return line
  }

  #finish(): void {
    const head = this.#head!
    this.#head = undefined
    this.#phase = 'head'
    this.#onRequest({ ...head, body: this.#body.join('') })
  }
}

function parseHead(text: string): Omit<ReadRequest, 'body'> {
  const [start, ...lines] = text.split('\r\n')
  if (/[\r\n\0]/.test(text.replaceAll('\r\n', ''))) throw new WireFault('CR, LF or NUL inside a head')
  const match = /^([^\s]+) ([^\s]+) HTTP\/1\.([01])$/.exec(start!)
  if (match === null || !tokenForm.test(match[1]!)) throw new WireFault(`bad request line ${quote(start!)}`)
  const fields = new Map<string, string>()
  for (const line of lines) {
    const [name, value] = parseField(line)
    const before = fields.get(name)
    if (before !== undefined && ['host', 'content-length', 'transfer-encoding'].includes(name))
      throw new WireFault(`two ${name}`)
    fields.set(name, before === undefined ? value : `${before}, ${value}`)
  }
  checkFraming(fields)
  if (match[3] === '1' && !fields.has('host')) throw new WireFault('no host')
  return { method: match[1]!, target: match[2]!, minor: match[3]!, fields }
}

function parseField(line: string): readonly [string, string] {
  const colon = line.indexOf(':')
  if (/^[ \t]/.test(line)) throw new WireFault('folded line')
  if (!tokenForm.test(line.slice(0, Math.max(colon, 0)))) throw new WireFault(`bad field line ${quote(line)}`)
  return [
    line.slice(0, colon).toLowerCase(),
    line
      .slice(colon + 1)
      .replace(/^[ \t]+/, '')
      .replace(/[ \t]+$/, ''),
  ]
}

function checkFraming(fields: ReadonlyMap<string, string>): void {
  const coding = fields.get('transfer-encoding')
  const length = fields.get('content-length')
  if (coding !== undefined && length !== undefined) throw new WireFault('content-length beside transfer-encoding')
  const isChunked = coding === undefined || coding.toLowerCase() === 'chunked'
  if (!isChunked) throw new WireFault(`transfer-encoding ${quote(coding)}`)
  if (length !== undefined && !/^\d{1,15}$/.test(length)) throw new WireFault(`content-length ${quote(length)}`)
}

function quote(text: string): string {
  return JSON.stringify(text.slice(0, 80))
}

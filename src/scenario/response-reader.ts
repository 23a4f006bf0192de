/**
 * Bytes of an HTTP/1.1 connection → one response, as a client reads it (RFC 9112 section 6.3). Interim responses are
 * passed over. No socket in here: bytes are pushed in.
 */

export type WireResponse = {
  readonly status: number
  /** Name, value, name, value. */
  readonly fields: readonly string[]
  readonly body: Buffer
  /** The connection ended before the response did. */
  readonly isTruncated: boolean
  /** Bytes behind a 101. */
  readonly rest: Buffer
}

type Framing =
  { readonly kind: 'length'; readonly bytes: number } | { readonly kind: 'chunked' } | { readonly kind: 'untilClose' }
type Head = { readonly status: number; readonly fields: readonly string[]; readonly framing: Framing }

export class ResponseReader {
  readonly #method: string
  #bytes: Buffer = Buffer.alloc(0)
  #head: Head | undefined
  readonly #chunks: Buffer[] = []

  constructor(method: string) {
    this.#method = method
  }

  /** The response once it is complete. Throws when the bytes are no HTTP. */
  push(bytes: Buffer): WireResponse | undefined {
    this.#bytes = Buffer.concat([this.#bytes, bytes])
    while (this.#head === undefined) {
      const head = this.#takeHead()
      if (head === undefined) return undefined
      if (head.status >= 200 || head.status === 101) this.#head = head
    }
    return this.#takeBody(this.#head)
  }

  /** What the end of the connection makes of it; `undefined` when not even a head came. */
  end(): WireResponse | undefined {
    if (this.#head === undefined) return undefined
    const { framing } = this.#head
    const body = framing.kind === 'chunked' ? Buffer.concat(this.#chunks) : this.#bytes
    return this.#finish(body, framing.kind !== 'untilClose')
  }

  #takeHead(): Head | undefined {
    const end = this.#bytes.indexOf('\r\n\r\n')
    if (end === -1) return undefined
    const [first = '', ...lines] = this.#bytes.subarray(0, end).toString('latin1').split('\r\n')
    this.#bytes = this.#bytes.subarray(end + 4)
    const match = /^HTTP\/1\.[01] (\d{3})(?: |$)/.exec(first)
    if (match === null) throw new Error(`expected a status line, found ${JSON.stringify(first)}`)
    const fields = lines.flatMap((line) => {
      const colon = line.indexOf(':')
      return [line.slice(0, colon), line.slice(colon + 1).trim()]
    })
    const status = Number(match[1])
    return { status, fields, framing: framingOf(this.#method, status, fields) }
  }

  #takeBody(head: Head): WireResponse | undefined {
    const { framing } = head
    if (framing.kind === 'untilClose') return undefined
    if (framing.kind === 'length') {
      return this.#bytes.length < framing.bytes
        ? undefined
        : this.#finish(this.#bytes.subarray(0, framing.bytes), false)
    }
    for (;;) {
      const chunk = takeChunk(this.#bytes)
      if (chunk === undefined) return undefined
      this.#bytes = chunk.rest
      if (chunk.isLast) return this.#finish(Buffer.concat(this.#chunks), false)
      this.#chunks.push(chunk.data)
    }
  }

  #finish(body: Buffer, isTruncated: boolean): WireResponse {
    const { status, fields } = this.#head!
    const rest = status === 101 ? this.#bytes : Buffer.alloc(0)
    return { status, fields, body: status === 101 ? Buffer.alloc(0) : body, isTruncated, rest }
  }
}

/** The first value of a field; `lowerName` in lower case. */
export function fieldOf(fields: readonly string[], lowerName: string): string | undefined {
  return fieldsOf(fields, lowerName)[0]
}

export function fieldsOf(fields: readonly string[], lowerName: string): string[] {
  return fields.filter((_, index) => index % 2 === 1 && fields[index - 1]!.toLowerCase() === lowerName)
}

function framingOf(method: string, status: number, fields: readonly string[]): Framing {
  if (method === 'HEAD' || status < 200 || status === 204 || status === 304) return { kind: 'length', bytes: 0 }
  if (/\bchunked\s*$/i.test(fieldOf(fields, 'transfer-encoding') ?? '')) return { kind: 'chunked' }
  const length = fieldOf(fields, 'content-length')
  return length === undefined ? { kind: 'untilClose' } : { kind: 'length', bytes: Number(length) }
}

type Chunk = { readonly data: Buffer; readonly rest: Buffer; readonly isLast: boolean }

function takeChunk(bytes: Buffer): Chunk | undefined {
  const lineEnd = bytes.indexOf('\r\n')
  if (lineEnd === -1) return undefined
  const size = Number.parseInt(bytes.subarray(0, lineEnd).toString('latin1'), 16)
  if (Number.isNaN(size)) throw new Error('expected the size of a chunk')
  const start = lineEnd + 2
  if (size > 0) {
    const end = start + size
    return bytes.length < end + 2
      ? undefined
      : { data: bytes.subarray(start, end), rest: bytes.subarray(end + 2), isLast: false }
  }
  // Trailers end with an empty line, which is the very next one when there are none.
  const trailers = bytes.indexOf('\r\n', start) === start ? start : bytes.indexOf('\r\n\r\n', start)
  return trailers === -1 ? undefined : { data: Buffer.alloc(0), rest: Buffer.alloc(0), isLast: true }
}

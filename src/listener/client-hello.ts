/**
 * The server name that a TLS client asks for, read from its first message (RFC 8446 section 4.1.2, RFC 6066 section 3)
 * without taking part in the handshake. Pure and strict: what is not exactly as the standards have it is `unreadable`,
 * and then it is for the TLS library to refuse it, or to serve it where no name is needed.
 */

export type HelloReading =
  /** Nothing can be said before there are that many bytes. */
  | { readonly kind: 'more'; readonly atLeast: number }
  /** In lower case, without a trailing dot; `undefined` when the client names no server. */
  | { readonly kind: 'hello'; readonly serverName: string | undefined }
  | { readonly kind: 'unreadable'; readonly reason: string }

/** Bytes of the message with its record headers. Browsers send some 600 to 2,000. */
export const longestHello = 32 * 1024
/** Clients send one record, or a few. Reading begins anew with every piece that comes, so tiny ones must have a bound. */
export const mostRecords = 64

/** `bytes` are all that the client has sent so far. */
export function readClientHello(bytes: Buffer): HelloReading {
  const parts: Buffer[] = []
  let length = 0
  let at = 0
  for (;;) {
    const wanted = lengthOf(parts, length)
    if (typeof wanted === 'string') return unreadable(wanted)
    if (wanted !== undefined && length >= wanted) return readMessage(Buffer.concat(parts).subarray(4, wanted))
    const fragment = nextFragment(bytes, at)
    if (fragment.kind !== 'fragment') return fragment
    if (parts.length === mostRecords) return unreadable('too many records')
    parts.push(fragment.content)
    length += fragment.content.length
    at += recordHeader + fragment.content.length
  }
}

/** Names compare without case, and one trailing dot says nothing. */
export function canonicalName(serverName: string): string {
  const name = serverName.toLowerCase()
  return name.endsWith('.') ? name.slice(0, -1) : name
}

const recordHeader = 5
const handshakeRecord = 22
const clientHello = 1
/** RFC 8446 section 5.1 */
const longestFragment = 2 ** 14

type Fragment = { readonly kind: 'fragment'; readonly content: Buffer }

/** The content of the record that begins there. A handshake message may be spread over several. */
function nextFragment(bytes: Buffer, at: number): Fragment | HelloReading {
  if (bytes.length > at && bytes[at] !== handshakeRecord) return unreadable('no handshake record')
  if (bytes.length > at + 1 && bytes[at + 1] !== 3) return unreadable('an unknown record version')
  if (at + recordHeader > longestHello) return unreadable('too long')
  if (bytes.length < at + recordHeader) return { kind: 'more', atLeast: at + recordHeader }
  const length = bytes.readUInt16BE(at + 3)
  if (length === 0 || length > longestFragment) return unreadable('a record of that length')
  const end = at + recordHeader + length
  if (end > longestHello) return unreadable('too long')
  if (bytes.length < end) return { kind: 'more', atLeast: end }
  return { kind: 'fragment', content: bytes.subarray(at + recordHeader, end) }
}

/** Of the whole message with its header; `undefined` while that is not known. */
function lengthOf(parts: readonly Buffer[], length: number): number | string | undefined {
  if (length === 0) return undefined
  const head = parts[0]!.length >= 4 || length < 4 ? parts[0]! : Buffer.concat(parts)
  if (head[0] !== clientHello) return 'no ClientHello'
  if (length < 4) return undefined
  const wanted = 4 + head.readUIntBE(1, 3)
  return wanted > longestHello ? 'too long' : wanted
}

function readMessage(message: Buffer): HelloReading {
  const reader = new Reader(message)
  // legacy_version, random
  reader.skip(34)
  const session = reader.vector(1)
  const suites = reader.vector(2)
  const compressions = reader.vector(1)
  if (session === undefined || suites === undefined || compressions === undefined) return unreadable('cut off')
  if (session.length > 32 || suites.length < 2 || suites.length % 2 !== 0 || compressions.length === 0)
    return unreadable('a list of that length')
  // Before TLS 1.3 there need not be any extensions.
  if (reader.isAtEnd) return { kind: 'hello', serverName: undefined }
  const extensions = reader.vector(2)
  if (extensions === undefined || !reader.isAtEnd) return unreadable('extensions that do not end where they say')
  return readExtensions(new Reader(extensions))
}

const serverNameExtension = 0

function readExtensions(reader: Reader): HelloReading {
  let serverName: string | undefined
  let found = false
  while (!reader.isAtEnd) {
    const type = reader.number(2)
    const data = reader.vector(2)
    if (type === undefined || data === undefined) return unreadable('an extension that is cut off')
    if (type !== serverNameExtension) continue
    if (found) return unreadable('two server name extensions')
    found = true
    serverName = readServerName(new Reader(data))
    if (serverName === undefined) return unreadable('a server name extension that is none')
  }
  return { kind: 'hello', serverName }
}

/** A list of exactly one name: there never was another type, and two of one type are forbidden. */
function readServerName(reader: Reader): string | undefined {
  const list = reader.vector(2)
  if (list === undefined || !reader.isAtEnd) return undefined
  const entries = new Reader(list)
  const type = entries.number(1)
  const name = entries.vector(2)
  if (type !== 0 || name === undefined || !entries.isAtEnd || name.length === 0 || name.length > 255) return undefined
  return name.every((byte) => byte > 0x20 && byte < 0x7f) ? canonicalName(name.toString('latin1')) : undefined
}

/** Never reads beyond the end: what is not there is `undefined`, and so is everything after it. */
class Reader {
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  get isAtEnd(): boolean {
    return this.#at === this.#bytes.length
  }

  skip(count: number): void {
    this.#at += count
  }

  number(size: 1 | 2): number | undefined {
    if (this.#at + size > this.#bytes.length) {
      this.#at = this.#bytes.length + 1
      return undefined
    }
    const value = this.#bytes.readUIntBE(this.#at, size)
    this.#at += size
    return value
  }

  /** Bytes with their count in front of them. */
  vector(size: 1 | 2): Buffer | undefined {
    const length = this.number(size)
    if (length === undefined || this.#at + length > this.#bytes.length) {
      this.#at = this.#bytes.length + 1
      return undefined
    }
    this.#at += length
    return this.#bytes.subarray(this.#at - length, this.#at)
  }
}

function unreadable(reason: string): HelloReading {
  return { kind: 'unreadable', reason }
}

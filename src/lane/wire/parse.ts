/**
 * Reads message heads from bytes against allow-lists (RFC 9112 sections 2 to 5), in one pass. Accepts less than node's
 * parser does, never more, and never reads a byte differently. Nothing is repaired: what is not plainly right is bad.
 */
import { equalsLower, tableOf } from '#http/grammar.ts'
import type { HttpVersion } from '#http/head.ts'
import { emptyScan, noteField } from '#http/request-fields.ts'
import { emptyResponseScan, noteResponseField } from '#http/response.ts'
import {
  endOfKnown,
  type FieldBlock,
  isPlainHost,
  knownOrKin,
  noRequestBlock,
  noResponseBlock,
  type RequestBlock,
  type ResponseBlock,
  stands,
} from './block.ts'

/** `more`: right so far, and not complete. `large`: beyond a bound of the parser. `detail` says why it is `bad`. */
export type Parsed = 'head' | 'more' | 'bad' | 'large'

export type ParserBounds = {
  /** Bytes of a head, its first line included. */
  readonly bytes: number
  /** Fields in a head. */
  readonly fields: number
}

const longestMethod = 32
const emptyLinesAllowed = 4

const CR = 0x0d
const LF = 0x0a
const SP = 0x20
const HTAB = 0x09
const COLON = 0x3a

const tokenByte = tableOf((code) => /^[!#$%&'*+\-.^_`|~0-9A-Za-z]$/.test(String.fromCharCode(code)))
const targetByte = tableOf((code) => code > 0x20 && code < 0x7f)
const valueByte = tableOf((code) => code === HTAB || (code >= 0x20 && code !== 0x7f))

const tabbedCoding = /(?:^|\n)transfer-encoding:[^\r]*\t/i

/** `HTTP/1.` */
const versionStart = Uint8Array.of(0x48, 0x54, 0x54, 0x50, 0x2f, 0x31, 0x2e)

/** One serves many connections: each call leaves its outcome in the properties, which are valid until the next call. */
export class HeadParser {
  method: string
  target: string
  version: HttpVersion
  status: number
  reason: string
  requestBlock: RequestBlock
  responseBlock: ResponseBlock
  /** A new list with each trailer section. */
  trailerFields: string[]
  /** Index of the byte behind the head. */
  end: number
  detail: string
  readonly #bounds: ParserBounds
  /** Four indices for each field: name and value, from and to. */
  readonly #marks: Uint32Array
  #count: number
  #hasTabs: boolean

  constructor(bounds: ParserBounds) {
    this.method = ''
    this.target = ''
    this.version = '1.1'
    this.status = 0
    this.reason = ''
    this.requestBlock = noRequestBlock
    this.responseBlock = noResponseBlock
    this.trailerFields = []
    this.end = 0
    this.detail = ''
    this.#bounds = bounds
    this.#marks = new Uint32Array(bounds.fields * 4)
    this.#count = 0
    this.#hasTabs = false
  }

  /**
   * A request head that begins at `start`; a few empty lines in front of it are skipped (RFC 9112 section 2.2). Fields
   * that are those of `known`, byte for byte but for the value of Host, are not read again.
   */
  request(bytes: Buffer, start: number, end: number, known: RequestBlock = noRequestBlock): Parsed {
    let at = start
    while (at < end && bytes[at] === CR) {
      if (at + 1 === end) return 'more'
      if (bytes[at + 1] !== LF) return this.#bad('carriage return in front of a request')
      if (at - start === emptyLinesAllowed * 2) return this.#bad('too many empty lines in front of a request')
      at += 2
    }
    const from = at
    const methodEnd = runEnd(bytes, at, end, tokenByte)
    if (methodEnd - at > longestMethod) return this.#bad('method too long')
    if (methodEnd === end) return this.#more(start, end)
    if (methodEnd === at || bytes[methodEnd] !== SP) return this.#bad('method is not a token')
    const targetEnd = runEnd(bytes, methodEnd + 1, end, targetByte)
    if (targetEnd === end) return this.#more(start, end)
    if (targetEnd === methodEnd + 1 || bytes[targetEnd] !== SP)
      return this.#bad('target has a character that must be escaped')
    at = targetEnd + 1
    const version = this.#version(bytes, at, end)
    if (version !== 'head') return version
    at += versionStart.length + 1
    const line = lineEnd(bytes, at, end)
    if (line !== 'head') return line === 'more' ? line : this.#bad('request line has more than three parts')
    const outcome = this.#requestBlock(bytes, at + 2, end, known)
    if (outcome !== 'head') return outcome === 'more' ? this.#more(start, end) : outcome
    if (this.end - start > this.#bounds.bytes) return 'large'
    const text = bytes.toString('latin1', from, targetEnd)
    this.method = text.slice(0, methodEnd - from)
    this.target = text.slice(methodEnd + 1 - from)
    return 'head'
  }

  /** A response head that begins at `start`. Fields that are those of `known`, byte for byte, are not read again. */
  response(bytes: Buffer, start: number, end: number, known: ResponseBlock = noResponseBlock): Parsed {
    const version = this.#version(bytes, start, end)
    if (version !== 'head') return version
    let at = start + versionStart.length + 1
    let status = 0
    for (let index = 0; index < 4; index++, at++) {
      if (at === end) return 'more'
      const code = bytes[at]!
      if (index === 0 ? code !== SP : code < 0x30 || code > 0x39) return this.#bad('status line without a status')
      if (index > 0) status = status * 10 + code - 0x30
    }
    if (at === end) return 'more'
    const reasonStart = bytes[at] === SP ? at + 1 : at
    const reasonEnd = reasonStart === at ? at : runEnd(bytes, reasonStart, end, valueByte)
    const line = lineEnd(bytes, reasonEnd, end)
    if (line === 'bad') return this.#bad('control character in a status line')
    const outcome = line === 'more' ? line : this.#responseBlock(bytes, reasonEnd + 2, end, known)
    if (outcome !== 'head') return outcome === 'more' ? this.#more(start, end) : outcome
    if (this.end - start > this.#bounds.bytes) return 'large'
    this.status = status
    // Mostly the words of the last time.
    if (reasonEnd - reasonStart !== this.reason.length || !stands(bytes, reasonStart, reasonEnd, this.reason))
      this.reason = bytes.toString('latin1', reasonStart, reasonEnd)
    return 'head'
  }

  /** The trailer section of a chunked body, its empty line included (RFC 9112 section 7.1.2). */
  trailers(bytes: Buffer, start: number, end: number): Parsed {
    const outcome = this.#fields(bytes, start, end)
    if (outcome === 'head') this.trailerFields = this.#cut(bytes.toString('latin1', start, this.end), start)
    return outcome
  }

  #version(bytes: Buffer, start: number, end: number): Parsed {
    for (let index = 0; index < versionStart.length; index++) {
      if (start + index === end) return 'more'
      if (bytes[start + index] !== versionStart[index]) return this.#bad('no HTTP/1 version')
    }
    const at = start + versionStart.length
    if (at === end) return 'more'
    const minor = bytes[at]
    if (minor !== 0x31 && minor !== 0x30) return this.#bad('unknown HTTP version')
    this.version = minor === 0x31 ? '1.1' : '1.0'
    return 'head'
  }

  /** Field lines up to the empty one. Leaves their places in `#marks`, and where they end in `end`. */
  #fields(bytes: Buffer, start: number, end: number): Parsed {
    const marks = this.#marks
    let at = start
    let mark = 0
    this.#hasTabs = false
    for (;;) {
      if (at >= end) return 'more'
      if (bytes[at] === CR) break
      if (mark === marks.length) return 'large'
      const nameEnd = runEnd(bytes, at, end, tokenByte)
      if (nameEnd === end) return 'more'
      if (nameEnd === at || bytes[nameEnd] !== COLON) return this.#bad('field name is not a token')
      const valueStart = this.#skipSpace(bytes, nameEnd + 1, end)
      const lineStop = runEnd(bytes, valueStart, end, valueByte)
      const line = lineEnd(bytes, lineStop, end)
      if (line !== 'head') return line === 'more' ? line : this.#bad('control character in a field value')
      marks[mark] = at
      marks[mark + 1] = nameEnd
      marks[mark + 2] = valueStart
      marks[mark + 3] = this.#trimSpace(bytes, valueStart, lineStop)
      mark += 4
      at = lineStop + 2
    }
    const line = lineEnd(bytes, at, end)
    if (line !== 'head') return line === 'more' ? line : this.#bad('carriage return in front of a field')
    this.#count = mark
    this.end = at + 2
    return 'head'
  }

  #requestBlock(bytes: Buffer, start: number, end: number, known: RequestBlock): Parsed {
    const knownEnd = endOfKnown(bytes, start, end, known)
    if (knownEnd >= 0) {
      this.requestBlock = knownOrKin(bytes, start, knownEnd, known)
      this.end = knownEnd
      return 'head'
    }
    const outcome = this.#fields(bytes, start, end)
    if (outcome === 'head') this.requestBlock = this.#splitAtHost(bytes, start)
    return outcome
  }

  #responseBlock(bytes: Buffer, start: number, end: number, known: ResponseBlock): Parsed {
    if (known.after !== '' && stands(bytes, start, end, known.after)) {
      this.responseBlock = known
      this.end = start + known.after.length
      return 'head'
    }
    const outcome = this.#fields(bytes, start, end)
    if (outcome !== 'head') return outcome
    const block = this.#take(bytes, start, emptyResponseScan(), noteResponseField)
    // Node's parser, for one, takes such a body for one without chunks.
    if (block.hasTabs && block.scan.codings > 0 && tabbedCoding.test(block.after)) return this.#bad('tab in a coding')
    this.responseBlock = block
    return 'head'
  }

  /** The block that `#fields` has found, with every field noted in the scan. */
  #take<Scan>(
    bytes: Buffer,
    start: number,
    scan: Scan,
    note: (scan: Scan, name: string, value: string) => void,
  ): FieldBlock<Scan> {
    const text = bytes.toString('latin1', start, this.end)
    const fields = this.#cut(text, start)
    for (let at = 0; at < fields.length; at += 2) note(scan, fields[at]!, fields[at + 1]!)
    return { before: '', host: '', hostAt: 0, after: text, fields, kin: fields, scan, hasTabs: this.#hasTabs }
  }

  /** The same for a request. A line of Host that ends right behind a plain value may have another one the next time. */
  #splitAtHost(bytes: Buffer, start: number): RequestBlock {
    const block = this.#take(bytes, start, emptyScan(), noteField)
    const { fields, scan } = block
    if (scan.hosts !== 1 || !isPlainHost(scan.host)) return block
    let at = 0
    while (!equalsLower(fields[at]!, 'host')) at += 2
    const from = this.#marks[at * 2 + 2]!
    const to = this.#marks[at * 2 + 3]!
    if (bytes[to] !== CR) return block
    const before = bytes.toString('latin1', start, from)
    return { ...block, before, host: scan.host, hostAt: at + 1, after: bytes.toString('latin1', to, this.end) }
  }

  /** Cuts the marked fields out of `text`, whose first character stands at index `offset` of the marks. */
  #cut(text: string, offset: number): string[] {
    const marks = this.#marks
    const fields: string[] = []
    for (let mark = 0; mark < this.#count; mark += 4) {
      fields.push(
        text.slice(marks[mark]! - offset, marks[mark + 1]! - offset),
        text.slice(marks[mark + 2]! - offset, marks[mark + 3]! - offset),
      )
    }
    return fields
  }

  #skipSpace(bytes: Buffer, start: number, end: number): number {
    let at = start
    while (at < end) {
      if (bytes[at] === HTAB) this.#hasTabs = true
      else if (bytes[at] !== SP) break
      at++
    }
    return at
  }

  #trimSpace(bytes: Buffer, start: number, end: number): number {
    let at = end
    while (at > start) {
      if (bytes[at - 1] === HTAB) this.#hasTabs = true
      else if (bytes[at - 1] !== SP) break
      at--
    }
    return at
  }

  #more(start: number, end: number): Parsed {
    return end - start > this.#bounds.bytes ? 'large' : 'more'
  }

  #bad(detail: string): Parsed {
    this.detail = detail
    return 'bad'
  }
}

/**
 * Whether a piece of a head that was `more` before can change that: it ends a line, or has a byte no head has. Reading
 * a head again with each of its bytes would cost the square of its length.
 */
export function isWorthParsing(piece: Buffer): boolean {
  for (let index = 0; index < piece.length; index++)
    if (valueByte[piece[index]!] !== 1 && piece[index] !== CR) return true
  return false
}

/** Index of the first byte that is not in the table, or `end`. */
function runEnd(bytes: Buffer, start: number, end: number, table: Uint8Array): number {
  let at = start
  while (at < end && table[bytes[at]!] === 1) at++
  return at
}

/** Whether CRLF stands here. */
function lineEnd(bytes: Buffer, at: number, end: number): Parsed {
  if (at >= end) return 'more'
  if (bytes[at] !== CR) return 'bad'
  if (at + 1 === end) return 'more'
  return bytes[at + 1] === LF ? 'head' : 'bad'
}

/**
 * Message bodies as they arrive, in pieces cut anywhere (RFC 9112 sections 6 and 7.1): by length, in chunks, or until
 * the connection ends. Chunks are taken out of their framing in place, so the data of one read is always one piece.
 */
import type { BodyFraming } from '#http/framing.ts'
import { equalsLower } from '#http/grammar.ts'
import { type ChunkLine, newChunkLine, readChunkLine, startChunkLine } from './chunk-line.ts'
import type { HeadParser } from './parse.ts'

type Phase = 'line' | 'data' | 'dataCr' | 'dataLf' | 'trailers'

/** Bytes of a trailer section. */
const longestTrailers = 8 * 1024

const CR = 0x0d
const LF = 0x0a

/** A body being read. Each `decode` leaves its outcome in the properties. */
export class BodyDecoder {
  /** Data bytes of this piece; they begin where the piece began. */
  length: number
  /** The body is complete; `end` is the index of the byte behind it. */
  done: boolean
  end: number
  /** Why this is no body; nothing of the piece may be used then. */
  broken: string | undefined
  /** Flat, as received; complete when `done`. */
  trailers: string[]
  /** Data bytes that are announced and have not come: of the body, or of the chunk. */
  missing: number
  readonly #parser: HeadParser
  /** What node refuses: fields of framing in the trailers. */
  readonly #strictTrailers: boolean
  #framing: BodyFraming['kind']
  #phase: Phase
  readonly #line: ChunkLine
  #trailer: Buffer | undefined

  constructor(parser: HeadParser, side: 'request' | 'response') {
    this.length = 0
    this.done = true
    this.end = 0
    this.broken = undefined
    this.trailers = none
    this.missing = 0
    this.#parser = parser
    this.#strictTrailers = side === 'request'
    this.#framing = 'none'
    this.#phase = 'line'
    this.#line = newChunkLine()
    this.#trailer = undefined
  }

  /** Prepares for the body of another message. `done` says at once whether it is empty. */
  begin(framing: BodyFraming): void {
    this.length = 0
    this.end = 0
    this.broken = undefined
    this.trailers = none
    this.missing = framing.kind === 'length' ? framing.bytes : 0
    this.done = framing.kind === 'none' || (framing.kind === 'length' && framing.bytes === 0)
    this.#framing = framing.kind
    if (framing.kind !== 'chunked') return
    this.#phase = 'line'
    this.#trailer = undefined
    this.#line.extensionBytes = 0
    startChunkLine(this.#line)
  }

  /** The body ends with its connection, so nothing in it says that it is complete. */
  get isUntilClose(): boolean {
    return this.#framing === 'untilClose'
  }

  get isChunked(): boolean {
    return this.#framing === 'chunked'
  }

  /** Reads the bytes from `start` to `end`. Those in front of `this.end` may be changed in a chunked body. */
  decode(bytes: Buffer, start: number, end: number): void {
    if (this.#framing === 'chunked') {
      this.#decodeChunks(bytes, start, end)
      return
    }
    this.length = this.#framing === 'length' ? Math.min(this.missing, end - start) : end - start
    this.end = start + this.length
    if (this.#framing !== 'length') return
    this.missing -= this.length
    this.done = this.missing === 0
  }

  #decodeChunks(bytes: Buffer, start: number, end: number): void {
    let at = start
    let out = start
    while (at < end && !this.done && this.broken === undefined) {
      if (this.#phase === 'data') {
        const count = Math.min(this.missing, end - at)
        if (out !== at) bytes.copyWithin(out, at, at + count)
        out += count
        at += count
        this.missing -= count
        if (this.missing === 0) this.#phase = 'dataCr'
      } else if (this.#phase === 'line') at = this.#readLine(bytes, at, end)
      else if (this.#phase === 'trailers') at = this.#readTrailers(bytes, at, end)
      else at = this.#readDataEnd(bytes, at)
    }
    this.length = out - start
    this.end = at
  }

  #readLine(bytes: Buffer, start: number, end: number): number {
    const line = this.#line
    const at = readChunkLine(line, bytes, start, end)
    if (line.state === 'broken') this.broken = 'chunk size line is malformed'
    if (line.state !== 'done') return at
    this.missing = line.size
    this.#phase = line.size === 0 ? 'trailers' : 'data'
    return at
  }

  #readDataEnd(bytes: Buffer, at: number): number {
    const isCr = this.#phase === 'dataCr'
    if (bytes[at] !== (isCr ? CR : LF)) this.broken = 'chunk data is longer than its size'
    this.#phase = isCr ? 'dataLf' : 'line'
    if (!isCr) startChunkLine(this.#line)
    return at + 1
  }

  #readTrailers(bytes: Buffer, at: number, end: number): number {
    if (this.#trailer === undefined && bytes[at] === CR && bytes[at + 1] === LF && at + 1 < end) {
      this.done = true
      return at + 2
    }
    const before = this.#trailer?.length ?? 0
    const piece = bytes.subarray(at, end)
    const trailer = Buffer.concat(this.#trailer === undefined ? [piece] : [this.#trailer, piece])
    const outcome = this.#parser.trailers(trailer, 0, trailer.length)
    if (outcome === 'more' && trailer.length <= longestTrailers) {
      this.#trailer = trailer
      return end
    }
    if (outcome !== 'head') {
      this.broken = 'trailers are malformed or too large'
      return end
    }
    this.trailers = this.#parser.trailerFields
    if (this.#strictTrailers && this.trailers.some((name, index) => index % 2 === 0 && isFraming(name))) {
      this.broken = 'framing field in trailers'
    }
    this.done = true
    return at + this.#parser.end - before
  }
}

const none: string[] = []

function isFraming(name: string): boolean {
  return equalsLower(name, 'content-length') || equalsLower(name, 'transfer-encoding')
}

/**
 * Gives the body of a response its content coding, on node:zlib, off the thread. Takes no more than it can pass on, and
 * holds nothing back while its source is silent: whoever sends an event wants it to arrive.
 */
import type { Transform } from 'node:stream'
import { constants, createBrotliCompress, createGzip, createZstdCompress } from 'node:zlib'
import type { BodyCoding, ContentCoding } from '#http/content-coding.ts'

export interface EncoderOwner {
  /** Returns whether more may come; `resume` says when, if not. */
  onEncoded(chunk: Buffer): boolean
  /** It takes more again, after `write` said no. */
  onEncoderRoom(): void
  onEncodedEnd(): void
  onEncoderFailed(error: Error): void
}

export class BodyEncoder {
  readonly #stream: Zlib
  readonly #flushKind: number
  /** A body of known length comes as fast as it can. */
  readonly #flushes: boolean
  /** Pieces it has and is not done with. */
  #pending: number
  #ended: boolean

  constructor(coding: BodyCoding, owner: EncoderOwner) {
    this.#stream = streamOf(coding)
    this.#flushKind = flushKinds[coding.coding]
    this.#flushes = coding.bytes === undefined
    this.#pending = 0
    this.#ended = false
    this.#stream
      .on('data', (chunk: Buffer) => {
        if (!owner.onEncoded(chunk)) this.#stream.pause()
      })
      .on('drain', () => owner.onEncoderRoom())
      .on('end', () => owner.onEncodedEnd())
      .on('error', (error) => owner.onEncoderFailed(error))
  }

  /** `bytes` must not change any more. Returns whether it takes more at once. */
  write(bytes: Buffer): boolean {
    this.#pending++
    return this.#stream.write(bytes, () => {
      this.#pending--
      if (this.#flushes && this.#pending === 0 && !this.#ended && !this.#stream.destroyed) {
        this.#stream.flush(this.#flushKind)
      }
    })
  }

  end(): void {
    this.#ended = true
    this.#stream.end()
  }

  resume(): void {
    this.#stream.resume()
  }

  /** Drops everything without a word. */
  destroy(): void {
    this.#stream.removeAllListeners('end').removeAllListeners('data').destroy()
  }
}

type Zlib = Transform & { flush: (kind: number) => void }

const flushKinds: Readonly<Record<ContentCoding, number>> = {
  gzip: constants.Z_SYNC_FLUSH,
  br: constants.BROTLI_OPERATION_FLUSH,
  zstd: constants.ZSTD_e_flush,
}

/** Bits of the window that is kept of what was sent: 512 KiB, as nginx's module for brotli has it. */
const windowBits = 19

function streamOf({ coding, level, bytes }: BodyCoding): Zlib {
  if (coding === 'gzip') return createGzip({ level, ...gzipMemory(bytes) })
  if (coding === 'br') {
    const { BROTLI_PARAM_QUALITY: quality, BROTLI_PARAM_LGWIN: window, BROTLI_PARAM_SIZE_HINT: size } = constants
    return createBrotliCompress({ params: { [quality]: level, [window]: windowBits, [size]: bytes ?? 0 } })
  }
  const { ZSTD_c_compressionLevel: strength, ZSTD_c_windowLog: window } = constants
  return createZstdCompress({ params: { [strength]: level, [window]: windowBits } })
}

/** A short body needs but a part of the 256 KiB that a compressor otherwise takes. */
function gzipMemory(bytes: number | undefined): { readonly windowBits: number; readonly memLevel: number } {
  const bits = bytes === undefined ? 15 : Math.min(15, Math.max(9, Math.ceil(Math.log2(bytes + 262))))
  return { windowBits: bits, memLevel: Math.max(1, bits - 7) }
}

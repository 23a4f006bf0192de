/**
 * A request body on its way to the endpoint. Reads from the client only as fast as the endpoint takes it, counts, and
 * never ends well unless the client's message did: the connection to the endpoint is
 * then broken instead of finished.
 * What an earlier attempt has read comes first, from the tape.
 */
import { Readable } from 'node:stream'
import type { Failure } from '#proxy/failure.ts'
import type { BodyTape } from './body-tape.ts'

export type UploadInit = {
  /** The body as the client's protocol gives it. */
  readonly source: Readable
  /** Asked when the source ends: whether the client's message did, too, and was not just broken off. */
  readonly isComplete: () => boolean
  readonly tape: BodyTape
  /** 0 for no limit. */
  readonly maxBytes: number
  /** Between two reads from the client. */
  readonly idleMs: number
  /** Between two writes towards the endpoint. */
  readonly sendMs: number
  readonly onBytes: (bytes: number) => void
  /** Told once; the upload is destroyed right after. */
  readonly onFailure: (failure: Failure) => void
}

/** Bytes held here while the endpoint does not read. */
const highWaterMark = 16 * 1024

export class Upload extends Readable {
  readonly #init: UploadInit
  /** Chunks of one read of the client's socket, which may be thousands of one byte each; they go on as one. */
  #held: Buffer[] = []
  #heldBytes = 0
  #ended = false
  /** Runs while we wait for the client, or for the endpoint. */
  #timer: NodeJS.Timeout | undefined
  #waitsFor: 'client' | 'endpoint' = 'endpoint'

  constructor(init: UploadInit) {
    super({ highWaterMark })
    this.#init = init
    init.source.on('data', this.#onData).on('end', this.#onEnd).on('close', this.#onClose)
    init.source.pause()
    for (const chunk of init.tape.chunks) this.push(chunk)
    if (init.tape.ended) this.#end()
  }

  override _read(): void {
    if (this.#ended) return
    this.#wait('client', this.#init.idleMs)
    this.#init.source.resume()
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    clearTimeout(this.#timer)
    const { source } = this.#init
    source.off('data', this.#onData).off('end', this.#onEnd).off('close', this.#onClose)
    // What nobody reads now is for the next attempt, or is discarded by whoever ends the exchange.
    source.pause()
    callback(error)
  }

  readonly #onData = (chunk: Buffer): void => {
    const { maxBytes, tape } = this.#init
    tape.add(chunk)
    this.#init.onBytes(chunk.length)
    if (maxBytes > 0 && tape.bytes > maxBytes)
      return this.#fail({ cause: 'body_too_large', detail: `more than ${maxBytes} bytes` })
    this.#held.push(chunk)
    this.#heldBytes += chunk.length
    if (this.#heldBytes >= highWaterMark) this.#flush()
    else if (this.#held.length === 1) queueMicrotask(this.#flush)
  }

  readonly #flush = (): void => {
    if (this.#held.length === 0 || this.destroyed) return
    const bytes = this.#held.length === 1 ? this.#held[0]! : Buffer.concat(this.#held, this.#heldBytes)
    this.#held = []
    this.#heldBytes = 0
    if (this.push(bytes)) {
      this.#timer?.refresh()
      return
    }
    this.#init.source.pause()
    this.#wait('endpoint', this.#init.sendMs)
  }

  readonly #onEnd = (): void => {
    if (!this.#init.isComplete()) return this.#onClose()
    this.#init.tape.ended = true
    this.#flush()
    this.#end()
  }

  #end(): void {
    this.#ended = true
    clearTimeout(this.#timer)
    this.push(null)
  }

  readonly #onClose = (): void => {
    if (!this.#ended) this.#fail({ cause: 'client_abort', detail: 'connection closed within the request body' })
  }

  #wait(whom: 'client' | 'endpoint', ms: number): void {
    if (this.#timer !== undefined && this.#waitsFor === whom) {
      this.#timer.refresh()
      return
    }
    clearTimeout(this.#timer)
    this.#waitsFor = whom
    this.#timer = setTimeout(this.#onIdle, ms)
  }

  readonly #onIdle = (): void => {
    if (this.#waitsFor === 'client')
      this.#fail({ cause: 'body_timeout', detail: 'client stopped sending the request body' })
    else this.#fail({ cause: 'upstream_timeout', detail: 'endpoint stopped reading the request body' })
  }

  #fail(failure: Failure): void {
    if (this.destroyed) return
    // Nobody may be listening yet: whoever sends the body listens from when it takes it over.
    this.on('error', () => {})
    this.#init.source.pause()
    this.destroy(new Error(failure.detail))
    this.#init.onFailure(failure)
  }
}

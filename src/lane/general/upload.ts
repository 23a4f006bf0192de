/**
 * A request body on its way to the endpoint. Reads from the client only as fast as the endpoint takes it, counts, and
 * never ends well unless the client's message did: the connection to the endpoint is then broken instead of finished.
 * What an earlier attempt has read comes first, from the tape.
 */
import { Readable } from 'node:stream'
import type { Ticker, Ticking } from '#lane/wire/ticker.ts'
import type { Failure } from '#proxy/failure.ts'
import type { BodyTape } from './body-tape.ts'

/** All that are under way, which a clock watches. */
export type Uploads = { readonly ticker: Ticker; readonly active: Set<Ticking> }

export type UploadInit = {
  readonly uploads: Uploads
  /** The body as the client's protocol gives it. */
  readonly source: Readable
  /** Its length, if its last byte is its end and the source need not be asked for another one. */
  readonly length: number | undefined
  /** Asked when the source ends: whether the client's message did, too, and was not just broken off. */
  readonly isComplete: () => boolean
  readonly tape: BodyTape
  /** 0 for no limit. */
  readonly maxBytes: number
  /** Between two reads from the client. */
  readonly idleMs: number
  /** Between two writes towards the endpoint. */
  readonly sendMs: number
  readonly onBytes: (bytes: Buffer) => void
  /** The client's message was received to its end; once for a tape. */
  readonly onReceived: () => void
  /** Told once; nothing comes any more. */
  readonly onFailure: (failure: Failure) => void
}

/** Who sends the body on. */
export interface UploadSink {
  /**
   * These `bytes` in all, none at the beginning when the client takes its time. `last`: the body ends with them. Whether
   * more may come; `resume` says when, if not.
   */
  onUpload(pieces: readonly Buffer[], bytes: number, last: boolean): boolean
  /** There will be no end. Told before whoever made the upload is told why. */
  onUploadBroken(detail: string): void
}

/**
 * Bytes gathered here for one write. node calls back for every piece of every DATA frame, and a client's record of TLS
 * holds parts of two; each of them sent on by itself would be most of what an upload costs.
 */
const gatheredBytes = 64 * 1024
/** Pieces of one write; more are copied together, which for pieces so small costs less than naming them. */
const mostPieces = 32
const nothing: readonly Buffer[] = []

/**
 * Memory is left to the collector here, other than in the fast lane (wire/free.ts): what node:http2 gives for one read of
 * a connection holds frames of several streams, and the session may not be done with it when a stream is.
 */
export class Upload implements Ticking {
  readonly #init: UploadInit
  #sink: UploadSink | undefined
  /** What has come in this turn of the loop, and goes on as one. */
  #held: Buffer[] = []
  #heldBytes = 0
  #isScheduled = false
  #over = false
  /** Of the client while it is waited for, else of the endpoint. */
  #deadline = 0
  #waitsFor: 'client' | 'endpoint' = 'endpoint'

  constructor(init: UploadInit) {
    this.#init = init
    // Before it is listened to, which would let it flow.
    init.source.pause()
    init.source.on('data', this.#onData).on('end', this.#onEnd).on('close', this.#onClose)
  }

  /** From its beginning. */
  start(sink: UploadSink): void {
    const { uploads, tape } = this.#init
    const { chunks, ended } = tape
    this.#sink = sink
    if (ended) return this.#finish(chunks, tape.bytes)
    uploads.active.add(this)
    if (chunks.length === 0 || sink.onUpload(chunks, tape.bytes, false)) {
      // Whatever comes in this turn goes with the head; a client that waits for an answer before it sends any gets one.
      this.#schedule()
      this.resume()
    } else this.#wait('endpoint', this.#init.sendMs)
  }

  resume(): void {
    if (this.#over) return
    this.#wait('client', this.#init.idleMs)
    this.#init.source.resume()
  }

  /** What nobody reads now is for the next attempt, or is discarded by whoever ends the exchange. */
  stop(): void {
    if (this.#over) return
    this.#release()
    this.#init.source.pause()
  }

  onTick(now: number): void {
    if (this.#deadline === 0 || now < this.#deadline) return
    if (this.#waitsFor === 'client')
      this.#fail({ cause: 'body_timeout', detail: 'client stopped sending the request body' })
    else this.#fail({ cause: 'upstream_timeout', detail: 'endpoint stopped reading the request body' })
  }

  readonly #onData = (chunk: Buffer): void => {
    const { maxBytes, tape, length } = this.#init
    tape.add(chunk)
    this.#init.onBytes(chunk)
    if (maxBytes > 0 && tape.bytes > maxBytes)
      return this.#fail({ cause: 'body_too_large', detail: `more than ${maxBytes} bytes` })
    this.#held.push(chunk)
    this.#heldBytes += chunk.length
    if (tape.bytes === length) this.#received()
    else if (this.#heldBytes >= gatheredBytes) this.#send()
    else this.#schedule()
  }

  #schedule(): void {
    if (this.#isScheduled) return
    this.#isScheduled = true
    setImmediate(this.#flush)
  }

  readonly #flush = (): void => {
    this.#isScheduled = false
    // All of it went in the meantime, and its endpoint takes no more: whoever holds things up is known already.
    const isPaused = this.#waitsFor === 'endpoint' && this.#heldBytes === 0
    if (!this.#over && !isPaused) this.#send()
  }

  #send(): void {
    const bytes = this.#heldBytes
    const mayGoOn = this.#sink?.onUpload(this.#takeHeld(), bytes, false) === true
    if (this.#over) return
    if (mayGoOn) return this.#wait('client', this.#init.idleMs)
    this.#init.source.pause()
    this.#wait('endpoint', this.#init.sendMs)
  }

  readonly #onEnd = (): void => {
    if (this.#init.isComplete()) this.#received()
    else this.#onClose()
  }

  readonly #onClose = (): void => {
    if (!this.#over) this.#fail({ cause: 'client_abort', detail: 'connection closed within the request body' })
  }

  #received(): void {
    const bytes = this.#heldBytes
    this.#init.tape.ended = true
    this.#init.onReceived()
    this.#finish(this.#takeHeld(), bytes)
  }

  #takeHeld(): readonly Buffer[] {
    const held = this.#held
    const bytes = this.#heldBytes
    if (bytes === 0) return nothing
    this.#held = []
    this.#heldBytes = 0
    return held.length > mostPieces ? [Buffer.concat(held, bytes)] : held
  }

  #finish(pieces: readonly Buffer[], bytes: number): void {
    this.#release()
    this.#sink?.onUpload(pieces, bytes, true)
  }

  #release(): void {
    this.#over = true
    this.#init.uploads.active.delete(this)
    this.#init.source.off('data', this.#onData).off('end', this.#onEnd).off('close', this.#onClose)
  }

  #wait(whom: 'client' | 'endpoint', ms: number): void {
    this.#waitsFor = whom
    this.#deadline = this.#init.uploads.ticker.after(ms)
  }

  #fail(failure: Failure): void {
    if (this.#over) return
    this.stop()
    this.#sink?.onUploadBroken(failure.detail)
    this.#init.onFailure(failure)
  }
}

/** Held for one that sends a stream while it does not read. */
const streamBytes = 16 * 1024

/** The same for those who send streams. */
export class UploadStream extends Readable implements UploadSink {
  readonly #upload: Upload
  #started = false

  constructor(upload: Upload) {
    super({ highWaterMark: streamBytes })
    this.#upload = upload
    // Nobody may be listening yet: whoever sends the body listens from when it takes it over.
    this.on('error', () => {})
  }

  onUpload(pieces: readonly Buffer[], bytes: number, last: boolean): boolean {
    const [only] = pieces
    const more = only === undefined || this.push(pieces.length === 1 ? only : Buffer.concat(pieces, bytes))
    if (last) this.push(null)
    return more
  }

  onUploadBroken(detail: string): void {
    this.destroy(new Error(detail))
  }

  override _read(): void {
    if (this.#started) return this.#upload.resume()
    this.#started = true
    this.#upload.start(this)
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#upload.stop()
    callback(error)
  }
}

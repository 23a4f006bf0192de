/**
 * A request body on its way to the endpoint. Reads from the client only as fast as the endpoint takes it, counts, and
 * never ends well unless the client's message did: the connection to the endpoint is then broken instead of finished.
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
  readonly onBytes: (bytes: Buffer) => void
  /** The client's message was received to its end; once for a tape. */
  readonly onReceived: () => void
  /** Told once; nothing comes any more. */
  readonly onFailure: (failure: Failure) => void
}

/** Who sends the body on. */
export interface UploadSink {
  /** `last`: the body ends with these bytes, of which there may be none. Whether more may come; `resume` says when, if not. */
  onUpload(bytes: Buffer, last: boolean): boolean
  /** There will be no end. Told before whoever made the upload is told why. */
  onUploadBroken(detail: string): void
}

/** Bytes held here while the endpoint does not read. */
const highWaterMark = 16 * 1024
const nothing = Buffer.alloc(0)

export class Upload {
  readonly #init: UploadInit
  #sink: UploadSink | undefined
  /** Chunks of one read of the client's socket, which may be thousands of one byte each; they go on as one. */
  #held: Buffer[] = []
  #heldBytes = 0
  #over = false
  /** Runs while we wait for the client, or for the endpoint. */
  #timer: NodeJS.Timeout | undefined
  #waitsFor: 'client' | 'endpoint' = 'endpoint'

  constructor(init: UploadInit) {
    this.#init = init
    init.source.on('data', this.#onData).on('end', this.#onEnd).on('close', this.#onClose)
    init.source.pause()
  }

  /** From its beginning. */
  start(sink: UploadSink): void {
    const { chunks, ended } = this.#init.tape
    this.#sink = sink
    let more = true
    for (const chunk of chunks) more = sink.onUpload(chunk, false)
    if (ended) this.#finish(nothing)
    else if (more) this.resume()
    else this.#wait('endpoint', this.#init.sendMs)
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

  readonly #onData = (chunk: Buffer): void => {
    const { maxBytes, tape } = this.#init
    tape.add(chunk)
    this.#init.onBytes(chunk)
    if (maxBytes > 0 && tape.bytes > maxBytes)
      return this.#fail({ cause: 'body_too_large', detail: `more than ${maxBytes} bytes` })
    this.#held.push(chunk)
    this.#heldBytes += chunk.length
    if (this.#heldBytes >= highWaterMark) this.#flush()
    else if (this.#held.length === 1) queueMicrotask(this.#flush)
  }

  readonly #flush = (): void => {
    if (this.#held.length === 0 || this.#over) return
    if (this.#sink?.onUpload(this.#takeHeld(), false) === true) {
      this.#timer?.refresh()
      return
    }
    if (this.#over) return
    this.#init.source.pause()
    this.#wait('endpoint', this.#init.sendMs)
  }

  readonly #onEnd = (): void => {
    if (!this.#init.isComplete()) return this.#onClose()
    this.#init.tape.ended = true
    this.#init.onReceived()
    this.#finish(this.#takeHeld())
  }

  readonly #onClose = (): void => {
    if (!this.#over) this.#fail({ cause: 'client_abort', detail: 'connection closed within the request body' })
  }

  #takeHeld(): Buffer {
    const held = this.#held
    const bytes = held.length === 0 ? nothing : held.length === 1 ? held[0]! : Buffer.concat(held, this.#heldBytes)
    this.#held = []
    this.#heldBytes = 0
    return bytes
  }

  #finish(bytes: Buffer): void {
    this.#release()
    this.#sink?.onUpload(bytes, true)
  }

  #release(): void {
    this.#over = true
    clearTimeout(this.#timer)
    this.#init.source.off('data', this.#onData).off('end', this.#onEnd).off('close', this.#onClose)
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
    if (this.#over) return
    this.stop()
    this.#sink?.onUploadBroken(failure.detail)
    this.#init.onFailure(failure)
  }
}

/** The same for those who send streams. */
export class UploadStream extends Readable implements UploadSink {
  readonly #upload: Upload
  #started = false

  constructor(upload: Upload) {
    super({ highWaterMark })
    this.#upload = upload
    // Nobody may be listening yet: whoever sends the body listens from when it takes it over.
    this.on('error', () => {})
  }

  onUpload(bytes: Buffer, last: boolean): boolean {
    const more = bytes.length === 0 || this.push(bytes)
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

/**
 * One try to send an exchange to one endpoint in clear HTTP/1.1, over a wire. Reports each thing once and in order, and
 * nothing any more after `cancel`.
 */
import type { BodyFraming } from '#http/framing.ts'
import type { ResponseHead } from '#http/head.ts'
import { equalsLower } from '#http/grammar.ts'
import { type Checked, type Coding, lastChunk, type RequestWriter } from '#lane/wire/serialize.ts'
import type { Wire, WireUser } from '#lane/wire/wire.ts'
import type { WirePool } from '#lane/wire/wire-pool.ts'
import type { Failure } from '#proxy/failure.ts'
import type { Endpoint } from '#upstream/endpoint.ts'
import type { AttemptOwner, AttemptRequest, UpstreamAttempt } from './attempt.ts'
import type { Upload, UploadSink } from './upload.ts'

export type WireAttemptInit = {
  readonly owner: AttemptOwner
  readonly request: AttemptRequest<Upload>
  readonly checked: Checked
  /** Shared by the requests of one client. */
  readonly writer: RequestWriter
}

/** What fits into one write together with its head is copied into it as text; node writes that much from its stack. */
const smallBody = 8 * 1024
/** For responses whose silence the proxy bounds itself. */
const foreverMs = 2 ** 30 - 1
const noTrailers: readonly string[] = []

export class WireAttempt implements UpstreamAttempt, WireUser, UploadSink {
  readonly #init: WireAttemptInit
  readonly #coding: Coding
  #wire: Wire | undefined
  /** Waits for its wire, then for the first bytes of its body. */
  #head: string
  #over: boolean

  constructor(init: WireAttemptInit) {
    const { request, writer, checked } = init
    this.#init = init
    this.#coding = request.body === undefined || hasLength(request.fields) ? 'asIs' : 'chunked'
    this.#wire = undefined
    this.#head = writer.text(request, this.#coding, checked)
    this.#over = false
  }

  start(wires: WirePool, endpoint: Endpoint, connectMs: number): void {
    const wire = wires.take(endpoint, connectMs)
    if (wire === undefined)
      return this.#fail({ cause: 'upstream_busy', detail: 'all connections to the endpoint are busy' })
    const { method, readMs } = this.#init.request
    this.#wire = wire
    wire.begin(this, method, readMs)
    if (wire.isReady) this.onWireReady()
  }

  /** Stops without a word. The wire is closed: its response is not complete. */
  cancel(): void {
    if (this.#over) return
    const wire = this.#wire
    this.#finish()
    wire?.cut()
  }

  resume(): void {
    this.#wire?.resume()
  }

  onWireReady(): void {
    const { owner, request } = this.#init
    const wire = this.#wire!
    owner.onConnected()
    if (this.#over) return
    if (request.body === undefined) {
      wire.writeText(this.#takeHead())
      wire.sent()
      return
    }
    request.body.start(this)
  }

  onWireHead(head: ResponseHead, framing: BodyFraming | undefined): void {
    const { owner, request } = this.#init
    const wire = this.#wire!
    // Switches of protocols do not come this way, whatever the client has asked for.
    if (framing === undefined && head.status === 101) {
      wire.cut()
      return this.#fail({ cause: 'upstream_protocol', detail: 'switched protocols unasked' })
    }
    const { bodyMs, readMs } = request
    if (head.status >= 200 && bodyMs !== readMs) wire.bearWith(bodyMs === 0 ? foreverMs : bodyMs)
    // What is no good the proxy judges itself.
    const judged = framing === undefined ? undefined : { framing, memory: wire.memory.judged }
    owner.onHead(head, framing !== undefined && isEmpty(framing), judged)
  }

  onWireBody(bytes: Buffer, start: number, end: number): void {
    if (end === start) return
    const wire = this.#wire!
    const piece = bytes.subarray(start, end)
    const { isPrivate } = wire
    const more = this.#init.owner.onData(isPrivate ? piece : Buffer.from(piece))
    // The wire reads into its private buffer again when it is resumed; unless it pauses, that must be another one.
    if (!more) this.#wire?.pause()
    else if (isPrivate) this.#wire?.giveAway()
  }

  onWireEnd(bytes: Buffer, start: number, end: number, trailers: readonly string[]): void {
    this.#finish()
    this.#init.owner.onEnd(trailers, end > start ? bytes.subarray(start, end) : undefined)
  }

  onWireFailed(failure: Failure): void {
    this.#fail(failure)
  }

  onWireDrain(): void {
    this.#init.request.body?.resume()
  }

  onUpload(pieces: readonly Buffer[], bytes: number, last: boolean): boolean {
    const wire = this.#wire
    if (wire === undefined) return false
    const isChunked = this.#coding === 'chunked'
    const before = isChunked && bytes > 0 ? `${this.#takeHead()}${bytes.toString(16)}\r\n` : this.#takeHead()
    const after = isChunked ? (bytes > 0 ? '\r\n' : '') + (last ? lastChunk(noTrailers) : '') : ''
    if (bytes > smallBody) wire.writeParts(before, pieces, after)
    else if (before !== '' || bytes > 0 || after !== '') wire.writeText(before + textOf(pieces) + after)
    if (last) wire.sent()
    return !wire.isFull
  }

  /** Whoever is told why drops the attempt. */
  onUploadBroken(): void {}

  #takeHead(): string {
    const head = this.#head
    this.#head = ''
    return head
  }

  #fail(failure: Failure): void {
    this.#finish()
    this.#init.owner.onAttemptFailed(failure)
  }

  #finish(): void {
    this.#over = true
    this.#wire = undefined
    // What was not sent stays in the client's stream.
    this.#init.request.body?.stop()
  }
}

function textOf(pieces: readonly Buffer[]): string {
  let text = ''
  for (const piece of pieces) text += piece.toString('latin1')
  return text
}

function hasLength(fields: readonly string[]): boolean {
  for (let at = 0; at < fields.length; at += 2)
    if (fields[at]!.length === 14 && equalsLower(fields[at]!, 'content-length')) return true
  return false
}

function isEmpty(framing: BodyFraming): boolean {
  return framing.kind === 'none' || (framing.kind === 'length' && framing.bytes === 0)
}

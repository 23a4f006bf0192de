/**
 * One try to send an exchange to one endpoint over TLS, as an undici handler. Reports each thing once and in order, and
 * nothing any more after `cancel`.
 */
import type { Readable } from 'node:stream'
import type { Dispatcher } from 'undici'
import type { ResponseHead } from '#http/head.ts'
import { passableTrailers } from '#http/trailers.ts'
import type { Failure } from '#proxy/failure.ts'
import type { JudgedHead } from '#proxy/response-memory.ts'
import type { Lease, Wire, WiredHandler } from './pools.ts'
import { failureOf, type Progress } from './upstream-failure.ts'

/** One try, over whatever protocol. */
export interface UpstreamAttempt {
  /** Stops without a word. */
  cancel(): void
  /** Goes on after `onData` said no. */
  resume(): void
}

export interface AttemptOwner {
  /** Connected; the request is written next. */
  onConnected(): void
  /** `last`: no body follows, and its head says so. `judged`: the head is no surprise any more. */
  onHead(head: ResponseHead, last: boolean, judged?: JudgedHead): void
  /** Returns whether more may come; `resume` says when, if not, and that nobody needs these bytes any more. */
  onData(chunk: Buffer): boolean
  /** Flat trailer fields, those that may pass. `bytes`: the last ones of the body, which are only there for now. */
  onEnd(trailers: readonly string[], bytes?: Buffer): void
  onAttemptFailed(failure: Failure): void
}

export type AttemptRequest<Body> = {
  readonly method: string
  readonly target: string
  readonly fields: readonly string[]
  readonly body: Body | undefined
  readonly readMs: number
  /** Between two reads of the response body; 0 for no bound. */
  readonly bodyMs: number
}

export class Attempt implements UpstreamAttempt, WiredHandler {
  readonly #owner: AttemptOwner
  readonly #lease: Lease
  readonly #body: Readable | undefined
  #controller: Dispatcher.DispatchController | undefined
  #wire: Wire | undefined
  #reused: boolean
  #progress: Progress
  /** The response ends when the connection does, so a reset must not pass for its end. */
  #endsAtClose: boolean
  #over: boolean

  constructor(owner: AttemptOwner, lease: Lease, body: Readable | undefined) {
    this.#owner = owner
    this.#lease = lease
    this.#body = body
    this.#controller = undefined
    this.#wire = undefined
    this.#reused = false
    this.#progress = 'connecting'
    this.#endsAtClose = false
    this.#over = false
  }

  start({ method, target, fields, body, readMs, bodyMs }: AttemptRequest<Readable>): void {
    this.#lease.dispatch(
      {
        path: target,
        method,
        headers: fieldsForUndici(fields),
        body: body ?? null,
        headersTimeout: readMs,
        bodyTimeout: bodyMs,
      },
      this,
    )
  }

  /** Stops without a word. The connection is closed unless the response was complete. */
  cancel(): void {
    if (this.#over) return
    this.#finish()
    this.#controller?.abort(new Error('cancelled'))
  }

  /** Goes on after `onData` said no. */
  resume(): void {
    if (!this.#over) this.#controller?.resume()
  }

  onWire(wire: Wire): void {
    this.#wire = wire
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller
    // Cancelled while it was waiting for its connection: nothing has been written yet, and nothing will be.
    if (this.#over) {
      controller.abort(new Error('cancelled'))
      return
    }
    this.#wire?.used()
    this.#reused = this.#wire?.reused === true
    this.#progress = 'waiting'
    this.#owner.onConnected()
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number, _headers: unknown, reason?: string): void {
    if (this.#over) return
    const fields = textOf(controller.rawHeaders)
    if (status >= 200) {
      this.#progress = 'receiving'
      this.#endsAtClose = !fields.some((name, at) => at % 2 === 0 && framing.test(name))
    }
    this.#owner.onHead({ status, reason: reason ?? '', fields }, false)
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#over) return
    if (!this.#owner.onData(chunk)) controller.pause()
  }

  onResponseEnd(controller: Dispatcher.DispatchController): void {
    if (this.#over) return
    if (this.#endsAtClose && this.#wire?.wasReset === true) {
      this.#fail({ cause: 'upstream_truncated', detail: 'connection reset within a body without length' })
      return
    }
    const trailers = controller.rawTrailers
    this.#finish()
    this.#owner.onEnd(trailers === null || trailers === undefined ? [] : passableTrailers(textOf(trailers)))
  }

  onResponseError(_controller: Dispatcher.DispatchController | null | undefined, error: Error): void {
    if (this.#over) return
    const failure = failureOf(error, this.#progress)
    const raced = failure.cause === 'upstream_reset' && this.#reused
    this.#fail(raced ? { ...failure, reusedConnection: true } : failure)
  }

  #fail(failure: Failure): void {
    this.#finish()
    this.#owner.onAttemptFailed(failure)
  }

  #finish(): void {
    this.#over = true
    this.#wire?.done()
    // What undici has not taken stays in the client's stream; a body half sent must never look finished.
    this.#body?.destroy()
  }
}

const framing = /^(?:content-length|transfer-encoding)$/i

/** Fields undici writes itself or refuses; they are the hop's, not the message's. */
const hop = /^(?:connection|keep-alive|transfer-encoding|upgrade|expect)$/i

function fieldsForUndici(fields: readonly string[]): string[] {
  const out: string[] = []
  for (let at = 0; at < fields.length; at += 2) if (!hop.test(fields[at]!)) out.push(fields[at]!, fields[at + 1]!)
  return out
}

/** undici gives raw fields as buffers; one character per byte, as everywhere. */
function textOf(raw: unknown): string[] {
  if (!Array.isArray(raw)) return []
  return raw.map((part) => (Buffer.isBuffer(part) ? part.toString('latin1') : String(part)))
}

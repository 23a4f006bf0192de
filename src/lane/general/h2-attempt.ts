/**
 * One try to send an exchange to one endpoint over a stream of HTTP/2. Reports each thing once and in order, and nothing
 * any more after `cancel`.
 */
import { type ClientHttp2Stream, constants } from 'node:http2'
import type { Readable } from 'node:stream'
import { passableTrailers } from '#http/trailers.ts'
import type { Failure } from '#proxy/failure.ts'
import type { AttemptOwner, AttemptRequest, UpstreamAttempt } from './attempt.ts'
import type { H2Session } from './h2-session.ts'
import type { H2Sessions, StreamTaker } from './h2-sessions.ts'
import type { Target } from './target.ts'
import type { Progress } from './upstream-failure.ts'

export class H2Attempt implements UpstreamAttempt, StreamTaker {
  readonly #owner: AttemptOwner
  readonly #request: AttemptRequest<Readable>
  #scheme: string
  #leave: () => void
  #session: H2Session | undefined
  #stream: ClientHttp2Stream | undefined
  #timer: NodeJS.Timeout | undefined
  #progress: Progress
  /** END_STREAM has arrived: a reset that says "no error" would end the stream as quietly. */
  #complete: boolean
  #trailers: string[]
  #over: boolean

  constructor(owner: AttemptOwner, request: AttemptRequest<Readable>) {
    this.#owner = owner
    this.#request = request
    this.#scheme = 'http'
    this.#leave = () => {}
    this.#session = undefined
    this.#stream = undefined
    this.#timer = undefined
    this.#progress = 'connecting'
    this.#complete = false
    this.#trailers = []
    this.#over = false
  }

  start(sessions: H2Sessions, target: Target): void {
    this.#scheme = target.tls === undefined ? 'http' : 'https'
    const leave = sessions.take(target, this)
    if (this.#over || this.#session !== undefined) return
    this.#leave = leave
    // A connection that is being made has a bound of its own; this one is for those that are there but full.
    const { connectMs } = target
    this.#timer = setTimeout(
      () => this.#fail({ cause: 'upstream_busy', detail: `no stream was free within ${connectMs} ms` }),
      connectMs,
    )
  }

  cancel(): void {
    if (this.#over) return
    this.#finish()
    this.#stream?.close(constants.NGHTTP2_CANCEL)
  }

  resume(): void {
    if (this.#over) return
    this.#wait()
    this.#stream?.resume()
  }

  onSession(session: H2Session): void {
    const { body } = this.#request
    this.#session = session
    let stream: ClientHttp2Stream
    try {
      stream = session.open(fieldsForH2(this.#request, this.#scheme), body === undefined)
    } catch (error) {
      return this.#fail({ cause: 'upstream_reset', detail: String(error), unseen: true })
    }
    this.#stream = stream
    this.#progress = 'waiting'
    this.#listen(stream)
    this.#wait()
    this.#owner.onConnected()
    if (this.#over || body === undefined) return
    // What is sent is a sign of life, too, until the answer begins.
    body.on('data', () => this.#progress === 'waiting' && this.#wait())
    body.on('error', () => {})
    body.pipe(stream)
  }

  onNoSession(failure: Failure): void {
    if (!this.#over) this.#fail(failure)
  }

  #listen(stream: ClientHttp2Stream): void {
    const push = stream.push.bind(stream)
    // node ends a stream that was reset without an error just as one that has ended; only the moment tells them apart.
    stream.push = (chunk: Buffer | null, encoding?: BufferEncoding) => {
      if (chunk === null && !stream.closed) this.#complete = true
      return push(chunk, encoding)
    }
    stream.on('headers', (_headers, _flags, raw) => this.#onHead(raw, false))
    stream.on('response', (_headers, flags, raw) =>
      this.#onHead(raw, (flags & constants.NGHTTP2_FLAG_END_STREAM) !== 0),
    )
    stream.on('trailers', (_headers, _flags, raw) => {
      this.#trailers = passableTrailers(fieldsOf(raw))
    })
    stream.on('data', (chunk: Buffer) => this.#onData(chunk))
    stream.on('end', () => this.#onEnd())
    // What matters of an error is in `rstCode` when the stream closes.
    stream.on('error', () => {})
    stream.on('close', () => this.#onClose(stream))
  }

  #onHead(raw: readonly string[], last: boolean): void {
    if (this.#over) return
    const status = Number(statusOf(raw))
    this.#wait()
    if (status >= 200) {
      this.#progress = 'receiving'
      this.#wait()
    }
    this.#owner.onHead({ status, reason: '', fields: fieldsOf(raw) }, last)
  }

  #onData(chunk: Buffer): void {
    if (this.#over) return
    this.#wait()
    if (this.#owner.onData(chunk)) return
    clearTimeout(this.#timer)
    this.#stream?.pause()
  }

  #onEnd(): void {
    if (this.#over || !this.#complete || this.#progress !== 'receiving') return
    const stream = this.#stream!
    const trailers = this.#trailers
    this.#finish()
    // RFC 9113 section 8.1: the answer is complete before the request is, so the rest of that is of no use.
    if (!stream.writableEnded) stream.close(constants.NGHTTP2_NO_ERROR)
    this.#owner.onEnd(trailers)
  }

  #onClose(stream: ClientHttp2Stream): void {
    if (this.#over) return
    const code = stream.rstCode ?? 0
    const detail = `HTTP/2 stream closed by the endpoint with code ${code}`
    const refused = code === constants.NGHTTP2_REFUSED_STREAM || this.#session?.isUnseen(stream) === true
    if (this.#progress === 'receiving') return this.#fail({ cause: 'upstream_truncated', detail })
    if (refused) return this.#fail({ cause: 'upstream_reset', detail, unseen: true })
    const broken = code === constants.NGHTTP2_PROTOCOL_ERROR || code === constants.NGHTTP2_HTTP_1_1_REQUIRED
    if (broken) return this.#fail({ cause: 'upstream_protocol', detail })
    this.#fail({
      cause: 'upstream_reset',
      detail,
      ...(this.#session?.isReused === true ? { reusedConnection: true } : {}),
    })
  }

  #wait(): void {
    clearTimeout(this.#timer)
    const ms = this.#progress === 'receiving' ? this.#request.bodyMs : this.#request.readMs
    if (ms > 0) this.#timer = setTimeout(() => this.#onTimeout(ms), ms)
  }

  /** The connection may be as dead as the stream: nobody else is sent over it. */
  #onTimeout(ms: number): void {
    if (this.#over) return
    this.#session?.retire()
    this.#stream?.close(constants.NGHTTP2_CANCEL)
    this.#fail({ cause: 'upstream_timeout', detail: `no byte of an answer for ${ms} ms` })
  }

  #fail(failure: Failure): void {
    this.#finish()
    this.#owner.onAttemptFailed(failure)
  }

  #finish(): void {
    this.#over = true
    clearTimeout(this.#timer)
    this.#leave()
    const { body } = this.#request
    if (this.#stream !== undefined) body?.unpipe(this.#stream)
    body?.destroy()
  }
}

/** RFC 9113 section 8.2.2: fields of the connection have no place here, and Host becomes :authority. */
const hop = /^(?:connection|keep-alive|proxy-connection|transfer-encoding|upgrade|expect|host)$/

function fieldsForH2({ method, target, fields }: AttemptRequest<Readable>, scheme: string): string[] {
  let authority = ''
  const out: string[] = []
  for (let at = 0; at < fields.length; at += 2) {
    const name = fields[at]!.toLowerCase()
    if (name === 'host') authority = fields[at + 1]!
    if (!hop.test(name)) out.push(name, fields[at + 1]!)
  }
  return [':method', method, ':scheme', scheme, ':authority', authority, ':path', target, ...out]
}

function fieldsOf(raw: readonly string[]): string[] {
  const fields: string[] = []
  for (let at = 0; at < raw.length; at += 2) if (!raw[at]!.startsWith(':')) fields.push(raw[at]!, raw[at + 1]!)
  return fields
}

function statusOf(raw: readonly string[]): string {
  for (let at = 0; at < raw.length; at += 2) if (raw[at] === ':status') return raw[at + 1]!
  return ''
}

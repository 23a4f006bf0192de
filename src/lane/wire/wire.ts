/**
 * One connection to an endpoint: carries requests and reads their responses, one at a time. All wires of the lane read
 * into one buffer, so whoever is told of bytes uses or copies them before returning.
 */
import { connect, type Socket } from 'node:net'
import type { BodyFraming } from '#http/framing.ts'
import type { ResponseHead } from '#http/head.ts'
import { passableTrailers } from '#http/trailers.ts'
import type { Cause, Failure } from '#proxy/failure.ts'
import type { Limits } from '#proxy/limits.ts'
import { BodyDecoder } from './body.ts'
import type { EndpointMemory } from './endpoint-memory.ts'
import { free } from './free.ts'
import { type HeadParser, isWorthParsing } from './parse.ts'
import type { Ticker, Ticking } from './ticker.ts'

/** Who has sent a request over a wire. Told nothing any more once the response is complete or the wire is cut. */
export interface WireUser {
  /** Connected: the request can be written. */
  onWireReady(): void
  /** A head, interim ones included. `framing`: of the body that follows a final one; none when the head is no good. */
  onWireHead(head: ResponseHead, framing: BodyFraming | undefined): void
  /** Data of the body, none after a head whose body takes its time. `wire.pause` when it is too much. */
  onWireBody(bytes: Buffer, start: number, end: number): void
  /** The response is complete, with these last bytes and trailers. The wire is not the user's any more. */
  onWireEnd(bytes: Buffer, start: number, end: number, trailers: readonly string[]): void
  /** The wire is cut. */
  onWireFailed(failure: Failure): void
  /** The endpoint takes more again. */
  onWireDrain(): void
}

/** Where wires come from and go back to. */
export interface WireHost {
  readonly ticker: Ticker
  readonly parser: HeadParser
  readonly buffer: Buffer
  readonly limits: Limits
  /** It can carry another request. */
  onWireIdle(wire: Wire): void
  /** It cannot, ever. May be told more than once. */
  onWireGone(wire: Wire): void
}

export type WireInit = {
  readonly address: string
  readonly port: number
  readonly connectMs: number
  readonly host: WireHost
  /** Shared by all wires to the endpoint. */
  readonly memory: EndpointMemory
}

type Phase = 'connecting' | 'idle' | 'head' | 'body' | 'gone'

const noBody: BodyFraming = { kind: 'none' }
/** Before it is asked whether the other side is still there. */
const probeAfterMs = 30_000

export class Wire implements Ticking {
  readonly memory: EndpointMemory
  readonly #host: WireHost
  readonly #socket: Socket
  readonly #body: BodyDecoder
  #phase: Phase
  #user: WireUser | undefined
  #method: string
  #readMs: number
  #requests: number
  /** When it is too old to be kept; 0 for never. */
  readonly #keepUntil: number
  /** The request of this moment was written to its end. */
  #isSent: boolean
  /** A byte of its response has come. */
  #isAnswered: boolean
  /** Milliseconds it may idle after the response of this moment; 0 for not at all. */
  #idleMs: number
  #partial: Buffer | undefined
  /** What is read into: the lane's, or one of its own. */
  #buffer: Buffer
  /** The last read has filled it. */
  #isFilled: boolean
  /** What can be freed when everything is out. */
  #unfreed: Buffer | undefined
  #deadline: number
  #error: Error | undefined

  constructor({ address, port, connectMs, host, memory }: WireInit) {
    this.memory = memory
    this.#host = host
    this.#body = new BodyDecoder(host.parser, 'response')
    this.#phase = 'connecting'
    this.#user = undefined
    this.#method = ''
    this.#readMs = 0
    this.#requests = 0
    const { upstreamLifetimeMs } = host.limits
    this.#keepUntil = upstreamLifetimeMs === 0 ? 0 : host.ticker.after(upstreamLifetimeMs)
    this.#isSent = false
    this.#isAnswered = false
    this.#idleMs = 0
    this.#partial = undefined
    this.#buffer = host.buffer
    this.#isFilled = false
    this.#unfreed = undefined
    this.#deadline = host.ticker.after(connectMs)
    this.#error = undefined
    this.#socket = connect({
      host: address,
      port,
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: probeAfterMs,
      onread: { buffer: () => this.#nextBuffer(), callback: (count, buffer) => this.#onRead(count, buffer) },
    })
    this.#listen()
  }

  get isReady(): boolean {
    return this.#phase === 'head'
  }

  /** The endpoint has stopped taking more: wait for `onWireDrain`. */
  get isFull(): boolean {
    return this.#socket.writableNeedDrain && this.#socket.writableLength > 0
  }

  /** Whether nobody else reads into the bytes of this moment's `onWireBody`: they stay as they are while it is paused. */
  get isPrivate(): boolean {
    return this.#buffer !== this.#host.buffer
  }

  /** The private bytes of this moment's `onWireBody` are its user's for good: the wire reads into others. */
  giveAway(): void {
    this.#buffer = this.#host.buffer
  }

  /** Takes the wire for one request. It is `isReady` now, or says so later. */
  begin(user: WireUser, method: string, readMs: number): void {
    this.#user = user
    this.#method = method
    this.#readMs = readMs
    this.#requests++
    this.#isSent = false
    this.#isAnswered = false
    if (this.#phase !== 'idle') return
    this.#phase = 'head'
    this.#deadline = 0
  }

  /** Text of one character per byte. */
  writeText(text: string): void {
    this.#socket.write(text, 'latin1')
  }

  /** The `pieces` must not change any more. */
  writeParts(before: string, pieces: readonly Buffer[], after: string): void {
    this.#socket.cork()
    if (before !== '') this.#socket.write(before, 'latin1')
    for (const piece of pieces) this.#socket.write(piece)
    if (after !== '') this.#socket.write(after, 'latin1')
    this.#socket.uncork()
  }

  /**
   * Gives the memory of `bytes` back when all that was written is out, instead of waiting for the garbage to be
   * collected. Nobody may look at them again.
   */
  freeOnceOut(bytes: Buffer): void {
    if (this.#socket.writableLength === 0) free(bytes)
    else if (this.#socket.writableNeedDrain) this.#unfreed = bytes
  }

  /** The request was written to its end; from now on the endpoint is waited for. */
  sent(): void {
    this.#isSent = true
    this.#deadline = this.#host.ticker.after(this.#readMs)
  }

  /** From now on the endpoint may be silent for so long. */
  bearWith(ms: number): void {
    this.#readMs = ms
    if (this.#isSent) this.#deadline = this.#host.ticker.after(ms)
  }

  /** Fails the request when the endpoint takes nothing for this long; 0 stops the watch. */
  watchWrites(ms: number): void {
    this.#socket.setTimeout(ms)
  }

  pause(): void {
    this.#deadline = 0
    this.#socket.pause()
  }

  resume(): void {
    if (this.#phase === 'gone' || this.#user === undefined) return
    if (this.#isSent) this.#deadline = this.#host.ticker.after(this.#readMs)
    this.#socket.resume()
  }

  /** Closes it at once and says nothing to its user. */
  cut(): void {
    this.#user = undefined
    if (this.#phase === 'gone') return
    this.#phase = 'gone'
    this.#host.onWireGone(this)
    this.#socket.destroy()
  }

  onTick(now: number): void {
    if (this.#deadline === 0 || now < this.#deadline) return
    if (this.#phase === 'connecting') this.#fail('connect_timeout', 'no connection in time')
    else if (this.#phase === 'idle') this.cut()
    else this.#fail('upstream_timeout', 'endpoint stopped sending')
  }

  #listen(): void {
    this.#socket
      .on('connect', () => this.#onConnect())
      .on('error', (error) => {
        this.#error = error
      })
      .on('end', () => this.#onEnd())
      .on('close', () => this.#onClose())
      .on('drain', () => this.#onDrain())
      .on('timeout', () => this.#fail('upstream_timeout', 'endpoint stopped reading the request body'))
  }

  #onConnect(): void {
    if (this.#phase !== 'connecting') return
    this.#phase = 'head'
    this.#deadline = 0
    this.#user?.onWireReady()
  }

  /**
   * Where the next bytes go. node asks before the first read and after every one; what is no buffer means the last one
   * again. A long body gets buffers of its own, which can be passed on without a copy.
   */
  #nextBuffer(): Buffer {
    const isOwn = this.#isFilled && this.#phase === 'body' && this.#partial === undefined
    if (!isOwn) this.#buffer = this.#host.buffer
    else if (this.#buffer === this.#host.buffer) this.#buffer = Buffer.allocUnsafeSlow(this.#host.buffer.length)
    return this.#buffer
  }

  #onRead(count: number, buffer: Uint8Array): boolean {
    this.#isFilled = count === buffer.length
    // It came from `#nextBuffer`.
    this.#read(buffer as Buffer, count)
    return true
  }

  #read(buffer: Buffer, count: number): void {
    if (this.#phase !== 'head' && this.#phase !== 'body') {
      // Nobody has asked: what stands there could only answer the wrong request.
      this.cut()
      return
    }
    this.#isAnswered = true
    if (this.#isSent) this.#deadline = this.#host.ticker.after(this.#readMs)
    const partial = this.#partial
    if (partial === undefined) return this.#readMessage(buffer, 0, count)
    const piece = buffer.subarray(0, count)
    const bytes = Buffer.concat([partial, piece])
    this.#partial = undefined
    if (isWorthParsing(piece) || bytes.length > this.#host.buffer.length) this.#readMessage(bytes, 0, bytes.length)
    else this.#partial = bytes
  }

  #readMessage(bytes: Buffer, start: number, end: number): void {
    const user = this.#user
    let at = start
    while (this.#phase === 'head') {
      const outcome = this.#host.parser.response(bytes, at, end, this.memory.block)
      if (outcome === 'more') {
        if (at < end) this.#partial = Buffer.from(bytes.subarray(at, end))
        return
      }
      if (outcome !== 'head')
        return this.#fail('upstream_protocol', outcome === 'bad' ? this.#host.parser.detail : 'response head too large')
      at = this.#host.parser.end
      this.#takeHead()
      if (this.#user !== user) return
    }
    this.#readBody(bytes, at, end)
  }

  #takeHead(): void {
    const { parser, limits } = this.#host
    const { version, status, reason } = parser
    const { framing, idleMs } = this.memory.judge(parser, this.#method, limits.upstreamIdleTimeoutMs)
    if (version === '1.0' && framing?.kind === 'chunked')
      return this.#fail('upstream_protocol', 'transfer-encoding in HTTP/1.0')
    if (status >= 200) {
      this.#idleMs = idleMs
      this.#body.begin(framing ?? noBody)
      this.#phase = 'body'
    }
    // Nobody changes the list: the proxy makes another one of it.
    this.#user?.onWireHead({ status, reason, fields: parser.responseBlock.fields as string[] }, framing)
  }

  #readBody(bytes: Buffer, start: number, end: number): void {
    const body = this.#body
    if (body.done) return this.#complete(bytes, start, start, end)
    body.decode(bytes, start, end)
    if (body.broken !== undefined) return this.#fail('upstream_truncated', body.broken)
    if (body.done) this.#complete(bytes, start, body.end, end)
    else this.#user!.onWireBody(bytes, start, start + body.length)
  }

  /** Bytes behind the body (up to `end`) were not asked for. */
  #complete(bytes: Buffer, start: number, bodyEnd: number, end: number): void {
    const user = this.#user!
    const { length, trailers } = this.#body
    if (bodyEnd === end && this.#isOut() && this.#idleMs > 0 && this.#mayStay()) this.#idle()
    else this.cut()
    user.onWireEnd(bytes, start, start + length, trailers.length === 0 ? trailers : passableTrailers(trailers))
  }

  /** The kernel has all of the request. An endpoint that answers sooner may never read the rest, nor what comes behind. */
  #isOut(): boolean {
    return this.#isSent && this.#socket.writableLength === 0
  }

  #mayStay(): boolean {
    const { ticker, limits } = this.#host
    if (limits.upstreamRequests > 0 && this.#requests >= limits.upstreamRequests) return false
    return this.#keepUntil === 0 || ticker.now < this.#keepUntil
  }

  #idle(): void {
    this.#user = undefined
    this.#phase = 'idle'
    this.#deadline = this.#host.ticker.before(this.#idleMs)
    this.#host.onWireIdle(this)
  }

  #onDrain(): void {
    if (this.#unfreed !== undefined) free(this.#unfreed)
    this.#unfreed = undefined
    this.#user?.onWireDrain()
  }

  #onEnd(): void {
    const user = this.#user
    if (this.#phase !== 'body' || !this.#body.isUntilClose || user === undefined) return this.#lost()
    this.cut()
    user.onWireEnd(this.#host.buffer, 0, 0, [])
  }

  #onClose(): void {
    this.#lost()
  }

  /** The endpoint has closed the connection, or there never was one. */
  #lost(): void {
    const detail = this.#error === undefined ? 'connection closed by the endpoint' : detailOf(this.#error)
    if (this.#phase === 'connecting') this.#fail('connect_failed', detail)
    else if (this.#phase === 'body') this.#fail('upstream_truncated', detail)
    else if (this.#phase === 'head') this.#fail('upstream_reset', detail)
    else this.cut()
  }

  #fail(cause: Cause, detail: string): void {
    const user = this.#user
    const raced = cause === 'upstream_reset' && this.#requests > 1 && !this.#isAnswered
    this.cut()
    user?.onWireFailed(raced ? { cause, detail, reusedConnection: true } : { cause, detail })
  }
}

function detailOf(error: Error): string {
  return 'code' in error && typeof error.code === 'string' ? `${error.code} ${error.message}` : error.message
}

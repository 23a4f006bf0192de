/**
 * Moves the bytes of connections that are passed on unread: both ways, with backpressure, until both sides have ended or
 * nothing has moved for long enough.
 */
import { connect, type Socket } from 'node:net'
import type { Connection } from '#proxy/connection.ts'
import type { Failure } from '#proxy/failure.ts'
import type { Observer } from '#proxy/observer.ts'
import { type Stream, StreamJudge, type StreamEnv } from '#proxy/stream.ts'
import { emptyWithin } from '../empty-within.ts'

export type StreamLaneInit = StreamEnv & {
  readonly observer: Observer
  /** Milliseconds that never go back. */
  readonly monotonic: () => number
}

/** What a listener knows of a connection that is passed on. */
export type PassedOn = Pick<Stream, 'serverName' | 'spec'> & { readonly connection: Connection }

export class StreamLane {
  readonly #init: StreamLaneInit
  readonly #judge: StreamJudge
  readonly #open = new Set<Socket>()
  #closed = false

  constructor(init: StreamLaneInit) {
    this.#init = init
    this.#judge = new StreamJudge(init)
  }

  /** Takes over a socket for good. It is paused, and what the client has sent is in it. */
  serve(socket: Socket, passed: PassedOn): void {
    if (this.#closed) {
      socket.destroy()
      return
    }
    const { observer, monotonic } = this.#init
    const stream: Stream = {
      ...passed,
      startedAt: Date.now(),
      startedTick: monotonic(),
      upstream: undefined,
      endpoint: undefined,
      tried: [],
      sentBytes: 0,
      receivedBytes: 0,
      failure: undefined,
      durationMs: 0,
    }
    observer.onStreamBegun()
    this.#open.add(socket)
    socket.on('error', () => {})
    socket.once('close', () => {
      this.#open.delete(socket)
      stream.durationMs = monotonic() - stream.startedTick
      observer.onStreamEnded(stream)
    })
    const refusal = this.#judge.refusal(stream)
    if (refusal === undefined) this.#attempt(socket, stream)
    else giveUp(socket, stream, refusal)
  }

  /** Clients cannot be told: waits until they are done, and cuts the rest. Resolves with how many that were. */
  async drain(timeoutMs: number): Promise<number> {
    await emptyWithin(() => this.#open.size, timeoutMs)
    const cut = this.#open.size
    this.close()
    return cut
  }

  close(): void {
    this.#closed = true
    for (const socket of this.#open) socket.destroy()
  }

  #attempt(socket: Socket, stream: Stream): void {
    const next = this.#judge.next(stream)
    if ('cause' in next) return giveUp(socket, stream, next)
    const { observer } = this.#init
    stream.endpoint = next
    stream.tried.push(next)
    next.acquire(Date.now())
    const target = connect({ host: next.spec.address, port: next.spec.port, noDelay: true, allowHalfOpen: true })
    const limit = setTimeout(() => fail({ cause: 'connect_timeout', detail: next.id }), stream.spec.connectMs)
    const settled = (): void => {
      clearTimeout(limit)
      target.off('error', onError).off('connect', onConnect)
      socket.off('close', onLeft)
    }
    const fail = (failure: Failure): void => {
      settled()
      target.on('error', () => {}).destroy()
      next.release()
      next.consecutiveFailures++
      const { upstream } = stream
      observer.onOutcome(upstream!.id, next.id, false)
      observer.onSuspect(upstream!.id)
      stream.failure = failure
      this.#attempt(socket, stream)
    }
    const onError = (error: Error): void => fail({ cause: 'connect_failed', detail: `${next.id}: ${error.message}` })
    const onLeft = (): void => {
      settled()
      target.on('error', () => {}).destroy()
      next.release()
      stream.failure ??= { cause: 'client_abort', detail: '' }
    }
    const onConnect = (): void => {
      settled()
      stream.failure = undefined
      next.consecutiveFailures = 0
      observer.onOutcome(stream.upstream!.id, next.id, true)
      target.once('close', () => next.release())
      relay(socket, target, stream)
    }
    target.once('error', onError).once('connect', onConnect)
    socket.once('close', onLeft)
  }
}

function giveUp(socket: Socket, stream: Stream, failure: Failure): void {
  stream.failure = failure
  socket.destroy()
}

/** Either side may end before the other; a side that breaks off takes the other with it. */
function relay(socket: Socket, target: Socket, stream: Stream): void {
  let moved = 0
  const idle = setInterval(() => {
    const total = target.bytesRead + target.bytesWritten
    if (total !== moved) {
      moved = total
      return
    }
    giveUp(socket, stream, { cause: 'stream_idle', detail: '' })
  }, stream.spec.idleMs)
  socket.allowHalfOpen = true
  let ended = false
  target.once('end', () => (ended = true))
  target.on('error', (error) => {
    stream.failure ??= { cause: 'upstream_reset', detail: error.message }
  })
  target.once('close', () => {
    stream.sentBytes = target.bytesWritten
    stream.receivedBytes = target.bytesRead
    if (!ended) socket.destroy()
  })
  socket.once('close', () => {
    clearInterval(idle)
    stream.sentBytes = target.bytesWritten
    stream.receivedBytes = target.bytesRead
    if (!ended && !socket.readableEnded) stream.failure ??= { cause: 'client_abort', detail: '' }
    target.destroy()
  })
  socket.pipe(target)
  target.pipe(socket)
}

/**
 * A response body that leaves no faster than it may: what comes too early is held, its source is paused, and one timer
 * runs while something waits. Holds what one read of the endpoint brings, never more.
 */
import type { Route } from '#proxy/route.ts'
import type { Downstream } from './downstream.ts'

export type Pace = NonNullable<Route['pace']>

export type PaceClock = {
  /** Milliseconds that never go back. */
  readonly monotonic: () => number
  /** Calls back once, after so many milliseconds, unless the result is called before. */
  readonly later: (ms: number, run: () => void) => () => void
}

export type PacedBodyInit = {
  readonly pace: Pace
  readonly clock: PaceClock
  readonly downstream: Pick<Downstream, 'write' | 'end'>
  /** So many bytes were handed over. */
  readonly onWritten: (bytes: number) => void
  /** Nothing is held any more: the source may go on. */
  readonly onEmpty: () => void
}

/** Between two pieces: often enough to look like a steady stream, seldom enough to cost nothing. */
export const pieceMs = 100

export class PacedBody {
  readonly #init: PacedBodyInit
  readonly #startedTick: number
  #held: Buffer[]
  #sent: number
  /** The client takes nothing at the moment. */
  #isFull: boolean
  /** Set once the body has ended. */
  #trailers: readonly string[] | undefined
  #isOver: boolean
  #cancel: (() => void) | undefined

  constructor(init: PacedBodyInit) {
    this.#init = init
    this.#startedTick = init.clock.monotonic()
    this.#held = []
    this.#sent = 0
    this.#isFull = false
    this.#trailers = undefined
    this.#isOver = false
    this.#cancel = undefined
  }

  /** Whether it takes more at once; else `onEmpty` says when. The chunk is only there for now: it is copied. */
  write(chunk: Buffer): boolean {
    this.#held.push(Buffer.from(chunk))
    if (this.#held.length === 1) this.#pump()
    return this.#held.length === 0 && !this.#isFull
  }

  end(trailers: readonly string[]): void {
    this.#trailers = trailers
    if (this.#held.length === 0) this.#goOn()
  }

  /** The client takes more again. */
  onDrain(): void {
    this.#isFull = false
    this.#pump()
    if (this.#held.length === 0) this.#goOn()
  }

  /** Nothing happens any more. */
  cancel(): void {
    this.#cancel?.()
    this.#cancel = undefined
    this.#isOver = true
    this.#held = []
  }

  #pump(): void {
    if (this.#cancel !== undefined) return
    while (this.#held.length > 0 && !this.#isFull) {
      const room = this.#room()
      if (room <= 0) return this.#wait()
      const [chunk] = this.#held
      const piece = chunk!.subarray(0, room)
      if (piece.length === chunk!.length) this.#held.shift()
      else this.#held[0] = chunk!.subarray(piece.length)
      this.#sent += piece.length
      this.#init.onWritten(piece.length)
      this.#isFull = !this.#init.downstream.write(piece)
    }
  }

  /** What may leave now: what time has earned, and what the next moment will. */
  #room(): number {
    const { pace, clock } = this.#init
    const earnedMs = clock.monotonic() - this.#startedTick + pieceMs
    return Math.floor(pace.afterBytes + (pace.bytesPerSecond * earnedMs) / 1000) - this.#sent
  }

  #wait(): void {
    this.#cancel = this.#init.clock.later(pieceMs, () => {
      this.#cancel = undefined
      this.#pump()
      if (this.#held.length === 0 && !this.#isFull) this.#goOn()
    })
  }

  #goOn(): void {
    if (this.#isOver) return
    if (this.#trailers === undefined) return this.#init.onEmpty()
    this.#isOver = true
    this.#init.downstream.end(this.#trailers)
  }
}

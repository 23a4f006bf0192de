/** Clear connections of which nothing is known yet: their first bytes say which HTTP they speak. */
import type { Socket } from 'node:net'
import { speaksHttp2 } from '#lane/wire/preface.ts'
import type { Ticker, Ticking } from '#lane/wire/ticker.ts'
import type { Connection } from '#proxy/connection.ts'

/** Who goes on with the connection. `early`: what was read of it. */
export type Seat = (socket: Socket, connection: Connection, early: Buffer) => void

export class Newcomers {
  readonly #ticker: Ticker
  readonly #seat: Seat
  readonly #waiting = new Set<Newcomer>()

  constructor(ticker: Ticker, seat: Seat) {
    this.#ticker = ticker
    this.#seat = seat
    ticker.watch(this.#waiting)
  }

  /** Closes the connection if nothing comes within `timeoutMs`. */
  add(socket: Socket, connection: Connection, timeoutMs: number): void {
    const newcomer = new Newcomer(socket, this.#ticker.after(timeoutMs), (early) => {
      this.#waiting.delete(newcomer)
      if (early !== undefined) this.#seat(socket, connection, early)
    })
    this.#waiting.add(newcomer)
  }

  /** Seats all, whatever they have said. */
  seat(): void {
    for (const newcomer of this.#waiting) newcomer.leave()
  }
}

const nothing = Buffer.alloc(0)

class Newcomer implements Ticking {
  readonly #socket: Socket
  readonly #deadline: number
  readonly #done: (early: Buffer | undefined) => void
  #early: Buffer

  constructor(socket: Socket, deadline: number, done: (early: Buffer | undefined) => void) {
    this.#socket = socket
    this.#deadline = deadline
    this.#done = done
    this.#early = nothing
    socket.on('data', this.#onData).on('close', this.#onClose)
  }

  leave(): void {
    this.#socket.off('data', this.#onData).off('close', this.#onClose)
    this.#socket.pause()
    this.#done(this.#early)
  }

  onTick(now: number): void {
    if (now < this.#deadline) return
    if (this.#early.length === 0) this.#socket.destroy()
    else this.leave()
  }

  readonly #onData = (chunk: Buffer): void => {
    this.#early = this.#early.length === 0 ? chunk : Buffer.concat([this.#early, chunk])
    if (speaksHttp2(this.#early) !== undefined) this.leave()
  }

  readonly #onClose = (): void => this.#done(undefined)
}

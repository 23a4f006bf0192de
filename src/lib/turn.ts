/**
 * Something that only one worker may use at a time. Nobody waits for it: who does not get it goes on with other work and
 * comes again, so a worker that keeps it costs the others nothing but the use of it.
 */

/** A cell that all of them share. */
export function createTurn(): SharedArrayBuffer {
  return new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT)
}

/** Gives back what the worker of this row had: it is no more. */
export function endTurn(buffer: SharedArrayBuffer, row: number): void {
  Atomics.compareExchange(new Int32Array(buffer), 0, row + 1, nobody)
}

/** Rows count from 0. */
const nobody = 0

export class Turn {
  readonly #cell: Int32Array
  readonly #own: number

  constructor(buffer: SharedArrayBuffer, row: number) {
    this.#cell = new Int32Array(buffer)
    this.#own = row + 1
  }

  /** Whether it is ours now. Pairs with `pass`. */
  take(): boolean {
    return Atomics.compareExchange(this.#cell, 0, nobody, this.#own) === nobody
  }

  pass(): void {
    Atomics.compareExchange(this.#cell, 0, this.#own, nobody)
  }
}

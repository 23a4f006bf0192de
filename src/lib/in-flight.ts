/**
 * How many of a key are under way, for keys without number, in memory of a fixed size: a count-min sketch. Keys may
 * share counters, so a count can be too high, but never too low. Every worker writes only a row of its own and anyone
 * may add the rows up: a worker that dies takes its counts with it when its row is cleared.
 */
import { type HashKey, halfSipHash } from './half-siphash.ts'

/** Counters that a key has; its count is the lowest of them. */
const depth = 4
/** With a thousand keys under way, one key in a hundred thousand finds all of its counters in use by others. */
export const defaultWidth = 16_384
const headerWords = 2

/** `width` is a power of two. */
export function createInFlight(rows: number, width: number, key: HashKey): SharedArrayBuffer {
  const buffer = new SharedArrayBuffer((headerWords + rows * depth * width) * 4)
  new Uint32Array(buffer, 0, headerWords).set(key)
  return buffer
}

/** Forgets what the worker of this row had under way: it is no more. */
export function clearInFlight(buffer: SharedArrayBuffer, rows: number, row: number): void {
  const cells = new Int32Array(buffer, headerWords * 4)
  const stride = cells.length / rows
  cells.fill(0, row * stride, (row + 1) * stride)
}

export class InFlight {
  readonly #cells: Int32Array
  readonly #key: HashKey
  readonly #stride: number
  readonly #width: number
  readonly #own: number
  readonly #hash = new Uint32Array(2)

  constructor(buffer: SharedArrayBuffer, { rows, row }: { readonly rows: number; readonly row: number }) {
    const key = new Uint32Array(buffer, 0, headerWords)
    this.#key = [key[0]!, key[1]!]
    this.#cells = new Int32Array(buffer, headerWords * 4)
    this.#stride = this.#cells.length / rows
    this.#width = this.#stride / depth
    this.#own = row * this.#stride
  }

  add(key: string, delta: 1 | -1): void {
    halfSipHash(key, this.#key, this.#hash)
    for (let level = 0; level < depth; level++) {
      const cell = this.#own + this.#counter(level)
      // Nobody else writes this row, so reading and storing need not be one step.
      Atomics.store(this.#cells, cell, Atomics.load(this.#cells, cell) + delta)
    }
  }

  /** In all workers. At least what is true. */
  count(key: string): number {
    halfSipHash(key, this.#key, this.#hash)
    let least = Infinity
    for (let level = 0; level < depth; level++) {
      let sum = 0
      for (let cell = this.#counter(level); cell < this.#cells.length; cell += this.#stride)
        sum += Atomics.load(this.#cells, cell)
      least = Math.min(least, sum)
    }
    return least
  }

  #counter(level: number): number {
    // An odd step reaches another counter on every level, whatever the first word is.
    const hash = (this.#hash[0]! + Math.imul(level, this.#hash[1]! | 1)) >>> 0
    return level * this.#width + (hash % this.#width)
  }
}

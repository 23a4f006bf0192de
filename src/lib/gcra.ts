/**
 * Rate limits by the generic cell rate algorithm (ITU-T I.371, the leaky bucket as a meter): the whole state of one key
 * is one number, the time at which its bucket will be empty. The numbers live in shared memory of a fixed size, so
 * every worker counts together and no number of clients can make it grow.
 *
 * A key's hash chooses a bucket of eight cells. A key takes the cell that carries its tag, else one whose time has
 * passed: it is empty, and forgetting an empty bucket changes nothing. When all eight belong to keys that are still
 * draining, nobody is pushed out, for that would give somebody a fresh allowance: the newcomer shares the cell that is
 * nearest to being empty. So a flood of keys can make limits stricter for others, never looser for anyone.
 */
import { type HashKey, halfSipHash } from './half-siphash.ts'

/** How fast a bucket drains and how full it may get. */
export type Rate = {
  /** What one request adds, in milliseconds of draining. */
  readonly intervalMs: number
  /** A request is let through while the bucket is at most this full; 0 for one request per interval and no burst. */
  readonly toleranceMs: number
}

export type Taken = {
  readonly allowed: boolean
  /** How full the bucket is now: it is empty after so many milliseconds. */
  readonly fullMs: number
}

/** Four years of 1/512 ms fit beside 18 bits of tag: the tag and the time's upper 14 bits make the upper word of a cell. */
const ticksPerMs = 512
const highTimeBits = 14
const wordSize = 2 ** 32
const ways = 8
/** Words of 64 bits in front of the cells: the hash key, and the time that counts as zero. */
const headerWords = 2
/** Losing so many races for one cell in a row means that something is wrong; then the answer is no. */
const patience = 64
/** Where the upper half of a 64-bit word is, in words of 32 bits: that depends on the machine. */
const upper = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1 ? 1 : 0

/** 2 MiB: a quarter of a million keys. */
export const defaultCells = 262_144

/** `cells` is a power of two of at least 8; `key` is random, so that nobody can aim at a bucket. */
export function createRateCells(cells: number, key: HashKey, now: number): SharedArrayBuffer {
  const buffer = new SharedArrayBuffer((headerWords + cells) * 8)
  new Uint32Array(buffer, 0, 2).set(key)
  // Zero means an empty cell, so time begins a little later.
  new Float64Array(buffer, 8, 1)[0] = now - 1
  return buffer
}

/** One worker's view of the shared cells. Many may take at once. */
export class RateCells {
  /** The same memory twice: whole cells are exchanged, halves are read, which is several times as quick. */
  readonly #cells: BigUint64Array
  readonly #halves: Uint32Array
  readonly #key: HashKey
  readonly #base: number
  readonly #buckets: number
  readonly #now: () => number
  readonly #hash = new Uint32Array(2)

  /** `now` in milliseconds on a clock that never goes back and that all workers share. */
  constructor(buffer: SharedArrayBuffer, now: () => number) {
    const key = new Uint32Array(buffer, 0, 2)
    this.#key = [key[0]!, key[1]!]
    this.#base = new Float64Array(buffer, 8, 1)[0]!
    this.#cells = new BigUint64Array(buffer, headerWords * 8)
    this.#halves = new Uint32Array(buffer, headerWords * 8)
    this.#buckets = this.#cells.length / ways
    this.#now = now
  }

  /** Counts one request of this key, unless its bucket is too full: a refused request costs nothing. */
  take(key: string, { intervalMs, toleranceMs }: Rate): Taken {
    const now = this.#ticks()
    const interval = Math.max(1, Math.round(intervalMs * ticksPerMs))
    for (let attempt = 0; attempt < patience; attempt++) {
      const cell = this.#find(key, now)
      const empty = Math.max(cell.time, now)
      if (empty - now > toleranceMs * ticksPerMs) return { allowed: false, fullMs: (empty - now) / ticksPerMs }
      if (this.#exchange(cell, empty + interval))
        return { allowed: true, fullMs: (empty + interval - now) / ticksPerMs }
    }
    return { allowed: false, fullMs: toleranceMs + intervalMs }
  }

  /** Takes back what `take` has counted: another limit refused the request. */
  refund(key: string, { intervalMs }: Rate): void {
    const now = this.#ticks()
    const interval = Math.max(1, Math.round(intervalMs * ticksPerMs))
    for (let attempt = 0; attempt < patience; attempt++) {
      const cell = this.#find(key, now)
      if (cell.isShared || cell.time <= now || this.#exchange(cell, cell.time - interval)) return
    }
  }

  #ticks(): number {
    return Math.floor((this.#now() - this.#base) * ticksPerMs)
  }

  /** The cell of this key, the one it may have, or the one it has to share. */
  #find(key: string, now: number): Cell {
    halfSipHash(key, this.#key, this.#hash)
    const first = (this.#hash[0]! % this.#buckets) * ways
    const tag = this.#hash[1]! >>> highTimeBits
    let free: Cell | undefined
    let least: Cell | undefined
    for (let index = first; index < first + ways; index++) {
      const high = Atomics.load(this.#halves, index * 2 + upper)
      const low = Atomics.load(this.#halves, index * 2 + 1 - upper)
      const time = (high & ((1 << highTimeBits) - 1)) * wordSize + low
      if (time <= now) free ??= { index, high, low, time, tag, isShared: false }
      else if (high >>> highTimeBits === tag) return { index, high, low, time, tag, isShared: false }
      else if (least === undefined || time < least.time)
        least = { index, high, low, time, tag: high >>> highTimeBits, isShared: true }
    }
    // A bucket has eight cells, each of which is one of the two.
    return free ?? least!
  }

  /** False when somebody was quicker, or when the two halves were not read in one moment. */
  #exchange({ index, high, low, tag }: Cell, time: number): boolean {
    const before = cellOf(high, low)
    const upperTime = Math.floor(time / wordSize) & ((1 << highTimeBits) - 1)
    const after = cellOf(((tag << highTimeBits) | upperTime) >>> 0, time >>> 0)
    return Atomics.compareExchange(this.#cells, index, before, after) === before
  }
}

type Cell = {
  readonly index: number
  /** As read. */
  readonly high: number
  readonly low: number
  readonly time: number
  /** To be written. */
  readonly tag: number
  /** It belongs to another key. */
  readonly isShared: boolean
}

function cellOf(high: number, low: number): bigint {
  return (BigInt(high) << 32n) | BigInt(low)
}

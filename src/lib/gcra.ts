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

/** Four years of 1/512 ms fit beside 18 bits of tag. */
const ticksPerMs = 512
const timeBits = 46n
const highTimeBits = 14
const ways = 8
/** Words in front of the cells: the hash key, and the time that counts as zero. */
const headerWords = 2
/** Losing so many races for one cell in a row means that something is wrong; then the answer is no. */
const patience = 64

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
  readonly #cells: BigUint64Array
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
    this.#buckets = this.#cells.length / ways
    this.#now = now
  }

  /** Counts one request of this key, unless its bucket is too full: a refused request costs nothing. */
  take(key: string, { intervalMs, toleranceMs }: Rate): Taken {
    const now = this.#ticks()
    const interval = Math.max(1, Math.round(intervalMs * ticksPerMs))
    for (let attempt = 0; attempt < patience; attempt++) {
      const { index, cell, tag } = this.#find(key, now)
      const empty = Math.max(timeOf(cell), now)
      if (empty - now > toleranceMs * ticksPerMs) return { allowed: false, fullMs: (empty - now) / ticksPerMs }
      const next = cellOf(tag, empty + interval)
      if (Atomics.compareExchange(this.#cells, index, cell, next) === cell) return { allowed: true, fullMs: (empty + interval - now) / ticksPerMs }
    }
    return { allowed: false, fullMs: toleranceMs + intervalMs }
  }

  /** Takes back what `take` has counted: another limit refused the request. */
  refund(key: string, { intervalMs }: Rate): void {
    const now = this.#ticks()
    const interval = Math.max(1, Math.round(intervalMs * ticksPerMs))
    for (let attempt = 0; attempt < patience; attempt++) {
      const { index, cell, tag, isShared } = this.#find(key, now)
      if (isShared || timeOf(cell) <= now) return
      const next = cellOf(tag, timeOf(cell) - interval)
      if (Atomics.compareExchange(this.#cells, index, cell, next) === cell) return
    }
  }

  #ticks(): number {
    return Math.floor((this.#now() - this.#base) * ticksPerMs)
  }

  /** The cell of this key, the one it may have, or the one it has to share, and the tag to write there. */
  #find(key: string, now: number): Found {
    halfSipHash(key, this.#key, this.#hash)
    const first = (this.#hash[0]! % this.#buckets) * ways
    const tag = this.#hash[1]! >>> highTimeBits
    let free: Found | undefined
    let least: Found | undefined
    for (let index = first; index < first + ways; index++) {
      const cell = Atomics.load(this.#cells, index)
      const time = timeOf(cell)
      if (time > now && tagOf(cell) === tag) return { index, cell, tag, isShared: false }
      if (time <= now) free ??= { index, cell, tag, isShared: false }
      else if (least === undefined || time < timeOf(least.cell)) least = { index, cell, tag: tagOf(cell), isShared: true }
    }
    // A bucket has eight cells, each of which is one of the two.
    return free ?? least!
  }
}

type Found = { readonly index: number; readonly cell: bigint; readonly tag: number; readonly isShared: boolean }

function cellOf(tag: number, time: number): bigint {
  return (BigInt(tag) << timeBits) | BigInt.asUintN(Number(timeBits), BigInt(time))
}

function timeOf(cell: bigint): number {
  return Number(BigInt.asUintN(Number(timeBits), cell))
}

function tagOf(cell: bigint): number {
  return Number(cell >> timeBits)
}

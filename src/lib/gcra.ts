/**
 * Rate limits by the generic cell rate algorithm (ITU-T I.371, the leaky bucket as a meter): the whole state of one key
 * is one number, the time at which its bucket will be empty. The numbers live in shared memory of a fixed size, so
 * every worker counts together and no number of clients can make it grow.
 *
 * A key's hash chooses a bucket of eight cells. A key takes the cell that carries its tag, else one whose time has
 * passed: it is empty, and forgetting an empty bucket changes nothing. When all eight belong to keys that are still
 * draining, nobody is pushed out, for that would give somebody a fresh allowance: the newcomer shares the cell that is
 * nearest to being empty. So a flood of keys can make limits stricter for others, never looser for anyone.
 *
 * A cell is two words of 32 bits, because exchanging 64 at once would make garbage: the lower part of its time, and a
 * head of tag and upper part. Counting exchanges the lower part alone. Whoever has to change the head first exchanges the
 * lower part for a mark of their own, so that everybody else who was about to count there fails and looks again.
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

/** Four years of 1/512 ms: the lower 32 bits are a word of their own, the upper 14 share theirs with 18 bits of tag. */
const ticksPerMs = 512
const highTimeBits = 14
const highTimeMask = (1 << highTimeBits) - 1
const wordSize = 2 ** 32
const ways = 8
/** Words in front of the cells: two of the hash key, two of the time that counts as zero. */
const headerWords = 4
/** Lower parts of times are at least this: 0 is an empty cell, and what is between them are marks, one for each row. */
const leastLow = 1_024
/** Losing so many races for one cell in a row means that something is wrong; then the answer is no. */
const patience = 256

/** 2 MiB: a quarter of a million keys. */
export const defaultCells = 262_144

/** `cells` is a power of two of at least 8; `key` is random, so that nobody can aim at a bucket. */
export function createRateCells(cells: number, key: HashKey, now: number): SharedArrayBuffer {
  const buffer = new SharedArrayBuffer((headerWords + cells * 2) * 4)
  new Int32Array(buffer, 0, 2).set(key)
  // Time begins a little later, so that no cell is at zero.
  new Float64Array(buffer, 8, 1)[0] = now - leastLow / ticksPerMs
  return buffer
}

/** Empties the cells that the worker of this row was changing: it is no more. */
export function clearRateMarks(buffer: SharedArrayBuffer, row: number): void {
  const words = new Int32Array(buffer, headerWords * 4)
  for (let at = 0; at < words.length; at += 2) Atomics.compareExchange(words, at, row + 1, 0)
}

/** One worker's view of the shared cells. Many may take at once. */
export class RateCells {
  /** Lower part and head of every cell, in turn. */
  readonly #words: Int32Array
  readonly #key: HashKey
  readonly #base: number
  /** Of a bucket's number; their count is a power of two. */
  readonly #bucketMask: number
  readonly #now: () => number
  readonly #mark: number
  readonly #hash = new Int32Array(2)
  /** What `#find` has found: a place in the words, and what was there. */
  #at = 0
  #low = 0
  #head = 0
  #time = 0
  #is: 'own' | 'free' | 'shared' = 'free'

  /** `now` in milliseconds on a clock that never goes back and that all workers share. Every worker has a row of its own. */
  constructor(buffer: SharedArrayBuffer, now: () => number, row = 0) {
    const [k0, k1] = new Int32Array(buffer, 0, 2)
    this.#key = [k0!, k1!]
    this.#base = new Float64Array(buffer, 8, 1)[0]!
    this.#words = new Int32Array(buffer, headerWords * 4)
    this.#bucketMask = this.#words.length / 2 / ways - 1
    this.#now = now
    this.#mark = row + 1
  }

  /** The counts of one limit. Meters of the same name, in whichever worker, are the same. */
  meter(name: string, rate: Rate): RateMeter {
    halfSipHash(name, this.#key, this.#hash)
    return new RateMeter(this, rate, [this.#hash[0]!, this.#hash[1]!])
  }

  /** Used by meters: `seed` is theirs. */
  take(key: string, seed: HashKey, { intervalMs, toleranceMs }: Rate): Taken {
    const now = this.#ticks()
    const interval = intervalTicks(intervalMs)
    halfSipHash(key, seed, this.#hash)
    for (let attempt = 0; attempt < patience; attempt++) {
      if (!this.#find(now)) continue
      const empty = Math.max(this.#time, now)
      if (empty - now > toleranceMs * ticksPerMs) {
        // Both words are of the same moment only if the first one is still what it was.
        if (Atomics.load(this.#words, this.#at) !== this.#low) continue
        return { allowed: false, fullMs: (empty - now) / ticksPerMs }
      }
      if (this.#exchange(empty + interval)) return { allowed: true, fullMs: (empty + interval - now) / ticksPerMs }
    }
    return { allowed: false, fullMs: toleranceMs + intervalMs }
  }

  /** Used by meters, as `take`. */
  refund(key: string, seed: HashKey, { intervalMs }: Rate): void {
    const now = this.#ticks()
    halfSipHash(key, seed, this.#hash)
    for (let attempt = 0; attempt < patience; attempt++) {
      if (!this.#find(now)) continue
      if (this.#is !== 'own' || this.#exchange(this.#time - intervalTicks(intervalMs))) return
    }
  }

  #ticks(): number {
    return Math.floor((this.#now() - this.#base) * ticksPerMs)
  }

  /** The cell of the key last hashed, the one it may have, or the one it has to share. False while one is being changed. */
  #find(now: number): boolean {
    const words = this.#words
    const first = (this.#hash[0]! & this.#bucketMask) * ways * 2
    const tag = this.#hash[1]! >>> highTimeBits
    let isQuiet = true
    let leastTime = Infinity
    this.#is = 'shared'
    for (let at = first; at < first + ways * 2; at += 2) {
      // The head behind the low part: #exchange notices when the low part has changed since.
      const low = Atomics.load(words, at)
      const head = Atomics.load(words, at + 1)
      if (isMark(low)) {
        isQuiet = false
        continue
      }
      const time = low === 0 ? 0 : (head & highTimeMask) * wordSize + (low >>> 0)
      const isFree = time <= now
      if (!isFree && head >>> highTimeBits === tag) {
        this.#note(at, low, head, time)
        this.#is = 'own'
        return true
      }
      // The first one that is free, or else the nearest to it.
      if (this.#is === 'free' || (!isFree && time >= leastTime)) continue
      this.#note(at, low, head, time)
      leastTime = time
      if (isFree) this.#is = 'free'
    }
    // It could be changed for this very key.
    return isQuiet
  }

  #note(at: number, low: number, head: number, time: number): void {
    this.#at = at
    this.#low = low
    this.#head = head
    this.#time = time
  }

  /** Makes this the time of the cell that was found. False when somebody was quicker. */
  #exchange(time: number): boolean {
    const words = this.#words
    const tag = this.#is === 'free' ? this.#hash[1]! >>> highTimeBits : this.#head >>> highTimeBits
    const head = (tag << highTimeBits) | (Math.floor(time / wordSize) & highTimeMask)
    const low = time >>> 0 < leastLow ? leastLow : time | 0
    if (head === this.#head) return Atomics.compareExchange(words, this.#at, this.#low, low) === this.#low
    if (Atomics.compareExchange(words, this.#at, this.#low, this.#mark) !== this.#low) return false
    Atomics.store(words, this.#at + 1, head)
    Atomics.store(words, this.#at, low)
    return true
  }
}

/** One limit's part of the cells. */
export class RateMeter {
  readonly #cells: RateCells
  readonly #rate: Rate
  readonly #seed: HashKey

  constructor(cells: RateCells, rate: Rate, seed: HashKey) {
    this.#cells = cells
    this.#rate = rate
    this.#seed = seed
  }

  /** Counts one request of this key, unless its bucket is too full: a refused request costs nothing. */
  take(key: string): Taken {
    return this.#cells.take(key, this.#seed, this.#rate)
  }

  /** Takes back what `take` has counted: another limit refused the request. */
  refund(key: string): void {
    this.#cells.refund(key, this.#seed, this.#rate)
  }
}

function intervalTicks(intervalMs: number): number {
  return Math.max(1, Math.round(intervalMs * ticksPerMs))
}

function isMark(low: number): boolean {
  return low > 0 && low < leastLow
}

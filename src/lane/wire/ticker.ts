/**
 * One coarse clock for everything in the lane that may time out: connections keep a deadline as a number, and a tick
 * compares. A deadline is never early and about two ticks late at most; no request makes a timer. The clock does not
 * count time in which the whole thread stood still: nobody had a chance to be in time then.
 */

export interface Ticking {
  /** Called with the time of this tick, on the clock of `Ticker.after`. */
  onTick(now: number): void
}

/** A set of them, or a map with them as keys. */
type Members = { keys(): Iterable<Ticking> }

const longestTickMs = 500
const shortestTickMs = 10

export class Ticker {
  readonly #monotonic: () => number
  readonly #members: Members[]
  #timer: NodeJS.Timeout | undefined
  /** Of the last tick, on the monotonic clock. */
  #tickedAt: number
  #now: number
  #periodMs: number
  #second: number
  #date: string

  constructor(monotonic: () => number) {
    this.#monotonic = monotonic
    this.#members = []
    this.#tickedAt = monotonic()
    // Never 0: a deadline of 0 is none.
    this.#now = longestTickMs
    this.#periodMs = longestTickMs
    this.#second = 0
    this.#date = ''
    this.#timer = this.#start()
  }

  /** Members, whoever they are at the time, are told of every tick. */
  watch(members: Members): void {
    this.#members.push(members)
  }

  /** Of the last tick, on the clock of `after`. */
  get now(): number {
    return this.#now
  }

  /** A deadline this many milliseconds from now. Short ones make the clock tick faster from then on. */
  after(ms: number): number {
    if (ms < this.#periodMs * 4 && this.#periodMs > shortestTickMs) this.#quicken(ms)
    return this.#now + ms + this.#periodMs
  }

  /** The same for what must rather be early than late: by up to two ticks. */
  before(ms: number): number {
    return this.after(ms) - this.#periodMs * 2
  }

  /** The Date field's value (RFC 9110 section 6.6.1). */
  date(): string {
    const second = Math.floor(Date.now() / 1000)
    if (second !== this.#second) {
      this.#second = second
      this.#date = new Date(second * 1000).toUTCString()
    }
    return this.#date
  }

  stop(): void {
    clearInterval(this.#timer)
    this.#timer = undefined
  }

  #quicken(ms: number): void {
    const period = Math.max(shortestTickMs, Math.min(this.#periodMs, Math.floor(ms / 4)))
    if (period === this.#periodMs || this.#timer === undefined) return
    this.#advance()
    this.#periodMs = period
    clearInterval(this.#timer)
    this.#timer = this.#start()
  }

  #start(): NodeJS.Timeout {
    return setInterval(() => this.#tick(), this.#periodMs).unref()
  }

  #tick(): void {
    this.#advance()
    for (const members of this.#members) for (const member of members.keys()) member.onTick(this.#now)
  }

  #advance(): void {
    // Whole numbers: V8 keeps them in place, where every fraction would be an object of its own.
    const elapsed = Math.floor(this.#monotonic() - this.#tickedAt)
    this.#now += Math.min(elapsed, this.#periodMs * 2)
    this.#tickedAt += elapsed
  }
}

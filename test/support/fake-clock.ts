/**
 * Time that stands still until a test moves it.
 */

type Timer = { readonly at: number; readonly order: number; readonly run: () => void }

export class FakeClock {
  readonly #timers = new Set<Timer>()
  #now: number
  #order = 0

  /** `start` in milliseconds since the epoch. */
  constructor(start = 1_800_000_000_000) {
    this.#now = start
  }

  readonly now = (): number => this.#now

  /** Calls `run` once when the clock has moved on by `ms`; the function it returns cancels that. */
  readonly setTimer = (ms: number, run: () => void): (() => void) => {
    const timer: Timer = { at: this.#now + ms, order: this.#order++, run }
    this.#timers.add(timer)
    return () => this.#timers.delete(timer)
  }

  /** Moves on by `ms`, running what falls due on the way, each at its own time, in order. */
  advance(ms: number): void {
    const end = this.#now + ms
    for (let next = this.#next(); next !== undefined && next.at <= end; next = this.#next()) {
      this.#timers.delete(next)
      this.#now = Math.max(this.#now, next.at)
      next.run()
    }
    this.#now = end
  }

  /** Timers that are set and have not run. */
  get pending(): number {
    return this.#timers.size
  }

  /** How long until the next timer, in milliseconds; `undefined` when none is set. */
  get untilNext(): number | undefined {
    const next = this.#next()
    return next === undefined ? undefined : next.at - this.#now
  }

  #next(): Timer | undefined {
    return [...this.#timers].toSorted((a, b) => a.at - b.at || a.order - b.order)[0]
  }
}

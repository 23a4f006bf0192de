/** A token bucket for streams that end early: `burst` at once, refilled within ten seconds. */
export class ResetBudget {
  readonly #burst: number
  #left: number
  #at: number

  constructor(burst: number, now: number) {
    this.#burst = burst
    this.#left = burst
    this.#at = now
  }

  /** Whether one more is within the budget. `now` in milliseconds. */
  take(now: number): boolean {
    this.#left = Math.min(this.#burst, this.#left + ((now - this.#at) / refillMs) * this.#burst)
    this.#at = now
    if (this.#left < 1) return false
    this.#left--
    return true
  }
}

const refillMs = 10_000

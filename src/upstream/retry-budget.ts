/**
 * How many retries an upstream may cause: a fifth of its requests, and always a few per second, so that a quiet one can
 * retry at all. When everything fails, retries would otherwise multiply the load on endpoints that are down from load.
 */

/** Requests that pay for one retry. */
const perRetry = 5
/** Requests that count at most: those of long ago do not pay for a storm. */
const most = 100 * perRetry
/** Retries that need no requests: per second, and saved up at most. */
const freePerSecond = 5
const mostFree = 10

export class RetryBudget {
  /** Requests not used up. */
  #requests = 0
  #free = mostFree
  #freeAt = 0

  /** A request that was not a retry. */
  deposit(): void {
    this.#requests = Math.min(most, this.#requests + 1)
  }

  /** Whether one more retry may be made; it is then paid for. `now` in milliseconds. */
  withdraw(now: number): boolean {
    this.#free = Math.min(mostFree, this.#free + (Math.max(0, now - this.#freeAt) / 1000) * freePerSecond)
    this.#freeAt = now
    if (this.#requests >= perRetry) {
      this.#requests -= perRetry
      return true
    }
    if (this.#free < 1) return false
    this.#free--
    return true
  }
}

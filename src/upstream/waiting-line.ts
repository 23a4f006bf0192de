/**
 * Requests that wait because every endpoint they may go to has as many as it may. Short, and first come, first served,
 * except that a request bound to one endpoint lets others pass that need not wait for it.
 */

/** `true` when it has gone. */
type Try = () => boolean

export class WaitingLine {
  readonly #waiting = new Set<Try>()
  #walking = false

  get length(): number {
    return this.#waiting.size
  }

  /** `go` is asked whenever something may have changed, until it says that it has gone. Call the result to leave. */
  join(go: Try): () => void {
    this.#waiting.add(go)
    return () => void this.#waiting.delete(go)
  }

  /** An endpoint has become free, or has come. */
  wake(): void {
    if (this.#waiting.size === 0 || this.#walking) return
    this.#walking = true
    for (const go of Array.from(this.#waiting)) if (this.#waiting.has(go) && go()) this.#waiting.delete(go)
    this.#walking = false
  }
}

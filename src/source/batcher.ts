/**
 * Hints in, one wake-up out: after a quiet moment, but not later than a bound after the first hint.
 */
export type BatcherInit = { readonly quietMs: number; readonly maxWaitMs: number }

export class Batcher {
  readonly #init: BatcherInit
  #firstHint: number | undefined
  #timer: NodeJS.Timeout | undefined
  #due = false
  #wake: (() => void) | undefined

  constructor(init: BatcherInit) {
    this.#init = init
  }

  /** Something may have changed. */
  hint(): void {
    if (this.#due) return
    const now = performance.now()
    this.#firstHint ??= now
    const wait = Math.min(this.#init.quietMs, this.#firstHint + this.#init.maxWaitMs - now)
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.fire(), Math.max(0, wait))
  }

  /** Wake up now. */
  fire(): void {
    clearTimeout(this.#timer)
    this.#due = true
    this.#wake?.()
  }

  /** Resolves when hints are due, after `atMostMs`, or when `signal` aborts; hints given meanwhile count. */
  async wait(atMostMs: number, signal: AbortSignal): Promise<void> {
    if (!this.#due && !signal.aborted) await this.#sleep(atMostMs, signal)
    clearTimeout(this.#timer)
    this.#due = false
    this.#firstHint = undefined
  }

  #sleep(atMostMs: number, signal: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    const wake = (): void => resolve()
    const timer = setTimeout(wake, atMostMs)
    this.#wake = wake
    signal.addEventListener('abort', wake)
    return promise.finally(() => {
      clearTimeout(timer)
      signal.removeEventListener('abort', wake)
      this.#wake = undefined
    })
  }
}

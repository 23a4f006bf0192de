/**
 * Time as discovery sees it. A parameter, so that tests hold an hour in their hand.
 */

export type Clock = {
  /** Milliseconds since the epoch. */
  readonly now: () => number
  /**
   * Calls `run` once after `ms` milliseconds; the function it returns cancels that. Timers never keep the process
   * alive, except with `hold`, for somebody who is being waited for.
   */
  readonly setTimer: (ms: number, run: () => void, hold?: 'hold') => () => void
}

export const systemClock: Clock = {
  now: () => Date.now(),
  setTimer: (ms, run, hold) => {
    const timer = setTimeout(run, ms)
    if (hold === undefined) timer.unref()
    return () => clearTimeout(timer)
  },
}

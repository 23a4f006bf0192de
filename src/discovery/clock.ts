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

/**
 * Milliseconds since the epoch as they were when the process began, and from there on by a clock that nobody sets:
 * somebody who corrects the system's time by an hour must not hold an answer, a probe or an ejection for that hour.
 */
export const systemClock: Clock = {
  now: () => Math.floor(performance.timeOrigin + performance.now()),
  setTimer: (ms, run, hold) => {
    const timer = setTimeout(run, ms)
    if (hold === undefined) timer.unref()
    return () => clearTimeout(timer)
  },
}

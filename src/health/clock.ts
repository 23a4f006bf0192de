/**
 * Time as this room sees it. A parameter, so that tests hold an hour in their hand.
 */

export type Clock = {
  /** Milliseconds since the epoch. */
  readonly now: () => number
  /**
   * Calls `run` once after `ms` milliseconds; the function it returns cancels that. With `hold` the timer keeps the
   * process alive, for somebody who is being waited for.
   */
  readonly setTimer: (ms: number, run: () => void, hold?: 'hold') => () => void
}

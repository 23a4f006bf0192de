/**
 * How long a run still takes: what is planned, corrected by how long things have taken so far.
 */
import type { Scenario } from './scenario.ts'

/** To start, check, warm up and stop one proxy, in seconds. Only the first guess: the run corrects it. */
const aroundSeconds = 4

/** Of one proxy in one scenario: before its first round, and for each of them. */
export type Plan = { readonly around: number; readonly round: number }

export function planOf({ reloadsPerSecond }: Pick<Scenario, 'reloadsPerSecond'>, seconds: number): Plan {
  // With reloads it is measured without them as well. Drivers need a moment to start and to count.
  return { around: aroundSeconds, round: (seconds + 0.3) * (reloadsPerSecond > 0 ? 2 : 1) }
}

export class Pace {
  readonly #now: () => number
  readonly #began: number
  #planned = 0

  /** `now` in milliseconds. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now
    this.#began = now()
  }

  /** So many of the planned seconds are behind us. */
  passed(planned: number): void {
    this.#planned += planned
  }

  /** In words: how long so many planned seconds will take. */
  left(planned: number): string {
    const elapsed = (this.#now() - this.#began) / 1_000
    // The first few seconds say nothing about the rest.
    const factor = this.#planned < 30 ? 1 : elapsed / this.#planned
    const seconds = planned * factor
    return seconds < 90 ? `about ${Math.ceil(seconds)} s left` : `about ${Math.round(seconds / 60)} min left`
  }
}

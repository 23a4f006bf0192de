/**
 * What a row of probe results means, by the thresholds of a ProbeSpec. An endpoint that was never judged is `waiting`:
 * it gets no traffic until it has passed for the first time.
 */
import type { ProbeSpec } from '#snapshot/snapshot.ts'

export type ProbeState = 'waiting' | 'passing' | 'failing'

export class Verdict {
  state: ProbeState
  /** The last result; `undefined` before the first. */
  ok: boolean | undefined
  /** Results like the last one in a row, the last one included. */
  run: number

  constructor(state: ProbeState) {
    this.state = state
    this.ok = undefined
    this.run = 0
  }

  /** True when this result changes the state. */
  note(
    ok: boolean,
    { successThreshold, failureThreshold }: Pick<ProbeSpec, 'successThreshold' | 'failureThreshold'>,
  ): boolean {
    this.run = this.ok === ok ? this.run + 1 : 1
    this.ok = ok
    if (this.run < (ok ? successThreshold : failureThreshold)) return false
    const before = this.state
    this.state = ok ? 'passing' : 'failing'
    return this.state !== before
  }
}

/** Tests that hold on every lane run on every lane. */
import { afterEach, beforeEach, describe } from 'vitest'

/** As the door is told: `auto` is the fast lane, with the general one behind it. */
export type LaneChoice = 'general' | 'auto'

/** The word in the access log for exchanges of the lane under test that are fit for it. */
export type LaneName = 'general' | 'fast'

const choices: Readonly<Record<LaneName, LaneChoice>> = { general: 'general', fast: 'auto' }

let current: LaneChoice | undefined

/** What a door opened by the running test is told, unless the test says otherwise or holds for one lane alone. */
export function laneUnderTest(otherwise: LaneChoice = 'general'): LaneChoice {
  return current ?? otherwise
}

/** Describes the same tests once for each lane. */
export function describeLanes(body: (name: LaneName, choice: LaneChoice) => void): void {
  describe.each(['general', 'fast'] as const)('the %s lane', (name) => {
    beforeEach(() => {
      current = choices[name]
    })
    afterEach(() => {
      current = undefined
    })
    body(name, choices[name])
  })
}

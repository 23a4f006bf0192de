/**
 * Tests that open a front door run on every lane, and fail when it is not that lane which serves them: a request that
 * the fast lane quietly leaves to the general one proves nothing of the fast lane.
 */
import { afterAll, beforeAll, describe, onTestFinished, TestRunner } from 'vitest'
import type { UnfitReason } from '#lane/fast/unfit.ts'

/** As the door is told: `auto` is the fast lane, with the general one behind it. */
export type LaneChoice = 'general' | 'auto'

/** The word in the access log for exchanges of the lane under test that are fit for it. */
export type LaneName = 'general' | 'fast'

type Body = (name: LaneName, choice: LaneChoice) => void

const choices: Readonly<Record<LaneName, LaneChoice>> = { general: 'general', fast: 'auto' }

let current: LaneChoice | undefined

/** Why the fast lane may leave requests to the general one just now. */
const mayBeLeft: UnfitReason[] = []

/** What a door opened by the running test is told. Throws outside of the blocks below: no test has a lane by default. */
export function laneUnderTest(): LaneChoice {
  if (current === undefined)
    throw new Error('a test that opens a front door runs on both lanes: put it into describeLanes')
  return current
}

/** Describes the same tests once for each lane. `vitest -t 'the fast lane'` runs those of one. */
export function describeLanes(body: Body): void
export function describeLanes(title: string, body: Body): void
export function describeLanes(...args: readonly [Body] | readonly [string, Body]): void {
  const [title, body] = args.length === 1 ? ['', args[0]] : [`${args[0]}, `, args[1]]
  for (const name of ['general', 'fast'] as const) describeWith(name, `${title}the ${name} lane`, body)
}

/** Describes tests of what is no matter of the other lane; `why` says what makes it so. */
export function describeOneLane(name: LaneName, why: string, body: Body): void {
  describeWith(name, `the ${name} lane alone: ${why}`, body)
}

/**
 * Says, in a block or within a test, that requests there are such that the fast lane leaves them to the general one.
 * Whatever is left for another reason fails the test, in `openDoor` and `startFrontDoor`.
 */
export function leftToGeneral(...reasons: readonly UnfitReason[]): void {
  const begin = (): void => void mayBeLeft.push(...reasons)
  const end = (): void => void mayBeLeft.splice(-reasons.length)
  // Vitest gives the test that runs, and nothing while tests are collected.
  if ((TestRunner.getCurrentTest() as unknown) === undefined) {
    beforeAll(begin)
    afterAll(end)
  } else {
    begin()
    onTestFinished(end)
  }
}

/** Throws when requests were left for reasons that nobody has named. */
export function expectServedHere(left: Iterable<string>): void {
  const unnamed = [...new Set(left)].filter((reason) => !mayBeLeft.some((each) => each === reason))
  if (unnamed.length === 0) return
  throw new Error(`left to the general lane: ${unnamed.join(', ')}; leftToGeneral names what may be`)
}

function describeWith(name: LaneName, title: string, body: Body): void {
  describe(title, () => {
    beforeAll(() => {
      current = choices[name]
    })
    afterAll(() => {
      current = undefined
    })
    body(name, choices[name])
  })
}

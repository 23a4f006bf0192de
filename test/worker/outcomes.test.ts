import { describe, expect, test } from 'vitest'
import type { EndpointOutcome } from '#snapshot/outcome.ts'
import { Outcomes } from '#worker/outcomes.ts'

function setUp() {
  const told: (readonly EndpointOutcome[])[] = []
  const due: (() => void)[] = []
  const outcomes = new Outcomes({ tell: (news) => void told.push(news), later: (run) => void due.push(run) })
  const turn = (): void => due.splice(0).forEach((run) => run())
  return { outcomes, told, due, turn }
}

describe('outcomes', () => {
  test('success alone is never told', () => {
    const { outcomes, due } = setUp()
    for (let i = 0; i < 100; i++) outcomes.note('a', '1', true)
    expect(due).toEqual([])
  })

  test('the failures of a turn are told together, by endpoint', () => {
    const { outcomes, told, due, turn } = setUp()
    outcomes.note('a', '1', false)
    outcomes.note('a', '2', false)
    outcomes.note('b', '1', false)
    outcomes.note('a', '1', false)
    expect(due).toHaveLength(1)
    turn()
    expect(told).toEqual([
      [
        { upstream: 'a', endpoint: '1', recovered: false, failures: 2 },
        { upstream: 'a', endpoint: '2', recovered: false, failures: 1 },
        { upstream: 'b', endpoint: '1', recovered: false, failures: 1 },
      ],
    ])
  })

  test('the first success after failures is told, in this turn or a later one, and no other', () => {
    const { outcomes, told, turn } = setUp()
    outcomes.note('a', '1', false)
    turn()
    outcomes.note('a', '1', true)
    outcomes.note('a', '1', true)
    turn()
    outcomes.note('a', '1', true)
    turn()
    outcomes.note('a', '1', false)
    outcomes.note('a', '1', true)
    outcomes.note('a', '1', false)
    outcomes.note('a', '1', false)
    turn()
    expect(told.flat()).toEqual([
      { upstream: 'a', endpoint: '1', recovered: false, failures: 1 },
      { upstream: 'a', endpoint: '1', recovered: true, failures: 0 },
      { upstream: 'a', endpoint: '1', recovered: true, failures: 2 },
    ])
  })

  test('endpoints that are gone are forgotten', () => {
    const { outcomes, told, turn } = setUp()
    outcomes.note('a', '1', false)
    outcomes.note('a', '2', false)
    turn()
    outcomes.keep(() => new Set(['2']))
    outcomes.note('a', '1', true)
    outcomes.note('a', '2', true)
    turn()
    expect(told[1]).toEqual([{ upstream: 'a', endpoint: '2', recovered: true, failures: 0 }])
  })
})

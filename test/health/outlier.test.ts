import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Outliers } from '#health/outlier.ts'
import { outlierDefaults } from '#snapshot/outlier-defaults.ts'
import type { OutlierSpec } from '#snapshot/snapshot.ts'

const four = ['a', 'b', 'c', 'd']
const second = 1_000

function failing(count: number): { recovered: boolean; failures: number } {
  return { recovered: false, failures: count }
}

describe('outliers', () => {
  test('are ejected at the fifth failure in a row, for 30 seconds', () => {
    const outliers = new Outliers()
    outliers.note('a', failing(4))
    expect(outliers.judge(outlierDefaults, four, 0).ejected).toEqual([])
    outliers.note('a', failing(1))
    expect(outliers.judge(outlierDefaults, four, 0).ejected).toEqual(['a'])
    expect(outliers.report('a')).toEqual({ consecutiveFailures: 5, ejections: 1, ejectedUntil: 30 * second })
    expect(outliers.nextReturn()).toBe(30 * second)
  })

  test('a success starts the count anew', () => {
    const outliers = new Outliers()
    outliers.note('a', failing(4))
    outliers.note('a', { recovered: true, failures: 4 })
    expect(outliers.judge(outlierDefaults, four, 0).ejected).toEqual([])
    expect(outliers.report('a').consecutiveFailures).toBe(4)
  })

  test('come back when their time is over, with a clean slate', () => {
    const outliers = new Outliers()
    outliers.note('a', failing(5))
    outliers.judge(outlierDefaults, four, 0)
    expect(outliers.judge(outlierDefaults, four, 30 * second - 1).returned).toEqual([])
    expect(outliers.judge(outlierDefaults, four, 30 * second).returned).toEqual(['a'])
    outliers.note('a', failing(4))
    expect(outliers.judge(outlierDefaults, four, 31 * second).ejected).toEqual([])
    expect(outliers.nextReturn()).toBeUndefined()
  })

  test('late failures of requests that were under way do not count while it is ejected', () => {
    const outliers = new Outliers()
    outliers.note('a', failing(5))
    outliers.judge(outlierDefaults, four, 0)
    outliers.note('a', failing(5))
    expect(outliers.judge(outlierDefaults, four, 30 * second)).toEqual({ ejected: [], returned: ['a'] })
  })

  test('stay out longer each time, up to the maximum, and shorter again for time served well', () => {
    const outliers = new Outliers()
    let now = 0
    const lasting = (): number => {
      outliers.note('a', failing(5))
      outliers.judge(outlierDefaults, four, now)
      const until = outliers.report('a').ejectedUntil!
      const ms = until - now
      now = until
      outliers.judge(outlierDefaults, four, now)
      return ms / second
    }
    expect(Array.from({ length: 12 }, lasting)).toEqual([30, 60, 90, 120, 150, 180, 210, 240, 270, 300, 300, 300])
    now += 89 * second
    expect(lasting()).toBe(270)
    now += 3_600 * second
    expect(lasting()).toBe(30)
  })

  const shares = [
    { endpoints: 1, percent: 50, most: 0 },
    { endpoints: 1, percent: 100, most: 0 },
    { endpoints: 2, percent: 50, most: 1 },
    { endpoints: 3, percent: 50, most: 1 },
    { endpoints: 4, percent: 50, most: 2 },
    { endpoints: 4, percent: 100, most: 3 },
    { endpoints: 4, percent: 0, most: 0 },
    { endpoints: 5, percent: 20, most: 1 },
  ]
  for (const { endpoints, percent, most } of shares) {
    test(`of ${endpoints} that all fail, ${most} are ejected at ${percent} %`, () => {
      const outliers = new Outliers()
      const ids = Array.from({ length: endpoints }, (_, index) => String(index))
      for (const id of ids) outliers.note(id, failing(9))
      expect(outliers.judge({ ...outlierDefaults, maxEjectedPercent: percent }, ids, 0).ejected).toHaveLength(most)
    })
  }

  test('whoever did not fit is ejected when there is room', () => {
    const outliers = new Outliers()
    for (const id of four) outliers.note(id, failing(5))
    expect(outliers.judge(outlierDefaults, four, 0).ejected).toEqual(['a', 'b'])
    expect(outliers.judge(outlierDefaults, four, 30 * second)).toEqual({ returned: ['a', 'b'], ejected: ['c', 'd'] })
  })

  test('when others leave, those with the least time left come back early', () => {
    const outliers = new Outliers()
    outliers.note('a', failing(5))
    outliers.judge(outlierDefaults, four, 0)
    outliers.note('b', failing(5))
    outliers.judge(outlierDefaults, four, second)
    expect(outliers.judge(outlierDefaults, ['a', 'b', 'c'], 2 * second).returned).toEqual(['a'])
    expect(outliers.judge(outlierDefaults, ['b'], 3 * second).returned).toEqual(['b'])
  })

  test('off brings everybody back and counts nothing', () => {
    const outliers = new Outliers()
    outliers.note('a', failing(5))
    outliers.judge(outlierDefaults, four, 0)
    expect(outliers.judge('off', four, 1)).toEqual({ ejected: [], returned: ['a'] })
    outliers.note('b', failing(50))
    expect(outliers.judge('off', four, 2)).toEqual({ ejected: [], returned: [] })
    expect(outliers.report('b').consecutiveFailures).toBe(0)
  })

  test('who is gone is forgotten', () => {
    const outliers = new Outliers()
    outliers.note('a', failing(5))
    outliers.keep(new Set(['b']))
    expect(outliers.judge(outlierDefaults, four, 0).ejected).toEqual([])
  })

  test('whatever happens, never more than the share are ejected, and somebody always serves', () => {
    const step = fc.record({
      id: fc.integer({ min: 0, max: 7 }),
      failures: fc.integer({ min: 0, max: 6 }),
      recovered: fc.boolean(),
      eligible: fc.integer({ min: 0, max: 8 }),
      ms: fc.integer({ min: 0, max: 40_000 }),
    })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), fc.integer({ min: 0, max: 100 }), (steps, percent) => {
        const outliers = new Outliers()
        const spec: OutlierSpec = { ...outlierDefaults, consecutiveFailures: 3, maxEjectedPercent: percent }
        let now = 0
        for (const { id, eligible, ms, ...outcome } of steps) {
          now += ms
          outliers.note(String(id), outcome)
          const ids = Array.from({ length: eligible }, (_, index) => String(index))
          outliers.judge(spec, ids, now)
          const out = ids.filter((each) => outliers.report(each).ejectedUntil !== undefined)
          expect(out.length * 100).toBeLessThanOrEqual(eligible * percent)
          if (eligible > 0) expect(out.length).toBeLessThan(eligible)
          for (const each of out) expect(outliers.report(each).ejectedUntil).toBeGreaterThan(now)
        }
      }),
      { numRuns: 200 },
    )
  })
})

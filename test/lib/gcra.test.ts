import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Worker } from 'node:worker_threads'
import { clearRateMarks, createRateCells, RateCells, type Rate } from '#lib/gcra.ts'
import type { RateErrand } from '../support/rate-thread.ts'

/** `count` in `windowMs`, `burst` at once. */
function rateOf(count: number, windowMs: number, burst: number): Rate {
  const intervalMs = windowMs / count
  return { intervalMs, toleranceMs: (burst - 1) * intervalMs }
}

function bench(cells = 1_024): {
  readonly rates: RateCells
  readonly clock: { now: number }
  readonly buffer: SharedArrayBuffer
} {
  const clock = { now: 5_000 }
  const buffer = createRateCells(cells, [11, 22], clock.now)
  return { rates: new RateCells(buffer, () => clock.now), clock, buffer }
}

describe('a rate', () => {
  test('lets a burst through at once and then one per interval', () => {
    const { rates, clock } = bench()
    const rate = rateOf(2, 1_000, 3)
    const burst = [1, 2, 3, 4].map(() => rates.meter('', rate).take('a').allowed)
    expect(burst).toEqual([true, true, true, false])
    clock.now += 499
    expect(rates.meter('', rate).take('a').allowed).toBe(false)
    clock.now += 1
    expect(rates.meter('', rate).take('a').allowed).toBe(true)
    expect(rates.meter('', rate).take('a').allowed).toBe(false)
  })

  test('says how full its bucket is', () => {
    const { rates, clock } = bench()
    const rate = rateOf(1, 1_000, 2)
    expect(rates.meter('', rate).take('a')).toEqual({ allowed: true, fullMs: 1_000 })
    clock.now += 250
    expect(rates.meter('', rate).take('a')).toEqual({ allowed: true, fullMs: 1_750 })
    expect(rates.meter('', rate).take('a')).toEqual({ allowed: false, fullMs: 1_750 })
  })

  test('counts every key by itself, and refunds what another limit refused', () => {
    const { rates } = bench()
    const rate = rateOf(1, 60_000, 1)
    expect([
      rates.meter('', rate).take('a').allowed,
      rates.meter('', rate).take('b').allowed,
      rates.meter('', rate).take('a').allowed,
    ]).toEqual([true, true, false])
    rates.meter('', rate).refund('a')
    expect([rates.meter('', rate).take('a').allowed, rates.meter('', rate).take('a').allowed]).toEqual([true, false])
    rates.meter('', rate).refund('nobody')
  })

  test('is counted together by all who share the memory', () => {
    const { rates, buffer, clock } = bench()
    const other = new RateCells(buffer, () => clock.now)
    const rate = rateOf(1, 60_000, 2)
    expect([
      rates.meter('', rate).take('a').allowed,
      other.meter('', rate).take('a').allowed,
      rates.meter('', rate).take('a').allowed,
    ]).toEqual([true, true, false])
  })

  test('never lets more through in any span than burst and rate together allow', () => {
    const steps = fc.array(fc.integer({ min: 0, max: 900 }), { minLength: 1, maxLength: 200 })
    fc.assert(
      fc.property(steps, fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 20 }), (gaps, count, burst) => {
        const { rates, clock } = bench()
        const rate = rateOf(count, 1_000, burst)
        const passed: number[] = []
        for (const gap of gaps) {
          clock.now += gap
          if (rates.meter('', rate).take('a').allowed) passed.push(clock.now)
        }
        for (let from = 0; from < passed.length; from++) {
          for (let to = from; to < passed.length; to++) {
            const most = burst + Math.floor(((passed[to]! - passed[from]!) * count) / 1_000 + 0.01 * (to - from + 1))
            expect(to - from + 1).toBeLessThanOrEqual(most)
          }
        }
      }),
    )
  })

  test('always lets somebody through who keeps to it', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 500 }), fc.integer({ min: 0, max: 1_000_000 }), (count, start) => {
        const { rates, clock } = bench()
        clock.now += start
        const rate = rateOf(count, 1_000, 1)
        for (let request = 0; request < 50; request++) {
          expect(rates.meter('', rate).take('a').allowed).toBe(true)
          clock.now += 1_000 / count + 0.01
        }
      }),
    )
  })
})

describe('a clock that has run for hours', () => {
  /** Where the lower part of a time begins anew. */
  const turnMs = 2 ** 32 / 512

  test('changes nothing', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 700 }), { minLength: 1, maxLength: 60 }), (gaps) => {
        const verdicts = [0, turnMs - 10_000, turnMs * 3 - 5_000].map((later) => {
          const { rates, clock } = bench(8)
          clock.now += later
          const meter = rates.meter('', rateOf(3, 1_000, 4))
          return gaps.map((gap) => {
            clock.now += gap
            return meter.take('a').allowed
          })
        })
        expect(verdicts[1]).toEqual(verdicts[0])
        expect(verdicts[2]).toEqual(verdicts[0])
      }),
    )
  })

  test('forgets nobody who is still draining, and takes back across the turn', () => {
    const { rates, clock } = bench(8)
    clock.now += turnMs - 1_000
    const meter = rates.meter('', rateOf(1, 3_600_000, 2))
    expect([meter.take('a').allowed, meter.take('a').allowed, meter.take('a').allowed]).toEqual([true, true, false])
    meter.refund('a')
    clock.now += 2_000
    expect([meter.take('a').allowed, meter.take('a').allowed]).toEqual([true, false])
    clock.now += 3_600_000
    expect(meter.take('a').allowed).toBe(true)
  })
})

describe('many threads at once', () => {
  /** How many of all their requests are let through together. */
  async function together(buffer: SharedArrayBuffer, errand: Omit<RateErrand, 'buffer' | 'row'>): Promise<number> {
    const counts = [0, 1, 2, 3].map(
      (row) =>
        new Promise<number>((resolve, reject) => {
          const thread = new Worker(new URL('../support/rate-thread.ts', import.meta.url), {
            workerData: { buffer, row, ...errand } satisfies RateErrand,
          })
          thread.once('message', resolve).once('error', reject)
        }),
    )
    return (await Promise.all(counts)).reduce((sum, count) => sum + count)
  }

  test('count one key exactly, while cells beside it come and go', async () => {
    const buffer = createRateCells(8, [11, 22], 0)
    const rate = rateOf(1, 3_600_000, 20_000)
    expect(await together(buffer, { keys: 1, rounds: 15_000, rate, beside: rateOf(20_000, 1_000, 1) })).toBe(20_000)
  })

  test('count keys exactly that all of them begin with at once', async () => {
    const buffer = createRateCells(65_536, [11, 22], 0)
    const rate = rateOf(1, 3_600_000, 1)
    expect(await together(buffer, { keys: 4_000, rounds: 1, rate, beside: undefined })).toBe(4_000)
  })

  test('one that dies while it changes a cell holds nobody up for long', () => {
    const { rates, buffer } = bench(8)
    const meter = rates.meter('', rateOf(1, 1_000, 1))
    // As row 1 leaves it: its mark in the place of a time, behind the words of the header.
    new Int32Array(buffer)[4] = 2
    expect(meter.take('a').allowed).toBe(false)
    clearRateMarks(buffer, 0)
    expect(meter.take('a').allowed).toBe(false)
    clearRateMarks(buffer, 1)
    expect(meter.take('a').allowed).toBe(true)
  })
})

describe('meters', () => {
  test('of one name are one, and of others are others', () => {
    const { rates } = bench()
    const rate = rateOf(1, 60_000, 1)
    expect(rates.meter('web', rate).take('a').allowed).toBe(true)
    expect(rates.meter('web', rate).take('a').allowed).toBe(false)
    expect(rates.meter('api', rate).take('a').allowed).toBe(true)
  })
})

describe('bounded memory', () => {
  const slow = rateOf(1, 3_600_000, 2)

  test('a flood of other keys gives nobody a fresh allowance', () => {
    const { rates } = bench(64)
    expect([rates.meter('', slow).take('victim').allowed, rates.meter('', slow).take('victim').allowed]).toEqual([
      true,
      true,
    ])
    for (let key = 0; key < 10_000; key++) rates.meter('', slow).take(`attacker ${key}`)
    expect(rates.meter('', slow).take('victim').allowed).toBe(false)
  })

  test('all keys of a full bucket together get no more than its cells hold', () => {
    const { rates } = bench(8)
    let passed = 0
    for (let key = 0; key < 1_000; key++) if (rates.meter('', slow).take(`key ${key}`).allowed) passed++
    expect(passed).toBe(8 * 2)
  })

  test('a refund takes nothing from a cell that belongs to somebody else', () => {
    const { rates } = bench(8)
    for (let key = 0; key < 1_000; key++) rates.meter('', slow).take(`key ${key}`)
    for (let key = 2_000; key < 3_000; key++) rates.meter('', slow).refund(`key ${key}`)
    expect(rates.meter('', slow).take('somebody new').allowed).toBe(false)
  })

  test('cells are free again when their time has passed', () => {
    const { rates, clock } = bench(8)
    for (let key = 0; key < 100; key++) rates.meter('', slow).take(`key ${key}`)
    clock.now += 3 * 3_600_000
    for (let key = 200; key < 208; key++) expect(rates.meter('', slow).take(`key ${key}`).allowed).toBe(true)
  })
})

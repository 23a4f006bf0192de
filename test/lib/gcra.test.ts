import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createRateCells, RateCells, type Rate } from '#lib/gcra.ts'

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
    const burst = [1, 2, 3, 4].map(() => rates.take('a', rate).allowed)
    expect(burst).toEqual([true, true, true, false])
    clock.now += 499
    expect(rates.take('a', rate).allowed).toBe(false)
    clock.now += 1
    expect(rates.take('a', rate).allowed).toBe(true)
    expect(rates.take('a', rate).allowed).toBe(false)
  })

  test('says how full its bucket is', () => {
    const { rates, clock } = bench()
    const rate = rateOf(1, 1_000, 2)
    expect(rates.take('a', rate)).toEqual({ allowed: true, fullMs: 1_000 })
    clock.now += 250
    expect(rates.take('a', rate)).toEqual({ allowed: true, fullMs: 1_750 })
    expect(rates.take('a', rate)).toEqual({ allowed: false, fullMs: 1_750 })
  })

  test('counts every key by itself, and refunds what another limit refused', () => {
    const { rates } = bench()
    const rate = rateOf(1, 60_000, 1)
    expect([rates.take('a', rate).allowed, rates.take('b', rate).allowed, rates.take('a', rate).allowed]).toEqual([
      true,
      true,
      false,
    ])
    rates.refund('a', rate)
    expect([rates.take('a', rate).allowed, rates.take('a', rate).allowed]).toEqual([true, false])
    rates.refund('nobody', rate)
  })

  test('is counted together by all who share the memory', () => {
    const { rates, buffer, clock } = bench()
    const other = new RateCells(buffer, () => clock.now)
    const rate = rateOf(1, 60_000, 2)
    expect([rates.take('a', rate).allowed, other.take('a', rate).allowed, rates.take('a', rate).allowed]).toEqual([
      true,
      true,
      false,
    ])
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
          if (rates.take('a', rate).allowed) passed.push(clock.now)
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
          expect(rates.take('a', rate).allowed).toBe(true)
          clock.now += 1_000 / count + 0.01
        }
      }),
    )
  })
})

describe('bounded memory', () => {
  const slow = rateOf(1, 3_600_000, 2)

  test('a flood of other keys gives nobody a fresh allowance', () => {
    const { rates } = bench(64)
    expect([rates.take('victim', slow).allowed, rates.take('victim', slow).allowed]).toEqual([true, true])
    for (let key = 0; key < 10_000; key++) rates.take(`attacker ${key}`, slow)
    expect(rates.take('victim', slow).allowed).toBe(false)
  })

  test('all keys of a full bucket together get no more than its cells hold', () => {
    const { rates } = bench(8)
    let passed = 0
    for (let key = 0; key < 1_000; key++) if (rates.take(`key ${key}`, slow).allowed) passed++
    expect(passed).toBe(8 * 2)
  })

  test('a refund takes nothing from a cell that belongs to somebody else', () => {
    const { rates } = bench(8)
    for (let key = 0; key < 1_000; key++) rates.take(`key ${key}`, slow)
    for (let key = 2_000; key < 3_000; key++) rates.refund(`key ${key}`, slow)
    expect(rates.take('somebody new', slow).allowed).toBe(false)
  })

  test('cells are free again when their time has passed', () => {
    const { rates, clock } = bench(8)
    for (let key = 0; key < 100; key++) rates.take(`key ${key}`, slow)
    clock.now += 3 * 3_600_000
    for (let key = 200; key < 208; key++) expect(rates.take(`key ${key}`, slow).allowed).toBe(true)
  })
})

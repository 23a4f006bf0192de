import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseDuration, printDuration } from '../../src/lib/duration.ts'

describe('durations', () => {
  for (const [text, ms] of [
    ['0', 0],
    ['0s', 0],
    ['250ms', 250],
    ['30s', 30_000],
    ['1.5s', 1_500],
    ['5m', 300_000],
    ['1h30m', 5_400_000],
    ['1m30s', 90_000],
    ['2d', 172_800_000],
    ['1s1ms', 1_001],
  ] as const) {
    test(`${text} is ${ms} ms`, () => expect(parseDuration(text)).toBe(ms))
  }

  for (const text of ['', '30', 's', '-1s', '1 s', '30S', '1s1m', '1s1s', '1e3s', '1..5s', '9999999999999d', 'soon']) {
    test(`"${text}" is no duration`, () => expect(parseDuration(text)).toBeUndefined())
  }

  test('what is printed reads back as the same', () => {
    fc.assert(fc.property(fc.nat({ max: 10 ** 10 }), (ms) => parseDuration(printDuration(ms)) === ms))
    expect(printDuration(90_000)).toBe('1m30s')
    expect(printDuration(0)).toBe('0s')
  })
})

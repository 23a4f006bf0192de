import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseBytes, printBytes } from '../../src/lib/bytes.ts'

describe('sizes', () => {
  for (const [text, bytes] of [
    ['0', 0],
    ['512', 512],
    ['512b', 512],
    ['32k', 32_768],
    ['32K', 32_768],
    ['32kb', 32_768],
    ['64KiB', 65_536],
    ['1m', 1_048_576],
    ['1.5m', 1_572_864],
    ['1g', 1_073_741_824],
  ] as const) {
    test(`${text} is ${bytes} bytes`, () => expect(parseBytes(text)).toBe(bytes))
  }

  for (const text of ['', 'k', '-1', '1 k', '1t', '1kk', '1ib', '0.3k', '1e3', '99999999999g']) {
    test(`"${text}" is no size`, () => expect(parseBytes(text)).toBeUndefined())
  }

  test('what is printed reads back as the same', () => {
    fc.assert(fc.property(fc.nat({ max: 2 ** 40 }), (bytes) => parseBytes(printBytes(bytes)) === bytes))
    expect(printBytes(32_768)).toBe('32k')
    expect(printBytes(1_000)).toBe('1000')
  })
})

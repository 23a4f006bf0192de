import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { chooseCoding, type ContentCoding, contentCodings } from '#http/content-coding.ts'

const all: readonly ContentCoding[] = ['br', 'zstd', 'gzip']

describe('Accept-Encoding', () => {
  test.each<
    [accepts: string | readonly string[], coding: ContentCoding | undefined, offered?: readonly ContentCoding[]]
  >([
    [[], undefined],
    ['', undefined],
    ['gzip', 'gzip'],
    ['GZIP', 'gzip'],
    ['x-gzip', 'gzip'],
    ['gzip, deflate, br, zstd', 'br'],
    ['gzip, deflate, br, zstd', 'gzip', ['gzip', 'br']],
    ['gzip, deflate, br', undefined, ['zstd']],
    ['deflate', undefined],
    ['identity', undefined],
    ['*', 'br'],
    ['*;q=0', undefined],
    ['gzip;q=0', undefined],
    ['gzip;q=0.0', undefined],
    ['gzip;q=0, *', 'br'],
    ['br;q=0, *', 'zstd'],
    ['gzip;q=1.0, br;q=0.9', 'gzip'],
    ['gzip;q=0.5, *;q=0.7', 'br'],
    ['gzip ; q=0.8 , br ;q=0.2', 'gzip'],
    ['gzip;Q=0.8, br;q=0.2', 'gzip'],
    ['identity;q=1, gzip;q=0.5', undefined],
    ['identity;q=0.5, gzip;q=1', 'gzip'],
    ['identity;q=0, gzip;q=0.001', 'gzip'],
    ['identity, gzip', 'gzip'],
    ['gzip;q=0.8, gzip;q=0', 'gzip'],
    ['gzip;q=2, br;q=0.1', 'br'],
    ['gzip;q=0.1234', undefined],
    ['gzip;q=-1', undefined],
    ['gzip;q=', undefined],
    ['gzip;level=9', undefined],
    ['"gzip"', undefined],
    [',,gzip,,', 'gzip'],
    [['deflate', 'gzip'], 'gzip'],
    [['gzip;q=0.1', 'br;q=0.9'], 'br'],
  ])('%j is answered with %s', (accepts, coding, offered = all) => {
    const fields = [accepts].flat().flatMap((value) => ['Accept-Encoding', value])
    expect(chooseCoding(fields, offered)).toBe(coding)
  })

  test('never leads to a coding that is not offered or has no weight, whatever is in it', () => {
    const weight = fc.constantFrom('', ';q=0', ';q=1', ';q=0.5', ';q=0.000', ';q=x')
    const name = fc.constantFrom('gzip', 'br', 'zstd', '*', 'identity', 'deflate', 'x-gzip', '', ' ')
    const value = fc.array(fc.tuple(name, weight)).map((members) => members.map((each) => each.join('')).join(', '))
    fc.assert(
      fc.property(fc.oneof(value, fc.string()), fc.subarray([...contentCodings]), (text, offered) => {
        const chosen = chooseCoding(['accept-encoding', text], offered)
        if (chosen === undefined) return
        expect(offered).toContain(chosen)
        expect(text.toLowerCase()).toMatch(/gzip|br|zstd|\*/)
        expect(text).not.toMatch(new RegExp(`^${chosen};q=0(?:\\.0*)?$`))
      }),
    )
  })
})

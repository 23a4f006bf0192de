import * as fc from 'fast-check'
import { isIP } from 'node:net'
import { describe, expect, test } from 'vitest'
import { ipFamily } from '../../src/lib/ip-literal.ts'

describe('an IP address', () => {
  for (const text of [
    '1.2.3.4',
    '255.255.255.255',
    '::',
    '::1',
    '1::',
    '1:2:3:4:5:6:7:8',
    '::ffff:1.2.3.4',
    '1:2:3:4:5:6:1.2.3.4',
    '64:ff9b::1.2.3.4',
    '1::8',
    'ABCD::',
  ]) {
    test(`${text} is one`, () => expect(ipFamily(text)).toBe(isIP(text)))
  }

  for (const text of [
    '',
    '1.2.3',
    '1.2.3.4.5',
    '01.2.3.4',
    '256.1.1.1',
    '1.2.3.4 ',
    '1:2',
    ':::',
    '1::2::3',
    '1:2:3:4:5:6:7:8:9',
    '1:2:3:4:5:6:7::8:9',
    '12345::',
    'g::',
    '1.2.3.4::',
    '::1.2.3',
    ':1',
    '1:',
    '[::1]',
    'fe80::1%eth0',
  ]) {
    test(`${JSON.stringify(text)} is none`, () => expect(ipFamily(text)).toBeUndefined())
  }

  test('is what the platform says, zones apart', () => {
    const text = fc.string({ unit: fc.constantFrom(...'0123456789abcdef:.'.split('')), maxLength: 20 })
    fc.assert(
      fc.property(fc.oneof(text, fc.ipV4(), fc.ipV6()), (each) => (ipFamily(each) ?? 0) === isIP(each)),
      { numRuns: 2_000 },
    )
  })
})

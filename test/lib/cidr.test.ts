import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { contains, formatAddress, matcher, parseAddress, parseCidr } from '#lib/cidr.ts'

describe('addresses', () => {
  test.each([
    ['192.0.2.1', '192.0.2.1'],
    ['255.255.255.255', '255.255.255.255'],
    ['0.0.0.0', '0.0.0.0'],
    ['::', '::'],
    ['::1', '::1'],
    ['2001:DB8::1', '2001:db8::1'],
    ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['1:2:3:4:5:6:7:8', '1:2:3:4:5:6:7:8'],
    ['1:2:3:4:5:6:7::', '1:2:3:4:5:6:7:0'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['::FFFF:c000:201', '192.0.2.1'],
    ['64:ff9b::192.0.2.1', '64:ff9b::c000:201'],
  ])('%s is read and written as %s', (text, spelling) => {
    expect(formatAddress(parseAddress(text)!)).toBe(spelling)
  })

  test.each([
    '',
    '1',
    '1.2.3',
    '1.2.3.4.5',
    '1.2.3.256',
    '01.2.3.4',
    '0x7f.0.0.1',
    '1.2.3.4 ',
    ' 1.2.3.4',
    '1..2.3',
    '1.2.3.',
    '+1.2.3.4',
    ':',
    ':::',
    '1::2::3',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '1:2:3:4:5:6:7:8::',
    '::12345',
    '::g',
    '1:',
    ':1',
    '[::1]',
    'fe80::1%eth0',
    '::1.2.3',
    '::1.2.3.4:5',
    '１.2.3.4',
  ])('%j is no address', (text) => {
    expect(parseAddress(text)).toBeUndefined()
  })

  test('every address survives being written and read', () => {
    const word = fc.integer({ min: 0, max: 0xffffffff })
    fc.assert(
      fc.property(fc.oneof(fc.tuple(word), fc.tuple(word, word, word, word)), (words) => {
        fc.pre(words.length === 1 || !(words[0] === 0 && words[1] === 0 && words[2] === 0xffff))
        expect(parseAddress(formatAddress(words))).toEqual(words)
      }),
    )
  })
})

describe('ranges', () => {
  test.each([
    ['10.0.0.0/8', '10.255.0.1', true],
    ['10.0.0.0/8', '11.0.0.0', false],
    ['10.1.2.3/8', '10.9.9.9', true],
    ['0.0.0.0/0', '203.0.113.9', true],
    ['0.0.0.0/0', '::1', false],
    ['192.0.2.128/25', '192.0.2.127', false],
    ['192.0.2.128/25', '192.0.2.200', true],
    ['192.0.2.7', '192.0.2.7', true],
    ['192.0.2.7', '192.0.2.8', false],
    ['2001:db8::/33', '2001:db8:7fff::1', true],
    ['2001:db8::/33', '2001:db8:8000::1', false],
    ['2001:db8::1/128', '2001:db8::1', true],
    ['::/0', '10.0.0.1', false],
    ['::ffff:10.0.0.0/104', '10.1.1.1', true],
    ['10.0.0.0/8', '::ffff:10.1.1.1', true],
  ])('%s and %s: %s', (range, address, inside) => {
    expect(contains(parseCidr(range)!, parseAddress(address)!)).toBe(inside)
  })

  test.each([
    '10.0.0.0/33',
    '10.0.0.0/-1',
    '10.0.0.0/',
    '10.0.0.0/08',
    '::/129',
    '10.0.0/8',
    '::ffff:10.0.0.0/8',
    '10.0.0.0/8/8',
    'any',
    '',
  ])('%j is no range', (text) => {
    expect(parseCidr(text)).toBeUndefined()
  })

  test('a matcher asks every range, and text that is no address matches none', () => {
    const matches = matcher([parseCidr('10.0.0.0/8')!, parseCidr('::1')!])
    expect(['10.1.1.1', '::1', '11.1.1.1', 'localhost', ''].map(matches)).toEqual([true, true, false, false, false])
    expect(matcher([])('10.1.1.1')).toBe(false)
  })
})

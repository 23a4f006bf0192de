import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseAuthority, toAscii } from '#http/authority.ts'

describe('parseAuthority', () => {
  test.each([
    ['a.test', 'a.test', undefined],
    ['A.TeSt', 'a.test', undefined],
    ['a.test:8080', 'a.test', 8080],
    ['a.test:', 'a.test', undefined],
    ['a.test:0080', 'a.test', 80],
    ['a.test.', 'a.test', undefined],
    ['a.test.:443', 'a.test', 443],
    ['a_b.test', 'a_b.test', undefined],
    ['localhost', 'localhost', undefined],
    ['xn--bcher-kva.test', 'xn--bcher-kva.test', undefined],
    ['0x7f.1', '0x7f.1', undefined],
    ['192.0.2.1:65535', '192.0.2.1', 65535],
    ['[::1]', '[::1]', undefined],
    ['[2001:DB8::1]:8080', '[2001:db8::1]', 8080],
    ['[::1]:', '[::1]', undefined],
    ['[::ffff:192.0.2.1]', '[::ffff:192.0.2.1]', undefined],
  ])('%s is host %s, port %s', (value, host, port) => {
    expect(parseAuthority(value)).toEqual({ host, port })
  })

  test.each([
    '',
    '.',
    '..',
    ':80',
    'a..test',
    '.a.test',
    'a.test..',
    'a.test/x',
    'a.test?x',
    'a.test#x',
    'u@a.test',
    'u:p@a.test',
    'http://a.test',
    'a test',
    'a\ttest',
    ' a.test',
    'a.test ',
    'a.test, b.test',
    'a.test,b.test',
    'a.test:80:80',
    'a.test:8o',
    'a.test:-1',
    'a.test:+80',
    'a.test:0',
    'a.test:65536',
    'a.test:99999',
    'a.test:000000080',
    '[::1',
    '::1',
    '::1]',
    '[]',
    '[a.test]',
    '[1.2.3.4]',
    '[::1]x',
    '[::1]80',
    '[fe80::1%25eth0]',
    '[v1.x]',
    'a.te\x00st',
    'a.test\x00.evil',
    'a.te\x01st',
    'a.te\x7fst',
    'a.test\\b',
    'a.test^',
    'a|b',
    'a<b',
    'a"b',
    'a`b',
    'a{b}',
    '%61.test',
    'b\xfccher.test',
    'b\u00fccher.test',
    '\uff41.test',
    'a.test;x',
    'a=b',
    "a'b",
    'a!b',
    'a~b',
    '*.a.test',
    'a'.repeat(254),
  ])('%j is refused', (value) => {
    expect(parseAuthority(value)).toBeUndefined()
  })

  test('reading the routing form again changes nothing', () => {
    const value = fc.stringMatching(/^\[?[A-Za-z0-9._:[\]-]{0,20}(?::\d{0,6})?$/)
    fc.assert(
      fc.property(value, (text) => {
        const first = parseAuthority(text)
        if (first === undefined) return
        const { host, port } = first
        expect(parseAuthority(port === undefined ? host : `${host}:${port}`)).toEqual(first)
      }),
      { numRuns: 2000 },
    )
  })
})

describe('toAscii', () => {
  test.each([
    ['A.Test', 'a.test'],
    ['b\u00fccher.test', 'xn--bcher-kva.test'],
    ['*.B\u00dcCHER.test', '*.xn--bcher-kva.test'],
    ['*.a.test', '*.a.test'],
    ['a.test.', 'a.test'],
    ['0x7f.1', '0x7f.1'],
  ])('%s is %s', (host, ascii) => {
    expect(toAscii(host)).toBe(ascii)
  })

  test.each(['', '*', '*.', '*.*.a.test', 'a*.test', 'a.test:80', 'a b', '[::1]', 'a..test', 'x\u2028y.test'])(
    '%j has no such form',
    (host) => {
      expect(toAscii(host)).toBeUndefined()
    },
  )
})

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { cookieValues } from '#http/cookies.ts'

test.each([
  ['S=a', ['a']],
  ['S=a; S=b;S=c', ['a', 'b', 'c']],
  ['XS=a; SX=b; S X=c; X S=d', []],
  [' \tS \t= \ta \t; x=y', ['a']],
  ['S="a b"; S=a=b; S=', ['a b', 'a=b', '']],
  ['x=S=a; S; =S; ;;S', []],
  ['s=a', []],
])('of %j', (line, values) => {
  expect(cookieValues(['Host', 'a.test', 'cOOkie', line, 'Set-Cookie', 'S=no'], 'S')).toEqual(values)
})

test('of several lines come in their order, and nothing has no name', () => {
  expect(cookieValues(['Cookie', 'S=a', 'cookie', 'S=b'], 'S')).toEqual(['a', 'b'])
  expect(cookieValues(['Cookie', '=a; b'], '')).toEqual([])
})

test('are those that a reader of pair after pair finds', () => {
  const piece = fc.constantFrom('S', 'SS', 'x', '=', ';', '; ', ' ', '\t', '"', 'S=', ';S=1')
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 12 }), fc.constantFrom('S', 'SS'), (pieces, name) => {
      const line = pieces.join('')
      const plain = line.split(';').flatMap((pair) => {
        const [, found, value = ''] = /^[ \t]*([^=]*?)[ \t]*=[ \t]*(.*?)[ \t]*$/.exec(pair) ?? []
        return found === name ? [/^"(?<inner>.*)"$/.exec(value)?.groups?.['inner'] ?? value] : []
      })
      expect(cookieValues(['Cookie', line], name)).toEqual(plain)
    }),
    { numRuns: 5_000 },
  )
})

import { expect, test } from 'vitest'
import { longestText } from '#lib/pattern.ts'
import { parseTextMatch, type TextMatch, textMatcher } from '#lib/text-match.ts'

function listOf(...written: readonly string[]): readonly TextMatch[] {
  return written.map((each) => {
    const parsed = parseTextMatch(each)
    if (!parsed.ok) throw new Error(parsed.problem)
    return parsed.match
  })
}

test.each([
  ['Wget/1.21', 'wget/1.21', true],
  ['Wget/1.21', 'wget/1.21 and more', false],
  ['~bot', 'a robot', true],
  ['~bot', 'a ROBOT', false],
  ['~*bot', 'a ROBOT', true],
  ['"~*a b"', 'x A B y', true],
  ["'in quotes'", 'in quotes', true],
  ['""', '', true],
  ['~^$', '', true],
  ['"unfinished', '"unfinished', true],
] as const)('%j for %j: %s', (written, text, verdict) => {
  expect(textMatcher(listOf(written))(text)).toBe(verdict)
})

test('one of several is enough, and an empty list is like nothing', () => {
  expect(textMatcher(listOf('a', '~b'))('xbx')).toBe(true)
  expect(textMatcher([])('a')).toBe(false)
})

test('what is too long for an expression is unknown, unless a plain text is equal to it', () => {
  const long = 'a'.repeat(longestText + 1)
  expect(textMatcher(listOf('~a'))(long)).toBe('unknown')
  expect(textMatcher(listOf('a'))(long)).toBe(false)
  expect(textMatcher(listOf('~b', long))(long)).toBe(true)
})

test('expressions that need backtracking are refused with a reason', () => {
  expect(parseTextMatch('~*(?!bot)')).toMatchObject({ ok: false, problem: expect.stringContaining('lookaround') })
})

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { compilePattern, largestSize, longestSource, longestText, quotePattern } from '#lib/pattern.ts'
import type { Pattern } from '#lib/pattern.ts'

function pattern(source: string, ignoreCase = false): Pattern {
  const result = compilePattern(source, { ignoreCase })
  if (!result.ok) throw new Error(result.problem)
  return result.pattern
}

describe('compilePattern', () => {
  test.each([
    ['^/api(/|$)(.*)', '/api/v1', ['/api/v1', '/', 'v1']],
    ['^/api(/|$)(.*)', '/api', ['/api', '', '']],
    ['^/api(/|$)(.*)', '/apis', undefined],
    ['^(a)|(b)$', 'b', ['b', undefined, 'b']],
    ['^/id/[0-9]{3}$', '/id/1234', undefined],
  ])('%s on %s', (source, text, groups) => {
    expect(pattern(source).match(text)).toEqual(groups)
    expect(pattern(source).test(text)).toBe(groups !== undefined)
  })

  test('upper and lower case count unless told otherwise', () => {
    expect(pattern('^/foo').test('/FOO')).toBe(false)
    expect(pattern('^/foo', true).test('/FOO')).toBe(true)
  })

  test.each([
    ['(?=a)', /lookaround/],
    ['/(?!admin).*', /lookaround/],
    ['(?<=a)b', /lookaround/],
    ['(a)\\1', /backreferences/],
    ['a++', /possessive/],
    ['(?>a)', /possessive/],
    ['[a', /missing closing/],
    ['(a', /missing closing/],
    ['*', /missing argument/],
    ['(a{50}){50}', /too large|repeat/],
    ['a'.repeat(longestSource + 1), /longer than/],
  ])('%s is refused with an explanation', (source, problem) => {
    const result = compilePattern(source)
    expect(result.ok).toBe(false)
    expect(result.ok ? '' : result.problem).toMatch(problem)
  })

  // A backtracking engine needs longer than the universe for most of these.
  test.each(['^(a+)+$', '^(a|a)*b', '^(.*)*(.*)*x', '^(a*)*b$', '^([a-zA-Z]+)*[0-9]$', '^.*a.{30}b$', '(x+x+)+y'])(
    '%s answers for hostile texts, and no text beyond the bound is looked at',
    (source) => {
      const { test: matches, match, size } = pattern(source)
      expect(size).toBeLessThanOrEqual(largestSize)
      const text = `${'a'.repeat(longestText - 1)}!`
      expect(matches(text)).toBe(false)
      expect(match(text)).toBeUndefined()
      expect(matches('a'.repeat(50_000))).toBe(false)
      expect(match('a'.repeat(50_000))).toBeUndefined()
    },
    5_000,
  )

  test('never throws, whatever the expression', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...Array.from('ab/()[]{}*+?|\\^$.,-1:=!<>P')) }), (source) => {
        const result = compilePattern(source)
        if (result.ok) result.pattern.match('/aab/b')
        else expect(result.problem).not.toBe('')
      }),
    )
  })

  test('a quoted text matches exactly itself', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (text, other) => {
        const quoted = pattern(`^(?:${quotePattern(text)})$`)
        expect(quoted.test(text)).toBe(true)
        expect(quoted.test(other)).toBe(other === text)
      }),
    )
  })
})

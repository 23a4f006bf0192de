import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { normalizePath } from '#http/path.ts'

describe('normalizePath', () => {
  test.each([
    ['/', '/'],
    ['/a/b', '/a/b'],
    ['/a/b/', '/a/b/'],
    ['/.well-known/x', '/.well-known/x'],
    ['/a/.hidden/..b/c..', '/a/.hidden/..b/c..'],
    ['/a/...', '/a/...'],
    ['//', '/'],
    ['//b.test/x', '/b.test/x'],
    ['/a//b///c', '/a/b/c'],
    ['/a/./b', '/a/b'],
    ['/a/.', '/a/'],
    ['/a/b/..', '/a/'],
    ['/a/../b', '/b'],
    ['/a/..', '/'],
    ['/a//../b', '/b'],
    ['/%61%2D%2e%5f%7E', '/a-._~'],
    ['/a/%2e%2E/b', '/b'],
    ['/a/.%2e/b', '/b'],
    ['/%2e', '/'],
    ['/a%2fb', '/a%2Fb'],
    ['/a%2Fb', '/a%2Fb'],
    ['/%252e%252e/x', '/%252e%252e/x'],
    ['/%2541', '/%2541'],
    ['/x%0d%0ay', '/x%0D%0Ay'],
    ['/caf%c3%a9', '/caf%C3%A9'],
    ['/a;v=1/b;x', '/a;v=1/b;x'],
    ['/a;..', '/a;..'],
    ['/a|b[c]{d}^`"<>', '/a|b[c]{d}^`"<>'],
    ['/@scope%2fname', '/@scope%2Fname'],
    ['/1.2%2F3.4', '/1.2%2F3.4'],
  ])('%s is %s', (raw, normal) => {
    expect(normalizePath(raw)).toBe(normal)
  })

  test.each([
    ['', 'empty'],
    ['a', 'relative'],
    ['/..', 'above the root'],
    ['/../../etc/passwd', 'above the root'],
    ['/a/../..', 'above the root'],
    ['/%2e%2e/', 'above the root'],
    ['/a\\b', 'backslash'],
    ['/a%5cb', 'encoded backslash'],
    ['/x%00y', 'encoded NUL'],
    ['/%', 'malformed escape'],
    ['/%2', 'malformed escape'],
    ['/%zz', 'malformed escape'],
    ['/%%34%31', 'malformed escape'],
    ['/a b', 'space'],
    ['/a\x01b', 'control'],
    ['/a\x7fb', 'DEL'],
    ['/caf\xe9', 'non-ASCII'],
    ['/\u0141', 'beyond a byte'],
    ['/a#b', 'fragment'],
    ['/a?b', 'query'],
    ['/a/..;/admin', 'dots with a parameter'],
    ['/a/..;x=1/admin', 'dots with a parameter'],
    ['/a/.;/admin', 'dots with a parameter'],
    ['/a/%2e%2e;/admin', 'dots with a parameter'],
    ['/a/..%3b/admin', 'dots with an encoded parameter'],
    ['/a/..%2fadmin', 'dots beside an encoded slash'],
    ['/a%2f../admin', 'dots beside an encoded slash'],
    ['/a%2f..%2fadmin', 'dots beside an encoded slash'],
    ['/a%2f%2e%2e', 'dots beside an encoded slash'],
  ])('%j is refused: %s', (raw) => {
    expect(normalizePath(raw)).toBeUndefined()
  })

  const piece = fc.constantFrom(
    '/',
    '/',
    '.',
    '..',
    '%2e',
    '%2E',
    '%2f',
    '%2F',
    '%25',
    '%41',
    '%c3',
    ';',
    '%3b',
    'a',
    'B',
    '~',
    '!',
    '%00',
    '\\',
    '%',
  )
  const rawPath = fc.array(piece, { maxLength: 12 }).map((pieces) => `/${pieces.join('')}`)

  test('normalising twice changes nothing', () => {
    fc.assert(
      fc.property(rawPath, (raw) => {
        const once = normalizePath(raw)
        if (once !== undefined) expect(normalizePath(once)).toBe(once)
      }),
      { numRuns: 5000 },
    )
  })

  test('no dot segment, empty segment, backslash, NUL or needless escape ever comes out', () => {
    fc.assert(
      fc.property(rawPath, (raw) => {
        const path = normalizePath(raw)
        if (path === undefined) return
        expect(path).toMatch(/^\//)
        expect(path).not.toMatch(/\/\/|\/\.\.?(?:\/|;|$)|\\|%5C|%00|%2E|%41/)
        // What a reader sees that decodes slashes first, or drops path parameters.
        expect(path.replaceAll('%2F', '/').replaceAll(/;[^/]*|%3B[^/]*/g, '')).not.toMatch(/\/\.\.?(?:\/|$)/)
      }),
      { numRuns: 5000 },
    )
  })
})

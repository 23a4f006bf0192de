import { describe, expect, test } from 'vitest'
import { editDistance, nearest } from '../../src/lib/nearest.ts'

describe('the nearest known name', () => {
  const names = ['http-port', 'https-port', 'bind', 'admin', 'cluster-dns', 'cluster-domain']

  for (const [typed, meant] of [
    ['htpp-port', 'http-port'],
    ['httpport', 'http-port'],
    ['http-prot', 'http-port'],
    ['HTTP-PORT', 'http-port'],
    ['bnid', 'bind'],
    ['cluster-domian', 'cluster-domain'],
    ['nonsense', undefined],
    ['', undefined],
  ] as const) {
    test(`"${typed}" means ${meant ?? 'none of them'}`, () => expect(nearest(typed, names)).toBe(meant))
  }

  test('swapped neighbours count once and the bound ends the search', () => {
    expect(editDistance('ab', 'ba', 9)).toBe(1)
    expect(editDistance('abcdef', 'uvwxyz', 3)).toBe(3)
    expect(editDistance('a', 'abcdef', 3)).toBe(3)
  })
})

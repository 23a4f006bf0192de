import { describe, expect, test } from 'vitest'
import { nearest } from '../../src/lib/nearest.ts'

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
})

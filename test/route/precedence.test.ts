import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Aged } from '#route/precedence.ts'
import { byAge, bySpecificity } from '#route/precedence.ts'
import type { PathMatch } from '#snapshot/snapshot.ts'
import { routeSpec } from '../support/route-spec.ts'
import { anyRoutes } from './arbitrary.ts'

const sign = (a: number): number => Math.sign(a)

describe('routes', () => {
  test('go by host, then exact, then length, then prefix before expression, then text, then id', () => {
    const wanted: [string, PathMatch['kind'], string][] = [
      ['a.test', 'exact', '/a'],
      ['a.test', 'prefix', '/a/b'],
      ['a.test', 'regex', '/b.+'],
      ['a.test', 'regex', '/a.+'],
      ['a.test', 'regex', '/a+'],
      ['a.test', 'prefix', '/a'],
      ['a.test', 'prefix', '/b'],
      ['b.test', 'prefix', '/'],
      ['*.a.test', 'exact', '/a'],
      ['', 'exact', '/long/exact'],
    ]
    const routes = wanted.map(([host, kind, value]) => routeSpec(host, kind, value))
    expect(routes.toReversed().toSorted(bySpecificity)).toEqual(routes)
    const one = routeSpec('a.test', 'exact', '/', { id: '1' })
    const two = routeSpec('a.test', 'exact', '/', { id: '2' })
    expect([two, one].toSorted(bySpecificity)).toEqual([one, two])
  })

  test('compare as a total order', () => {
    fc.assert(
      fc.property(anyRoutes, (routes) => {
        for (const a of routes) {
          for (const b of routes) {
            expect(sign(bySpecificity(a, b)) + sign(bySpecificity(b, a))).toBe(0)
            expect(bySpecificity(a, b) === 0).toBe(a === b)
            for (const c of routes) {
              if (bySpecificity(a, b) < 0 && bySpecificity(b, c) < 0) expect(bySpecificity(a, c)).toBeLessThan(0)
            }
          }
        }
      }),
      { numRuns: 50 },
    )
  })
})

function aged(creationTimestamp: number | undefined, namespace: string, name: string, position: number): Aged {
  return { creationTimestamp, namespace, name, position }
}

describe('objects that claim the same route', () => {
  test('go by age, then namespace, then name, then reading order; without a timestamp last', () => {
    const wanted = [
      aged(1, 'z', 'z', 9),
      aged(2, 'a', 'b', 8),
      aged(2, 'b', 'a', 7),
      aged(undefined, 'a', 'a', 6),
      aged(undefined, 'a', 'b', 4),
      aged(undefined, 'a', 'b', 5),
      aged(undefined, 'a-b', 'a', 3),
    ]
    expect(wanted.toReversed().toSorted(byAge)).toEqual(wanted)
  })

  test('compare as a total order', () => {
    const letter = fc.constantFrom('a', 'b')
    const time = fc.constantFrom(undefined, 0, 1, Infinity)
    const any = fc.tuple(time, letter, letter, fc.nat(2)).map((each) => aged(...each))
    fc.assert(
      fc.property(any, any, any, (a, b, c) => {
        expect(sign(byAge(a, b)) + sign(byAge(b, a))).toBe(0)
        if (byAge(a, b) <= 0 && byAge(b, c) <= 0) expect(byAge(a, c)).toBeLessThanOrEqual(0)
      }),
    )
  })
})

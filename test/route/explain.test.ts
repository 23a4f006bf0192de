import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { explainMatch } from '#route/explain.ts'
import { RouteTable } from '#route/table.ts'
import { routeSpec } from '../support/route-spec.ts'
import { anyHost, anyPath, anyRoutes } from './arbitrary.ts'

/** `wins exact /cart: …`, one line per candidate. */
function told(routes: Parameters<typeof explainMatch>[0], host: string, path: string): string[] {
  return explainMatch(routes, host, path).candidates.map(
    ({ route, outcome, because }) => `${outcome} ${route.host} ${route.path.kind} ${route.path.value}: ${because}`,
  )
}

const shop = [
  routeSpec('', 'prefix', '/'),
  routeSpec('*.test', 'prefix', '/cart'),
  routeSpec('shop.test', 'prefix', '/'),
  routeSpec('shop.test', 'prefix', '/cart'),
  routeSpec('shop.test', 'prefix', '/cart/items'),
  routeSpec('shop.test', 'exact', '/cart'),
  routeSpec('other.test', 'prefix', '/cart'),
  routeSpec('other.test', 'prefix', '/'),
]

describe('explain', () => {
  test('an exact path beats every prefix', () => {
    expect(told(shop, 'shop.test', '/cart')).toEqual([
      'wins shop.test exact /cart: the path is exactly /cart',
      'loses shop.test prefix /cart/items: the path is not /cart/items nor below it',
      'loses shop.test prefix /cart: exact path /cart beats every prefix',
      'loses shop.test prefix /: exact path /cart beats every prefix',
      'loses *.test prefix /cart: host shop.test is more specific, and its rules alone decide',
      'loses  prefix /: host shop.test is more specific, and its rules alone decide',
    ])
  })

  test('a longer prefix beats a shorter one', () => {
    expect(told(shop, 'shop.test', '/cart/items/7').slice(0, 4)).toEqual([
      'wins shop.test prefix /cart/items: /cart/items is the longest prefix of the path',
      'loses shop.test exact /cart: the path is not exactly /cart',
      'loses shop.test prefix /cart: prefix /cart/items is longer',
      'loses shop.test prefix /: prefix /cart/items is longer',
    ])
  })

  test('a regular expression says why it wins and why it does not', () => {
    const routes = [
      routeSpec('a.test', 'regex', '/foo/bar/[a-z]{3}'),
      routeSpec('a.test', 'prefix', '/foo/bar/bar'),
      routeSpec('a.test', 'regex', '/foo/[0-9]+'),
      routeSpec('a.test', 'exact', '/foo'),
      routeSpec('a.test', 'regex', '/fo+'),
    ]
    expect(told(routes, 'a.test', '/foo/bar/bar')).toEqual([
      'wins a.test regex /foo/bar/[a-z]{3}: regular expression /foo/bar/[a-z]{3} matches, and no longer rule does',
      'loses a.test exact /foo: the path is not exactly /foo',
      'loses a.test prefix /foo/bar/bar: regular expression /foo/bar/[a-z]{3} is longer as written',
      'loses a.test regex /foo/[0-9]+: regular expression /foo/[0-9]+ does not match the path',
      'loses a.test regex /fo+: regular expression /foo/bar/[a-z]{3} is longer as written',
    ])
    expect(told(routes, 'a.test', '/foo')[4]).toBe(
      'loses a.test regex /fo+: exact path /foo beats every regular expression',
    )
  })

  test('routes of foreign hosts are counted, not listed', () => {
    expect(explainMatch(shop, 'shop.test', '/cart').others).toEqual({ routes: 2, hosts: 1 })
  })

  test('a host that owns the request and has no path for it leaves nothing to the others', () => {
    const { winner, owner, candidates } = explainMatch(shop, 'new.test', '/')
    expect([winner, owner]).toEqual([-1, '*.test'])
    expect(candidates.map(({ outcome }) => outcome)).toEqual(['loses', 'loses'])
  })

  test('a wildcard that misses by a label says so', () => {
    const routes = [routeSpec('*.foo.com', 'prefix', '/')]
    const reason = 'loses *.foo.com prefix /: *.foo.com stands for exactly one label before foo.com'
    expect(told(routes, 'foo.com', '/')).toEqual([reason])
    expect(told(routes, 'a.b.foo.com', '/')).toEqual([reason])
    expect(told(routes, 'barfoo.com', '/')).toEqual([])
  })

  test('of two routes with the same host and path the first wins and is named', () => {
    const routes = ['old', 'new'].map((id) => routeSpec('a.test', 'prefix', '/', { id }))
    expect(told(routes, 'a.test', '/x')).toEqual([
      'wins a.test prefix /: prefix / takes every path that nothing longer takes',
      'loses a.test prefix /: old has the same host and path and comes first',
    ])
  })

  test('nobody knows the host', () => {
    expect(explainMatch([routeSpec('a.test', 'prefix', '/')], 'b.test', '/')).toEqual({
      host: 'b.test',
      path: '/',
      owner: undefined,
      winner: -1,
      candidates: [],
      others: { routes: 1, hosts: 1 },
    })
  })

  test('it always agrees with the table and accounts for every route', () => {
    fc.assert(
      fc.property(anyRoutes, anyHost, anyPath, (routes, host, path) => {
        const { winner, candidates, others } = explainMatch(routes, host, path)
        expect(winner).toBe(new RouteTable(routes).match(host, path))
        expect(candidates.length + others.routes).toBe(routes.length)
        const wins = candidates.filter(({ outcome }) => outcome === 'wins')
        expect(wins.map(({ index }) => index)).toEqual(winner === -1 ? [] : [winner])
        if (winner !== -1) expect(candidates[0]).toBe(wins[0])
      }),
      { numRuns: 3_000 },
    )
  })
})

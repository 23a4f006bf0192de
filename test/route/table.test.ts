import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { hashBackward, hashForward, hashKey } from '#route/hash.ts'
import { RouteTable } from '#route/table.ts'
import type { RouteSpec } from '#snapshot/snapshot.ts'
import { plainMatch } from '../support/plain-matcher.ts'
import { routeSpec } from '../support/route-spec.ts'
import { anyHost, anyPath, anyRoutes } from './arbitrary.ts'

/** The value of the path that won, its kind in front; `none` where nothing did. */
function winner(routes: readonly RouteSpec[], host: string, path: string): string {
  const index = new RouteTable(routes).match(host, path)
  return index === -1 ? 'none' : `${routes[index]!.path.kind} ${routes[index]!.path.value}`
}

const prefixes = (...values: string[]): RouteSpec[] => values.map((value) => routeSpec('a.test', 'prefix', value))
const exact = (value: string): RouteSpec => routeSpec('a.test', 'exact', value)

describe('paths', () => {
  const cases: [RouteSpec[], string, string][] = [
    // ingress-controller-conformance, path_rules.feature; `/aaa/bbb/` as a prefix arrives as `/aaa/bbb`.
    [[exact('/foo')], '/foo', 'exact /foo'],
    [[exact('/foo')], '/foo/', 'none'],
    [[exact('/foo')], '/FOO', 'none'],
    [[exact('/foo')], '/bar', 'none'],
    [prefixes('/foo', '/aaa/bbb', '/aaa'), '/foo', 'prefix /foo'],
    [prefixes('/foo', '/aaa/bbb', '/aaa'), '/foo/', 'prefix /foo'],
    [prefixes('/foo', '/aaa/bbb', '/aaa'), '/FOO', 'none'],
    [prefixes('/foo', '/aaa/bbb', '/aaa'), '/aaa/bbb', 'prefix /aaa/bbb'],
    [prefixes('/foo', '/aaa/bbb', '/aaa'), '/aaa/bbb/ccc', 'prefix /aaa/bbb'],
    [prefixes('/foo', '/aaa/bbb', '/aaa'), '/aaa/ccc', 'prefix /aaa'],
    [prefixes('/foo', '/aaa/bbb', '/aaa'), '/aaaccc', 'none'],
    [[...prefixes('/foo'), exact('/foo')], '/foo', 'exact /foo'],
    [[...prefixes('/foo'), exact('/foo')], '/foo/bar', 'prefix /foo'],
    [[...prefixes('/aaa/bbb'), exact('/foo/')], '/aaa/bbb', 'prefix /aaa/bbb'],
    [[...prefixes('/aaa/bbb'), exact('/foo/')], '/aaa/bbb/', 'prefix /aaa/bbb'],
    [[...prefixes('/aaa/bbb'), exact('/foo/')], '/foo', 'none'],
    [[...prefixes('/aaa/bbb'), exact('/foo/')], '/foo/', 'exact /foo/'],
    // The table of the Kubernetes documentation.
    [prefixes('/'), '/', 'prefix /'],
    [prefixes('/'), '/any/path', 'prefix /'],
    [prefixes('/aaa/bb'), '/aaa/bbb', 'none'],
    [prefixes('/aaa/bbb'), '/aaa/bbbxyz', 'none'],
    [prefixes('/', '/aaa'), '/aaa/ccc', 'prefix /aaa'],
    [prefixes('/', '/aaa', '/aaa/bbb'), '/aaa/bbb', 'prefix /aaa/bbb'],
    [prefixes('/', '/aaa', '/aaa/bbb'), '/ccc', 'prefix /'],
    [prefixes('/aaa'), '/ccc', 'none'],
    // Ours.
    [[exact('/'), ...prefixes('/')], '/', 'exact /'],
    [[exact('/'), ...prefixes('/')], '/a', 'prefix /'],
    [[exact('/')], '/a', 'none'],
    [[exact('/a/b'), ...prefixes('/a/b/c', '/a')], '/a/b', 'exact /a/b'],
    [[exact('/a/b'), ...prefixes('/a/b/c', '/a')], '/a/b/', 'prefix /a'],
    [prefixes('/a%2Fb'), '/a/b', 'none'],
    [prefixes('/a'), `/a/${'x/'.repeat(5_000)}`, 'prefix /a'],
    [prefixes('/é', '/漢字'), '/漢字/é', 'prefix /漢字'],
    [prefixes('/é', '/漢字'), '/é/x', 'prefix /é'],
    [prefixes('/é'), '/漢字', 'none'],
    // U+0161 has the low byte of `a`: a table of bytes must not take one for the other.
    [prefixes('/a'), '/\u0161', 'none'],
  ]

  test.each(cases)('%# %s', (routes, path, expected) => {
    expect(winner(routes, 'a.test', path)).toBe(expected)
  })
})

const regex = (value: string): RouteSpec => routeSpec('a.test', 'regex', value)

describe('regular expressions', () => {
  const cases: [RouteSpec[], string, string][] = [
    [[regex('/id/[0-9]+')], '/id/1', 'regex /id/[0-9]+'],
    [[regex('/id/[0-9]+')], '/id/123a', 'regex /id/[0-9]+'],
    [[regex('/id/[0-9]+')], '/id/aaa', 'none'],
    [[regex('/id/[0-9]+$')], '/id/1a', 'none'],
    [[regex('/id/[0-9]{3}$')], '/id/99', 'none'],
    [[regex('/id/[0-9]{3}$')], '/id/123', 'regex /id/[0-9]{3}$'],
    [[regex('/id/[0-9]{3}$')], '/id/9999', 'none'],
    [[regex('/id/[0-9]+/post/[a-zA-Z]+$')], '/id/123/post/abc', 'regex /id/[0-9]+/post/[a-zA-Z]+$'],
    [[regex('/id/[0-9]+/post/[a-zA-Z]+$')], '/id/123/post/abc123', 'none'],
    [[regex('/foo')], '/FOOBAR', 'regex /foo'],
    [[regex('/foo')], '/x/foo', 'none'],
    [[regex('/a|/b')], '/x/b', 'none'],
    // The longer one as written goes first, plain or not.
    [[...prefixes('/foo/bar/bar'), regex('/foo/bar/[a-z]{3}')], '/foo/bar/bar', 'regex /foo/bar/[a-z]{3}'],
    [
      [...prefixes('/.well-known/acme/challenge'), regex('/')],
      '/.well-known/acme/challenge',
      'prefix /.well-known/acme/challenge',
    ],
    [[...prefixes('/foo'), regex('/foo.+')], '/foo', 'prefix /foo'],
    [[...prefixes('/foo'), regex('/foo.+')], '/foo/x', 'regex /foo.+'],
    [[...prefixes('/'), regex('/[a-z]')], '/foo', 'regex /[a-z]'],
    [[...prefixes('/'), regex('/[a-z]')], '/1', 'prefix /'],
    [[exact('/foo'), regex('/foo.*'), regex('/f.*')], '/foo', 'exact /foo'],
    [[exact('/foo'), regex('/f.*'), regex('/foo.*')], '/foo1', 'regex /foo.*'],
    [[regex('/aa.'), regex('/ab.'), regex('/a..')], '/abc', 'regex /ab.'],
    [[...prefixes('/foo'), regex('/f.*')], '/foo', 'prefix /foo'],
  ]

  test.each(cases)('%# %s', (routes, path, expected) => {
    expect(winner(routes, 'a.test', path)).toBe(expected)
    expect(winner(routes.toReversed(), 'a.test', path)).toBe(expected)
  })

  test('count on their own host only', () => {
    const routes = [regex('/a+'), routeSpec('b.test', 'prefix', '/a')]
    expect(winner(routes, 'b.test', '/aa')).toBe('none')
    expect(winner(routes, 'b.test', '/a')).toBe('prefix /a')
  })

  test('cannot be made to stall by a path', () => {
    expect(winner([regex('/(a+)+$')], 'a.test', `/${'a'.repeat(50_000)}!`)).toBe('none')
    expect(winner([regex('/(a+)+$')], 'a.test', `/${'a'.repeat(8_000)}!`)).toBe('none')
  })
})

describe('hosts', () => {
  const routes = [
    routeSpec('*.foo.com', 'prefix', '/wildcard'),
    routeSpec('foo.bar.com', 'prefix', '/exact'),
    routeSpec('shop.foo.com', 'prefix', '/shop'),
    routeSpec('', 'prefix', '/every'),
  ]
  const cases: [host: string, path: string, expected: string][] = [
    ['foo.bar.com', '/exact', 'prefix /exact'],
    ['bar.foo.com', '/wildcard', 'prefix /wildcard'],
    ['baz.bar.foo.com', '/wildcard', 'none'],
    ['foo.com', '/wildcard', 'none'],
    ['.foo.com', '/wildcard', 'none'],
    ['*.foo.com', '/wildcard', 'prefix /wildcard'],
    ['subdomain.bar.com', '/exact', 'none'],
    ['shop.foo.com', '/shop', 'prefix /shop'],
    ['other.test', '/every', 'prefix /every'],
    ['baz.bar.foo.com', '/every', 'prefix /every'],
    ['', '/every', 'prefix /every'],
    ['192.0.2.1', '/every', 'prefix /every'],
    ['[2001:db8::1]', '/every', 'prefix /every'],
  ]

  test.each(cases)('%s%s: %s', (host, path, expected) => {
    expect(winner(routes, host, path)).toBe(expected)
  })

  test('an exact host owns its requests: a wildcard never gets a path it does not know', () => {
    expect(winner(routes, 'shop.foo.com', '/wildcard')).toBe('none')
  })

  test('a rule whose host begins with a dot is no wildcard in disguise', () => {
    const disguised = [routeSpec('.foo.com', 'prefix', '/'), routeSpec('*.foo.com', 'prefix', '/wildcard')]
    expect(winner(disguised, 'bar.foo.com', '/other')).toBe('none')
    expect(winner(disguised, 'bar.foo.com', '/wildcard')).toBe('prefix /wildcard')
  })

  test('a known host never falls through to the rules for every host', () => {
    expect(winner(routes, 'foo.bar.com', '/every')).toBe('none')
    expect(winner(routes, 'bar.foo.com', '/every')).toBe('none')
  })
})

/** Two texts of one length with the same hash under the default seed. */
function twins(start: string, hash: typeof hashForward): [string, string] {
  const key = hashKey(0)
  const seen = new Map<number, string>()
  for (let i = 1; i < 1_000_000; i += 1) {
    const digits = [0x9e3779b1, 0x85ebca6b].map((factor) => (Math.imul(i, factor) >>> 0).toString(36).padStart(7, '0'))
    const text = `${start}${digits.join('')}`
    const other = seen.get(hash(text, key))
    if (other !== undefined) return [other, text]
    seen.set(hash(text, key), text)
  }
  throw new Error('among so many texts two have the same hash of 32 bits')
}

describe('the table', () => {
  test('holds nothing when it was given nothing', () => {
    expect(new RouteTable([]).match('a.test', '/')).toBe(-1)
  })

  test('takes the first of two routes with the same host and path', () => {
    const twice = [exact('/a'), exact('/a')]
    const roots = prefixes('/', '/')
    expect(new RouteTable(twice).match('a.test', '/a')).toBe(0)
    expect(new RouteTable(roots).match('a.test', '/a')).toBe(0)
  })

  test('refuses an expression that cannot be matched rather than matching it wrongly', () => {
    expect(() => new RouteTable([routeSpec('a.test', 'regex', '/(?!a)')])).toThrow('lookaround')
  })

  test('finds each of thousands of hosts and paths, and none beside them', () => {
    const kinds = ['exact', 'prefix', 'prefix'] as const
    const routes = Array.from({ length: 4_000 }, (_, i) => routeSpec(`h${i % 700}.test`, kinds[i % 3]!, `/p${i}`))
    const table = new RouteTable(routes, { seed: 7 })
    for (const [index, { host, path }] of routes.entries()) {
      expect(table.match(host, path.value)).toBe(index)
      expect(table.match(host, `${path.value}x`)).toBe(-1)
      expect(table.match(`x${host}`, path.value)).toBe(-1)
    }
  })

  test('tells texts apart that have the same hash', () => {
    const [one, two] = twins('/', hashForward)
    const table = new RouteTable([exact(one)])
    expect(table.match('a.test', one)).toBe(0)
    expect(table.match('a.test', two)).toBe(-1)
    const both = new RouteTable([exact(one), exact(two)])
    expect([both.match('a.test', one), both.match('a.test', two)]).toEqual([0, 1])
  })

  test('tells hosts apart that have the same hash', () => {
    const [one, two] = twins('', hashBackward)
    const table = new RouteTable([routeSpec(one, 'prefix', '/')])
    expect(table.match(one, '/')).toBe(0)
    expect(table.match(two, '/')).toBe(-1)
  })

  test('agrees with the plain matcher, whatever the seed', () => {
    const requests = fc.array(fc.tuple(anyHost, anyPath), { minLength: 1, maxLength: 20 })
    fc.assert(
      fc.property(anyRoutes, requests, fc.integer(), (routes, asked, seed) => {
        const table = new RouteTable(routes, { seed })
        for (const [host, path] of asked) expect(table.match(host, path)).toBe(plainMatch(routes, host, path))
      }),
      { numRuns: 2_000 },
    )
  })
})

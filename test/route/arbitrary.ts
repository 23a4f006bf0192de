/**
 * Hosts, paths and routes over alphabets so small that shared prefixes, wildcards and duplicates are the rule.
 */
import * as fc from 'fast-check'
import type { RouteSpec } from '#snapshot/snapshot.ts'
import { routeSpec } from '../support/route-spec.ts'

const label = fc.constantFrom('a', 'b', 'ab', 'é', '漢')
const hostOf = (minLength: number): fc.Arbitrary<string> =>
  fc.array(label, { minLength, maxLength: 3 }).map((labels) => labels.join('.'))

export const anyHost: fc.Arbitrary<string> = fc.oneof(
  { weight: 8, arbitrary: hostOf(0) },
  { weight: 1, arbitrary: hostOf(1).map((host) => `.${host}`) },
  { weight: 1, arbitrary: hostOf(1).map((host) => `*.${host}`) },
)

const ruleHost = fc.oneof(
  hostOf(1),
  hostOf(1).map((host) => `*.${host}`),
  fc.constant(''),
)

const segment = fc.oneof(
  { weight: 9, arbitrary: fc.constantFrom('a', 'b', 'aa', 'ab') },
  { weight: 1, arbitrary: fc.constantFrom('A', 'é', '漢', '', 'a'.repeat(31), 'a'.repeat(40)) },
)
const segments = fc.array(segment, { maxLength: 4 })
const prefix = segments.map((list) => `/${list.join('/')}`.replace(/\/+$/, '') || '/')

export const anyPath: fc.Arbitrary<string> = segments.map((list) => `/${list.join('/')}`)

const match = fc.oneof(
  prefix.map((value) => ['prefix', value] as const),
  anyPath.map((value) => ['exact', value] as const),
  fc
    .constantFrom('/a+', '/a(/|$)(.*)', '/(a|b)/[ab]{2}$', '/A/b', '/', '/.*b', '/[^/]+/b', '/aa')
    .map((value) => ['regex', value] as const),
)

/** With repetitions; ids are unique all the same. */
export const anyRoutes: fc.Arbitrary<RouteSpec[]> = fc
  .array(fc.tuple(ruleHost, match), { maxLength: 14 })
  .map((list) => list.map(([host, [kind, value]], index) => routeSpec(host, kind, value, { id: `route ${index}` })))

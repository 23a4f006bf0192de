import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { emptySnapshot } from '#snapshot/patch.ts'
import { diffSnapshots, isSame } from '#snapshot/diff.ts'
import type { Snapshot } from '#snapshot/snapshot.ts'
import { routeSpec } from '../support/route-spec.ts'
import { anySnapshot, certificateSpec, chain, secretKey, upstreamSpec } from './arbitrary.ts'

const cart = routeSpec('shop.test', 'prefix', '/cart', { id: 'cart' })
const home = routeSpec('shop.test', 'prefix', '/', { id: 'home' })
const web = upstreamSpec('default/web:80')
const tls = certificateSpec('default/tls')
const base: Snapshot = {
  generation: 1,
  routes: [cart, home],
  upstreams: [web],
  certificates: [tls],
  tlsHosts: [{ host: 'shop.test', certificate: 'default/tls' }],
  serverNames: [],
  clientAuths: [],
  door: { limits: { idleTimeoutMs: 1 } },
}

const at = (line: number): { origin: typeof cart.origin } => ({ origin: { ...cart.origin, line } })

describe('what changed', () => {
  const stray = routeSpec('', 'prefix', '/', { id: 'new' })
  const auth = { kind: 'auth', config: 'secret' }
  const lost = { ...cart, upstream: undefined }
  const slow = { ...cart, upstream: 'default/b:80', timeouts: { ...cart.timeouts, readMs: 1 } }
  const other = upstreamSpec('default/b:80')
  const dns = { ...web, discovery: ['dns'] } as const
  const renewed = { ...tls, key: 'K', certificate: chain('B') }
  const cases: [what: string, changes: Partial<Snapshot>, ...expected: string[]][] = [
    ['nothing but the generation', { generation: 2 }],
    ['a new route', { routes: [cart, home, stray] }, '+ route new -> default/web:80'],
    ['a new route to nowhere', { routes: [cart, home, { ...stray, upstream: undefined }] }, '+ route new'],
    ['a route gone', { routes: [home] }, '- route cart'],
    [
      'fields of a route',
      { routes: [slow, home] },
      '~ route cart: upstream "default/web:80" -> "default/b:80", timeouts.readMs 60000 -> 1',
    ],
    ['an upstream lost', { routes: [lost, home] }, '~ route cart: upstream "default/web:80" -> undefined'],
    ['policies, not their text', { routes: [{ ...cart, policies: [auth] }, home] }, '~ route cart: policies changed'],
    ['one route moved', { routes: [{ ...cart, ...at(9) }, home] }, '~ route cart: now written at web.yaml:9'],
    [
      'many routes moved',
      {
        routes: [
          { ...cart, ...at(8) },
          { ...home, ...at(9) },
        ],
      },
      '~ 2 routes: now written elsewhere, the first at web.yaml:8',
    ],
    ['only the order of routes', { routes: [home, cart] }, '~ order of routes'],
    ['an upstream replaced', { upstreams: [other] }, '- upstream default/web:80', '+ upstream default/b:80'],
    ['discovery', { upstreams: [dns] }, '~ upstream default/web:80: discovery ["slices","dns"] -> ["dns"]'],
    ['a certificate', { certificates: [renewed] }, '~ certificate default/tls: certificate changed, key changed'],
    [
      'the certificate of a host',
      { tlsHosts: [{ host: 'shop.test', certificate: 'b' }] },
      '~ tls host shop.test: certificate "default/tls" -> "b"',
    ],
    [
      'a setting of the front door',
      { door: { drainMs: 9, limits: { idleTimeoutMs: 5 } } },
      '~ front door settings: limits.idleTimeoutMs 1 -> 5, drainMs undefined -> 9',
    ],
    ['a default backend', { unmatched: stray }, '+ default backend new'],
    ['what is logged', { accessLog: { off: true } }, '~ access log of all routes: off undefined -> true'],
    ['a host without certificate', { tlsHosts: [] }, '- tls host shop.test'],
  ]

  test.each(cases)('%s', (_what, changes, ...expected) => {
    const after = { ...base, ...changes }
    expect(diffSnapshots(base, after)).toEqual(expected)
    expect(isSame(base, after)).toBe(expected.length === 0)
  })

  test('is cut to a few lines with a count of the rest', () => {
    const empty = emptySnapshot
    expect(diffSnapshots(empty, base, 2)).toEqual([
      '+ route cart -> default/web:80',
      '+ route home -> default/web:80',
      '… and 4 more',
    ])
  })
})

describe('two snapshots', () => {
  test('are the same exactly when nothing changed, in both directions', () => {
    fc.assert(
      fc.property(anySnapshot, anySnapshot, (a, b) => {
        expect(diffSnapshots(a, b).length === 0).toBe(isSame(a, b))
        expect(isSame(b, a)).toBe(isSame(a, b))
      }),
      { numRuns: 500 },
    )
  })

  test('are the same after a journey as JSON, and in whatever order sets are listed', () => {
    fc.assert(
      fc.property(anySnapshot, (any) => {
        // What JSON.stringify wrote of a snapshot is one again, so the cast cannot lie.
        expect(isSame(JSON.parse(JSON.stringify(any)) as Snapshot, any)).toBe(true)
        const turned = { upstreams: any.upstreams.toReversed(), tlsHosts: any.tlsHosts.toReversed() }
        expect(isSame({ ...any, ...turned }, any)).toBe(true)
      }),
    )
  })

  test('never show a private key when compared', () => {
    fc.assert(
      fc.property(anySnapshot, anySnapshot, (a, b) => {
        expect(diffSnapshots(a, b).join('\n')).not.toContain(secretKey.split('\n')[1])
      }),
    )
  })

  test('never show how TLS is spoken to endpoints, only that it changed', () => {
    const client = { certificate: chain('A'), key: secretKey }
    const before = { ...base, upstreams: [upstreamSpec('web', { tls: { verify: true, client } })] }
    const after = {
      ...base,
      upstreams: [upstreamSpec('web', { tls: { verify: true, client: { ...client, key: 'another' } } })],
    }
    expect(diffSnapshots(before, after)).toEqual(['~ upstream web: tls changed'])
  })

  test('differ when a probe is the same but comes from elsewhere', () => {
    const probe = {
      action: { kind: 'tcp' },
      initialDelayMs: 0,
      periodMs: 1,
      timeoutMs: 1,
      successThreshold: 1,
      failureThreshold: 1,
    } as const
    const before = { ...base, upstreams: [upstreamSpec('web', { probe: { ...probe, origin: 'Pod a' } })] }
    const after = { ...base, upstreams: [upstreamSpec('web', { probe: { ...probe, origin: 'Pod b' } })] }
    expect(diffSnapshots(before, after)).toEqual(['~ upstream web: probe.origin "Pod a" -> "Pod b"'])
  })
})

import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { printSnapshot, printValue } from '#snapshot/print.ts'
import type { Snapshot } from '#snapshot/snapshot.ts'
import { routeSpec } from '../support/route-spec.ts'
import { anySnapshot, certificateSpec, chain, secretKey, upstreamSpec } from './arbitrary.ts'

const snapshot: Snapshot = {
  generation: 3,
  routes: [
    routeSpec('shop.test', 'exact', '/cart', { policies: [{ kind: 'rateLimit', config: { perSecond: 5, burst: 2 } }] }),
    routeSpec('', 'prefix', '/', { upstream: undefined, maxBodyBytes: 0 }),
  ],
  upstreams: [
    upstreamSpec('default/web:http', { service: 'web', port: { kind: 'name', name: 'http' } }),
    upstreamSpec('default/web:80', { service: 'web' }),
  ],
  certificates: [
    certificateSpec('default/tls', { names: ['shop.test', '*.shop.test'], certificate: chain('A') + chain('B') }),
  ],
  tlsHosts: [
    { host: 'shop.test', certificate: 'default/tls' },
    { host: '*.shop.test', certificate: 'default/tls' },
  ],
  serverNames: [{ host: 'shop.test', clientAuth: 'default/ca 1' }, { host: '' }],
  clientAuths: [{ id: 'default/ca 1', ca: chain('C'), crl: 'revoked' }],
}

describe('a printed snapshot', () => {
  test('reads like this', () => {
    expect(printSnapshot(snapshot)).toMatchInlineSnapshot(`
      "generation 3

      route default/web shop.test exact /cart
        host shop.test
        path exact /cart
        from Ingress default/web at web.yaml:1
        upstream default/web:80
        timeouts connect 5000 send 60000 read 60000
        body 1048576
        policy rateLimit {"burst":2,"perSecond":5}

      route default/web  prefix /
        host (every)
        path prefix /
        from Ingress default/web at web.yaml:1
        upstream (none)
        timeouts connect 5000 send 60000 read 60000
        body unlimited

      upstream default/web:80
        service default/web port number 80
        protocol http
        discovery slices, dns

      upstream default/web:http
        service default/web port name http
        protocol http
        discovery slices, dns

      certificate default/tls
        names shop.test, *.shop.test
        until 2030-01-01T00:00:00.000Z
        chain 2, checksum da11c026

      tls *.shop.test
        certificate default/tls

      tls shop.test
        certificate default/tls

      server name (any other)

      server name shop.test
        client certificates default/ca 1

      client authorities default/ca 1
        checksum 56e08b64
        revocations, checksum b4e706f5
      "
    `)
  })

  test('never contains a private key', () => {
    fc.assert(
      fc.property(anySnapshot, (any) => {
        expect(printSnapshot(any)).not.toContain('PRIVATE KEY')
        expect(printSnapshot(any)).not.toContain(secretKey.split('\n')[1])
      }),
    )
  })

  test('is the same in whatever order sets are listed, and after a journey as JSON', () => {
    fc.assert(
      fc.property(anySnapshot, (any) => {
        const [upstreams, certificates] = [any.upstreams.toReversed(), any.certificates.toReversed()]
        const turned = { ...any, upstreams, certificates, tlsHosts: any.tlsHosts.toReversed() }
        expect(printSnapshot(turned)).toBe(printSnapshot(any))
        // What JSON.stringify wrote of a snapshot is one again, so the cast cannot lie.
        expect(printSnapshot(JSON.parse(JSON.stringify(any)) as Snapshot)).toBe(printSnapshot(any))
      }),
    )
  })

  test('tells a renewed certificate from the one before', () => {
    const renewed = { ...snapshot, certificates: [certificateSpec('default/tls', { certificate: chain('C') })] }
    const before = { ...snapshot, certificates: [certificateSpec('default/tls')] }
    expect(printSnapshot(renewed)).not.toBe(printSnapshot(before))
  })
})

describe('a printed value', () => {
  test('has its keys in order at every depth, lists as they are', () => {
    expect(printValue({ b: [2, 1, { z: 1, y: undefined, x: 2 }], a: null })).toBe('{"a":null,"b":[2,1,{"x":2,"z":1}]}')
    expect(printValue(undefined)).toBe('undefined')
  })
})

describe('a printed snapshot with settings of endpoints', () => {
  const origin = { object: 'Ingress default/new', namespace: 'default', name: 'new', file: 'new.yaml', line: 7 }
  const key = secretKey
  const full: Snapshot = {
    generation: 1,
    routes: [
      routeSpec('shop.test', 'prefix', '/', {
        canary: { upstream: 'default/new:80', origin, weight: 10, total: 100, affinity: 'sticky' },
        timeouts: { connectMs: 1, sendMs: 2, readMs: 3, requestMs: 4, streamIdleMs: 5 },
        retry: { on: ['error'], tries: 2, withinMs: 0 },
        affinityCookie: { name: 'a', path: '/', secure: 'auto', changeOnFailure: false },
      }),
    ],
    upstreams: [
      upstreamSpec('default/web:443', {
        protocol: 'https',
        tls: { verify: true, name: 'web', ca: chain('A'), client: { certificate: chain('B'), key } },
        balance: { kind: 'ewma' },
        affinity: { kind: 'clientIP', timeoutMs: 1 },
        outlier: 'off',
        slowStartMs: 9,
        bounds: { pending: 0 },
      }),
    ],
    certificates: [],
    tlsHosts: [],
    serverNames: [],
    clientAuths: [],
  }

  test('shows them, with checksums in place of certificates and without the key', () => {
    expect(printSnapshot(full)).toMatchInlineSnapshot(`
      "generation 1

      route default/web shop.test prefix /
        host shop.test
        path prefix /
        from Ingress default/web at web.yaml:1
        upstream default/web:80
        canary default/new:80 from Ingress default/new at new.yaml:7
        canary rules {"affinity":"sticky","total":100,"weight":10}
        timeouts connect 1 send 2 read 3 request 4 stream-idle 5
        retry {"on":["error"],"tries":2,"withinMs":0}
        body 1048576
        cookie {"changeOnFailure":false,"name":"a","path":"/","secure":"auto"}

      upstream default/web:443
        service default/default/web:443 port number 80
        protocol https
        tls {"ca":"checksum 191b5bf6","client":"checksum d357a1d5","name":"web","verify":true}
        discovery slices, dns
        balance {"kind":"ewma"}
        affinity {"kind":"clientIP","timeoutMs":1}
        outlier "off"
        slow-start 9
        bounds {"pending":0}
      "
    `)
    expect(printSnapshot(full)).not.toContain(key.split('\n')[1])
  })
})

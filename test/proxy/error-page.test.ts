import { describe, expect, test } from 'vitest'
import type { Cause } from '#proxy/failure.ts'
import { failures } from '#proxy/failure.ts'
import type { ErrorPages } from '#proxy/error-page.ts'
import { pageForFailure, pageForStatus } from '#proxy/error-page.ts'
import { Exchange } from '#proxy/exchange.ts'
import { clearOver, createRoute, splitFilters } from '#proxy/route.ts'
import { emptyRuntime } from '#proxy/runtime.ts'
import type { Transport } from '#proxy/transport.ts'
import type { ErrorPagesSpec } from '#snapshot/snapshot.ts'
import { Upstream } from '#upstream/upstream.ts'
import { routeOf } from '../support/door.ts'
import { upstreamEnv } from '../support/proxy-env.ts'

const transport: Transport = { send: () => {}, relay: () => {}, reply: () => {}, abort: () => {} }
const connection = { address: '127.0.0.1', remotePort: 5, scheme: 'http', port: 80, tls: undefined } as const
const named: ErrorPagesSpec = {
  upstream: 'test/pages:80',
  statuses: [404, 413, 502, 503],
  passEndpoints: false,
  whenEmpty: true,
  namespace: 'test',
  ingress: 'web',
  service: 'web',
  port: '80',
}

function turning(changes: Partial<ErrorPagesSpec> = {}): { readonly exchange: Exchange; readonly pages: ErrorPages } {
  const received = {
    method: 'POST',
    target: '/a?b',
    version: '1.1',
    fields: ['Host', 'a.test', 'Accept', 'text/html'],
  } as const
  const exchange = new Exchange(
    { received, connection, transport, runtime: emptyRuntime, lane: 'general', headOnly: false },
    0,
    0,
  )
  const pages = {
    spec: { ...named, ...changes },
    upstream: new Upstream('test/pages:80', upstreamEnv()),
    admission: [],
  }
  exchange.path = '/a'
  exchange.query = '?b'
  exchange.requestId = 'f'
  exchange.sent = {
    method: 'POST',
    target: '/rewritten?b',
    fields: ['Host', 'a.test', 'Content-Length', '5', 'X-Code', '200'],
  }
  exchange.route = createRoute(routeOf({}), {
    upstream: undefined,
    errors: pages,
    filters: splitFilters([]),
    clear: clearOver(['http']),
    number: 0,
  })
  return { exchange, pages }
}

describe('an error page', () => {
  test('is asked for with what the default backend must know, and without the body', () => {
    const { exchange, pages } = turning()
    expect(pageForStatus(exchange, 404)).toBe(pages.upstream)
    expect(exchange.sent).toEqual({
      method: 'POST',
      target: '/?b',
      fields: [
        'Host',
        'a.test',
        'X-Code',
        '404',
        'Content-Length',
        '0',
        'X-Format',
        'text/html',
        'X-Original-URI',
        '/a?b',
        'X-Namespace',
        'test',
        'X-Ingress-Name',
        'web',
        'X-Service-Name',
        'web',
        'X-Service-Port',
        '80',
        'X-Request-ID',
        'f',
      ],
    })
  })

  test('is asked for once', () => {
    const { exchange } = turning()
    expect(pageForStatus(exchange, 404)).toBeDefined()
    expect(pageForStatus(exchange, 404)).toBeUndefined()
    expect(pageForFailure(exchange, { cause: 'connect_failed', detail: '' })).toBeUndefined()
  })

  test('is for the statuses that are named, and for none once a response has begun', () => {
    expect(pageForStatus(turning().exchange, 500)).toBeUndefined()
    expect(pageForStatus(turning({ passEndpoints: true }).exchange, 404)).toBeUndefined()
    const { exchange } = turning()
    exchange.responding = true
    expect(pageForStatus(exchange, 404)).toBeUndefined()
  })

  test('of a backend without endpoints gets the request as it was', () => {
    const { exchange } = turning({ statuses: [] })
    expect(pageForFailure(exchange, { cause: 'no_ready_endpoints', detail: '' })).toBeDefined()
    expect(exchange.sent.target).toBe('/rewritten?b')
    expect(exchange.sent.fields).toEqual(expect.arrayContaining(['X-Code', '503']))
  })

  const everything = Array.from({ length: 200 }, (_, index) => 400 + index)
  test.each((Object.keys(failures) as Cause[]).filter((cause) => ['client', 'policy'].includes(failures[cause].side)))(
    'is never asked for because of %s',
    (cause) => {
      const { exchange } = turning({ statuses: everything })
      expect(pageForFailure(exchange, { cause, detail: '' })).toBeUndefined()
      expect(exchange.sent.target).toBe('/rewritten?b')
    },
  )

  test.each(['connect_failed', 'upstream_reset', 'upstream_truncated'] as const)(
    'stands for the 502 of %s',
    (cause) => {
      expect(pageForFailure(turning().exchange, { cause, detail: '' })).toBeDefined()
      expect(pageForFailure(turning({ statuses: [404] }).exchange, { cause, detail: '' })).toBeUndefined()
    },
  )
})

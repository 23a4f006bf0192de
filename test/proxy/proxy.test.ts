import { describe, expect, test } from 'vitest'
import type { RequestHead, ResponseHead } from '#http/head.ts'
import type { Filter, FilterContext, Reply } from '#policy/policy.ts'
import type { Exchange } from '#proxy/exchange.ts'
import { type Cause, failures } from '#proxy/failure.ts'
import { defaultLimits } from '#proxy/limits.ts'
import { silentObserver } from '#proxy/observer.ts'
import { createProxy, type Proxy, type ProxyEnv } from '#proxy/proxy.ts'
import { replyFor } from '#proxy/reply.ts'
import { clearOver, createRoute, type Route, splitFilters } from '#proxy/route.ts'
import { emptyRuntime, type Runtime } from '#proxy/runtime.ts'
import { type TermsBase, termsOf } from '#proxy/terms.ts'
import type { Transport } from '#proxy/transport.ts'
import type { RouteSpec } from '#snapshot/snapshot.ts'
import { silentLog } from '#telemetry/log.ts'
import type { Endpoint } from '#upstream/endpoint.ts'
import { Upstream } from '#upstream/upstream.ts'
import { routeOf, setOf } from '../support/door.ts'
import { testSeal, upstreamEnv } from '../support/proxy-env.ts'

/** A lane that moves nothing and writes down what it is told. */
class PaperLane implements Transport {
  readonly told: string[] = []
  replied: Reply | undefined
  relayed: ResponseHead | undefined
  onSend: (exchange: Exchange, endpoint: Endpoint) => void = () => {}

  send(exchange: Exchange, endpoint: Endpoint): void {
    this.told.push(`send ${endpoint.spec.port}`)
    this.onSend(exchange, endpoint)
  }

  relay(_exchange: Exchange, head: ResponseHead): void {
    this.relayed = head
    this.told.push(`relay ${head.status}`)
  }

  reply(_exchange: Exchange, reply: Reply): void {
    this.replied = reply
    this.told.push(`reply ${reply.status}`)
  }

  abort(): void {
    this.told.push('abort')
  }
}

type Desk = {
  readonly proxy: Proxy
  readonly lane: PaperLane
  readonly exchange: Exchange
  readonly errors: string[]
  readonly finished: Exchange[]
}

type DeskOptions = {
  readonly head?: Partial<RequestHead>
  readonly filters?: readonly Filter[]
  readonly ports?: readonly number[]
  readonly runtime?: Runtime
  readonly env?: Partial<ProxyEnv>
  readonly route?: Parameters<typeof routeOf>[0]
  readonly trustedProxies?: readonly string[]
}

function desk({
  head = {},
  filters = [],
  ports = [1, 2, 3, 4],
  runtime,
  env = {},
  route = {},
  trustedProxies = ['10.0.0.1'],
}: DeskOptions = {}): Desk {
  const errors: string[] = []
  const finished: Exchange[] = []
  let tick = 0
  const proxy = createProxy({
    now: () => 1_000,
    monotonic: () => ++tick,
    random: () => 0,
    later: () => () => {},
    seal: testSeal,
    newRequestId: () => 'f'.repeat(32),
    forwardedField: false,
    exposeCause: true,
    limits: defaultLimits,
    observer: { ...silentObserver, onFinish: (exchange) => void finished.push(exchange) },
    log: { ...silentLog, error: (message) => void errors.push(message) },
    ...env,
  })
  const upstream = new Upstream('test/web:80', upstreamEnv())
  upstream.update(setOf(ports))
  const lane = new PaperLane()
  const exchange = proxy.begin({
    received: { method: 'GET', target: '/a?b', version: '1.1', fields: ['Host', 'A.test'], ...head },
    connection: { address: '127.0.0.1', remotePort: 5, scheme: 'http', port: 80, tls: undefined },
    transport: lane,
    runtime:
      runtime ??
      runtimeOf(madeRoute({ spec: routeOf(route), upstream, filters }), { limits: defaultLimits, trustedProxies }),
    lane: 'general',
    headOnly: false,
  })
  return { proxy, lane, exchange, errors, finished }
}

type Made = { readonly spec: RouteSpec; readonly upstream: Upstream | undefined; readonly filters: readonly Filter[] }

function madeRoute({ spec, upstream, filters }: Made): Route {
  return createRoute(spec, { upstream, filters: splitFilters(filters), clear: clearOver(['http']), number: 0 })
}

const processBase: TermsBase = { limits: defaultLimits, trustedProxies: [] }

function runtimeOf(route: Route, base: TermsBase): Runtime {
  const match: Runtime['match'] = (host, path) => (host === 'a.test' && path.startsWith('/') ? route : undefined)
  return { generation: 1, match, terms: termsOf(undefined, base) }
}

const response = (status = 200): ResponseHead => ({
  status,
  reason: 'x',
  fields: ['X-A', '1', 'Connection', 'close', 'Content-Length', '2'],
})

describe('a request', () => {
  test('is admitted, routed, sent and relayed, all at once', () => {
    const { proxy, lane, exchange } = desk()
    lane.onSend = () => proxy.onResponse(exchange, response())
    proxy.onRequest(exchange)
    expect(lane.told).toEqual(['send 1', 'relay 200'])
    expect(lane.relayed!.fields).toEqual(['X-A', '1', 'Content-Length', '2', 'Server', 'genkan'])
    expect(exchange).toMatchObject({
      host: 'a.test',
      path: '/a',
      query: '?b',
      requestId: 'f'.repeat(32),
      status: 200,
      upstreamStatus: 200,
    })
    expect(exchange.sent.fields).toEqual(
      expect.arrayContaining(['Host', 'A.test', 'X-Forwarded-For', '127.0.0.1', 'X-Request-ID', 'f'.repeat(32)]),
    )
    proxy.onFinish(exchange)
    expect(exchange).toMatchObject({ finished: true, durationMs: 2, endpoint: { inFlight: 0, lastUsedAt: 1_000 } })
  })

  const rows: readonly [why: string, options: DeskOptions, cause: Cause][] = [
    ['that is malformed', { head: { fields: [] } }, 'bad_request'],
    ['before the first snapshot', { runtime: emptyRuntime }, 'not_ready'],
    ['for an unknown host', { head: { fields: ['Host', 'b.test'] } }, 'no_route'],
    [
      'with too large a body',
      { head: { method: 'POST', fields: ['Host', 'a.test', 'Content-Length', '11'] }, route: { maxBodyBytes: 10 } },
      'body_too_large',
    ],
    ['for an upstream without endpoints', { ports: [] }, 'no_ready_endpoints'],
    [
      'for a route that leads nowhere',
      { runtime: runtimeOf(madeRoute({ spec: routeOf({}), upstream: undefined, filters: [] }), processBase) },
      'no_backend',
    ],
  ]
  test.each(rows)('%s is answered', (_, options, cause) => {
    const { proxy, lane, exchange } = desk(options)
    proxy.onRequest(exchange)
    expect(lane.told).toEqual([`reply ${failures[cause].status}`])
    expect(exchange.failure?.cause).toBe(cause)
  })

  test('that a trusted proxy passes on has the client it names', () => {
    const { proxy, lane, exchange } = desk({
      trustedProxies: ['127.0.0.0/8'],
      head: { fields: ['Host', 'a.test', 'X-Forwarded-For', '9.9.9.9', 'X-Forwarded-Proto', 'https'] },
    })
    let seen = ''
    lane.onSend = () => (seen = `${exchange.client.address} ${exchange.client.scheme}`)
    proxy.onRequest(exchange)
    expect(seen).toBe('9.9.9.9 https')
  })
})

function addField({ sent }: FilterContext): undefined {
  sent.fields.push('X-B', '2')
}

describe('filters', () => {
  const naming = (name: string, log: string[]): Filter => ({
    onRequest: () => {
      log.push(`> ${name}`)
      return undefined
    },
    onResponse: () => void log.push(`< ${name}`),
  })

  test('run in order for the request and in reverse for the response', () => {
    const log: string[] = []
    const { proxy, lane, exchange } = desk({ filters: [naming('a', log), naming('b', log)] })
    lane.onSend = () => proxy.onResponse(exchange, response())
    proxy.onRequest(exchange)
    expect(log).toEqual(['> a', '> b', '< b', '< a'])
  })

  test('change what is sent', () => {
    const { proxy, lane, exchange } = desk({ filters: [{ onResponse: () => {} }, { onRequest: addField }] })
    proxy.onRequest(exchange)
    expect(lane.told).toEqual(['send 1'])
    expect(exchange.sent.fields.slice(-2)).toEqual(['X-B', '2'])
  })

  test('may answer, and response filters see that answer', () => {
    const { proxy, lane, exchange } = desk({
      filters: [
        { onResponse: (_, head) => void head.fields.push('X-Late', '1') },
        { onRequest: () => ({ status: 403, fields: [], body: 'no' }) },
        { onRequest: () => expect.unreachable() },
      ],
    })
    proxy.onRequest(exchange)
    expect(lane.told).toEqual(['reply 403'])
    expect(lane.replied).toEqual({ status: 403, fields: ['Server', 'genkan', 'X-Late', '1'], body: 'no' })
    expect(exchange).toMatchObject({ status: 403, failure: undefined, attempts: 0 })
  })

  test('may wait; nothing is sent before, and nothing at all when the client has left', async () => {
    let go: (reply: Reply | undefined) => void = () => {}
    const waiting: Filter = { onRequest: () => new Promise((resolve) => (go = resolve)) }
    const patient = desk({ filters: [waiting] })
    patient.proxy.onRequest(patient.exchange)
    expect(patient.lane.told).toEqual([])
    go(undefined)
    await Promise.resolve()
    expect(patient.lane.told).toEqual(['send 1'])

    const gone = desk({ filters: [waiting] })
    gone.proxy.onRequest(gone.exchange)
    gone.proxy.onFailure(gone.exchange, { cause: 'client_abort', detail: '' })
    gone.proxy.onFinish(gone.exchange)
    go({ status: 200, fields: [], body: '' })
    await Promise.resolve()
    expect(gone.lane.told).toEqual(['abort'])
  })

  test.each([
    [
      'throws',
      (): never => {
        throw new Error('bug')
      },
    ],
    ['rejects', (): Promise<never> => Promise.reject(new Error('bug'))],
  ])('one that %s costs one exchange and is logged', async (_, onRequest) => {
    const { proxy, lane, exchange, errors } = desk({ filters: [{ onRequest }] })
    proxy.onRequest(exchange)
    await Promise.resolve()
    await Promise.resolve()
    expect(lane.told).toEqual(['reply 500'])
    expect(exchange.failure?.cause).toBe('internal')
    expect(errors).toEqual(['an exchange failed on a bug'])
  })
})

describe('failures', () => {
  test('every cause is answered with its status and nothing that tells more', () => {
    for (const [cause, { status }] of Object.entries(failures)) {
      if (status === 0) continue
      // Keys of `failures` are causes.
      const { body, fields } = replyFor(cause as Cause, false)
      expect(body).toMatch(new RegExp(`^${status} [A-Z][A-Za-z ]+\\n$`))
      expect(fields.join(' ')).not.toContain(cause)
      expect(replyFor(cause as Cause, true).fields).toEqual(expect.arrayContaining(['X-Genkan-Cause', cause]))
      expect(fields.includes('Retry-After')).toBe(status === 503)
    }
  })

  const rows: readonly [
    why: string,
    cause: Cause,
    change: (exchange: Exchange) => void,
    reused: boolean,
    told: readonly string[],
  ][] = [
    [
      'connection refused: elsewhere, three at most',
      'connect_failed',
      () => {},
      false,
      ['send 1', 'send 2', 'send 3', 'reply 502'],
    ],
    [
      'connection refused once a byte of the body is gone: no',
      'connect_failed',
      (exchange) => void exchange.requestBytes++,
      false,
      ['send 1', 'reply 502'],
    ],
    [
      'reset: elsewhere, as GET may be done twice',
      'upstream_reset',
      () => {},
      false,
      ['send 1', 'send 2', 'send 3', 'reply 502'],
    ],
    [
      'reset of a kept connection: anywhere',
      'upstream_reset',
      () => {},
      true,
      ['send 1', 'send 2', 'send 3', 'reply 502'],
    ],
    [
      'the same once a body that is not kept is gone: no',
      'upstream_reset',
      (exchange) => void exchange.requestBytes++,
      true,
      ['send 1', 'reply 502'],
    ],
    [
      'the same after an interim response: no',
      'upstream_reset',
      (exchange) => void exchange.interims++,
      true,
      ['send 1', 'reply 502'],
    ],
    ['timeout: elsewhere', 'upstream_timeout', () => {}, false, ['send 1', 'send 2', 'send 3', 'reply 504']],
    ['nonsense: no', 'upstream_protocol', () => {}, false, ['send 1', 'reply 502']],
    ['the client left: nobody is answered', 'client_abort', () => {}, false, ['send 1', 'abort']],
    ['the body was too large: the client is answered', 'body_too_large', () => {}, false, ['send 1', 'reply 413']],
  ]
  test.each(rows)('%s', (...row) => {
    const [, cause, change, reusedConnection, told] = row
    const { proxy, lane, exchange } = desk()
    lane.onSend = () => {
      change(exchange)
      proxy.onFailure(exchange, { cause, detail: 'x', reusedConnection })
    }
    proxy.onRequest(exchange)
    expect(lane.told).toEqual(told)
    expect(exchange.failure?.cause).toBe(cause)
    proxy.onFinish(exchange)
    expect(exchange.endpoint?.inFlight).toBe(0)
  })

  test('a kept connection that died is replaced on the only endpoint there is; POST is not', () => {
    for (const [method, told] of [
      ['GET', ['send 1', 'send 1', 'relay 200']],
      ['POST', ['send 1', 'reply 502']],
    ] as const) {
      const { proxy, lane, exchange } = desk({ ports: [1], head: { method } })
      lane.onSend = () => {
        if (exchange.attempts === 1)
          proxy.onFailure(exchange, { cause: 'upstream_reset', detail: '', reusedConnection: true })
        else proxy.onResponse(exchange, response())
      }
      proxy.onRequest(exchange)
      expect(lane.told).toEqual(told)
    }
  })

  test('a response that has begun can only be broken off', () => {
    const { proxy, lane, exchange } = desk()
    proxy.onRequest(exchange)
    proxy.onResponse(exchange, response())
    proxy.onFailure(exchange, { cause: 'upstream_truncated', detail: '' })
    proxy.onFailure(exchange, { cause: 'client_abort', detail: '' })
    expect(lane.told).toEqual(['send 1', 'relay 200', 'abort', 'abort'])
    expect(exchange).toMatchObject({ status: 200, failure: { cause: 'upstream_truncated' } })
  })

  test('a response that could be read in two ways is none', () => {
    const { proxy, lane, exchange } = desk()
    proxy.onRequest(exchange)
    proxy.onResponse(exchange, { status: 200, reason: '', fields: ['Content-Length', '1', 'Content-Length', '2'] })
    expect(lane.told).toEqual(['send 1', 'reply 502'])
  })

  test('consecutive failures of an endpoint are counted until it answers', () => {
    const { proxy, exchange } = desk({ ports: [1] })
    proxy.onRequest(exchange)
    proxy.onFailure(exchange, { cause: 'upstream_timeout', detail: '' })
    expect(exchange.endpoint?.consecutiveFailures).toBe(1)
  })
})

describe('finishing', () => {
  test('happens once; a second time is a bug that is logged and counts nothing', () => {
    const { proxy, exchange, finished, errors } = desk()
    proxy.onRequest(exchange)
    proxy.onFinish(exchange)
    proxy.onFinish(exchange)
    expect(finished).toEqual([exchange])
    expect(errors).toEqual(['an exchange finished twice'])
    expect(exchange.endpoint?.inFlight).toBe(0)
  })

  test('leaves no timer behind', () => {
    const running = new Set<object>()
    const later = (): (() => void) => {
      const timer = {}
      running.add(timer)
      return () => void running.delete(timer)
    }
    const { proxy, lane, exchange } = desk({
      env: { later },
      route: { timeouts: { connectMs: 1, sendMs: 1, readMs: 1, requestMs: 9, streamIdleMs: 9 } },
    })
    lane.onSend = () => proxy.onResponse(exchange, response())
    proxy.onRequest(exchange)
    expect(running.size).toBe(2)
    proxy.onFinish(exchange)
    expect(running.size).toBe(0)
  })

  test('nothing is done for an exchange that is over', () => {
    const { proxy, lane, exchange } = desk()
    proxy.onRequest(exchange)
    proxy.onFinish(exchange)
    proxy.onResponse(exchange, response())
    proxy.onFailure(exchange, { cause: 'upstream_reset', detail: '' })
    expect(lane.told).toEqual(['send 1'])
  })
})

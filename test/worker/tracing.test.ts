import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import type { RequestListener } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { RouteSpec, Snapshot } from '#snapshot/snapshot.ts'
import { silentLog } from '#telemetry/log.ts'
import { defaultTracing, type TracingSettings } from '#telemetry/tracing-settings.ts'
import { Tracing } from '#worker/tracing.ts'
import { after } from '../support/closing.ts'
import { type Collector, type Manners, type ReceivedSpan, startCollector } from '../support/collector.ts'
import { type Door, openDoor } from '../support/door.ts'
import { siteManifests, startFrontDoor } from '../support/front-door.ts'
import { ask, connectH2 } from '../support/h2-client.ts'
import { describeLanes, leftToGeneral } from '../support/lanes.ts'
import { closedPort, type Origin, startOrigin, startRawOrigin } from '../support/origin.ts'
import { talk } from '../support/raw-client.ts'
import { until } from '../support/until.ts'

const parent = { trace: '4bf92f3577b34da6a3ce929d0e0e4736', span: '00f067aa0ba902b7' }
const incoming = `traceparent: 00-${parent.trace}-${parent.span}-01\r\ntracestate: rojo=1\r\n`

function get(path: string, fields = ''): string {
  return `GET ${path} HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n${fields}\r\n`
}

type Setup = {
  readonly endpoints: readonly number[]
  readonly route?: Partial<RouteSpec>
  readonly settings?: Partial<TracingSettings>
  readonly snapshot?: Partial<Snapshot>
  readonly manners?: Manners
}

type Traced = {
  readonly door: Door
  readonly collector: Collector
  readonly counts: { sent: number; dropped: string[] }
  /** Says this, and gives the spans of the exchange with the server's first. */
  readonly spansOf: (request: string, count: number) => Promise<readonly ReceivedSpan[]>
}

async function openTraced({ endpoints, route = {}, settings = {}, snapshot = {}, manners }: Setup): Promise<Traced> {
  const collector = await startCollector(manners)
  const counts: Traced['counts'] = { sent: 0, dropped: [] }
  const tracing = new Tracing({
    settings: { ...defaultTracing, endpoint: collector.endpoint, batchSpans: 1, ...settings },
    log: silentLog,
    onSent: (spans) => void (counts.sent += spans),
    onDropped: (reason, spans) => void counts.dropped.push(`${reason} ${spans}`),
  })
  after(() => tracing.close(1))
  const door = await openDoor({ endpoints, route: { tracing: { trust: true }, ...route }, init: { tracing }, snapshot })
  let finished = 0
  const spansOf: Traced['spansOf'] = async (request, count) => {
    await talk(door.http, request)
    tracing.finish(await door.nth(++finished))
    return collector.trace(count)
  }
  return { door, collector, counts, spansOf }
}

const echo: RequestListener = (_request, response) => void response.end('ok')

function headersOf(origin: Origin): Readonly<Record<string, unknown>> {
  return origin.requests.at(-1)!.headers
}

describeLanes((lane) => {
  test('a request is a span of the trace it belongs to, and its attempt a span below', async () => {
    const origin = await startOrigin(echo)
    const { collector, spansOf } = await openTraced({ endpoints: [origin.port] })
    const [server, client] = await spansOf(get('/cart/1?a=b&sig=hidden', `User-Agent: test\r\n${incoming}`), 2)
    expect(server).toMatchObject({
      traceId: parent.trace,
      parentSpanId: parent.span,
      traceState: 'rojo=1',
      kind: 2,
      name: 'GET /',
      attributes: {
        'http.request.method': 'GET',
        'http.route': '/',
        'http.response.status_code': 200,
        'url.scheme': 'http',
        'url.path': '/cart/1',
        'url.query': 'a=b&sig=REDACTED',
        'server.address': 'a.test',
        'client.address': '127.0.0.1',
        'network.protocol.version': '1.1',
        'user_agent.original': 'test',
        'http.response.body.size': 2,
        'genkan.lane': lane,
      },
    })
    expect(server).not.toHaveProperty('status')
    expect(server!.attributes).not.toHaveProperty('error.type')
    expect(client).toMatchObject({
      traceId: parent.trace,
      parentSpanId: server!.spanId,
      kind: 3,
      name: 'GET',
      attributes: {
        'http.request.method': 'GET',
        'http.response.status_code': 200,
        'url.full': `http://127.0.0.1:${origin.port}/cart/1?a=b&sig=REDACTED`,
        'server.address': '127.0.0.1',
        'server.port': origin.port,
      },
    })
    expect(BigInt(server!.startTimeUnixNano)).toBeLessThanOrEqual(BigInt(client!.startTimeUnixNano))
    expect(BigInt(client!.startTimeUnixNano)).toBeLessThanOrEqual(BigInt(client!.endTimeUnixNano))
    expect(BigInt(client!.endTimeUnixNano)).toBeLessThanOrEqual(BigInt(server!.endTimeUnixNano))
    expect(headersOf(origin)).toMatchObject({
      traceparent: `00-${parent.trace}-${client!.spanId}-01`,
      tracestate: 'rojo=1',
    })
    expect(collector.resources[0]).toEqual({ 'service.name': 'genkan' })
  })

  test('each attempt is a span, and the endpoint is told of its own', async () => {
    const origin = await startOrigin(echo)
    const { spansOf } = await openTraced({ endpoints: [await closedPort(), origin.port] })
    const [server, failed, second] = await spansOf(get('/'), 3)
    expect(server).not.toHaveProperty('parentSpanId')
    expect(failed).toMatchObject({
      parentSpanId: server!.spanId,
      status: { code: 2, message: 'connect_failed' },
      attributes: { 'error.type': 'connect_failed', 'genkan.cause': 'connect_failed' },
    })
    expect(failed!.attributes).not.toHaveProperty('http.response.status_code')
    expect(second).toMatchObject({ parentSpanId: server!.spanId, attributes: { 'http.request.resend_count': 1 } })
    expect(second).not.toHaveProperty('status')
    expect(headersOf(origin)['traceparent']).toBe(`00-${server!.traceId}-${second!.spanId}-01`)
  })

  test('what fails is said by its cause', async () => {
    const { spansOf } = await openTraced({ endpoints: [await closedPort()] })
    const spans = await spansOf(get('/'), 2)
    const [server, client] = [spans.find(({ kind }) => kind === 2)!, spans.find(({ kind }) => kind === 3)!]
    for (const each of [server, client]) {
      expect(each.status).toEqual({ code: 2, message: 'connect_failed' })
      expect(each.attributes).toMatchObject({ 'error.type': 'connect_failed', 'genkan.cause': 'connect_failed' })
    }
    expect(server.attributes['http.response.status_code']).toBe(502)
  })

  test('an answer that breaks off is an error though its status was none', async () => {
    const origin = await startRawOrigin((socket) => {
      socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort'))
    })
    const { spansOf } = await openTraced({ endpoints: [origin.port] })
    for (const each of await spansOf(get('/'), 2)) {
      expect(each.status).toEqual({ code: 2, message: 'upstream_truncated' })
      expect(each.attributes['http.response.status_code']).toBe(200)
    }
  })

  test.each([
    [404, { server: undefined, client: { code: 2, message: '404' } }],
    [500, { server: { code: 2, message: '500' }, client: { code: 2, message: '500' } }],
    [302, { server: undefined, client: undefined }],
  ])('an endpoint that answers %i', async (status, expected) => {
    const origin = await startOrigin((_request, response) => void response.writeHead(status).end())
    const { spansOf } = await openTraced({ endpoints: [origin.port] })
    const [server, client] = await spansOf(get('/'), 2)
    expect({ server: server!.status, client: client!.status }).toEqual(expected)
  })

  test('a trace nobody trusts is not continued, and nothing of it is passed on', async () => {
    const origin = await startOrigin(echo)
    const { spansOf } = await openTraced({ endpoints: [origin.port], route: { tracing: { trust: false } } })
    const [server, client] = await spansOf(get('/', incoming), 2)
    expect(server!.traceId).not.toBe(parent.trace)
    expect(server).not.toHaveProperty('parentSpanId')
    expect(headersOf(origin)['traceparent']).toBe(`00-${server!.traceId}-${client!.spanId}-01`)
    expect(headersOf(origin)).not.toHaveProperty('tracestate')
  })

  test('what the caller does not sample is continued without spans', async () => {
    const origin = await startOrigin(echo)
    const { collector, spansOf } = await openTraced({ endpoints: [origin.port] })
    await spansOf(get('/', `traceparent: 00-${parent.trace}-${parent.span}-00\r\n`), 0)
    expect(headersOf(origin)['traceparent']).toMatch(
      new RegExp(`^00-${parent.trace}-(?!${parent.span})[0-9a-f]{16}-00$`),
    )
    await spansOf(get('/'), 2)
    expect(collector.spans.map(({ traceId }) => traceId)).not.toContain(parent.trace)
  })

  test('a sampler that is not parent-based decides for itself', async () => {
    const origin = await startOrigin(echo)
    const never = { sampler: { ratio: 0, parentBased: false } }
    const { spansOf } = await openTraced({ endpoints: [origin.port], settings: never })
    await spansOf(get('/', incoming), 0)
    expect(headersOf(origin)['traceparent']).toMatch(new RegExp(`^00-${parent.trace}-[0-9a-f]{16}-00$`))
  })

  test('a route that is not traced passes on what came', async () => {
    const origin = await startOrigin(echo)
    const door = await openDoor({ endpoints: [origin.port] })
    await talk(door.http, get('/', incoming))
    expect((await door.nth(1)).trace).toBeUndefined()
    expect(headersOf(origin)).toMatchObject({
      traceparent: `00-${parent.trace}-${parent.span}-01`,
      tracestate: 'rojo=1',
    })
  })

  test('a connection that is kept gives each request a trace of its own', async () => {
    const origin = await startOrigin(echo)
    const { door } = await openTraced({ endpoints: [origin.port] })
    const head = 'GET / HTTP/1.1\r\nHost: a.test\r\n'
    await talk(door.http, `${head}\r\n${head}\r\n${head}Connection: close\r\n\r\n`)
    const parents = origin.requests.map(({ headers }) => headers['traceparent'])
    expect(new Set(parents).size).toBe(3)
  })

  test('a name of its own', async () => {
    const origin = await startOrigin(echo)
    const operation = ['shop ', { variable: 'request_method' }, ' ', { variable: 'uri' }]
    const { spansOf } = await openTraced({ endpoints: [origin.port], route: { tracing: { trust: true, operation } } })
    expect((await spansOf(get('/a?b'), 2))[0]!.name).toBe('shop GET /a')
  })

  test('a method nobody knows makes no name of its own', async () => {
    leftToGeneral('method')
    const origin = await startOrigin(echo)
    const { spansOf } = await openTraced({ endpoints: [origin.port] })
    const [server] = await spansOf(get('/').replace('GET', 'PROPFIND'), 2)
    expect(server).toMatchObject({
      name: 'HTTP /',
      attributes: { 'http.request.method': '_OTHER', 'http.request.method_original': 'PROPFIND' },
    })
  })

  test('the ConfigMap counts before the environment, and a change of it needs no restart', async () => {
    const origin = await startOrigin(echo)
    const other = await startCollector()
    const tracing = { endpoint: other.endpoint, serviceName: 'edge', batchSpans: 2 }
    const { door, collector, spansOf } = await openTraced({ endpoints: [origin.port], snapshot: { tracing } })
    const first = spansOf(get('/'), 0)
    await first
    await other.trace(2)
    expect(other.resources[0]).toEqual({ 'service.name': 'edge' })
    door.apply({ snapshot: {} })
    await spansOf(get('/'), 2)
    expect(collector.resources[0]).toEqual({ 'service.name': 'genkan' })
    expect(other.spans).toHaveLength(2)
  })
})

describeLanes(() => {
  test('a request over HTTP/2 belongs to its trace as well', async () => {
    const origin = await startOrigin(echo)
    const { door } = await openTraced({ endpoints: [origin.port] })
    const session = await connectH2(door.https)
    const traceparent = `00-${parent.trace}-${parent.span}-01`
    expect((await ask(session, { ':path': '/', traceparent })).status).toBe(200)
    const trace = (await door.nth(1)).trace!
    expect(headersOf(origin)['traceparent']).toBe(`00-${parent.trace}-${trace.attempts[0]!.spanId}-01`)
  })
})

describeLanes('a collector', () => {
  test('that is busy is asked again, and loses nothing', async () => {
    const origin = await startOrigin(echo)
    const manners: Manners = (number) =>
      number === 1 ? { status: 503, fields: { 'retry-after': '0.01' } } : { status: 200 }
    const { collector, counts, spansOf } = await openTraced({ endpoints: [origin.port], manners })
    await spansOf(get('/'), 2)
    await until(() => counts.sent === 2)
    expect(collector.asked.length).toBe(2 + 1)
    expect(counts.dropped).toEqual([])
  })

  test.each<[string, Manners, number]>([
    ['refuses', () => ({ status: 400 }), 0],
    ['takes a part', () => ({ status: 200, body: '{"partialSuccess":{"rejectedSpans":"1","errorMessage":"no"}}' }), 0],
  ])('that %s: what it does not take is counted', async (_, manners) => {
    const origin = await startOrigin(echo)
    const { counts, spansOf } = await openTraced({ endpoints: [origin.port], manners, settings: { batchSpans: 2 } })
    await spansOf(get('/'), 0)
    await until(() => counts.dropped.length > 0)
    expect(counts.dropped[0]).toMatch(/^failed [12]$/)
  })

  test.each<[string, Manners]>([
    ['hangs', () => 'hang'],
    ['always fails', () => ({ status: 503 })],
  ])('that %s costs no request anything: what does not fit is dropped', async (_, manners) => {
    const origin = await startOrigin(echo)
    const settings = { mostSpans: 4, batchSpans: 2 }
    const { door, counts, spansOf } = await openTraced({ endpoints: [origin.port], manners, settings })
    for (let n = 0; n < 6; n += 1) await spansOf(get('/'), 0)
    expect(door.finished.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200, 200])
    expect(counts.dropped.length).toBeGreaterThanOrEqual(3)
    expect(new Set(counts.dropped)).toEqual(new Set(['queue_full 2']))
  })

  test('is told the fields it wants', async () => {
    const origin = await startOrigin(echo)
    const settings = { fields: ['Authorization', 'Bearer x'] }
    const { collector, spansOf } = await openTraced({ endpoints: [origin.port], settings })
    await spansOf(get('/'), 2)
    expect(collector.asked[0]).toMatchObject({ authorization: 'Bearer x', 'content-type': 'application/json' })
  })
})

describeLanes('a front door that traces', () => {
  const named = (port: number, annotations: Readonly<Record<string, string>> = {}): string =>
    siteManifests([{ host: 'localhost', port, annotations }])

  test('sends what waits when it drains, and names the trace in the access log', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'genkan-trace-'))
    after(() => rmSync(folder, { recursive: true }))
    const file = join(folder, 'access.log')
    const [origin, collector] = [await startOrigin(echo), await startCollector()]
    const { genkan } = await startFrontDoor(named(origin.port), {
      tracing: { ...defaultTracing, endpoint: collector.endpoint, delayMs: 1_000_000 },
      accessLog: { file },
      workers: 2,
    })
    for (let n = 0; n < 4; n += 1) await (await fetch(`http://localhost:${genkan.ports.http}/`)).text()
    expect(collector.spans).toEqual([])
    await genkan.drain()
    expect(collector.spans).toHaveLength(8)
    const lines = readFileSync(file, 'utf8').trim().split('\n')
    const logged = lines.map((line) => (JSON.parse(line) as { traceId: string }).traceId)
    expect(new Set(logged)).toEqual(new Set(collector.spans.map(({ traceId }) => traceId)))
    expect(new Set(logged).size).toBe(4)
  })

  test('does as the global ConfigMap says, and counts in its metrics', async () => {
    const [origin, collector] = [await startOrigin(echo), await startCollector()]
    const { hostname, port } = new URL(collector.endpoint)
    const data = {
      'enable-opentelemetry': 'true',
      'otlp-collector-host': hostname,
      'otlp-collector-port': port,
      'otel-service-name': 'edge',
      'otel-max-export-batch-size': '1',
    }
    const map = `{apiVersion: v1, kind: ConfigMap, metadata: {name: global}, data: ${JSON.stringify(data)}}`
    const { genkan } = await startFrontDoor(`${map}\n---\n${named(origin.port)}`, {
      configMap: 'default/global',
      tracing: defaultTracing,
      admin: { host: '127.0.0.1', port: 0 },
    })
    after(() => genkan.close())
    await fetch(`http://localhost:${genkan.ports.http}/`)
    await collector.trace(2)
    expect(collector.resources[0]).toEqual({ 'service.name': 'edge' })
    const metrics = async (): Promise<string> => (await fetch(`http://127.0.0.1:${genkan.ports.admin}/metrics`)).text()
    await expect.poll(metrics, { timeout: 5_000 }).toContain('genkan_trace_spans_sent_total 2')
    expect(await metrics()).toContain('genkan_trace_spans_dropped_total{reason="queue_full"} 0')
  })

  test('makes none where it is switched off', async () => {
    const [origin, collector] = [await startOrigin(echo), await startCollector()]
    const { genkan } = await startFrontDoor(
      named(origin.port, { 'nginx.ingress.kubernetes.io/enable-opentelemetry': 'false' }),
      { tracing: { ...defaultTracing, endpoint: collector.endpoint } },
    )
    await fetch(`http://localhost:${genkan.ports.http}/`)
    await genkan.drain()
    expect(headersOf(origin)).not.toHaveProperty('traceparent')
    expect(collector.asked).toEqual([])
  })
})

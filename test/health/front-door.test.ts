/** Readiness and ejection through a whole front door: real endpoints, a real worker thread. */
import { describe, expect, test } from 'vitest'
import type { Genkan } from '../../src/main.ts'
import { after } from '../support/closing.ts'
import { startFrontDoor } from '../support/front-door.ts'
import { closedPort, type Origin, startOrigin } from '../support/origin.ts'
import { describeLanes } from '../support/lanes.ts'

type Shop = { readonly genkan: Genkan; ask(): Promise<number>; backend(): Promise<Backend> }

type Backend = {
  readonly ejections: number
  readonly probes: { readonly succeeded: number; readonly failed: number }
  readonly endpoints: readonly {
    readonly id: string
    readonly state: string
    readonly because: string
    readonly probe?: { readonly lastOk?: boolean; readonly says: string }
    readonly inFlight: number
    readonly lastUsed?: string
    readonly ejectedUntil?: string
  }[]
}

type ShopInit = {
  readonly ports: readonly number[]
  readonly ofService?: Readonly<Record<string, string>>
  readonly ofIngress?: Readonly<Record<string, string>>
}

/** Endpoints of one Service, each with a port of its own. */
async function openShop({ ports, ofService = {}, ofIngress = {} }: ShopInit): Promise<Shop> {
  const { genkan } = await startFrontDoor(manifests(ports, ofService, ofIngress), {
    admin: { host: '127.0.0.1', port: 0 },
  })
  after(() => genkan.close())
  const admin = `http://127.0.0.1:${genkan.ports.admin}`
  return {
    genkan,
    ask: async () => {
      const response = await fetch(`http://127.0.0.1:${genkan.ports.http}/`)
      await response.arrayBuffer()
      return response.status
    },
    backend: async () => {
      // The shape is that of control/views.ts.
      const { backends } = (await (await fetch(`${admin}/api/v1/backends`)).json()) as { backends: Backend[] }
      return backends[0]!
    },
  }
}

function manifests(ports: readonly number[], ofService: object, ofIngress: object): string {
  const slices = ports.map(
    (port, index) => `
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: shop-${index}, labels: { kubernetes.io/service-name: shop } }
addressType: IPv4
ports: [{ name: http, port: ${port} }]
endpoints: [{ addresses: [127.0.0.1], conditions: { ready: true } }]`,
  )
  return `
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: { name: shop, annotations: ${JSON.stringify(ofIngress)} }
spec: { defaultBackend: { service: { name: shop, port: { number: 80 } } } }
---
apiVersion: v1
kind: Service
metadata: { name: shop, annotations: ${JSON.stringify(ofService)} }
spec: { ports: [{ name: http, port: 80 }] }${slices.join('')}`
}

/** Asks until something is so; an answer of the front door is what a test waits for, never a time. */
async function eventually(holds: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 10_000
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`still not so: ${holds.toString()}`)
    await new Promise((next) => setTimeout(next, 20))
  }
}

function stateOf({ endpoints }: Backend, { port }: { readonly port: number }): string | undefined {
  return endpoints.find(({ id }) => id === `127.0.0.1:${port}`)?.state
}

const fine = (): Promise<Origin> => startOrigin((_request, response) => void response.end('ok'))

describeLanes(() => {
  describe('an endpoint that fails', () => {
    test('with 500 gets no more requests, and the others get its share', async () => {
      const sick = await startOrigin((_request, response) => void response.writeHead(500).end())
      const others = [await fine(), await fine()]
      const shop = await openShop({ ports: [sick, ...others].map(({ port }) => port) })
      await eventually(async () => (await shop.ask(), stateOf(await shop.backend(), sick) === 'ejected'))
      const asked = sick.requests.length
      expect(asked).toBeLessThan(30)
      const before = others.map(({ requests }) => requests.length)
      const statuses = await Promise.all(Array.from({ length: 40 }, () => shop.ask()))
      expect(new Set(statuses)).toEqual(new Set([200]))
      expect(sick.requests.length).toBe(asked)
      expect(others.map(({ requests }, index) => requests.length - before[index]!)).toEqual([20, 20])
      const { ejections, endpoints } = await shop.backend()
      expect(ejections).toBe(1)
      expect(endpoints.find(({ state }) => state === 'ejected')).toMatchObject({
        because: 'requests to it failed in a row',
        ejectedUntil: expect.any(String),
        lastUsed: expect.any(String),
        inFlight: 0,
      })
      const metrics = await (await fetch(`http://127.0.0.1:${shop.genkan.ports.admin}/metrics`)).text()
      expect(metrics).toContain('genkan_endpoint_ejections_total{backend="default/shop:80"} 1\n')
      expect(metrics).toContain('genkan_endpoints{backend="default/shop:80",state="ejected"} 1\n')
      expect(metrics).toMatch(
        /genkan_endpoint_requests_in_flight\{backend="default\/shop:80",endpoint="127\.0\.0\.1:\d+"\} 0\n/,
      )
    })

    test('with a refusal or by hanging is ejected, too, but never more than half of them', async () => {
      const hanging = await startOrigin(() => {})
      const refusing = { port: await closedPort() }
      const others = [await fine(), await fine()]
      const shop = await openShop({
        ports: [hanging, refusing, ...others].map(({ port }) => port),
        ofIngress: { 'nginx.ingress.kubernetes.io/proxy-read-timeout': '1' },
      })
      await Promise.all(Array.from({ length: 32 }, () => shop.ask()))
      await eventually(async () => {
        const backend = await shop.backend()
        return stateOf(backend, hanging) === 'ejected' && stateOf(backend, refusing) === 'ejected'
      })
      const asked = hanging.requests.length
      expect(new Set(await Promise.all(Array.from({ length: 20 }, () => shop.ask())))).toEqual(new Set([200]))
      expect(hanging.requests.length).toBe(asked)
    })

    test('stays when it is the only one', async () => {
      const sick = await startOrigin((_request, response) => void response.writeHead(503).end())
      const shop = await openShop({ ports: [sick.port] })
      for (let i = 0; i < 10; i++) await shop.ask()
      await eventually(async () => stateOf(await shop.backend(), sick) === 'ready')
      expect(await shop.ask()).toBe(503)
      expect(sick.requests.length).toBe(11)
    })

    test('stays when outlier detection is off', async () => {
      const sick = await startOrigin((_request, response) => void response.writeHead(500).end())
      const other = await fine()
      const shop = await openShop({
        ports: [sick.port, other.port],
        ofService: { 'genkan.dev/outlier-detection': 'off' },
      })
      for (let i = 0; i < 30; i++) await shop.ask()
      expect(sick.requests.length).toBe(15)
      expect((await shop.backend()).ejections).toBe(0)
    })
  })
})

describeLanes('an endpoint with a readiness probe', () => {
  const probe = {
    'genkan.dev/readiness-path': '/ready',
    'genkan.dev/readiness-period': '1s',
    'genkan.dev/readiness-failure-threshold': '1',
  }

  test('serves from the start, turns unready and comes back', async () => {
    let ready = true
    const origin = await startOrigin(
      (request, response) => void response.writeHead(request.url === '/ready' && !ready ? 500 : 200).end(),
    )
    const shop = await openShop({ ports: [origin.port], ofService: probe })
    expect(await shop.ask()).toBe(200)
    expect(origin.requests[0]!.url).toBe('/ready')
    ready = false
    await eventually(async () => (await shop.ask()) === 503)
    const answer = await fetch(`http://127.0.0.1:${shop.genkan.ports.http}/`)
    await answer.arrayBuffer()
    expect(answer.headers.get('x-genkan-cause')).toBe('no_ready_endpoints')
    expect((await shop.backend()).endpoints[0]).toMatchObject({
      state: 'unready',
      because: expect.stringMatching(/^fails its probe.*HTTP 500$/),
      probe: { lastOk: false, says: 'HTTP 500' },
    })
    const explained = await fetch(`http://127.0.0.1:${shop.genkan.ports.admin}/api/v1/explain?url=http://shop.test/`)
    expect(await explained.json()).toMatchObject({
      answer: { status: 503, cause: 'no_ready_endpoints' },
      backend: { endpoints: [{ state: 'unready', health: expect.stringMatching(/fails its probe.*HTTP 500/) }] },
    })
    ready = true
    await eventually(async () => (await shop.ask()) === 200)
    expect((await shop.backend()).probes.failed).toBeGreaterThan(0)
  })

  test('that never passed gets no request, and the others do', async () => {
    const starting = await startOrigin(
      (request, response) => void response.writeHead(request.url === '/ready' ? 503 : 200).end(),
    )
    const other = await fine()
    const shop = await openShop({
      ports: [starting.port, other.port],
      ofService: { ...probe, 'genkan.dev/readiness-failure-threshold': '100' },
    })
    for (let i = 0; i < 10; i++) expect(await shop.ask()).toBe(200)
    expect(starting.requests.every(({ url }) => url === '/ready')).toBe(true)
    expect(stateOf(await shop.backend(), starting)).toBe('waiting')
  })
})

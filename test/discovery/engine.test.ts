import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { DnsServer, rcode } from '../support/dns-server.ts'
import { settle, until } from '../support/until.ts'
import type { HouseInit } from './house.ts'
import { House, upstream } from './house.ts'

const web = 'web.shop.svc.cluster.local'
const service = `
---
apiVersion: v1
kind: Service
metadata: { name: web, namespace: shop }
spec: { selector: { app: web }, clusterIP: None, ports: [{ name: http, port: 80, targetPort: 8080 }] }
`
const pod = `
---
apiVersion: v1
kind: Pod
metadata: { name: a, namespace: shop, labels: { app: web } }
spec: { containers: [{ name: c, image: i }] }
status: { podIP: 10.2.0.1 }
`
const slice = (address: string): string => `
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: web-1, namespace: shop, labels: { kubernetes.io/service-name: web } }
addressType: IPv4
ports: [{ name: http, port: 8080 }]
endpoints: [${address === '' ? '' : `{ addresses: [${address}] }`}]
`

let server: DnsServer
let house: House

beforeEach(async () => {
  server = await DnsServer.start()
  server.addresses(web, ['10.3.0.1'])
})

afterEach(async () => {
  house.discovery.close()
  expect(house.clock.pending).toBe(0)
  await server.close()
})

function build(init: HouseInit = {}): House {
  house = new House({ servers: [server], ...init })
  return house
}

describe('the order of modes', () => {
  test('the first that knows wins, and the trail says what all of them said', async () => {
    build()
    await house.follow(service + pod + slice('10.1.0.1'), upstream('shop/web:80'))
    expect(house.set).toMatchObject({ mode: 'slices', state: 'live' })
    expect(house.ids).toEqual(['10.1.0.1:8080'])
    expect(house.report.trail).toEqual([
      { mode: 'slices', says: '1 EndpointSlice: 1 of 1 ready' },
      { mode: 'pods', says: 'not asked, for slices comes first' },
      { mode: 'dns', says: 'not asked, for slices comes first' },
    ])
    expect(server.seen).toEqual([])
  })

  test('what a mode does not know the next one may', async () => {
    build()
    await house.follow(service + pod, upstream('shop/web:80'))
    expect(house.set).toMatchObject({ mode: 'pods', endpoints: [{ id: '10.2.0.1:8080' }] })
    await house.follow(service, upstream('shop/web:80'))
    await until(() => house.set.mode === 'dns')
    expect(house.ids).toEqual(['10.3.0.1:8080'])
    expect(house.report.trail.map((each) => each.mode)).toEqual(['slices', 'pods', 'dns'])
  })

  test('an upstream may have its own order', async () => {
    build()
    await house.follow(service + pod + slice('10.1.0.1'), upstream('shop/web:80', 'pods', 'slices'))
    expect(house.set.mode).toBe('pods')
  })

  test('slices that name nobody are an answer, though others would know somebody', async () => {
    build()
    await house.follow(service + pod + slice(''), upstream('shop/web:80'))
    expect(house.set).toMatchObject({ mode: 'slices', state: 'empty', endpoints: [] })
  })

  test('a name that DNS does not know lets a later mode speak, and is the answer when none does', async () => {
    server.nobody(web, 'nxdomain')
    const env = { POD_NAMESPACE: 'shop', WEB_SERVICE_HOST: '10.96.0.7', WEB_SERVICE_PORT: '80' }
    build({ env })
    await house.follow('', upstream('shop/web:80', 'dns', 'env'), upstream('shop/api:80', 'dns', 'env'))
    expect(house.discovery.current()).toMatchObject([
      { mode: 'env', state: 'live', endpoints: [{ id: '10.96.0.7:80' }] },
      { mode: 'dns', state: 'empty', endpoints: [] },
    ])
  })

  test('DNS that fails lets a later mode speak until it recovers', async () => {
    server.both(web, { rcode: rcode.servfail })
    build({ env: { POD_NAMESPACE: 'shop', WEB_SERVICE_HOST: '10.96.0.7', WEB_SERVICE_PORT: '80' } })
    await house.follow('', upstream('shop/web:80', 'dns', 'env'))
    expect(house.set).toMatchObject({ mode: 'env', state: 'live' })
    server.addresses(web, ['10.3.0.1'])
    await house.refresh()
    expect(house.set).toMatchObject({ mode: 'dns', state: 'live' })
  })

  test('nobody who knows anything is a failure', async () => {
    build()
    await house.follow('', upstream('shop/web:80', 'slices', 'pods', 'nodeport', 'env'))
    expect(house.set).toEqual({ upstream: 'shop/web:80', state: 'failed', mode: undefined, endpoints: [] })
    expect(house.report.trail.every((each) => each.says !== '')).toBe(true)
  })

  test('a port the Service does not have is no question to DNS', async () => {
    build()
    await house.follow(service, upstream('shop/web:81', 'dns'))
    expect(house.set.state).toBe('failed')
    expect(house.says('dns')).toContain('has no TCP port 81')
    expect(server.seen).toEqual([])
  })
})

describe('follow', () => {
  test('pushes what changed at once and in one batch, and nothing when nothing did', async () => {
    build()
    const both = [upstream('shop/web:80'), upstream('shop/web:http')]
    await house.follow(service + slice('10.1.0.1'), ...both)
    expect(house.pushed.map((sets) => sets.map((each) => each.upstream))).toEqual([['shop/web:80', 'shop/web:http']])
    await house.follow(service + slice('10.1.0.1'), ...both)
    expect(house.pushed).toHaveLength(1)
    await house.follow(service + slice('10.1.0.2'), ...both)
    expect(house.pushed).toHaveLength(2)
  })

  test('waits for the first answers, and no longer than its bound', async () => {
    server.both('slow.shop.svc.cluster.local', { hold: true })
    build()
    let done = false
    const followed = house
      .follow('', upstream('shop/web:80', 'dns'), upstream('shop/slow:80', 'dns'))
      .then(() => (done = true))
    await until(() => house.set.state === 'live')
    await settle()
    expect(done).toBe(false)
    house.clock.advance(1_000)
    await followed
    expect(house.discovery.current().map((each) => each.state)).toEqual(['live', 'pending'])
    server.addresses('slow.shop.svc.cluster.local', ['10.3.0.2']).release()
    await until(() => house.discovery.current()[1]?.state !== 'pending')
    await settle()
    expect(house.pushed.at(-1)?.map((each) => each.upstream)).toEqual(['shop/slow:80'])
  })

  test('an upstream that is no longer named is forgotten, its timers and sockets with it', async () => {
    build()
    await house.follow('', upstream('shop/web:80', 'dns'))
    expect(house.clock.pending).toBe(1)
    await house.follow('')
    expect(house.discovery.current()).toEqual([])
    expect(house.clock.pending).toBe(0)
    house.clock.advance(60_000)
    await settle()
    expect(server.count('A', web)).toBe(1)
  })

  test('what is known of an upstream that stays is kept, without another question', async () => {
    build()
    await house.follow(service, upstream('shop/web:80', 'dns'))
    await house.follow(`${service}${pod}`, upstream('shop/web:80', 'dns'), upstream('shop/other:80', 'slices'))
    expect(house.set).toMatchObject({ state: 'live', endpoints: [{ id: '10.3.0.1:8080' }] })
    expect(server.count('A', web)).toBe(1)
  })

  test('a Service whose port changes is asked for anew, and its old endpoints serve until the answer', async () => {
    build()
    await house.follow(service, upstream('shop/web:80', 'dns'))
    server.both(web, { hold: true, answers: [{ type: 'A', name: web, ttl: 5, data: '10.3.0.1' }] })
    await house.follow(service.replace('8080', '9090'), upstream('shop/web:80', 'dns'))
    expect(house.set).toMatchObject({ state: 'stale', endpoints: [{ id: '10.3.0.1:8080' }] })
    await until(() => server.count('A', web) === 2 && server.count('AAAA', web) === 2)
    server.release()
    await until(() => house.set.state === 'live')
    expect(house.ids).toEqual(['10.3.0.1:9090'])
  })

  test('slices that appear end the questions to DNS', async () => {
    build()
    await house.follow(service, upstream('shop/web:80'))
    expect(house.set.mode).toBe('dns')
    await house.follow(service + slice('10.1.0.1'), upstream('shop/web:80'))
    expect(house.set.mode).toBe('slices')
    expect(house.report.dns).toEqual([])
    expect(house.clock.pending).toBe(0)
  })

  test('closing while the first answer is awaited ends the wait and says nothing more', async () => {
    server.both(web, { hold: true })
    build()
    const followed = house.follow('', upstream('shop/web:80', 'dns'))
    await until(() => server.seen.length === 2)
    const pushes = house.pushed.length
    house.discovery.close()
    await followed
    expect(house.clock.pending).toBe(0)
    server.release()
    await settle()
    expect(house.pushed).toHaveLength(pushes)
    await house.follow('', upstream('shop/web:80', 'dns'))
    expect(house.discovery.current()).toEqual([])
  })
})

describe('servers', () => {
  test('a server that is no address is refused when discovery is made', () => {
    build()
    for (const text of ['dns.test', '10.0.0.10:0', '10.0.0.10:70000', '10.0.0.10:x', '[fd00::1', ''])
      expect(() => new House({ servers: [text] })).toThrow('is no DNS server')
    for (const text of ['10.0.0.10', '10.0.0.10:5353', 'fd00::a', '[fd00::a]:5353', '[fd00::a]'])
      expect(() => new House({ servers: [text] })).not.toThrow()
  })

  test('servers of the system are used when none are named, and may not lead to this machine', async () => {
    server.addresses(web, ['10.3.0.1', '127.0.0.1'])
    build({ servers: [], systemServers: () => ['a form we do not know', server.address] })
    await house.follow('', upstream('shop/web:80', 'dns'))
    expect(house.ids).toEqual(['10.3.0.1:80'])
    expect(house.lines).toContain(`warn DNS gave an address that is not used: 127.0.0.1 of ${web}: loopback`)
  })

  test('without any server DNS fails and says so', async () => {
    build({ servers: [] })
    await house.follow('', upstream('shop/web:80', 'dns'))
    expect(house.set.state).toBe('failed')
    expect(house.says('dns')).toContain('NOSERVER')
  })

  test('every name is asked for as it is, never along a search list', async () => {
    build()
    await house.follow('', upstream('shop/nowhere:80', 'dns'))
    expect(new Set(server.seen.map((each) => each.name))).toEqual(
      new Set(['nowhere.shop.svc.cluster.local', 'dns-version.cluster.local']),
    )
  })
})

test('a process that only discovers waits for its first answer, and then may end without being told', async () => {
  const room = join(import.meta.dirname, '../../src')
  server.both(web, { hold: true })
  build()
  const script = `
    import { createDiscovery } from '${room}/discovery/engine.ts'
    import { ResourceSet } from '${room}/resource/resource-set.ts'
    import { silentLog } from '${room}/telemetry/log.ts'
    const discovery = createDiscovery({ log: silentLog, onChange: () => {}, servers: ['${server.address}'], clusterDomain: 'cluster.local', dnsForm: 'svc', nodeName: undefined, env: {}, bounds: { firstAnswerMs: 50 } })
    await discovery.follow(new ResourceSet([]), [{ id: 'shop/web:80', namespace: 'shop', service: 'web', port: { kind: 'number', number: 80 }, protocol: 'http', discovery: ['dns'] }])
    console.log(discovery.current()[0].state)`
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', script], {
    cwd: join(room, '..'),
  })
  expect(stdout).toBe('pending\n')
})

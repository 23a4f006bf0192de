/**
 * Our DNS client against dnsmasq as the cluster's DNS, and dnsmasq as the resolver in front of our DNS server.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeEach, expect, test, vi } from 'vitest'
import { startDnsServer } from '#cluster/dns-server.ts'
import { Zone } from '#cluster/zone.ts'
import type { Bounds } from '#discovery/bounds.ts'
import type { Discovery } from '#discovery/discovery.ts'
import { createDiscovery } from '#discovery/engine.ts'
import { ResourceSet } from '#resource/resource-set.ts'
import type { EndpointSet, UpstreamSpec } from '#snapshot/snapshot.ts'
import { silentLog } from '#telemetry/log.ts'
import { service, slice } from '../support/cluster-objects.ts'
import type { RunningPart } from './part.ts'
import { freePort, run, startPart } from './part.ts'

const folder = mkdtempSync(join(tmpdir(), 'genkan-dnsmasq-'))
afterAll(() => rmSync(folder, { recursive: true }))
const hosts = join(folder, 'hosts')
const name = 'web.default.svc.cluster.local'

let port: number
let server: RunningPart | undefined
let discovery: Discovery | undefined
beforeEach(async () => {
  port = await freePort()
})
afterEach(async () => {
  discovery?.close()
  await server?.stop()
  discovery = server = undefined
})

/** Addresses of names, as dnsmasq reads them at its start and on SIGHUP. */
const writeHosts = (addresses: readonly string[], owner = name) =>
  writeFileSync(hosts, addresses.map((each) => `${each} ${owner}\n`).join(''))

async function startDnsmasq(...settings: readonly string[]): Promise<void> {
  const { username } = userInfo()
  const fixed = [
    '--keep-in-foreground',
    '--conf-file=/dev/null',
    '--pid-file=',
    '--log-facility=-',
    '--no-resolv',
    '--no-hosts',
    '--cache-size=0',
    `--user=${username}`,
  ]
  const where = [`--port=${port}`, '--listen-address=127.0.0.1', '--bind-interfaces']
  server = await startPart('dnsmasq', [...fixed, ...where, ...settings], /started, version/)
}

/** dnsmasq with the hosts file as the zone cluster.local, TTL 1 s. */
const startZone = (...settings: readonly string[]) =>
  startDnsmasq('--local=/cluster.local/', '--local-ttl=1', `--addn-hosts=${hosts}`, ...settings)

const srv = (target: string, targetPort: number, priority = 10, weight = 50) =>
  `--srv-host=_http._tcp.${name},${target},${targetPort},${priority},${weight}`

type Wanted = {
  readonly port?: UpstreamSpec['port']
  readonly targetPort?: number | string
  readonly bounds?: Partial<Bounds>
}

/** Follows the headless Service default/web by DNS only. */
async function follow({
  port: asked = { kind: 'number', number: 80 },
  targetPort = 8080,
  bounds,
}: Wanted = {}): Promise<Discovery> {
  const quick = {
    spreadMs: 0,
    firstAnswerMs: 10_000,
    backoffMs: 100,
    backoffCeilingMs: 300,
    timeoutMs: 1_000,
    drainMs: 0,
    ...bounds,
  }
  const init = { clusterDomain: 'cluster.local', dnsForm: 'svc', nodeName: undefined, env: {}, log: silentLog } as const
  discovery = createDiscovery({ ...init, servers: [`127.0.0.1:${port}`], onChange: () => {}, bounds: quick })
  const spec: UpstreamSpec = {
    id: 'default/web:80',
    namespace: 'default',
    service: 'web',
    port: asked,
    protocol: 'http',
    discovery: ['dns'],
  }
  await discovery.follow(
    new ResourceSet([service('web', { clusterIP: 'None', ports: [{ name: 'http', port: 80, targetPort }] })]),
    [spec],
  )
  return discovery
}

const current = (): EndpointSet => discovery!.current()[0]!
const ready = () =>
  current()
    .endpoints.filter((each) => each.ready)
    .map((each) => each.id)
const eventually = (check: () => void) => vi.waitFor(check, { timeout: 15_000, interval: 25 })

test('addresses of a headless Service become endpoints', async () => {
  writeHosts(['10.0.0.2', '10.0.0.1', 'fd00::1'])
  await startZone()
  await follow()
  expect(current()).toMatchObject({ state: 'live', mode: 'dns' })
  expect(ready()).toEqual(['10.0.0.1:8080', '10.0.0.2:8080', '[fd00::1]:8080'])
})

test('SRV records bring ports, priorities and weights', async () => {
  writeFileSync(hosts, '10.0.0.1 a.example\n10.0.0.2 b.example\n')
  await startZone(srv('a.example', 8080, 10, 90), srv('b.example', 9090, 20, 10))
  await follow({ port: { kind: 'name', name: 'http' }, targetPort: 'web' })
  expect(current().endpoints).toMatchObject([
    { id: '10.0.0.1:8080', priority: 10, weight: 90 },
    { id: '10.0.0.2:9090', priority: 20, weight: 10 },
  ])
})

test('a Service that is scaled in DNS shifts its endpoints when the TTL ends', async () => {
  writeHosts(['10.0.0.1', '10.0.0.2'])
  await startZone()
  await follow()
  writeHosts(['10.0.0.2', '10.0.0.3', '10.0.0.4'])
  server!.child.kill('SIGHUP')
  await eventually(() => expect(ready()).toEqual(['10.0.0.2:8080', '10.0.0.3:8080', '10.0.0.4:8080']))
  expect(discovery!.reports()[0]!.dns[0]).toMatchObject({ ttlSeconds: 1, rcode: 'NOERROR' })
})

test('an outage of DNS changes nothing, and its end is noticed', async () => {
  writeHosts(['10.0.0.1', '10.0.0.2'])
  await startZone()
  await follow()
  await server!.stop()
  await eventually(() => expect(discovery!.reports()[0]!.dns[0]!.consecutiveFailures).toBeGreaterThan(2))
  expect(current().state).toBe('stale')
  expect(ready()).toEqual(['10.0.0.1:8080', '10.0.0.2:8080'])
  writeHosts(['10.0.0.3', '10.0.0.2'])
  await startZone()
  await eventually(() => expect(ready()).toEqual(['10.0.0.2:8080', '10.0.0.3:8080']))
  expect(current().state).toBe('live')
})

test('a Service that nobody is ready for is held for a moment, then empty', async () => {
  writeHosts(['10.0.0.1'])
  await startZone()
  await follow({ bounds: { emptyHoldMs: 300 } })
  writeHosts([])
  server!.child.kill('SIGHUP')
  await eventually(() => expect(current().state).toBe('empty'))
  expect(ready()).toEqual([])
})

test('forty endpoints do not fit a datagram and come by TCP', async () => {
  const numbers = Array.from({ length: 40 }, (_, i) => i + 1)
  writeFileSync(hosts, numbers.map((i) => `10.0.0.${i} web-${i}.${name}\n`).join(''))
  await startZone(...numbers.map((i) => srv(`web-${i}.${name}`, 8000 + i)))
  const datagram = await run(
    'dig',
    '@127.0.0.1',
    '-p',
    String(port),
    `_http._tcp.${name}`,
    'SRV',
    '+ignore',
    '+bufsize=1232',
  )
  expect(datagram, 'the answer is cut over UDP').toMatch(/flags:[^;]* tc/)
  await follow({ port: { kind: 'name', name: 'http' }, targetPort: 'web' })
  expect(ready()).toHaveLength(40)
  expect(ready()).toContain('10.0.0.40:8040')
})

test('dnsmasq takes the answers of our server and hands them on', async () => {
  const objects = [service('web', { clusterIP: 'None' }), slice('web', ['10.0.0.1', '10.0.0.2'])]
  const ours = await startDnsServer({
    zone: new Zone({ resources: new ResourceSet(objects), clusterDomain: 'cluster.local' }),
    host: '127.0.0.1',
    port: 0,
    log: silentLog,
  })
  try {
    await startDnsmasq(`--server=/cluster.local/127.0.0.1#${ours.port}`)
    await follow()
    expect(ready()).toEqual(['10.0.0.1:8080', '10.0.0.2:8080'])
    const missing = await run('dig', '@127.0.0.1', '-p', String(port), 'nobody.default.svc.cluster.local', 'A')
    expect(missing).toContain('status: NXDOMAIN')
  } finally {
    await ours.close()
  }
})

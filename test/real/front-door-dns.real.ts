/** Endpoints found by a real DNS server, seen from the client: traffic follows the records, and outages change nothing. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { request } from 'undici'
import { afterAll, afterEach, expect, test, vi } from 'vitest'
import type { Genkan } from '../../src/main.ts'
import { startStandIn } from '../../src/cluster/stand-in.ts'
import type { StandIn } from '../../src/cluster/stand-in.ts'
import { startFrontDoor } from '../support/front-door.ts'
import { describeLanes } from '../support/lanes.ts'
import { steadyLoad } from '../support/steady-load.ts'
import type { RunningPart } from './part.ts'
import { freePort, startPart } from './part.ts'

const folder = mkdtempSync(join(tmpdir(), 'genkan-dns-'))
const hosts = join(folder, 'hosts')
const name = 'web.default.svc.cluster.local'
afterAll(() => rmSync(folder, { recursive: true }))

const open: { close(): Promise<unknown> }[] = []
afterEach(async () => {
  for (const each of open.splice(0).toReversed()) await each.close()
})

function manifests(port: number): string {
  return `
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {clusterIP: None, ports: [{port: 80, targetPort: ${port}}]}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web}
spec:
  defaultBackend: {service: {name: web, port: {number: 80}}}
`
}

async function startDnsmasq(port: number): Promise<RunningPart> {
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
  const zone = ['--local=/cluster.local/', '--local-ttl=1', `--addn-hosts=${hosts}`]
  return startPart(
    'dnsmasq',
    [...fixed, `--port=${port}`, '--listen-address=127.0.0.1', '--bind-interfaces', ...zone],
    /started, version/,
  )
}

/** Stand-ins 1 to `count` share a port on addresses of their own, as Pods of one Service do. */
async function startStandIns(count: number): Promise<readonly StandIn[]> {
  const listenPort = await freePort()
  const standIns: StandIn[] = []
  for (let endpoint = 0; endpoint < count; endpoint++) {
    const standIn = await startStandIn({
      namespace: 'default',
      service: 'web',
      port: '80',
      endpoint,
      address: `127.0.9.${endpoint + 1}`,
      listenPort,
    })
    open.push(standIn)
    standIns.push(standIn)
  }
  return standIns
}

async function whoAnswers(genkan: Genkan): Promise<number> {
  const { statusCode, body } = await request(`http://127.0.0.1:${genkan.ports.http}/`)
  expect(statusCode).toBe(200)
  return ((await body.json()) as { endpoint: number }).endpoint
}

/** Enough questions that nobody in the turn is missed, whoever else is asking meanwhile. */
async function answering(genkan: Genkan): Promise<number[]> {
  const endpoints = new Set<number>()
  for (let i = 0; i < 30; i++) endpoints.add(await whoAnswers(genkan))
  return [...endpoints].toSorted((a, b) => a - b)
}

describeLanes(() => {
  test('a Service scaled in DNS shifts traffic without a failed request, and an outage changes nothing', async () => {
    const standIns = await startStandIns(3)
    const write = (...addresses: readonly number[]): void =>
      writeFileSync(hosts, addresses.map((each) => `127.0.9.${each + 1} ${name}\n`).join(''))
    write(0)
    const port = await freePort()
    const dnsmasq = await startDnsmasq(port)
    open.push({ close: () => dnsmasq.stop() })
    const { genkan } = await startFrontDoor(manifests(standIns[0]!.port), {
      clusterDns: [`127.0.0.1:${port}`],
      discovery: ['slices', 'dns'],
    })
    open.push(genkan)
    expect(await answering(genkan)).toEqual([0])

    const load = steadyLoad(genkan.ports.http, 'a.test', { clients: 2 })
    write(0, 1, 2)
    dnsmasq.child.kill('SIGHUP')
    await vi.waitFor(async () => expect(await answering(genkan)).toEqual([0, 1, 2]), { timeout: 15_000, interval: 100 })
    write(2)
    dnsmasq.child.kill('SIGHUP')
    await vi.waitFor(async () => expect(await answering(genkan)).toEqual([2]), { timeout: 15_000, interval: 100 })

    await dnsmasq.stop()
    await load.more(2_000)
    expect(await answering(genkan)).toEqual([2])
    expect((await load.stop()).bad).toEqual([])
  }, 60_000)
})

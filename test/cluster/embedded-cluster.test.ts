import { afterEach, beforeEach, expect, test } from 'vitest'
import type { EmbeddedCluster } from '#cluster/embedded-cluster.ts'
import { startEmbeddedCluster } from '#cluster/embedded-cluster.ts'
import type { ReceivedRequest } from '#cluster/stand-in.ts'
import type { ServicePortRef } from '#cluster/stand-ins.ts'
import type { Resource } from '#resource/resource.ts'
import { ResourceSet } from '#resource/resource-set.ts'
import { silentLog } from '#telemetry/log.ts'
import { endpointsObject, pod, service, slice } from '../support/cluster-objects.ts'
import { decoded, exchangeUdp, question } from '../support/dns-question.ts'

let cluster: EmbeddedCluster
beforeEach(async () => {
  cluster = await startEmbeddedCluster({ clusterDomain: 'cluster.local', endpoints: 2, log: silentLog })
})
afterEach(() => cluster.close())

const ref = (name: string, port = 80): ServicePortRef => ({
  namespace: 'default',
  service: name,
  port: { kind: 'number', number: port },
})
const update = (resources: readonly Resource[], ...names: readonly string[]) =>
  cluster.update(
    new ResourceSet(resources),
    names.map((each) => ref(each)),
  )

async function ask(name: string, type: 'A' | 'SRV') {
  const [host = '', port = ''] = cluster.dns.split(':')
  return decoded(await exchangeUdp({ host, port: Number(port) }, question(name, type, 1232)))
}

test('a Service without endpoints is found by DNS at stand-ins that answer', async () => {
  await update([service('web', { clusterIP: '10.96.0.1' })], 'web', 'web')
  const { answers = [], additionals = [] } = await ask('_80._tcp.web.default.endpoints.cluster.local', 'SRV')
  expect(answers).toHaveLength(2)
  const urls = answers.flatMap((srv) =>
    srv.type === 'SRV'
      ? additionals.flatMap((a) =>
          a.type === 'A' && a.name === srv.data.target ? [`http://${a.data}:${srv.data.port}/`] : [],
        )
      : [],
  )
  const seen = await Promise.all(urls.map(async (url) => (await fetch(url)).json() as Promise<ReceivedRequest>))
  expect(seen.map((each) => each.endpoint).toSorted((a, b) => a - b)).toEqual([0, 1])
  expect(cluster.standIns().map((each) => each.identity.service)).toEqual(['web', 'web'])
})

test('a Service whose cluster address leads nowhere here is answered with its stand-ins', async () => {
  const web = service('web', { clusterIP: '10.96.0.1' })
  await update([web], 'web')
  expect(
    (await ask('web.default.svc.cluster.local', 'A')).answers?.map(
      (each) => each.type === 'A' && each.data.startsWith('127.'),
    ),
  ).toEqual([true, true])
  await update([web])
  expect((await ask('web.default.svc.cluster.local', 'A')).answers).toMatchObject([{ data: '10.96.0.1' }])
})

test('a Service that nobody wrote is answered too', async () => {
  await update([], 'ghost')
  expect((await ask('_80._tcp.ghost.default.endpoints.cluster.local', 'SRV')).answers).toHaveLength(2)
})

for (const [what, objects] of [
  ['EndpointSlices', [slice('web', ['10.0.0.1'])]],
  ['an EndpointSlice that names nobody', [slice('web', [])]],
  ['an Endpoints object', [endpointsObject('web', [])]],
  ['Pods with addresses', [pod('web-0', { labels: { app: 'web' }, ips: ['10.0.0.1'] })]],
] as const) {
  test(`a Service with ${what} gets no stand-ins`, async () => {
    await update([service('web', { selector: { app: 'web' } }), ...objects], 'web')
    expect(cluster.standIns()).toEqual([])
  })
}

test('stand-ins give way when endpoints are written down', async () => {
  await update([service('web')], 'web')
  expect(cluster.standIns()).toHaveLength(2)
  await update([service('web'), slice('web', ['10.0.0.9'])], 'web')
  expect(cluster.standIns()).toEqual([])
  expect((await ask('web.default.svc.cluster.local', 'A')).answers).toMatchObject([{ data: '10.0.0.9', ttl: 2 }])
})

/**
 * The way of `genkan dev`: discovery finds the stand-ins through the embedded cluster's DNS, as it finds Pods elsewhere.
 */
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { EmbeddedCluster } from '#cluster/embedded-cluster.ts'
import { startEmbeddedCluster } from '#cluster/embedded-cluster.ts'
import type { Discovery } from '#discovery/discovery.ts'
import { createDiscovery } from '#discovery/engine.ts'
import { ResourceSet } from '#resource/resource-set.ts'
import type { PortSpec, UpstreamSpec } from '#snapshot/snapshot.ts'
import { silentLog } from '#telemetry/log.ts'
import { pod, service } from '../support/cluster-objects.ts'

let cluster: EmbeddedCluster
let discovery: Discovery
beforeEach(async () => {
  cluster = await startEmbeddedCluster({ clusterDomain: 'cluster.local', endpoints: 3, log: silentLog })
  const init = {
    clusterDomain: 'cluster.local',
    dnsForm: 'auto',
    nodeName: undefined,
    env: {},
    log: silentLog,
  } as const
  discovery = createDiscovery({
    ...init,
    servers: [cluster.dns],
    onChange: () => {},
    bounds: { spreadMs: 0, firstAnswerMs: 10_000 },
  })
})
afterEach(async () => {
  discovery.close()
  await cluster.close()
})

const upstream = (name: string, port: PortSpec): UpstreamSpec => ({
  id: `default/${name}:${port.kind === 'name' ? port.name : port.number}`,
  namespace: 'default',
  service: name,
  port,
  protocol: 'http',
  discovery: ['slices', 'pods', 'dns'],
})

for (const [what, spec, port] of [
  ['a named port', { ports: [{ name: 'http', port: 80, targetPort: 'web' }] }, { kind: 'name', name: 'http' }],
  ['a port without name', { ports: [{ port: 80, targetPort: 8080 }] }, { kind: 'number', number: 80 }],
  [
    'one port of several',
    {
      ports: [
        { name: 'http', port: 80 },
        { name: 'admin', port: 9000 },
      ],
    },
    { kind: 'number', number: 9000 },
  ],
  ['a cluster address', { clusterIP: '10.96.0.1', ports: [{ port: 80 }] }, { kind: 'number', number: 80 }],
  ['no cluster address on purpose', { clusterIP: 'None', ports: [{ port: 80 }] }, { kind: 'number', number: 80 }],
] as const) {
  test(`the stand-ins of a Service with ${what} are discovered`, async () => {
    const resources = new ResourceSet([service('web', spec)])
    const upstreams = [upstream('web', port)]
    await cluster.update(resources, upstreams)
    await discovery.follow(resources, upstreams)
    const [set] = discovery.current()
    expect(set).toMatchObject({ state: 'live', mode: 'dns' })
    expect(set!.endpoints.map((each) => each.id)).toEqual(
      cluster
        .standIns()
        .map((each) => `${each.address}:${each.port}`)
        .toSorted(),
    )
  })
}

test('the stand-ins of a Service whose Pods have no address are discovered', async () => {
  const resources = new ResourceSet([
    service('web', { selector: { app: 'web' } }),
    pod('web', { labels: { app: 'web' }, ips: [] }),
  ])
  const upstreams = [upstream('web', { kind: 'number', number: 80 })]
  await cluster.update(resources, upstreams)
  await discovery.follow(resources, upstreams)
  expect(discovery.current()).toMatchObject([{ state: 'live', mode: 'dns', endpoints: [{}, {}, {}] }])
})

test('the stand-ins of a Service that nobody wrote are discovered', async () => {
  const upstreams = [
    upstream('ghost', { kind: 'number', number: 80 }),
    upstream('ghost', { kind: 'name', name: 'grpc' }),
  ]
  const nothing = new ResourceSet([])
  await cluster.update(nothing, upstreams)
  await discovery.follow(nothing, upstreams)
  expect(discovery.current().map((each) => each.endpoints.length)).toEqual([3, 3])
})

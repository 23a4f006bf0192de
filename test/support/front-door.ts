/** A running front door on free ports of loopback, fed with YAML instead of a folder. */
import { type Genkan, type Settings, start } from '../../src/main.ts'
import { defaultLimits } from '../../src/proxy/limits.ts'
import { printProblem } from '../../src/resource/problem.ts'
import { MemorySource } from '../../src/source/memory.ts'
import { silentLog } from '../../src/telemetry/log.ts'
import { expectServedHere, laneUnderTest } from './lanes.ts'

/** A Service with its endpoints in an EndpointSlice, and an Ingress that leads a host to it. */
export type Site = {
  readonly host: string
  readonly port: number
  /** Of the Ingress. */
  readonly annotations?: Readonly<Record<string, string>>
}

export type FrontDoor = {
  readonly genkan: Genkan
  /** Where the manifests are; whatever is applied to it is served next. */
  readonly source: MemorySource
}

/**
 * Starts with one worker, no admin address and no DNS unless `settings` says otherwise; resolves when all is served.
 * Throws with every problem when a manifest has an error. Whoever drains or closes it hears of requests that the lane
 * under test did not serve.
 */
export async function startFrontDoor(manifests: string, settings: Partial<Settings> = {}): Promise<FrontDoor> {
  const source = new MemorySource()
  const errors = source.apply(manifests, 'manifests.yaml').problems.filter(({ severity }) => severity === 'error')
  if (errors.length > 0) throw new Error(errors.map(printProblem).join('\n'))
  const genkan = await start({
    sources: [source],
    log: silentLog,
    bind: '127.0.0.1',
    httpPort: 0,
    httpsPort: 0,
    portConflict: 'fail',
    admin: undefined,
    clusterDns: ['127.0.0.1:9'],
    clusterDomain: 'cluster.local',
    dnsForm: 'svc',
    discovery: ['slices'],
    ingressClasses: ['genkan', 'nginx'],
    workers: 1,
    lane: settings.lane ?? laneUnderTest(),
    compat: 'none',
    configMap: undefined,
    trustedProxies: [],
    proxyProtocol: [],
    forwardedField: false,
    exposeCause: true,
    accessLog: 'off',
    drainTimeoutMs: 1_000,
    limits: defaultLimits,
    nodeName: undefined,
    env: {},
    ...settings,
  })
  await genkan.settled()
  return { genkan: watched(genkan), source }
}

function watched(genkan: Genkan): Genkan {
  const expecting = async <T>(end: () => Promise<T>): Promise<T> => {
    const left = await reasonsLeft(genkan)
    const ended = await end()
    expectServedHere(left)
    return ended
  }
  return { ...genkan, drain: () => expecting(() => genkan.drain()), close: () => expecting(() => genkan.close()) }
}

/** Why the fast lane left connections to the general one, once for each. */
export async function reasonsLeft(genkan: Genkan): Promise<readonly string[]> {
  const samples = (await genkan.counts()).flat().filter(({ name }) => name === 'genkan_handovers_total')
  return samples.flatMap(({ values }) =>
    values.flatMap(({ value, labels }) => Array.from({ length: value }, () => String(labels['reason']))),
  )
}

/** The manifests of hosts that each lead to one endpoint on loopback. */
export function siteManifests(sites: readonly Site[]): string {
  return sites.map(siteManifest).join('\n---\n')
}

function siteManifest({ host, port, annotations = {} }: Site, index: number): string {
  const name = `site-${index}`
  return `
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: { name: ${name}, annotations: ${JSON.stringify(annotations)} }
spec:
  rules:
    - host: ${host}
      http:
        paths:
          - { path: /, pathType: Prefix, backend: { service: { name: ${name}, port: { number: 80 } } } }
---
apiVersion: v1
kind: Service
metadata: { name: ${name} }
spec: { ports: [{ name: http, port: 80 }] }
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: ${name}, labels: { kubernetes.io/service-name: ${name} } }
addressType: IPv4
ports: [{ name: http, port: ${port} }]
endpoints: [{ addresses: [127.0.0.1], conditions: { ready: true } }]`
}

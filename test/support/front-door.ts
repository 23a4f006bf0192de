/** A running front door on free ports of loopback, fed with YAML instead of a folder. */
import { type Genkan, type Settings, start } from '../../src/main.ts'
import { defaultLimits } from '../../src/proxy/limits.ts'
import { printProblem } from '../../src/resource/problem.ts'
import { MemorySource } from '../../src/source/memory.ts'
import { silentLog } from '../../src/telemetry/log.ts'
import { laneUnderTest } from './lanes.ts'

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
 * Throws with every problem when a manifest has an error.
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
    lane: laneUnderTest('auto'),
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
  return { genkan, source }
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

/**
 * Services, EndpointSlices, Endpoints and Pods as decoded resources, with everything a test does not care for filled in.
 */
import type { EndpointAddress, Endpoints, EndpointSlice, Metadata, Pod, PortRef, Service } from '#resource/resource.ts'
import type { Origin } from '#resource/origin.ts'

const origin: Origin = { file: '(memory)', locate: () => ({ file: '(memory)', line: 1, column: 1 }) }

/** `default/web`, or `web` for the namespace `default`. */
export function metadata(id: string, labels: Readonly<Record<string, string>> = {}): Metadata {
  const [namespace = '', name] = id.includes('/') ? id.split('/') : ['default', id]
  return { name: name ?? '', namespace, labels, annotations: {}, creationTimestamp: undefined }
}

type PortInit = { name?: string; port: number; targetPort?: number | string; protocol?: 'TCP' | 'UDP' | 'SCTP' }

export function service(
  id: string,
  init: Partial<Omit<Service['spec'], 'ports'>> & { ports?: readonly PortInit[] } = {},
): Service {
  const { ports = [{ name: 'http', port: 80, targetPort: 8080 }], clusterIP = '', ...rest } = init
  return {
    kind: 'Service',
    metadata: metadata(id),
    origin,
    spec: {
      type: 'ClusterIP',
      clusterIP,
      clusterIPs: clusterIP === '' ? [] : [clusterIP],
      externalName: undefined,
      selector: {},
      ports: ports.map(({ name = '', port, targetPort = port, protocol = 'TCP' }) => ({
        name,
        protocol,
        port,
        targetPort: portRef(targetPort),
        nodePort: undefined,
        appProtocol: undefined,
      })),
      publishNotReadyAddresses: false,
      externalTrafficPolicy: 'Cluster',
      sessionAffinity: 'None',
      sessionAffinityTimeout: 10800,
      ...rest,
    },
  }
}

type EndpointInit = string | { address: string; hostname?: string; ready?: boolean | undefined }

/** A slice of the Service; the address type follows the first address. */
export function slice(
  id: string,
  endpoints: readonly EndpointInit[],
  ports: readonly { name?: string; port?: number; protocol?: 'TCP' | 'UDP' }[] = [{ name: 'http', port: 8080 }],
): EndpointSlice {
  const all = endpoints.map((each) => (typeof each === 'string' ? { address: each } : each))
  const { namespace, name } = metadata(id)
  return {
    kind: 'EndpointSlice',
    metadata: {
      ...metadata(id),
      namespace,
      name: `${name}-${all.map((each) => each.address).join('-')}-${ports.map((each) => each.port).join('-')}`,
    },
    origin,
    addressType: all[0]?.address.includes(':') === true ? 'IPv6' : 'IPv4',
    serviceName: name,
    endpoints: all.map((each) => ({
      addresses: [each.address],
      conditions: { ready: 'ready' in each ? each.ready : true, serving: undefined, terminating: undefined },
      hostname: 'hostname' in each ? each.hostname : undefined,
      nodeName: undefined,
      zone: undefined,
      target: undefined,
    })),
    ports: ports.map((port) => ({ name: port.name ?? '', port: port.port, protocol: port.protocol ?? 'TCP' })),
  }
}

export function endpointsObject(id: string, ready: readonly string[], notReady: readonly string[] = []): Endpoints {
  const ports = [{ name: 'http', port: 8080, protocol: 'TCP' as const }]
  return {
    kind: 'Endpoints',
    metadata: metadata(id),
    origin,
    subsets: [{ addresses: ready.map(endpointAddress), notReadyAddresses: notReady.map(endpointAddress), ports }],
  }
}

type PodInit = {
  labels: Readonly<Record<string, string>>
  ips: readonly string[]
  ready?: boolean
  hostname?: string
  subdomain?: string
  phase?: string
  terminating?: boolean
}

export function pod(id: string, { labels, ips, ready, hostname, subdomain, phase, terminating = false }: PodInit): Pod {
  const ports = [{ name: 'web', containerPort: 8080, protocol: 'TCP' as const }]
  return {
    kind: 'Pod',
    metadata: metadata(id, labels),
    origin,
    spec: {
      hostname,
      subdomain,
      nodeName: undefined,
      containers: [{ name: 'main', ports, readinessProbe: undefined }],
    },
    status: { podIPs: ips, phase, ready, terminating },
  }
}

function endpointAddress(ip: string): EndpointAddress {
  return { ip, hostname: undefined, nodeName: undefined, target: undefined }
}

function portRef(port: number | string): PortRef {
  return typeof port === 'number' ? { kind: 'number', number: port } : { kind: 'name', name: port }
}

/**
 * Endpoints as the control plane of a cluster writes them down: EndpointSlices, else an Endpoints object, of the
 * Service. A Service that has them and names nobody is answered with `empty`.
 *
 * FQDN slices are not supported (Kubernetes deprecates them): the answer says so and the other slices count.
 */
import type {
  EndpointPort,
  EndpointSlice,
  Endpoints,
  PortRef,
  Service,
  ServicePort,
  SliceEndpoint,
} from '#resource/resource.ts'
import type { EndpointSpec, UpstreamSpec } from '#snapshot/snapshot.ts'
import { familyOf } from './address.ts'
import type { Answer } from './answer.ts'
import { answerOf, endpointAt, none } from './answer.ts'
import type { Folder } from './folder.ts'
import { printPort, servicePortOf } from './folder.ts'

export function answerFromSlices(folder: Folder, upstream: UpstreamSpec): Answer {
  const { namespace, service: name, port } = upstream
  const slices = folder.slices(namespace, name)
  const endpoints = folder.endpoints(namespace, name)
  const service = folder.service(namespace, name)
  if (service?.spec.type === 'ExternalName') return none(`Service ${namespace}/${name} is of type ExternalName`)
  if (slices.length === 0 && endpoints === undefined) {
    return none(`no EndpointSlice or Endpoints of Service ${namespace}/${name}`)
  }

  const wanted = wantedPort(service, port)
  if (wanted === undefined) return answerOf([], `Service ${namespace}/${name} has no TCP port ${printPort(port)}`)
  if (slices.length === 0) return fromEndpoints(endpoints!, wanted)
  return fromSlices(slices, wanted)
}

/** What to look for in a slice: by name when a Service object translates, by whatever fits when there is none. */
type Wanted =
  | { readonly kind: 'service'; readonly port: ServicePort; readonly service: Service }
  | { readonly kind: 'bare'; readonly ref: PortRef }

function wantedPort(service: Service | undefined, ref: PortRef): Wanted | undefined {
  if (service === undefined) return { kind: 'bare', ref }
  const port = servicePortOf(service, ref)
  return port === undefined ? undefined : { kind: 'service', port, service }
}

function fromSlices(slices: readonly EndpointSlice[], wanted: Wanted): Answer {
  const endpoints: EndpointSpec[] = []
  const remarks: string[] = []
  const seen = new Set<string>()
  for (const slice of slices.toSorted(primaryFirst(wanted))) {
    if (slice.addressType === 'FQDN') {
      remarks.push(`EndpointSlice ${slice.metadata.name} lists names, which is not supported`)
      continue
    }
    const port = portIn(slice.ports, wanted)
    if (port === undefined) {
      remarks.push(`EndpointSlice ${slice.metadata.name} has no port ${describe(wanted, slice.ports)}`)
      continue
    }
    for (const each of slice.endpoints) endpoints.push(...addressesOf(each, { slice, port, seen, wanted }))
  }
  const says = [slices.length === 1 ? '1 EndpointSlice' : `${slices.length} EndpointSlices`, ...remarks].join('; ')
  return answerOf(endpoints, says)
}

type SliceContext = {
  readonly slice: EndpointSlice
  readonly port: number
  /** `IPv4 Pod namespace/name` of every target met so far. */
  readonly seen: Set<string>
  readonly wanted: Wanted
}

/**
 * A dual-stack Service has slices of both families with the same Pods in them. A Pod is one endpoint, under the address
 * of the Service's first family; a Pod that only the other family knows keeps that address.
 */
function addressesOf(endpoint: SliceEndpoint, { slice, port, seen, wanted }: SliceContext): readonly EndpointSpec[] {
  const family = slice.addressType
  if (endpoint.target !== undefined) {
    const other = `${family === 'IPv4' ? 'IPv6' : 'IPv4'} ${endpoint.target}`
    if (seen.has(other)) return []
    seen.add(`${family} ${endpoint.target}`)
  }
  const { nodeName: node, zone, hostname } = endpoint
  const rest = { port, name: endpoint.target ?? hostname, node, zone, ...conditionsOf(endpoint, wanted) }
  return endpoint.addresses.map((address) => endpointAt({ address, ...rest }))
}

type Conditions = Pick<EndpointSpec, 'ready' | 'serving' | 'terminating'>

/**
 * Conditions that are left out count as the API says: ready as true, serving as ready, terminating as false. A Service
 * with publishNotReadyAddresses has all its endpoints ready.
 */
function conditionsOf({ conditions }: SliceEndpoint, wanted: Wanted): Conditions {
  const terminating = conditions.terminating ?? false
  const said = conditions.ready ?? true
  const published = wanted.kind === 'service' && wanted.service.spec.publishNotReadyAddresses
  return { ready: published || (said && !terminating), serving: published || (conditions.serving ?? said), terminating }
}

function fromEndpoints({ subsets }: Endpoints, wanted: Wanted): Answer {
  const endpoints: EndpointSpec[] = []
  const remarks: string[] = []
  const published = wanted.kind === 'service' && wanted.service.spec.publishNotReadyAddresses
  for (const { addresses, notReadyAddresses, ports } of subsets) {
    const port = portIn(ports, wanted)
    if (port === undefined) {
      remarks.push(`a subset of the Endpoints has no port ${describe(wanted, ports)}`)
      continue
    }
    for (const { ip: address, target, hostname, nodeName: node } of addresses) {
      endpoints.push(endpointAt({ address, port, name: target ?? hostname, node }))
    }
    for (const { ip: address, target, hostname, nodeName: node } of notReadyAddresses) {
      const name = target ?? hostname
      endpoints.push(endpointAt({ address, port, name, node, ready: published, serving: published }))
    }
  }
  return answerOf(endpoints, ['Endpoints', ...remarks].join('; '))
}

type Ports = readonly (Omit<EndpointPort, 'port'> & { readonly port: number | undefined })[]

/** Slice ports carry the name of the Service's port. A port without number stands for all ports. */
function portIn(all: Ports, wanted: Wanted): number | undefined {
  const ports = all.filter((each) => each.protocol === 'TCP')
  if (wanted.kind === 'service') {
    const { name, targetPort, port } = wanted.port
    const found = ports.find((each) => each.name === name)
    if (found === undefined) return undefined
    return found.port ?? (targetPort.kind === 'number' ? targetPort.number : port)
  }
  const { ref } = wanted
  const same = ports.find((each) => (ref.kind === 'name' ? each.name === ref.name : each.port === ref.number))
  const found = same ?? (ports.length === 1 ? ports[0] : undefined)
  return found === undefined ? undefined : (found.port ?? (ref.kind === 'number' ? ref.number : undefined))
}

function describe(wanted: Wanted, ports: Ports): string {
  const name = wanted.kind === 'service' ? JSON.stringify(wanted.port.name) : printPort(wanted.ref)
  const list = ports.map((each) => `${JSON.stringify(each.name)}=${each.port ?? 'any'}`)
  return `${name} (it has ${list.join(', ') || 'none'})`
}

/** Slices of the Service's first family first, then by name, so that the order of files decides nothing. */
function primaryFirst(wanted: Wanted): (a: EndpointSlice, b: EndpointSlice) => number {
  const spec = wanted.kind === 'service' ? wanted.service.spec : undefined
  const primary = familyOf(spec?.clusterIPs[0] ?? spec?.clusterIP ?? '') === 'ipv6' ? 'IPv6' : 'IPv4'
  const rank = (slice: EndpointSlice): number => (slice.addressType === primary ? 0 : 1)
  return (a, b) => rank(a) - rank(b) || (a.metadata.name < b.metadata.name ? -1 : 1)
}

/**
 * Which endpoints the folder's objects give each Service: EndpointSlices, else the Endpoints object, else the Pods its
 * selector chooses. This is what the endpoint controllers of a cluster and the DNS server in front of them agree on.
 */
import type { Endpoints, EndpointSlice, Pod, Service } from '#resource/resource.ts'
import type { ResourceSet } from '#resource/resource-set.ts'
import { canonicalAddress } from './address.ts'

/** One address with the ports it serves. */
export type ClusterEndpoint = {
  /** Canonical text. */
  readonly address: string
  readonly hostname: string | undefined
  /** Listed as ready, or its Service publishes addresses that are not. */
  readonly ready: boolean
  readonly ports: readonly { readonly name: string; readonly protocol: string; readonly port: number }[]
}

export type ServiceEntry = { readonly service: Service; readonly endpoints: readonly ClusterEndpoint[] }

/** Services by namespace and name, each with every endpoint it has, ready or not. */
export class EndpointIndex {
  readonly #services = new Map<string, Map<string, ServiceEntry>>()
  /** Every namespace that an object of the set lives in. */
  readonly namespaces: ReadonlySet<string>

  constructor(resources: ResourceSet) {
    this.namespaces = new Set([...resources].map((each) => each.metadata.namespace).filter((each) => each !== ''))
    const slices = Map.groupBy(resources.list('EndpointSlice'), ownerOf)
    const pods = Map.groupBy(resources.list('Pod'), (each) => each.metadata.namespace)
    for (const service of resources.list('Service')) {
      const { namespace, name } = service.metadata
      const described = {
        slices: slices.get(`${namespace}/${name}`) ?? [],
        endpoints: resources.get('Endpoints', namespace, name),
        pods: pods.get(namespace) ?? [],
      }
      const entry = { service, endpoints: endpointsOf(service, described) }
      const named = this.#services.get(namespace)
      if (named === undefined) this.#services.set(namespace, new Map([[name, entry]]))
      else named.set(name, entry)
    }
  }

  get(namespace: string, name: string): ServiceEntry | undefined {
    return this.#services.get(namespace)?.get(name)
  }

  /** Every Service of one namespace, or of all of them. */
  *list(namespace?: string): Iterable<ServiceEntry> {
    if (namespace !== undefined) yield* this.#services.get(namespace)?.values() ?? []
    else for (const named of this.#services.values()) yield* named.values()
  }
}

function ownerOf({ metadata, serviceName }: EndpointSlice): string {
  return `${metadata.namespace}/${serviceName}`
}

type Described = {
  readonly slices: readonly EndpointSlice[]
  readonly endpoints: Endpoints | undefined
  readonly pods: readonly Pod[]
}

function endpointsOf(service: Service, { slices, endpoints, pods }: Described): ClusterEndpoint[] {
  const all = service.spec.publishNotReadyAddresses
  if (slices.length > 0) return slices.flatMap((slice) => ofSlice(slice, all))
  if (endpoints !== undefined) return ofEndpoints(endpoints, all)
  return pods.filter((pod) => selects(service.spec.selector, pod)).flatMap((pod) => ofPod(service, pod))
}

function ofSlice(slice: EndpointSlice, all: boolean): ClusterEndpoint[] {
  const ports = slice.ports.flatMap(({ name, protocol, port }) =>
    port === undefined ? [] : [{ name, protocol, port }],
  )
  return slice.endpoints.flatMap(({ addresses, conditions, hostname }) =>
    addresses.flatMap((each) => {
      const address = canonicalAddress(each)
      // Slices of names have no addresses. A missing condition means ready (EndpointSlice API).
      return address === undefined ? [] : [{ address, hostname, ready: all || conditions.ready !== false, ports }]
    }),
  )
}

function ofEndpoints({ subsets }: Endpoints, all: boolean): ClusterEndpoint[] {
  return subsets.flatMap(({ addresses, notReadyAddresses, ports }) =>
    [
      ...addresses.map((each) => ({ ...each, ready: true })),
      ...notReadyAddresses.map((each) => ({ ...each, ready: all })),
    ].flatMap(({ ip, hostname, ready }) => {
      const address = canonicalAddress(ip)
      return address === undefined ? [] : [{ address, hostname, ready, ports }]
    }),
  )
}

function selects(selector: Readonly<Record<string, string>>, pod: Pod): boolean {
  const wanted = Object.entries(selector)
  return wanted.length > 0 && wanted.every(([name, value]) => pod.metadata.labels[name] === value)
}

function ofPod(service: Service, pod: Pod): ClusterEndpoint[] {
  const { podIPs, phase, ready, terminating } = pod.status
  const ports = service.spec.ports.flatMap(({ name, protocol, targetPort }) => {
    const port = targetPort.kind === 'number' ? targetPort.number : containerPort(pod, targetPort.name, protocol)
    return port === undefined ? [] : [{ name, protocol, port }]
  })
  // A Pod has a DNS name of its own only below the headless Service that its subdomain names.
  const hostname = pod.spec.subdomain === service.metadata.name ? pod.spec.hostname : undefined
  // Files seldom carry a status: a Pod with an address counts as ready unless it says that it is not.
  const runs = ready ?? (phase === undefined || phase === 'Running')
  const isReady = service.spec.publishNotReadyAddresses || (runs && !terminating)
  return podIPs.flatMap((each) => {
    const address = canonicalAddress(each)
    return address === undefined ? [] : [{ address, hostname, ready: isReady, ports }]
  })
}

function containerPort(pod: Pod, name: string, protocol: string): number | undefined {
  const ports = pod.spec.containers.flatMap((container) => container.ports)
  return ports.find((port) => port.name === name && port.protocol === protocol)?.containerPort
}

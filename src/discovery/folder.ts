/**
 * The resources of one moment, indexed for the questions discovery asks.
 */
import type { ResourceSet } from '#resource/resource-set.ts'
import type { Endpoints, EndpointSlice, Node, Pod, PortRef, Service, ServicePort } from '#resource/resource.ts'

export class Folder {
  readonly #resources: ResourceSet
  /** By namespace and Service. */
  readonly #slices: ReadonlyMap<string, ReadonlyMap<string, readonly EndpointSlice[]>>
  readonly #pods: ReadonlyMap<string, readonly Pod[]>
  readonly #nodes: readonly Node[]
  /**
   * By another folder: the namespaces that were asked for, and whether their Pods are the same there. Held weakly, for
   * every folder is compared with the one before, and would keep all there ever were.
   */
  readonly #compared = new WeakMap<Folder, Map<string, boolean>>()

  constructor(resources: ResourceSet) {
    this.#resources = resources
    this.#slices = byService(resources.list('EndpointSlice'))
    this.#pods = Map.groupBy(resources.list('Pod'), (each) => each.metadata.namespace)
    this.#nodes = resources.list('Node')
  }

  /** Whether everything that discovery can ask about a Service is in the other folder as it is here. */
  hasSame(other: Folder, namespace: string, service: string): boolean {
    return (
      this.service(namespace, service) === other.service(namespace, service) &&
      this.endpoints(namespace, service) === other.endpoints(namespace, service) &&
      isSameList(this.slices(namespace, service), other.slices(namespace, service)) &&
      isSameList(this.#nodes, other.#nodes) &&
      this.#hasSamePods(other, namespace)
    )
  }

  service(namespace: string, name: string): Service | undefined {
    return this.#resources.get('Service', namespace, name)
  }

  endpoints(namespace: string, service: string): Endpoints | undefined {
    return this.#resources.get('Endpoints', namespace, service)
  }

  slices(namespace: string, service: string): readonly EndpointSlice[] {
    return this.#slices.get(namespace)?.get(service) ?? none
  }

  /** Pods that the Service's selector selects; none when it selects by nothing. */
  selected(service: Service): readonly Pod[] {
    const wanted = Object.entries(service.spec.selector)
    if (wanted.length === 0) return []
    const pods = this.#pods.get(service.metadata.namespace) ?? []
    return pods.filter(({ metadata }) => wanted.every(([label, value]) => metadata.labels[label] === value))
  }

  nodes(): readonly Node[] {
    return this.#nodes
  }

  #hasSamePods(other: Folder, namespace: string): boolean {
    let namespaces = this.#compared.get(other)
    if (namespaces === undefined) this.#compared.set(other, (namespaces = new Map()))
    let known = namespaces.get(namespace)
    if (known === undefined) {
      known = isSameList(this.#pods.get(namespace) ?? none, other.#pods.get(namespace) ?? none)
      namespaces.set(namespace, known)
    }
    return known
  }
}

const none: readonly never[] = []

function byService(
  slices: readonly EndpointSlice[],
): ReadonlyMap<string, ReadonlyMap<string, readonly EndpointSlice[]>> {
  const found = new Map<string, Map<string, EndpointSlice[]>>()
  for (const slice of slices) {
    const { serviceName, metadata } = slice
    if (serviceName === '') continue
    let services = found.get(metadata.namespace)
    if (services === undefined) found.set(metadata.namespace, (services = new Map()))
    const list = services.get(serviceName)
    if (list === undefined) services.set(serviceName, [slice])
    else list.push(slice)
  }
  return found
}

/** Of the very same objects. */
function isSameList(a: readonly unknown[], b: readonly unknown[]): boolean {
  return a.length === b.length && a.every((each, index) => each === b[index])
}

/**
 * The Service's port that a route means: by its number, by its name, by a numeric targetPort, by a named one. The last
 * two are what ingress-nginx accepts too. Only TCP ports carry HTTP.
 */
export function servicePortOf(service: Service, ref: PortRef): ServicePort | undefined {
  const ports = service.spec.ports.filter((each) => each.protocol === 'TCP')
  const own = ports.find((each) => (ref.kind === 'number' ? each.port === ref.number : each.name === ref.name))
  return own ?? ports.find(({ targetPort }) => samePort(targetPort, ref))
}

/** `80` or `"http"`: how sentences name a port. */
export function printPort(ref: PortRef): string {
  return ref.kind === 'number' ? String(ref.number) : JSON.stringify(ref.name)
}

function samePort(a: PortRef, b: PortRef): boolean {
  if (a.kind === 'number') return b.kind === 'number' && a.number === b.number
  return b.kind === 'name' && a.name === b.name
}

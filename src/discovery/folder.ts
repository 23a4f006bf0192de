/**
 * The resources of one moment, indexed for the questions discovery asks.
 */
import type { ResourceSet } from '#resource/resource-set.ts'
import type { Endpoints, EndpointSlice, Node, Pod, PortRef, Service, ServicePort } from '#resource/resource.ts'

export class Folder {
  readonly #resources: ResourceSet
  readonly #slices: ReadonlyMap<string, readonly EndpointSlice[]>
  readonly #pods: ReadonlyMap<string, readonly Pod[]>

  constructor(resources: ResourceSet) {
    this.#resources = resources
    const slices = resources.list('EndpointSlice').filter((each) => each.serviceName !== '')
    this.#slices = Map.groupBy(slices, (each) => `${each.metadata.namespace}/${each.serviceName}`)
    this.#pods = Map.groupBy(resources.list('Pod'), (each) => each.metadata.namespace)
  }

  service(namespace: string, name: string): Service | undefined {
    return this.#resources.get('Service', namespace, name)
  }

  endpoints(namespace: string, service: string): Endpoints | undefined {
    return this.#resources.get('Endpoints', namespace, service)
  }

  slices(namespace: string, service: string): readonly EndpointSlice[] {
    return this.#slices.get(`${namespace}/${service}`) ?? []
  }

  /** Pods that the Service's selector selects; none when it selects by nothing. */
  selected(service: Service): readonly Pod[] {
    const wanted = Object.entries(service.spec.selector)
    if (wanted.length === 0) return []
    const pods = this.#pods.get(service.metadata.namespace) ?? []
    return pods.filter(({ metadata }) => wanted.every(([label, value]) => metadata.labels[label] === value))
  }

  nodes(): readonly Node[] {
    return this.#resources.list('Node')
  }
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

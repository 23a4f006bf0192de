/**
 * Backends → upstreams. Gathers every Service port that a route names, once, and says which of them cannot be reached.
 */
import { didYouMean } from '#lib/nearest.ts'
import type { FieldPath } from '#resource/origin.ts'
import type { Problem, ProblemInit } from '#resource/problem.ts'
import { problemOf } from '#resource/problem.ts'
import type { ResourceSet } from '#resource/resource-set.ts'
import type { Ingress, IngressBackend, Metadata, PortRef, Resource, Service, ServicePort } from '#resource/resource.ts'
import type { DiscoveryMode, RouteSpec, UpstreamSpec } from '#snapshot/snapshot.ts'
import { genkan } from './genkan/dialect.ts'

export const discoveryModes: readonly DiscoveryMode[] = ['slices', 'pods', 'dns', 'nodeport', 'env']

const discoveryKey = `${genkan.prefix}discovery`
const discoveryAt: FieldPath = ['metadata', 'annotations', discoveryKey]

export type UpstreamListInit = { readonly resources: ResourceSet; readonly discovery: readonly DiscoveryMode[]; readonly problems: Problem[] }

type Unreachable = { readonly kind: 'unreachable'; readonly reason: string }
export type Resolved = { readonly kind: 'upstream'; readonly id: string } | Unreachable

export class UpstreamList {
  readonly #resources: ResourceSet
  readonly #discovery: readonly DiscoveryMode[]
  readonly #problems: Problem[]
  readonly #upstreams = new Map<string, UpstreamSpec>()
  readonly #read = new Map<Resource, readonly DiscoveryMode[] | undefined>()
  /** Unknown Services by the Ingress that names them: once is enough. */
  readonly #reported = new Map<Ingress, Set<string>>()
  #names: ReadonlyMap<string, readonly Metadata[]> | undefined
  /** `namespace/name` of Services that only slices, Endpoints or Pods know of. */
  readonly #evident: ReadonlySet<string>

  constructor({ resources, discovery, problems }: UpstreamListInit) {
    this.#resources = resources
    this.#discovery = discovery
    this.#problems = problems
    this.#evident = new Set([
      ...resources.list('EndpointSlice').map((slice) => `${slice.metadata.namespace}/${slice.serviceName}`),
      ...resources.list('Endpoints').map(({ metadata }) => `${metadata.namespace}/${metadata.name}`),
    ])
  }

  /** A backend that can never be reached is reported here. */
  resolve(ingress: Ingress, backend: IngressBackend, at: FieldPath): Resolved {
    if (backend.kind === 'resource') {
      const message = `the backend is a ${backend.resourceKind}; only Services can be reached`
      return this.#unreachable(ingress, { severity: 'error', code: 'resource-backend', at: [...at, 'resource'], message })
    }
    const { namespace } = ingress.metadata
    const service = this.#resources.get('Service', namespace, backend.name)
    const port = service === undefined ? this.#portWithoutService(ingress, backend, at) : this.#portOf(ingress, service, { port: backend.port, at })
    if (port.kind === 'unreachable') return port
    return { kind: 'upstream', id: this.#add(ingress, { namespace, service: backend.name, port, known: service }) }
  }

  /** Those that a route leads to, sorted by id: nobody should look up what nobody asks for. */
  used(routes: readonly RouteSpec[]): readonly UpstreamSpec[] {
    const ids = new Set(routes.map((route) => route.upstream))
    return [...this.#upstreams.values()].filter(({ id }) => ids.has(id)).toSorted((a, b) => (a.id < b.id ? -1 : 1))
  }

  /** Not an error: without cluster objects in the folder, DNS knows the Service. */
  #portWithoutService(ingress: Ingress, backend: IngressBackend & { readonly kind: 'service' }, at: FieldPath): PortRef {
    const id = `${ingress.metadata.namespace}/${backend.name}`
    const known = this.#reported.get(ingress) ?? new Set<string>()
    if (!this.#evident.has(id) && !known.has(id)) {
      this.#reported.set(ingress, known.add(id))
      const modes = this.#discoveryOf(ingress) ?? this.#discovery
      const elsewhere = modes.filter((mode) => mode === 'dns' || mode === 'env')
      const hint = this.#meant(ingress.metadata.namespace, backend.name)
      const problem = { code: 'service-unknown', at: [...at, 'service', 'name'], message: `no file describes the Service ${id}` }
      if (elsewhere.length > 0) this.#report(ingress, { ...problem, severity: 'info', instead: `its endpoints are looked up elsewhere (${elsewhere.join(', ')})${hint}` })
      else this.#report(ingress, { ...problem, severity: 'warning', instead: `the route answers 503 until one does${hint}` })
    }
    return backend.port
  }

  #portOf(ingress: Ingress, service: Service, { port, at }: { readonly port: PortRef; readonly at: FieldPath }): PortRef | Unreachable {
    const ports = service.spec.ports.filter((each) => each.protocol === 'TCP')
    if (ports.some((each) => (port.kind === 'name' ? each.name === port.name : each.port === port.number))) return port
    // Names outside the cluster have every port, and a headless Service need not name its own.
    const open = service.spec.type === 'ExternalName' || (service.spec.clusterIP === 'None' && service.spec.ports.length === 0)
    if (open && port.kind === 'number') return port
    const place = [...at, 'service', 'port', port.kind]
    const target = ports.find(({ targetPort }) => targetPort.kind === port.kind && printPort(targetPort) === printPort(port))
    const id = `${service.metadata.namespace}/${service.metadata.name}`
    if (target !== undefined) {
      const message = `${printPort(port)} is the targetPort of Service ${id}, not its port`
      this.#report(ingress, { severity: 'warning', code: 'target-port', at: place, message, instead: `its port ${target.port} is used` })
      return { kind: 'number', number: target.port }
    }
    const message = `Service ${id} has no port ${printPort(port)}; it has ${ports.length === 0 ? 'none' : ports.map(printServicePort).join(', ')}`
    return this.#unreachable(ingress, { severity: 'error', code: 'unknown-port', at: place, message })
  }

  #add(ingress: Ingress, named: { readonly namespace: string; readonly service: string; readonly port: PortRef; readonly known: Service | undefined }): string {
    const { namespace, service, port, known } = named
    const id = `${namespace}/${service}:${printPort(port)}`
    const ofService = known && this.#discoveryOf(known)
    const asked = this.#discoveryOf(ingress)
    const discovery = ofService ?? asked ?? this.#discovery
    const first = this.#upstreams.get(id)
    if (first === undefined) this.#upstreams.set(id, { id, namespace, service, port, protocol: 'http', discovery })
    else if (ofService === undefined && asked !== undefined && asked.join() !== first.discovery.join()) {
      const message = `an older Ingress has ${id} discovered by ${first.discovery.join(', ')}`
      this.#report(ingress, { severity: 'warning', code: 'discovery-conflict', at: discoveryAt, message, instead: 'the older one counts; write it on the Service instead' })
    }
    return id
  }

  #discoveryOf(resource: Service | Ingress): readonly DiscoveryMode[] | undefined {
    if (resource.metadata.annotations[discoveryKey] === undefined) return undefined
    if (!this.#read.has(resource)) this.#read.set(resource, this.#readDiscovery(resource, resource.metadata.annotations[discoveryKey]))
    return this.#read.get(resource)
  }

  #readDiscovery(resource: Resource, text: string): readonly DiscoveryMode[] | undefined {
    const words = text.split(',').map((word) => word.trim().toLowerCase()).filter((word) => word !== '')
    const modes = discoveryModes.filter((mode) => words.includes(mode)).toSorted((a, b) => words.indexOf(a) - words.indexOf(b))
    const wrong = words.find((word) => !discoveryModes.some((mode) => mode === word))
    if (wrong === undefined && modes.length > 0) return modes
    const found = wrong === undefined ? 'nothing' : JSON.stringify(wrong)
    const instead = `the annotation is ignored${wrong === undefined ? '' : didYouMean(wrong, discoveryModes)}`
    const message = `expected one or more of ${discoveryModes.join(', ')}, found ${found}`
    this.#report(resource, { severity: 'warning', code: 'invalid-annotation-value', at: discoveryAt, message, instead })
    return undefined
  }

  /** What a missing Service may have meant; nothing in large namespaces, where comparing all names would cost too much. */
  #meant(namespace: string, name: string): string {
    this.#names ??= Map.groupBy(this.#resources.list('Service').map(({ metadata }) => metadata), (each) => each.namespace)
    const names = this.#names.get(namespace) ?? []
    return names.length > 200 ? '' : didYouMean(name, names.map((each) => each.name))
  }

  #unreachable(ingress: Ingress, init: Omit<ProblemInit, 'instead'>): Unreachable {
    this.#report(ingress, { ...init, instead: 'the route answers 503' })
    return { kind: 'unreachable', reason: init.message }
  }

  #report(resource: Resource, init: ProblemInit): void {
    this.#problems.push(problemOf(resource, init))
  }
}

export function printPort(port: PortRef): string {
  return port.kind === 'name' ? port.name : String(port.number)
}

function printServicePort(port: ServicePort): string {
  return port.name === '' ? String(port.port) : `${port.port} (${port.name})`
}

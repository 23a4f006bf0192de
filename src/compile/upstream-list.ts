/**
 * Backends → upstreams. Gathers every Service port that a route names, once, with everybody who asks something of it,
 * and says which of them cannot be reached.
 */
import { didYouMean } from '#lib/nearest.ts'
import type { FieldPath } from '#resource/origin.ts'
import type { Problem, ProblemInit } from '#resource/problem.ts'
import { problemOf } from '#resource/problem.ts'
import type { ResourceSet } from '#resource/resource-set.ts'
import type { Ingress, IngressBackend, Metadata, PortRef, Resource, Service, ServicePort } from '#resource/resource.ts'
import type { BalanceSpec, DiscoveryMode } from '#snapshot/snapshot.ts'
import { ProbeFinder } from './probe.ts'
import { ServiceWishes } from './service-wish.ts'
import type { Asker, Settled, UpstreamEntry } from './upstream-spec.ts'
import { settle } from './upstream-spec.ts'

export type UpstreamListInit = {
  readonly resources: ResourceSet
  readonly discovery: readonly DiscoveryMode[]
  /** Where nobody says otherwise; `undefined` for round robin. */
  readonly balance: BalanceSpec | undefined
  readonly problems: Problem[]
}

type NamedService = { readonly namespace: string; readonly name: string; readonly port: number }
type Unreachable = { readonly kind: 'unreachable'; readonly reason: string }
export type Resolved = { readonly kind: 'upstream'; readonly id: string } | Unreachable

export class UpstreamList {
  readonly #resources: ResourceSet
  readonly #discovery: readonly DiscoveryMode[]
  readonly #balance: BalanceSpec | undefined
  readonly #problems: Problem[]
  readonly #wishes: ServiceWishes
  readonly #entries = new Map<string, UpstreamEntry>()
  /** Unknown Services by the Ingress that names them: once is enough. */
  readonly #reported = new Map<Ingress, Set<string>>()
  #names: ReadonlyMap<string, readonly Metadata[]> | undefined
  /** `namespace/name` of Services that only slices, Endpoints or Pods know of. */
  readonly #evident: ReadonlySet<string>

  constructor({ resources, discovery, balance, problems }: UpstreamListInit) {
    this.#resources = resources
    this.#discovery = discovery
    this.#balance = balance
    this.#problems = problems
    this.#wishes = new ServiceWishes(resources, problems)
    this.#evident = new Set([
      ...resources.list('EndpointSlice').map((slice) => `${slice.metadata.namespace}/${slice.serviceName}`),
      ...resources.list('Endpoints').map(({ metadata }) => `${metadata.namespace}/${metadata.name}`),
    ])
  }

  /** A backend that can never be reached is reported here. `asked` are the ways of discovery that the Ingress wants. */
  resolve(
    ingress: Ingress,
    backend: IngressBackend,
    { at, asked }: { readonly at: FieldPath; readonly asked: readonly DiscoveryMode[] | undefined },
  ): Resolved {
    if (backend.kind === 'resource') {
      const message = `the backend is a ${backend.resourceKind}; only Services can be reached`
      return this.#unreachable(ingress, {
        severity: 'error',
        code: 'resource-backend',
        at: [...at, 'resource'],
        message,
      })
    }
    const { namespace } = ingress.metadata
    const service = this.#resources.get('Service', namespace, backend.name)
    const port =
      service === undefined
        ? this.#portWithoutService(ingress, backend, { at, asked })
        : this.#portOf(ingress, service, { port: backend.port, at })
    if (port.kind === 'unreachable') return port
    return { kind: 'upstream', id: this.#add({ namespace, service: backend.name, port, known: service }) }
  }

  /** A Service that an annotation names, maybe of another namespace. */
  resolveService(
    { namespace, name, port }: NamedService,
    { resource, at }: { readonly resource: Resource; readonly at: FieldPath },
  ): Resolved {
    const known = this.#resources.get('Service', namespace, name)
    const ports = known?.spec.ports.filter((each) => each.protocol === 'TCP') ?? []
    const isOpen =
      known === undefined ||
      known.spec.type === 'ExternalName' ||
      (known.spec.clusterIP === 'None' && known.spec.ports.length === 0)
    if (isOpen || ports.some((each) => each.port === port)) {
      return {
        kind: 'upstream',
        id: this.#add({ namespace, service: name, port: { kind: 'number', number: port }, known }),
      }
    }
    const message = `Service ${namespace}/${name} has no port ${port}; it has ${ports.length === 0 ? 'none' : ports.map(printServicePort).join(', ')}`
    this.#report(resource, { severity: 'error', code: 'unknown-port', at, message, instead: 'the routes answer 503' })
    return { kind: 'unreachable', reason: message }
  }

  /** The first port of a Service that an annotation names; `undefined` when no file describes it. */
  firstPort(namespace: string, name: string): number | undefined {
    return this.#resources.get('Service', namespace, name)?.spec.ports.find(({ protocol }) => protocol === 'TCP')?.port
  }

  /** Says that a route of this Ingress leads to a resolved upstream. */
  ask(id: string, asker: Asker): void {
    const askers = this.#entryOf(id).askers
    if (!askers.includes(asker)) askers.push(asker)
  }

  /** Says that an upstream is the canary of another: where nobody says otherwise it is spoken to in the same way. */
  follow(id: string, main: string, sticky: boolean): void {
    this.#entryOf(id).mains.push({ entry: this.#entryOf(main), sticky })
  }

  /** Those that a route leads to, by id and sorted by it: nobody should look up what nobody asks for. */
  settle(): ReadonlyMap<string, Settled> {
    const asked = [...this.#entries.values()]
      .filter(({ askers }) => askers.length > 0)
      .toSorted((a, b) => (a.id < b.id ? -1 : 1))
    for (const { askers } of asked) askers.sort((a, b) => a.rank - b.rank)
    const probes = new ProbeFinder(this.#resources, this.#problems)
    const world = { discovery: this.#discovery, balance: this.#balance, probes, problems: this.#problems }
    return new Map(asked.map((entry) => [entry.id, settle(entry, world)]))
  }

  /** Not an error: without cluster objects in the folder, DNS knows the Service. */
  #portWithoutService(
    ingress: Ingress,
    backend: IngressBackend & { readonly kind: 'service' },
    { at, asked }: { readonly at: FieldPath; readonly asked: readonly DiscoveryMode[] | undefined },
  ): PortRef {
    const id = `${ingress.metadata.namespace}/${backend.name}`
    const known = this.#reported.get(ingress) ?? new Set<string>()
    if (!this.#evident.has(id) && !known.has(id)) {
      this.#reported.set(ingress, known.add(id))
      const modes = asked ?? this.#discovery
      const elsewhere = modes.filter((mode) => mode === 'dns' || mode === 'env')
      const hint = this.#meant(ingress.metadata.namespace, backend.name)
      const problem = {
        code: 'service-unknown',
        at: [...at, 'service', 'name'],
        message: `no file describes the Service ${id}`,
      }
      if (elsewhere.length > 0)
        this.#report(ingress, {
          ...problem,
          severity: 'info',
          instead: `its endpoints are looked up elsewhere (${elsewhere.join(', ')})${hint}`,
        })
      else
        this.#report(ingress, {
          ...problem,
          severity: 'warning',
          instead: `the route answers 503 until one does${hint}`,
        })
    }
    return backend.port
  }

  #portOf(
    ingress: Ingress,
    service: Service,
    { port, at }: { readonly port: PortRef; readonly at: FieldPath },
  ): PortRef | Unreachable {
    const ports = service.spec.ports.filter((each) => each.protocol === 'TCP')
    if (ports.some((each) => (port.kind === 'name' ? each.name === port.name : each.port === port.number))) return port
    // Names outside the cluster have every port, and a headless Service need not name its own.
    const open =
      service.spec.type === 'ExternalName' || (service.spec.clusterIP === 'None' && service.spec.ports.length === 0)
    if (open && port.kind === 'number') return port
    const place = [...at, 'service', 'port', port.kind]
    const target = ports.find(
      ({ targetPort }) => targetPort.kind === port.kind && printPort(targetPort) === printPort(port),
    )
    const id = `${service.metadata.namespace}/${service.metadata.name}`
    if (target !== undefined) {
      const message = `${printPort(port)} is the targetPort of Service ${id}, not its port`
      this.#report(ingress, {
        severity: 'warning',
        code: 'target-port',
        at: place,
        message,
        instead: `its port ${target.port} is used`,
      })
      return { kind: 'number', number: target.port }
    }
    const message = `Service ${id} has no port ${printPort(port)}; it has ${ports.length === 0 ? 'none' : ports.map(printServicePort).join(', ')}`
    return this.#unreachable(ingress, { severity: 'error', code: 'unknown-port', at: place, message })
  }

  #add(named: Pick<UpstreamEntry, 'namespace' | 'service' | 'port' | 'known'>): string {
    const { namespace, service, port, known } = named
    const id = `${namespace}/${service}:${printPort(port)}`
    if (!this.#entries.has(id))
      this.#entries.set(id, { id, ...named, ...this.#wishes.of(known), askers: [], mains: [] })
    return id
  }

  /** Ids come out of `resolve`, so there is always one. */
  #entryOf(id: string): UpstreamEntry {
    return this.#entries.get(id)!
  }

  /** What a missing Service may have meant; nothing in large namespaces, where comparing all names would cost too much. */
  #meant(namespace: string, name: string): string {
    this.#names ??= Map.groupBy(
      this.#resources.list('Service').map(({ metadata }) => metadata),
      (each) => each.namespace,
    )
    const names = this.#names.get(namespace) ?? []
    return names.length > 200
      ? ''
      : didYouMean(
          name,
          names.map((each) => each.name),
        )
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

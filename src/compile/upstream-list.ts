/**
 * Backends → upstreams. Gathers every Service port that a route names, once, with everybody who asks something of it,
 * and says which of them cannot be reached.
 */
import { didYouMean } from '#lib/nearest.ts'
import { mapped, type Steps } from '#lib/slices.ts'
import type { FieldPath } from '#resource/origin.ts'
import type { Problem, ProblemInit } from '#resource/problem.ts'
import { problemOf } from '#resource/problem.ts'
import type { ResourceSet } from '#resource/resource-set.ts'
import type { Ingress, IngressBackend, Metadata, PortRef, Resource, Service, ServicePort } from '#resource/resource.ts'
import type { BalanceSpec, DiscoveryMode } from '#snapshot/snapshot.ts'
import type { CompileMemo } from './memo.ts'
import { ProbeFinder } from './probe.ts'
import { ServiceWishes } from './service-wish.ts'
import type { Asker, Settled, SettleWorld, UpstreamEntry } from './upstream-spec.ts'
import { settle } from './upstream-spec.ts'

export type UpstreamListInit = {
  readonly resources: ResourceSet
  readonly discovery: readonly DiscoveryMode[]
  /** Where nobody says otherwise; `undefined` for round robin. */
  readonly balance: BalanceSpec | undefined
  /** Where nobody says otherwise, Services are asked for at their own address. */
  readonly serviceAddress: boolean
  readonly problems: Problem[]
  readonly memo: CompileMemo
}

type NamedService = { readonly namespace: string; readonly name: string; readonly port: number }
type Unreachable = { readonly kind: 'unreachable'; readonly reason: string }
export type Resolved = { readonly kind: 'upstream'; readonly id: string } | Unreachable

/** An upstream by what it is called, and the Service where a file describes it. */
export type NamedUpstream = Pick<UpstreamEntry, 'id' | 'namespace' | 'service' | 'port' | 'known'>

/** `at` is asked only when there is something to say. `asked` are the ways of discovery that the Ingress wants. */
export type BackendPlace = { readonly at: () => FieldPath; readonly asked: readonly DiscoveryMode[] | undefined }

export class UpstreamList {
  readonly #resources: ResourceSet
  readonly #discovery: readonly DiscoveryMode[]
  readonly #balance: BalanceSpec | undefined
  readonly #serviceAddress: boolean
  readonly #problems: Problem[]
  readonly #memo: CompileMemo
  readonly #wishes: ServiceWishes
  readonly #entries = new Map<string, UpstreamEntry>()
  readonly #wanted = new Set<string>()
  /** Unknown Services by the Ingress that names them: once is enough. */
  readonly #reported = new Map<Ingress, Set<string>>()
  #names: ReadonlyMap<string, readonly Metadata[]> | undefined
  /** `namespace/name` of Services that only slices, Endpoints or Pods know of. */
  #evident: ReadonlySet<string> | undefined

  constructor({ resources, discovery, balance, serviceAddress, problems, memo }: UpstreamListInit) {
    this.#resources = resources
    this.#discovery = discovery
    this.#balance = balance
    this.#serviceAddress = serviceAddress
    this.#problems = problems
    this.#memo = memo
    this.#wishes = new ServiceWishes(resources, { memo, problems })
  }

  /** A backend that can never be reached is reported here. */
  resolve(ingress: Ingress, backend: IngressBackend, { at, asked }: BackendPlace): Resolved {
    if (backend.kind === 'resource') {
      const message = `the backend is a ${backend.resourceKind}; only Services can be reached`
      return this.#unreachable(ingress, {
        severity: 'error',
        code: 'resource-backend',
        at: [...at(), 'resource'],
        message,
      })
    }
    const { namespace } = ingress.metadata
    const service = this.#resources.get('Service', namespace, backend.name)
    const known = service && this.#memo.backends.find(backend, [service])
    if (known !== undefined) return this.#add(known)
    const said = this.#problems.length
    const port =
      service === undefined
        ? this.#portWithoutService(ingress, backend, { at: at(), asked })
        : this.#portOf(ingress, service, { port: backend.port, at: at() })
    if (port.kind === 'unreachable') return port
    const named = nameOf({ namespace, service: backend.name, port, known: service })
    if (service !== undefined && this.#problems.length === said) this.#memo.backends.keep(backend, [service], named)
    return this.#add(named)
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
      return this.#add(nameOf({ namespace, service: name, port: { kind: 'number', number: port }, known }))
    }
    const message = `Service ${namespace}/${name} has no port ${port}; it has ${ports.length === 0 ? 'none' : ports.map(printServicePort).join(', ')}`
    this.#report(resource, { severity: 'error', code: 'unknown-port', at, message, instead: 'the routes answer 503' })
    return { kind: 'unreachable', reason: message }
  }

  /** The first port of a Service that an annotation names; `undefined` when no file describes it. */
  firstPort(namespace: string, name: string): number | undefined {
    return this.#resources.get('Service', namespace, name)?.spec.ports.find(({ protocol }) => protocol === 'TCP')?.port
  }

  /** Id of a Service port that no Ingress asks for, and that is there all the same. */
  want({ namespace, name, port }: NamedService): string {
    const known = this.#resources.get('Service', namespace, name)
    const named = nameOf({ namespace, service: name, port: { kind: 'number', number: port }, known })
    this.#add(named)
    this.#wanted.add(named.id)
    return named.id
  }

  /** Says that a route of this Ingress leads to a resolved upstream. */
  ask(id: string, asker: Asker): void {
    const { askers } = this.#entryOf(id)
    if (askers.at(-1) !== asker) askers.push(asker)
  }

  /** Says that an upstream is the canary of another: where nobody says otherwise it is spoken to in the same way. */
  follow(id: string, main: string, sticky: boolean): void {
    this.#entryOf(id).mains.push({ entry: this.#entryOf(main), sticky })
  }

  /** Those that a route leads to, or that are wanted, by id and sorted by it: nobody should look up what nobody asks for. */
  *settle(): Steps<ReadonlyMap<string, Settled>> {
    const asked = [...this.#entries.values()]
      .filter(({ id, askers }) => askers.length > 0 || this.#wanted.has(id))
      .toSorted((a, b) => (a.id < b.id ? -1 : 1))
    for (const { askers } of asked) if (askers.length > 1) sortOnce(askers)
    const probes = new ProbeFinder(this.#resources, this.#problems)
    const world = {
      discovery: this.#discovery,
      balance: this.#balance,
      serviceAddress: this.#serviceAddress,
      probes,
      problems: this.#problems,
    }
    const settled = new Map(yield* mapped(asked, (entry) => [entry.id, this.#settle(entry, world)] as const))
    this.#memo.upstreams.endRound()
    return settled
  }

  /** Again as it was, when all that has a say in it is the same and there was nothing to say about it. */
  #settle(entry: UpstreamEntry, world: SettleWorld): Settled {
    const { known, wish, readiness, askers, mains } = entry
    if (mains.length > 0) return settle(entry, world)
    const given: unknown[] = [world.discovery, world.balance, world.serviceAddress, known, wish, readiness]
    for (const { ingress, wish: wished } of askers) given.push(ingress, wished)
    if (known !== undefined) for (const { resource } of world.probes.templatesOf(known)) given.push(resource)
    const before = this.#memo.upstreams.find(entry.id, given)
    if (before !== undefined) return before
    const said = world.problems.length + world.probes.repeated
    const settled = settle(entry, world)
    if (world.problems.length + world.probes.repeated !== said) return settled
    return this.#memo.upstreams.keep(entry.id, given, settled)
  }

  /** Not an error: without cluster objects in the folder, DNS knows the Service. */
  #portWithoutService(
    ingress: Ingress,
    backend: IngressBackend & { readonly kind: 'service' },
    { at, asked }: { readonly at: FieldPath; readonly asked: readonly DiscoveryMode[] | undefined },
  ): PortRef {
    const id = `${ingress.metadata.namespace}/${backend.name}`
    const known = this.#reported.get(ingress) ?? new Set<string>()
    if (!this.#isEvident(id) && !known.has(id)) {
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

  #isEvident(id: string): boolean {
    this.#evident ??= new Set([
      ...this.#resources.list('EndpointSlice').map((slice) => `${slice.metadata.namespace}/${slice.serviceName}`),
      ...this.#resources.list('Endpoints').map(({ metadata }) => `${metadata.namespace}/${metadata.name}`),
    ])
    return this.#evident.has(id)
  }

  #add(named: NamedUpstream): Resolved {
    const { id, known } = named
    if (!this.#entries.has(id)) this.#entries.set(id, { ...named, ...this.#wishes.of(known), askers: [], mains: [] })
    return { kind: 'upstream', id }
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

/** In place: by rank, and nobody twice. */
function sortOnce(askers: Asker[]): void {
  const sorted = [...new Set(askers)].toSorted((a, b) => a.rank - b.rank)
  askers.length = 0
  for (const asker of sorted) askers.push(asker)
}

function nameOf(named: Omit<NamedUpstream, 'id'>): NamedUpstream {
  return { id: `${named.namespace}/${named.service}:${printPort(named.port)}`, ...named }
}

export function printPort(port: PortRef): string {
  return port.kind === 'name' ? port.name : String(port.number)
}

function printServicePort(port: ServicePort): string {
  return port.name === '' ? String(port.port) : `${port.port} (${port.name})`
}

/**
 * The stand-ins of a running scenario: some for every Service port that a route leads to, and the objects that lead
 * discovery to them.
 */
import type { ReceivedRequest as Received, StandIn } from '#cluster/stand-in.ts'
import { oneEcho, printServicePort, type StandInObjects, StandIns, type WantedStandIns } from '#cluster/stand-ins.ts'
import type { EndpointSlice, Metadata, Resource, Service } from '#resource/resource.ts'
import { ResourceSet } from '#resource/resource-set.ts'
import type { UpstreamSpec } from '#snapshot/snapshot.ts'
import { silentLog } from '#telemetry/log.ts'
import type { ReceivedRequest } from './compare.ts'
import type { StubChange, StubsSpec } from './scenario.ts'

/** Marks fixed replies, so that it is known who sent them; taken off before anything is compared. */
export const standInField = 'x-genkan-stand-in'

export type Arrival = { readonly backend: string; readonly endpoint: string; readonly received: ReceivedRequest }

export class StubFleet {
  readonly #none: boolean
  readonly #changes = new Map<string, StubChange>()
  readonly #standIns: StandIns

  constructor(spec: StubsSpec, onArrival: (arrival: Arrival) => void) {
    this.#none = spec.none
    const onRequest = (received: Received): void =>
      onArrival({
        backend: `${received.namespace}/${received.service}:${received.port}`,
        endpoint: String(received.endpoint),
        received: toReceived(received),
      })
    this.#standIns = new StandIns({ log: silentLog, onRequest })
    this.change(spec.byPort)
  }

  /** Takes effect with the next `lead`. */
  change(byPort: ReadonlyMap<string, StubChange>): void {
    for (const [id, change] of byPort) this.#changes.set(id, { ...this.#changes.get(id), ...change })
  }

  /**
   * Runs what these upstreams and the stubs ask for, and gives the same objects, led there: nothing else describes the
   * endpoints of a Service that has stand-ins.
   */
  async lead(resources: readonly Resource[], upstreams: readonly UpstreamSpec[]): Promise<Resource[]> {
    const wanted = upstreams.flatMap((upstream) => this.#wanted(upstream) ?? [])
    const services = new Set(wanted.map(({ namespace, service }) => `${namespace}/${service}`))
    const kept = resources.flatMap((resource) => stubbed(resource, services))
    const made = await this.#standIns.follow(new ResourceSet(kept), wanted)
    return [...kept, ...made.services, ...made.slices, ...emptySlices(wanted, made)]
  }

  /** Whether a stand-in listens there. */
  isStandIn(place: { readonly address: string; readonly port: number }): boolean {
    return this.#standIns.isAt(place)
  }

  /** Who stands in for the address of a Service. */
  standInOf(upstream: UpstreamSpec): Pick<StandIn, 'address' | 'port'> | undefined {
    return this.#standIns.first(upstream)
  }

  close(): Promise<void> {
    return this.#standIns.close()
  }

  #wanted(upstream: UpstreamSpec): WantedStandIns | undefined {
    const id = printServicePort(upstream)
    const change = this.#changes.get(id)
    if (change === undefined) return this.#none ? undefined : oneEcho(upstream)
    const { reply } = change
    const mark = [standInField, id] as const
    const marked = reply === undefined ? {} : { reply: { ...reply, headers: [...reply.headers, mark] } }
    return { ...oneEcho(upstream), ...change, ...marked }
  }
}

/** Several values of one field are joined as RFC 9110 section 5.3 says. */
export function toReceived({
  method,
  target,
  headers,
  body,
}: Pick<Received, 'method' | 'target' | 'headers' | 'body'>): ReceivedRequest {
  const joined = Object.entries(headers).map(([name, value]) => [
    name,
    typeof value === 'string' ? value : value.join(', '),
  ])
  return { method, target, headers: Object.fromEntries(joined), body }
}

/** What is left of an object beside stand-ins for these Services. */
function stubbed(resource: Resource, services: ReadonlySet<string>): Resource[] {
  const { namespace, name } = resource.metadata
  if (resource.kind === 'EndpointSlice') return services.has(`${namespace}/${resource.serviceName}`) ? [] : [resource]
  if (resource.kind === 'Endpoints') return services.has(`${namespace}/${name}`) ? [] : [resource]
  if (resource.kind === 'Service') return services.has(`${namespace}/${name}`) ? toStubbed(resource) : [resource]
  return [
    resource.kind === 'Ingress' && services.size > 0
      ? { ...resource, metadata: withoutDiscovery(resource.metadata) }
      : resource,
  ]
}

/**
 * A Service outside the cluster, or one that names no ports, has no endpoints of its own: it is left out, and one like
 * all others is made up with the stand-ins.
 */
function toStubbed(service: Service): Service[] {
  if (service.spec.type === 'ExternalName' || service.spec.ports.length === 0) return []
  return [{ ...service, metadata: withoutDiscovery(service.metadata) }]
}

/** Stand-ins are found in slices, whatever else the annotation wants. */
function withoutDiscovery(metadata: Metadata): Metadata {
  const { 'genkan.dev/discovery': _, ...annotations } = metadata.annotations
  return { ...metadata, annotations }
}

/** With no stand-in left, an empty slice says that nobody is there: without it, other ways would be tried. */
function emptySlices(wanted: readonly WantedStandIns[], { slices }: StandInObjects): EndpointSlice[] {
  const empty = wanted.filter(
    ({ namespace, service }) =>
      !slices.some((each) => each.metadata.namespace === namespace && each.serviceName === service),
  )
  return empty.map(({ namespace, service }) => ({
    kind: 'EndpointSlice',
    metadata: { name: `${service}-empty`, namespace, labels: {}, annotations: {}, creationTimestamp: undefined },
    origin: { file: '(stand-ins)', locate: () => ({ file: '(stand-ins)', line: 1, column: 1 }) },
    addressType: 'IPv4',
    serviceName: service,
    endpoints: [],
    ports: [],
  }))
}

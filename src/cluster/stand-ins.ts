/**
 * The stand-ins of every Service port that is asked for, started and stopped as that changes, together with the
 * EndpointSlices a cluster would keep of them.
 */
import type { Origin } from '#resource/origin.ts'
import type { EndpointSlice, PortRef, Service, ServicePort } from '#resource/resource.ts'
import type { ResourceSet } from '#resource/resource-set.ts'
import type { Log } from '#telemetry/log.ts'
import type { ReceivedRequest, StandIn, StandInIdentity, StandInProtocol, StandInReply } from './stand-in.ts'
import { startStandIn } from './stand-in.ts'

/** A Service port as a route names it. */
export type ServicePortRef = { readonly namespace: string; readonly service: string; readonly port: PortRef }

export type WantedStandIns = ServicePortRef & {
  readonly endpoints: number
  /** Indexes, from 0, of those that are not ready. */
  readonly unready: readonly number[]
  readonly reply: StandInReply | undefined
  readonly protocol: StandInProtocol
}

export type StandInsInit = {
  readonly log: Log
  /** Called once per request to any stand-in, before it is answered. */
  readonly onRequest?: (received: ReceivedRequest) => void
}

/** What a cluster would hold because of the stand-ins: a slice for each, and the Services that the folder lacks. */
export type StandInObjects = { readonly slices: readonly EndpointSlice[]; readonly services: readonly Service[] }

/** One echoing endpoint, whatever it is spoken to in. */
export function oneEcho({ namespace, service, port }: ServicePortRef): WantedStandIns {
  return { namespace, service, port, endpoints: 1, unready: [], reply: undefined, protocol: 'any' }
}

/** `default/web:80` */
export function printServicePort({ namespace, service, port }: ServicePortRef): string {
  return `${namespace}/${service}:${printPort(port)}`
}

export class StandIns {
  readonly #init: StandInsInit
  readonly #running = new Map<string, StandIn>()
  #turn: Promise<unknown> = Promise.resolve()

  constructor(init: StandInsInit) {
    this.#init = init
  }

  /**
   * Make it so that exactly these run, and behave like this. One change at a time; a stand-in that cannot start is
   * logged and left out. A Service port that its Service does not have gets none, and neither has an ExternalName.
   */
  follow(resources: ResourceSet, wanted: readonly WantedStandIns[]): Promise<StandInObjects> {
    const turn = this.#turn.then(() => this.#follow(resources, wanted))
    this.#turn = turn.catch(() => {})
    return turn
  }

  list(): readonly StandIn[] {
    return [...this.#running.values()]
  }

  /** Whether one of them listens there. */
  isAt({ address, port }: Pick<StandIn, 'address' | 'port'>): boolean {
    return this.#running.values().some((each) => each.port === port && each.address === address)
  }

  /** The first of a Service port. */
  first(ref: ServicePortRef): StandIn | undefined {
    return this.#running.get(`${printServicePort(ref)}#0`)
  }

  async close(): Promise<void> {
    await this.#turn
    await this.#stop(() => false)
  }

  async #follow(resources: ResourceSet, wanted: readonly WantedStandIns[]): Promise<StandInObjects> {
    const services = missingServices(resources, wanted)
    const places = wanted.flatMap((each) => {
      const { namespace, service: name, endpoints } = each
      const service = resources.get('Service', namespace, name) ?? services.get(`${namespace}/${name}`)
      const port = service === undefined ? undefined : servicePort(service, each.port)
      if (port === undefined) return []
      return Array.from({ length: endpoints }, (_, endpoint) => ({ wanted: each, port, endpoint }))
    })
    const keys = new Set(places.map(keyOf))
    await this.#stop((key) => keys.has(key))
    await Promise.all(places.map((place) => this.#ensure(place)))
    return { services: [...services.values()], slices: places.flatMap((place) => this.#slice(place)) }
  }

  async #stop(keeps: (key: string) => boolean): Promise<void> {
    const gone = [...this.#running].filter(([key]) => !keeps(key))
    for (const [key] of gone) this.#running.delete(key)
    await Promise.all(gone.map(([, standIn]) => standIn.close()))
  }

  async #ensure(place: Place): Promise<void> {
    const { namespace, service, port, unready, reply, protocol } = place.wanted
    const behaviour = { protocol, reply, ready: !unready.includes(place.endpoint) }
    const running = this.#running.get(keyOf(place))
    if (running !== undefined) return running.set(behaviour)
    const { log, onRequest } = this.#init
    const identity: StandInIdentity = { namespace, service, port: printPort(port), endpoint: place.endpoint }
    try {
      const heard = onRequest === undefined ? {} : { onRequest }
      this.#running.set(keyOf(place), await startStandIn({ ...identity, behaviour, ...heard }))
    } catch (error) {
      log.warn('stand-in cannot start', { standIn: keyOf(place), error: String(error) })
    }
  }

  /** One slice for each: a slice's ports hold for all its endpoints, and each stand-in has a port of its own. */
  #slice(place: Place): EndpointSlice[] {
    const standIn = this.#running.get(keyOf(place))
    if (standIn === undefined) return []
    const { namespace, service, port } = place.wanted
    const { ready } = standIn.behaviour()
    const hostname = `${service}-${place.endpoint}`
    const name = `${service}-${printPort(port)}-${place.endpoint}-stand-in`
    return [
      {
        kind: 'EndpointSlice',
        metadata: {
          name,
          namespace,
          labels: { 'kubernetes.io/service-name': service },
          annotations: {},
          creationTimestamp: undefined,
        },
        origin: inMemory,
        addressType: 'IPv4',
        serviceName: service,
        endpoints: [
          {
            addresses: [standIn.address],
            conditions: { ready, serving: ready, terminating: false },
            // Its own name keeps stand-ins apart in SRV records even where they share one address.
            hostname: hostname.length > 63 ? undefined : hostname,
            nodeName: undefined,
            zone: undefined,
            target: `Pod ${namespace}/${hostname}`,
          },
        ],
        ports: [{ name: place.port.name, port: standIn.port, protocol: 'TCP' }],
      },
    ]
  }
}

/** Where one stand-in belongs. `port` is the Service's own. */
type Place = { readonly wanted: WantedStandIns; readonly port: ServicePort; readonly endpoint: number }

const inMemory: Origin = { file: '(memory)', locate: () => ({ file: '(memory)', line: 1, column: 1 }) }

function keyOf({ wanted, endpoint }: Place): string {
  return `${printServicePort(wanted)}#${endpoint}`
}

function printPort(port: PortRef): string {
  return port.kind === 'name' ? port.name : String(port.number)
}

function servicePort({ spec }: Service, ref: PortRef): ServicePort | undefined {
  if (spec.type === 'ExternalName') return undefined
  const ports = spec.ports.filter((each) => each.protocol === 'TCP')
  return ports.find((each) => (ref.kind === 'name' ? each.name === ref.name : each.port === ref.number))
}

/** By `namespace/name`: the Services that routes name and nobody wrote, with the ports they are asked for. */
function missingServices(resources: ResourceSet, wanted: readonly WantedStandIns[]): Map<string, Service> {
  const missing = wanted.filter((each) => resources.get('Service', each.namespace, each.service) === undefined)
  const grouped = Map.groupBy(missing, (each) => `${each.namespace}/${each.service}`)
  return new Map([...grouped].map(([key, refs]) => [key, inventService(refs[0]!.namespace, refs[0]!.service, refs)]))
}

function inventService(namespace: string, name: string, refs: readonly ServicePortRef[]): Service {
  const ports = refs.map(({ port }, index): ServicePort => ({
    // Only the single port of a Service may go without a name.
    name: port.kind === 'name' ? port.name : refs.length === 1 ? '' : `port-${port.number}`,
    protocol: 'TCP',
    // A port that is only known by name gets a number nobody asks for.
    port: port.kind === 'number' ? port.number : 60_000 + index,
    targetPort: port,
    nodePort: undefined,
    appProtocol: undefined,
  }))
  return {
    kind: 'Service',
    metadata: { name, namespace, labels: {}, annotations: {}, creationTimestamp: undefined },
    origin: inMemory,
    spec: {
      type: 'ClusterIP',
      clusterIP: '',
      clusterIPs: [],
      externalName: undefined,
      selector: {},
      ports,
      publishNotReadyAddresses: false,
      externalTrafficPolicy: 'Cluster',
      sessionAffinity: 'None',
      sessionAffinityTimeout: 10_800,
    },
  }
}

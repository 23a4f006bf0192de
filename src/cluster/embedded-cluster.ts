/**
 * The pretend cluster inside `genkan dev`: a DNS server that answers for the folder's objects, and a stand-in for every
 * Service port that a route names and for which the folder describes no endpoints.
 *
 * How it is used: start it before the front door and give the front door `cluster.dns` as its cluster DNS. After every
 * compile, and before discovery follows the result, call `update` with the resources and the upstreams. The stand-ins
 * are in the DNS zone only: the front door finds them as it finds Pods in a cluster, by SRV records of the `endpoints`
 * form (`_80._tcp.web.default.endpoints.cluster.local`), which carry address and port.
 */
import type { Service } from '#resource/resource.ts'
import { ResourceSet } from '#resource/resource-set.ts'
import type { Log } from '#telemetry/log.ts'
import { startDnsServer } from './dns-server.ts'
import { EndpointIndex } from './endpoint-index.ts'
import type { StandIn } from './stand-in.ts'
import type { ServicePortRef } from './stand-ins.ts'
import { oneEcho, printServicePort, StandIns } from './stand-ins.ts'
import { Zone } from './zone.ts'

export type EmbeddedClusterInit = {
  readonly clusterDomain: string
  /** Where the DNS server listens; default 127.0.0.1 and any free port. */
  readonly host?: string
  readonly port?: number
  /** Stand-ins for each Service port; default 1. */
  readonly endpoints?: number
  /** Of DNS records; default 2, so that what a developer changes is there at once. */
  readonly ttlSeconds?: number
  readonly log: Log
}

export interface EmbeddedCluster {
  /** `127.0.0.1:40053`, as `--cluster-dns` takes it. */
  readonly dns: string
  /**
   * These are the objects, and routes name these Service ports (an UpstreamSpec is one). Resolves when stand-ins run
   * and DNS answers accordingly. Updates are taken one after the other.
   */
  update(resources: ResourceSet, ports: readonly ServicePortRef[]): Promise<void>
  standIns(): readonly StandIn[]
  /** Whether a stand-in listens there. */
  readonly isStandIn: (place: Pick<StandIn, 'address' | 'port'>) => boolean
  /** The first stand-in of a Service port, as its address. */
  readonly standInOf: (ref: ServicePortRef) => Pick<StandIn, 'address' | 'port'> | undefined
  close(): Promise<void>
}

/** Rejects when the DNS port cannot be bound. */
export async function startEmbeddedCluster(init: EmbeddedClusterInit): Promise<EmbeddedCluster> {
  const { clusterDomain, host = '127.0.0.1', port = 0, endpoints = 1, ttlSeconds = 2, log } = init
  let serial = 0
  const zoneOf = (resources: ResourceSet) =>
    new Zone({ resources, clusterDomain, ttlSeconds, nameServers: [host], serial: ++serial })
  const server = await startDnsServer({ zone: zoneOf(new ResourceSet([])), host, port, log })
  const standIns = new StandIns({ log })
  const update = async (resources: ResourceSet, ports: readonly ServicePortRef[]) => {
    const lacking = withoutEndpoints(resources, ports)
    const unique = new Map(lacking.map((each) => [printServicePort(each), { ...oneEcho(each), endpoints }]))
    const made = await standIns.follow(resources, [...unique.values()])
    const reachable = made.slices.flatMap(({ metadata, serviceName }) =>
      withoutAddress(resources.get('Service', metadata.namespace, serviceName)),
    )
    // The first of a name counts, so what is made up stands before what was written.
    server.use(zoneOf(new ResourceSet([...made.slices, ...made.services, ...reachable, ...resources])))
  }
  const close = async () => {
    await Promise.all([standIns.close(), server.close()])
  }
  const dns = host.includes(':') ? `[${host}]:${server.port}` : `${host}:${server.port}`
  return {
    dns,
    update,
    standIns: () => standIns.list(),
    isStandIn: (place) => standIns.isAt(place),
    standInOf: (ref) => standIns.first(ref),
    close,
  }
}

/** A slice that names nobody is an answer too: only a Service that nothing is said of gets stand-ins. */
function withoutEndpoints(resources: ResourceSet, ports: readonly ServicePortRef[]): ServicePortRef[] {
  const index = new EndpointIndex(resources)
  const slices = resources.list('EndpointSlice')
  const sliced = new Set(slices.map((each) => `${each.metadata.namespace}/${each.serviceName}`))
  return ports.filter(({ namespace, service }) => {
    if (sliced.has(`${namespace}/${service}`)) return false
    if (resources.get('Endpoints', namespace, service) !== undefined) return false
    return (index.get(namespace, service)?.endpoints.length ?? 0) === 0
  })
}

/** A cluster address that was written down leads nowhere here: the Service is answered with its stand-ins. */
function withoutAddress(service: Service | undefined): Service[] {
  return service === undefined ? [] : [{ ...service, spec: { ...service.spec, clusterIP: '', clusterIPs: [] } }]
}

/**
 * The records of one Service: at its own name, at its ports' names and at its endpoints' names, in the Kubernetes form
 * (DNS-Based Service Discovery 1.1.0) and in the OpenShift form below `endpoints`.
 *
 * A Service whose object carries no cluster address, as files seldom do, is answered like a headless one: with its
 * ready endpoints. An invented virtual address would need a kube-proxy behind it, and there is none here; the
 * endpoints' addresses are what makes the name useful.
 */
import type { ServicePort } from '#resource/resource.ts'
import { canonicalAddress, fnvLabel, toDashed } from './address.ts'
import type { ClusterEndpoint, ServiceEntry } from './endpoint-index.ts'
import type { ZoneRecord } from './zone-node.ts'
import { addressRecords, fitsWire } from './zone-node.ts'

/** `svc` names the Service, `endpoints` always its endpoints. */
export type NameForm = 'svc' | 'endpoints'

/** `undefined` stands for any, as a wildcard label asks. `number` is a Service port's own number. */
export type PortQuestion = {
  readonly port: { readonly name: string } | { readonly number: number } | undefined
  readonly protocol: string | undefined
}

/** A Service seen through one form of name below one cluster domain. */
export class ServiceNodes {
  readonly #entry: ServiceEntry
  readonly #form: NameForm
  /** `web.default.svc.cluster.local` */
  readonly name: string

  constructor(entry: ServiceEntry, form: NameForm, domain: string) {
    this.#entry = entry
    this.#form = form
    this.name = `${entry.service.metadata.name}.${entry.service.metadata.namespace}.${form}.${domain}`
  }

  /** The name an ExternalName Service stands for, without trailing dot. */
  alias(): string | undefined {
    const { type, externalName } = this.#entry.service.spec
    const target = externalName?.replace(/\.$/, '')
    return type === 'ExternalName' && target !== undefined && fitsWire(target) ? target : undefined
  }

  /** The addresses, and SRV records for every port. */
  own(): ZoneRecord[] {
    const virtual = this.virtualAddresses()
    if (virtual.length > 0) return [...addressRecords(virtual), ...this.#virtualPorts(this.#entry.service.spec.ports)]
    return this.#ready().flatMap((each) => this.#endpointRecords(each))
  }

  /** SRV records of the ports asked for; `undefined` when the Service has no such port. */
  ports(question: PortQuestion): ZoneRecord[] | undefined {
    const declared = this.#declaredPorts(question)
    if (this.virtualAddresses().length > 0) return declared.length === 0 ? undefined : this.#virtualPorts(declared)
    const wanted = (name: string, protocol: string) =>
      matchesProtocol(question, protocol) && this.#wantsName(question, name, declared)
    const found = this.#ready().flatMap((each) =>
      each.ports.filter(({ name, protocol }) => wanted(name, protocol)).flatMap(({ port }) => this.#srv(each, port)),
    )
    if (found.length > 0) return found
    if (this.#form === 'endpoints' && question.port !== undefined && 'name' in question.port) {
      // OpenShift answers a name that matches no port with all of them.
      return this.ports({ port: undefined, protocol: question.protocol })
    }
    return declared.length === 0 ? undefined : []
  }

  /** Addresses and SRV records of the ready endpoints with this label, or of all; `undefined` when there is none. */
  endpoint(label: string | undefined): ZoneRecord[] | undefined {
    const found = this.#ready().filter((each) => label === undefined || hasLabel(each, label))
    return found.length === 0 ? undefined : found.flatMap((each) => this.#endpointRecords(each))
  }

  /** Whether a named port uses this protocol, so that `_tcp` exists above it. */
  hasProtocol(protocol: string | undefined): boolean {
    const asked = { port: undefined, protocol }
    return this.#entry.service.spec.ports.some((port) => port.name !== '' && matchesProtocol(asked, port.protocol))
  }

  /** Cluster addresses that this form of name answers with; empty when it answers with endpoints. */
  virtualAddresses(): string[] {
    if (this.#form === 'endpoints') return []
    const { clusterIP, clusterIPs } = this.#entry.service.spec
    const written = clusterIPs.length > 0 ? clusterIPs : [clusterIP]
    return written.flatMap((each) => canonicalAddress(each) ?? [])
  }

  /** Each ready endpoint's address with its own name. */
  *endpointNames(): Iterable<readonly [address: string, name: string]> {
    for (const each of this.#ready()) yield [each.address, this.#endpointName(each)]
  }

  #ready(): readonly ClusterEndpoint[] {
    return this.#entry.endpoints.filter((each) => each.ready)
  }

  /** The Service's own ports that the question means. A port without name has no name to ask for. */
  #declaredPorts(question: PortQuestion): ServicePort[] {
    return this.#entry.service.spec.ports.filter((each) => {
      if (!matchesProtocol(question, each.protocol)) return false
      if (question.port === undefined) return true
      if ('name' in question.port) return each.name !== '' && each.name === question.port.name
      return this.#form === 'endpoints' && each.port === question.port.number
    })
  }

  #wantsName({ port }: PortQuestion, name: string, declared: readonly ServicePort[]): boolean {
    if (port === undefined) return true
    if ('name' in port) return name !== '' && name === port.name
    return declared.some((each) => each.name === name)
  }

  #virtualPorts(ports: readonly ServicePort[]): ZoneRecord[] {
    const glue = this.virtualAddresses()
    const target = this.name
    return ports.map(({ port }) => ({ type: 'SRV', data: { priority: 10, weight: 100, port, target }, glue }))
  }

  #endpointRecords(endpoint: ClusterEndpoint): ZoneRecord[] {
    return [...addressRecords([endpoint.address]), ...endpoint.ports.flatMap(({ port }) => this.#srv(endpoint, port))]
  }

  #srv(endpoint: ClusterEndpoint, port: number): ZoneRecord[] {
    const target = this.#endpointName(endpoint)
    const weight = this.#form === 'endpoints' ? 10 : 100
    if (!fitsWire(target)) return []
    return [{ type: 'SRV', data: { priority: 10, weight, port, target }, glue: [endpoint.address] }]
  }

  #endpointName(endpoint: ClusterEndpoint): string {
    const made = this.#form === 'endpoints' ? fnvLabel : toDashed
    return `${endpoint.hostname ?? made(endpoint.address)}.${this.name}`
  }
}

function matchesProtocol({ protocol }: PortQuestion, actual: string): boolean {
  return protocol === undefined || protocol === actual.toLowerCase()
}

function hasLabel({ hostname, address }: ClusterEndpoint, label: string): boolean {
  if (hostname !== undefined) return hostname.toLowerCase() === label
  return toDashed(address) === label || fnvLabel(address) === label
}

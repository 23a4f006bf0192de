/**
 * From a name to what stands there: the shape of a cluster's zone over the folder's Services, and its reverse names.
 *
 * `*` and `any` as a whole label (`_*` and `_any` for ports) match anything in the place of a namespace, Service,
 * endpoint, port or protocol, as kube-dns and CoreDNS before 1.9 did. A Service really called `any` wins over the
 * wildcard.
 */
import { fromDashed } from './address.ts'
import type { EndpointIndex, ServiceEntry } from './endpoint-index.ts'
import type { NameForm, PortQuestion } from './service-nodes.ts'
import { ServiceNodes } from './service-nodes.ts'
import type { ZoneNode, ZoneRecord } from './zone-node.ts'
import { addressRecords, branch, fitsWire, leaf } from './zone-node.ts'

export type ZoneTreeInit = {
  readonly index: EndpointIndex
  /** Lower case, without dots at its ends. */
  readonly domain: string
  /** What a Service that has endpoints for addresses is while none is ready. */
  readonly emptyService: 'nodata' | 'nxdomain'
  /** Addresses of the zone's own name server. */
  readonly nameServers: readonly string[]
}

export class ZoneTree {
  readonly #init: ZoneTreeInit
  readonly #reverse: ReadonlyMap<string, readonly string[]>

  constructor(init: ZoneTreeInit) {
    this.#init = init
    this.#reverse = reverseNames(init)
  }

  /** `labels`: those before the domain, in lower case. `undefined`: there is no such name. */
  find(labels: readonly string[]): ZoneNode | undefined {
    const top = labels.at(-1)
    const below = labels.slice(0, -1)
    if (top === undefined) return leaf([{ type: 'NS', data: this.nameServer }])
    if (top === 'svc' || top === 'endpoints') return this.#inForm(below, top)
    if (top === 'pod') return this.#pod(below)
    if (top === 'dns-version' && below.length === 0) return leaf([{ type: 'TXT', data: '1.1.0' }])
    if (top === 'dns' && below.length === 0) return branch
    if (top === 'dns' && below.join('.') === 'ns') return leaf(addressRecords(this.#init.nameServers))
    return undefined
  }

  /** The names of an address: of a Service's own, else of the endpoints at it. */
  reverse(address: string): ZoneNode | undefined {
    const names = this.#reverse.get(address)
    return names === undefined ? undefined : leaf(names.map((data) => ({ type: 'PTR', data })))
  }

  get nameServer(): string {
    return `ns.dns.${this.#init.domain}`
  }

  #inForm(labels: readonly string[], form: NameForm): ZoneNode | undefined {
    const namespace = labels.at(-1)
    if (namespace === undefined) return branch
    if (labels.length === 1) return this.#hasNamespace(namespace) ? branch : undefined
    const prefix = labels.slice(0, -2)
    // `_endpoints.web.default.svc` is OpenShift's other spelling of `web.default.endpoints`.
    const asksEndpoints = form === 'svc' && prefix.at(-1) === '_endpoints'
    const services = this.#services(namespace, labels.at(-2) ?? '')
    const seen = services.map((each) => new ServiceNodes(each, asksEndpoints ? 'endpoints' : form, this.#init.domain))
    return seen.length === 0 ? undefined : this.#ofServices(seen, asksEndpoints ? prefix.slice(0, -1) : prefix)
  }

  #ofServices(services: readonly ServiceNodes[], prefix: readonly string[]): ZoneNode | undefined {
    const alias = services.length === 1 ? services[0]?.alias() : undefined
    if (alias !== undefined) return prefix.length === 0 ? { kind: 'alias', target: alias } : undefined
    const [first = '', second = ''] = prefix
    switch (prefix.length) {
      case 0:
        return this.#orEmpty(services.flatMap((each) => each.own()))
      case 1: {
        if (first.startsWith('_')) return services.some((each) => each.hasProtocol(bare(first))) ? branch : undefined
        return merge(services.map((each) => each.endpoint(isAny(first) ? undefined : first)))
      }
      case 2: {
        const question = portQuestion(first, second)
        const records = question && merge(services.map((each) => each.ports(question)))
        return records?.kind === 'records' ? this.#orEmpty(records.records) : undefined
      }
      default:
        return undefined
    }
  }

  #orEmpty(records: readonly ZoneRecord[]): ZoneNode | undefined {
    return records.length === 0 && this.#init.emptyService === 'nxdomain' ? undefined : leaf(records)
  }

  /** `10-1-2-3.default.pod`: spells its own answer; only the namespace has to exist. */
  #pod(labels: readonly string[]): ZoneNode | undefined {
    const namespace = labels.at(-1)
    if (namespace === undefined) return branch
    if (!this.#hasNamespace(namespace) || labels.length > 2) return undefined
    if (labels.length === 1) return branch
    const address = fromDashed(labels[0] ?? '')
    return address === undefined ? undefined : leaf(addressRecords([address]))
  }

  #hasNamespace(label: string): boolean {
    return isAny(label) || this.#init.index.namespaces.has(label)
  }

  #services(namespace: string, name: string): ServiceEntry[] {
    const exact = this.#init.index.get(namespace, name)
    if (exact !== undefined) return [exact]
    const all = this.#init.index.list(isAny(namespace) ? undefined : namespace)
    return [...all].filter((each) => isAny(name) || each.service.metadata.name === name)
  }
}

function reverseNames({ index, domain }: ZoneTreeInit): Map<string, string[]> {
  const owners = new Map<string, string[]>()
  const endpoints = new Map<string, string[]>()
  for (const entry of index.list()) {
    const nodes = new ServiceNodes(entry, 'svc', domain)
    for (const address of nodes.virtualAddresses()) owners.set(address, [...(owners.get(address) ?? []), nodes.name])
    for (const [address, name] of nodes.endpointNames()) {
      if (fitsWire(name)) endpoints.set(address, [...(endpoints.get(address) ?? []), name])
    }
  }
  return new Map([...endpoints, ...owners])
}

function merge(found: readonly (readonly ZoneRecord[] | undefined)[]): ZoneNode | undefined {
  const existing = found.filter((each) => each !== undefined)
  return existing.length === 0 ? undefined : leaf(existing.flat())
}

/** `_http` and `_tcp`, `_8080` and `_tcp`; wildcards may leave the underscore out. */
function portQuestion(port: string, protocol: string): PortQuestion | undefined {
  if (!isLabelOfPort(port) || !isLabelOfPort(protocol)) return undefined
  const name = bare(port)
  if (name === undefined) return { port: undefined, protocol: bare(protocol) }
  return { port: /^\d+$/.test(name) ? { number: Number(name) } : { name }, protocol: bare(protocol) }
}

function isLabelOfPort(label: string): boolean {
  return isAny(label) || label.startsWith('_')
}

/** The label without underscore; `undefined` for a wildcard. */
function bare(label: string): string | undefined {
  const name = label.replace(/^_/, '')
  return isAny(name) ? undefined : name
}

function isAny(label: string): boolean {
  return label === '*' || label === 'any'
}

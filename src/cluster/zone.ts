/**
 * A cluster's DNS zone over the folder's objects: question in, answer out, no network. The names are those of
 * Kubernetes DNS-Based Service Discovery 1.1.0, of OpenShift's `endpoints` form and of CoreDNS's extras; see
 * zone-tree.ts and service-nodes.ts for what stands where.
 */
import type { ResourceSet } from '#resource/resource-set.ts'
import { fromReverse } from './address.ts'
import { EndpointIndex } from './endpoint-index.ts'
import type { SrvTarget, ZoneNode, ZoneRecord } from './zone-node.ts'
import { addressRecords } from './zone-node.ts'
import { ZoneTree } from './zone-tree.ts'

export type ZoneInit = {
  readonly resources: ResourceSet
  /** `cluster.local`; case and dots at its ends do not matter. */
  readonly clusterDomain: string
  /** Of every record and of negative answers; CoreDNS's 5 by default. */
  readonly ttlSeconds?: number
  /**
   * Complete names outside the zone as a Pod's resolver does in this namespace, so that `dig web` works without a
   * resolv.conf: `<name>.<namespace>.svc.<domain>`, `<name>.svc.<domain>`, `<name>.<domain>`. Default: `default`;
   * `undefined` for not at all.
   */
  readonly searchNamespace?: string | undefined
  /** No ready endpoint: NODATA as CoreDNS answers by default, or NXDOMAIN as the specification says. */
  readonly emptyService?: 'nodata' | 'nxdomain'
  /** Addresses at which this zone's server answers. */
  readonly nameServers?: readonly string[]
  /** Of the SOA record. */
  readonly serial?: number
  /** At least 0 and less than 1. */
  readonly random?: () => number
}

/** Types are upper case (`A`, `SRV`); a type without a name is never found. */
export type DnsQuestion = { readonly name: string; readonly type: string; readonly class?: string | undefined }

type Owned<Type extends string, Data> = {
  readonly name: string
  readonly type: Type
  /** Seconds. */
  readonly ttl: number
  readonly data: Data
}

export type DnsRecord =
  | Owned<'A' | 'AAAA' | 'CNAME' | 'NS' | 'PTR', string>
  | Owned<'TXT', string>
  | Owned<'SRV', SrvTarget>
  | Owned<'SOA', StartOfAuthority>

export type StartOfAuthority = {
  readonly mname: string
  readonly rname: string
  readonly serial: number
  readonly refresh: number
  readonly retry: number
  readonly expire: number
  /** How long a negative answer may be kept, in seconds (RFC 2308 section 4). */
  readonly minimum: number
}

export type DnsAnswer = {
  readonly rcode: 'NOERROR' | 'NXDOMAIN' | 'REFUSED'
  readonly authoritative: boolean
  readonly answers: readonly DnsRecord[]
  readonly authorities: readonly DnsRecord[]
  readonly additionals: readonly DnsRecord[]
}

export class Zone {
  readonly #tree: ZoneTree
  readonly #domain: string
  readonly #ttl: number
  readonly #search: readonly string[]
  readonly #serial: number
  readonly #random: () => number

  constructor(init: ZoneInit) {
    const { ttlSeconds = 5, emptyService = 'nodata', nameServers = ['127.0.0.1'] } = init
    const searchNamespace = 'searchNamespace' in init ? init.searchNamespace : 'default'
    this.#domain = init.clusterDomain.toLowerCase().replaceAll(/^\.+|\.+$/g, '')
    // What the wire can carry (RFC 2181 section 8); a number that is none must not reach it.
    this.#ttl = Math.min(Math.max(Math.trunc(ttlSeconds) || 0, 0), 0x7fff_ffff)
    this.#search = searchNamespace === undefined ? [] : [`${searchNamespace}.svc`, 'svc', '']
    this.#serial = init.serial ?? 1
    this.#random = init.random ?? Math.random
    const index = new EndpointIndex(init.resources)
    this.#tree = new ZoneTree({ index, domain: this.#domain, emptyService, nameServers })
  }

  answer({ name, type, class: asked = 'IN' }: DnsQuestion): DnsAnswer {
    if ((asked !== 'IN' && asked !== 'ANY') || type === 'AXFR' || type === 'IXFR') return refused
    const labels = labelsOf(name)
    const relative = this.#relative(labels)
    if (relative !== undefined) return this.#ofNode(name, type, this.#tree.find(relative))
    if (labels.at(-1) === 'arpa' && (labels.at(-2) === 'in-addr' || labels.at(-2) === 'ip6')) {
      const address = fromReverse(labels)
      return this.#ofNode(name, type, address === undefined ? undefined : this.#tree.reverse(address))
    }
    const node = this.#complete(labels)
    return node === undefined ? refused : this.#ofNode(name, type, node)
  }

  /** The labels before the domain; `undefined` for a name outside the zone. */
  #relative(labels: readonly string[]): readonly string[] | undefined {
    const domain = this.#domain.split('.')
    const start = labels.length - domain.length
    return start >= 0 && labels.slice(start).join('.') === this.#domain ? labels.slice(0, start) : undefined
  }

  /** Only what a Service or Pod stands for completes a short name: `default` alone must not exist as a namespace. */
  #complete(labels: readonly string[]): ZoneNode | undefined {
    if (labels.length === 0) return undefined
    for (const suffix of this.#search) {
      const node = this.#tree.find([...labels, ...labelsOf(suffix)])
      if (node !== undefined && node.kind !== 'branch') return node
    }
    return undefined
  }

  #ofNode(owner: string, type: string, found: ZoneNode | undefined): DnsAnswer {
    const { chain, node, name } = this.#followAliases(owner, type, found)
    if (node === 'elsewhere') return { ...noError, answers: chain }
    if (node === undefined) return { ...noError, rcode: 'NXDOMAIN', answers: chain, authorities: [this.#soa()] }
    const records = node.kind === 'records' ? node.records.filter((each) => type === 'ANY' || each.type === type) : []
    const owned: DnsRecord[] = this.#shuffled(records).map((each) => this.#own(name, each))
    if (this.#isApex(name) && (type === 'SOA' || type === 'ANY')) owned.push(this.#soa(name))
    if (owned.length === 0) return { ...noError, answers: chain, authorities: [this.#soa()] }
    return { ...noError, answers: [...chain, ...owned], additionals: this.#glue(records) }
  }

  /** CNAME records from the owner on, and what stands at their end (RFC 1034 section 4.3.2; RFC 6604 for the code). */
  #followAliases(owner: string, type: string, found: ZoneNode | undefined): Followed {
    const chain: DnsRecord[] = []
    let name = owner
    let node = found
    while (node?.kind === 'alias') {
      chain.push({ name, type: 'CNAME', ttl: this.#ttl, data: node.target })
      name = node.target
      const inside = this.#relative(labelsOf(name))
      // A Service that names itself would never end.
      if (type === 'CNAME' || type === 'ANY' || inside === undefined || chain.length === maxAliases) {
        return { chain, node: 'elsewhere', name }
      }
      node = this.#tree.find(inside)
    }
    return { chain, node, name }
  }

  #own(name: string, { type, data }: ZoneRecord): DnsRecord {
    // Type and data belong together in ZoneRecord; taking them apart loses only the compiler's view of that.
    return { name, type, ttl: this.#ttl, data } as DnsRecord
  }

  /** Addresses of SRV targets, so that one question is enough. */
  #glue(records: readonly ZoneRecord[]): DnsRecord[] {
    const targets = Map.groupBy(
      records.filter((each) => each.type === 'SRV'),
      (each) => each.data.target,
    )
    return [...targets].flatMap(([name, group]) => {
      const addresses = new Set(group.flatMap((each) => each.glue))
      return addressRecords([...addresses]).map((each) => this.#own(name, each))
    })
  }

  #shuffled<T>(records: readonly T[]): T[] {
    return records
      .map((record) => ({ record, key: this.#random() }))
      .toSorted((a, b) => a.key - b.key)
      .map(({ record }) => record)
  }

  #isApex(name: string): boolean {
    return labelsOf(name).join('.') === this.#domain
  }

  #soa(name = this.#domain): DnsRecord {
    const { nameServer } = this.#tree
    const times = { serial: this.#serial, refresh: 7200, retry: 1800, expire: 86400, minimum: this.#ttl }
    const rname = `hostmaster.${this.#domain}`
    return { name, type: 'SOA', ttl: this.#ttl, data: { mname: nameServer, rname, ...times } }
  }
}

type Followed = {
  readonly chain: readonly DnsRecord[]
  readonly node: ZoneNode | 'elsewhere' | undefined
  /** The name that the node stands at. */
  readonly name: string
}

const maxAliases = 8

const noError: DnsAnswer = { rcode: 'NOERROR', authoritative: true, answers: [], authorities: [], additionals: [] }

/** Neither ours nor to be looked up elsewhere: this server asks nobody. */
const refused: DnsAnswer = { ...noError, rcode: 'REFUSED', authoritative: false }

function labelsOf(name: string): string[] {
  return name
    .toLowerCase()
    .split('.')
    .filter((label) => label !== '')
}

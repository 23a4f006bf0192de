/**
 * A name → addresses with ports, through as many questions as that takes: A and AAAA side by side, CNAMEs chased, SRV
 * targets out of the Additional section or asked for.
 */
import { familyOf, isLoopback, unusableReason } from '../address.ts'
import type { Reply } from './client.ts'
import type { DnsMessage, DnsRecord, Question, QuestionType } from './message.ts'

/** One question that was asked, for reports. TTL in seconds. */
export type Asked = Question & {
  readonly server: string | undefined
  readonly rcode: string
  readonly records: number
  readonly ttlSeconds: number
}

export type Found = {
  readonly address: string
  readonly port: number
  readonly priority: number
  readonly weight: number
  /** The name whose address this is: the name asked for, or the SRV target. */
  readonly owner: string
  readonly viaSrv: boolean
}

/** Of this name and family nothing is known, for the question failed: what was known before still holds. */
export type Unknown = { readonly owner: string; readonly family: 'ipv4' | 'ipv6' }

export type Resolution = { readonly asked: readonly Asked[]; readonly refused: readonly string[] } & (
  | {
      readonly kind: 'found'
      readonly found: readonly Found[]
      readonly unknown: readonly Unknown[]
      readonly ttlSeconds: number
    }
  | { readonly kind: 'nobody'; readonly rcode: string; readonly ttlSeconds: number }
  | { readonly kind: 'failed'; readonly rcode: string }
)

/** What to ask for one upstream. Names are absolute, lower-case, without the trailing dot. */
export type Target = {
  /** Asked first when there is one. */
  readonly srv: string | undefined
  readonly name: string
  /** For the addresses of `name`; also tells SRV records of several ports apart. `undefined`: only SRV knows. */
  readonly port: number | undefined
}

export type ResolveInit = {
  readonly ask: (question: Question) => Promise<Reply>
  /** May this name (the last of a CNAME chain) stand for a loopback address? */
  readonly mayLoop: (name: string) => boolean
}

/** How many CNAMEs one answer may follow, and how many SRV targets are looked at. */
const maxAliases = 16
const maxTargets = 1_024
/** Without SOA an absence is remembered this long, in seconds. */
const defaultNegativeTtl = 5

/** Never rejects, whatever the servers say. */
export async function resolveTarget(target: Target, init: ResolveInit): Promise<Resolution> {
  const resolver = new Resolver(init)
  if (target.srv !== undefined) {
    const resolution = await resolver.services(target.srv, target.port)
    const absent = resolution.kind === 'nobody' || (resolution.kind === 'failed' && resolution.rcode === 'NOTIMP')
    if (!absent || target.port === undefined) return resolution
  }
  // Without SRV the port must come from elsewhere; if nobody has it there is nothing to connect to.
  if (target.port === undefined) return resolver.nobody('NOERROR', defaultNegativeTtl)
  return resolver.combine([{ owner: target.name, port: target.port, priority: 0, weight: 1, viaSrv: false }], Infinity)
}

type Place = Omit<Found, 'address'>
type Addresses =
  | { readonly kind: 'found'; readonly addresses: readonly string[]; readonly ttl: number }
  | { readonly kind: 'nobody'; readonly rcode: string; readonly ttl: number }
  | { readonly kind: 'failed'; readonly rcode: string }

class Resolver {
  readonly #init: ResolveInit
  readonly #asked: Asked[] = []
  readonly #refused = new Set<string>()

  constructor(init: ResolveInit) {
    this.#init = init
  }

  /** RFC 2782. `expected` picks among records of several ports: some servers give all for a port name they lack. */
  async services(name: string, expected: number | undefined): Promise<Resolution> {
    const chain = await this.#chase(name, 'SRV')
    if (chain.kind === 'failed') return this.#failed(chain.rcode)
    if (chain.kind === 'nobody') return this.nobody(chain.rcode, chain.ttl)
    const records = chain.records.filter((each) => each.type === 'SRV' && each.target !== '').slice(0, maxTargets)
    const chosen = ofOnePort(
      records.filter((each) => each.type === 'SRV'),
      expected,
    )
    const places = chosen.map(({ target, port, priority, weight }) => {
      return { owner: target, port, priority, weight, viaSrv: true }
    })
    return this.combine(places, chain.ttl, chain.additionals)
  }

  /** Addresses of all places as one resolution. `ttl` is what led here, in seconds. */
  async combine(places: readonly Place[], ttl: number, additionals: readonly DnsRecord[] = []): Promise<Resolution> {
    const owners = [...new Set(places.map((each) => each.owner))]
    const families = await Promise.all(owners.map((owner) => this.#bothFamilies(owner, additionals)))
    const answers = new Map(owners.map((owner, index) => [owner, families[index]!]))
    const all = [...answers.values()].flat()
    const ttls = all.filter((each) => each.kind !== 'failed').map((each) => each.ttl)
    const found = places.flatMap((place) => {
      const addresses = answers.get(place.owner)!.flatMap((each) => (each.kind === 'found' ? each.addresses : []))
      return addresses.map((address) => ({ ...place, address }))
    })
    const failed = all.find((each) => each.kind === 'failed')
    if (found.length === 0 && failed !== undefined) return this.#failed(failed.rcode)
    if (found.length === 0) {
      const absent = all.length > 0 && all.every((each) => each.kind === 'nobody' && each.rcode === 'NXDOMAIN')
      const rcode = absent ? 'NXDOMAIN' : 'NOERROR'
      const least = Math.min(ttl, ...ttls)
      return this.nobody(rcode, Number.isFinite(least) ? least : defaultNegativeTtl)
    }
    const positive = all.filter((each) => each.kind === 'found').map((each) => each.ttl)
    const unknown = [...answers].flatMap(([owner, [ipv4, ipv6]]) => [
      ...(ipv4?.kind === 'failed' ? [{ owner, family: 'ipv4' as const }] : []),
      ...(ipv6?.kind === 'failed' ? [{ owner, family: 'ipv6' as const }] : []),
    ])
    return { kind: 'found', found, unknown, ttlSeconds: Math.min(ttl, ...positive), ...this.#trace() }
  }

  nobody(rcode: string, ttlSeconds: number): Resolution {
    return { kind: 'nobody', rcode, ttlSeconds, ...this.#trace() }
  }

  #failed(rcode: string): Resolution {
    return { kind: 'failed', rcode, ...this.#trace() }
  }

  #trace(): { readonly asked: readonly Asked[]; readonly refused: readonly string[] } {
    return { asked: this.#asked, refused: [...this.#refused].toSorted() }
  }

  /** IPv4, then IPv6. What the Additional section already says is not asked for again. */
  async #bothFamilies(owner: string, additionals: readonly DnsRecord[]): Promise<readonly Addresses[]> {
    const given = additionals.filter((each) => (each.type === 'A' || each.type === 'AAAA') && each.name === owner)
    if (given.length > 0) {
      return (['A', 'AAAA'] as const).map((type) =>
        this.#usable(
          owner,
          given.filter((each) => each.type === type),
        ),
      )
    }
    return Promise.all([this.#addresses(owner, 'A'), this.#addresses(owner, 'AAAA')])
  }

  async #addresses(owner: string, type: 'A' | 'AAAA'): Promise<Addresses> {
    const chain = await this.#chase(owner, type)
    if (chain.kind !== 'records') return chain
    const usable = this.#usable(chain.name, chain.records)
    return usable.kind === 'found' ? { ...usable, ttl: chain.ttl } : usable
  }

  #usable(name: string, records: readonly DnsRecord[]): Addresses {
    const all = records.flatMap((each) => (each.type === 'A' || each.type === 'AAAA' ? [each.address] : []))
    const addresses = all.filter((address) => {
      const looped = isLoopback(address) && !this.#init.mayLoop(name)
      const reason = unusableReason(address) ?? (looped ? 'loopback' : undefined)
      if (reason !== undefined) this.#refused.add(`${address} of ${name}: ${reason}`)
      return reason === undefined
    })
    const ttl = Math.min(...records.map((each) => each.ttl))
    if (addresses.length > 0) return { kind: 'found', addresses, ttl }
    return { kind: 'nobody', rcode: 'NOERROR', ttl: records.length > 0 ? ttl : Infinity }
  }

  /** Follows CNAMEs to records of the type: within one message, and by asking again where the message stops. */
  async #chase(name: string, type: QuestionType): Promise<Chain> {
    const seen = new Set([name])
    let current = name
    let ttl = Infinity
    for (;;) {
      const reply = await this.#ask({ name: current, type })
      if (reply.kind === 'failure') return { kind: 'failed', rcode: reply.rcode }
      const { answers, additionals, rcode, negativeTtl = defaultNegativeTtl } = reply.message
      const asked = current
      for (let alias = aliasOf(answers, current); alias !== undefined; alias = aliasOf(answers, current)) {
        ttl = Math.min(ttl, alias.ttl)
        current = alias.target
        if (seen.has(current) || seen.size > maxAliases) return { kind: 'failed', rcode: 'CNAMELOOP' }
        if (isLocalhost(current)) return { kind: 'failed', rcode: 'LOCALHOST' }
        seen.add(current)
      }
      const records = answers.filter((each) => each.type === type && each.name === current)
      if (records.length > 0) {
        const least = Math.min(ttl, ...records.map((each) => each.ttl))
        return { kind: 'records', name: current, records, additionals, ttl: least }
      }
      if (current === asked || rcode === 'NXDOMAIN') return { kind: 'nobody', rcode, ttl: Math.min(ttl, negativeTtl) }
    }
  }

  async #ask(question: Question): Promise<Reply> {
    const reply = await this.#init.ask(question)
    this.#asked.push({ ...question, ...summaryOf(reply) })
    return reply
  }
}

type Chain =
  | {
      readonly kind: 'records'
      /** Whose records they are: the last of the chain. */
      readonly name: string
      readonly records: readonly DnsRecord[]
      readonly additionals: readonly DnsRecord[]
      readonly ttl: number
    }
  | { readonly kind: 'nobody'; readonly rcode: string; readonly ttl: number }
  | { readonly kind: 'failed'; readonly rcode: string }

type ServiceRecord = Extract<DnsRecord, { type: 'SRV' }>

/**
 * Every target with one port each is what a named port gives. Where a target comes with several ports the name was not
 * understood, and only the expected port is ours.
 */
function ofOnePort(records: readonly ServiceRecord[], expected: number | undefined): readonly ServiceRecord[] {
  const ports = new Map<string, Set<number>>()
  for (const { target, port } of records) ports.set(target, (ports.get(target) ?? new Set()).add(port))
  if ([...ports.values()].every((each) => each.size === 1)) return records
  return records.filter((each) => each.port === expected)
}

function aliasOf(answers: readonly DnsRecord[], name: string): Extract<DnsRecord, { type: 'CNAME' }> | undefined {
  return answers.filter((each) => each.type === 'CNAME').find((each) => each.name === name)
}

/** RFC 6761 section 6.3: names of the machine itself, which no DNS has a say in. */
export function isLocalhost(name: string): boolean {
  return name === 'localhost' || name.endsWith('.localhost') || name === 'localhost.localdomain'
}

function summaryOf(reply: Reply): Omit<Asked, 'name' | 'type'> {
  if (reply.kind === 'failure') return { server: reply.server, rcode: reply.rcode, records: 0, ttlSeconds: 0 }
  const { rcode, answers, negativeTtl = defaultNegativeTtl }: DnsMessage = reply.message
  const ttlSeconds = answers.length === 0 ? negativeTtl : Math.min(...answers.map((each) => each.ttl))
  return { server: reply.server, rcode, records: answers.length, ttlSeconds }
}

/** Of both addresses a set has, the family; kept here so that whoever carries old answers over judges as we do. */
export function isUnknown({ owner, address }: Found, unknown: readonly Unknown[]): boolean {
  return unknown.some((each) => each.owner === owner && each.family === familyOf(address))
}

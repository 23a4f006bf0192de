/**
 * Discovery as the rest of the program sees it: asks the modes of every upstream in their order, takes the first that
 * knows, and pushes what changed.
 */
import { getServers } from 'node:dns'
import type { ResourceSet } from '#resource/resource-set.ts'
import type { DiscoveryMode, EndpointSet, UpstreamSpec } from '#snapshot/snapshot.ts'
import type { Log } from '#telemetry/log.ts'
import type { Answer } from './answer.ts'
import { answerOf, endpointAt, none, sameSet } from './answer.ts'
import type { Bounds } from './bounds.ts'
import { defaultBounds } from './bounds.ts'
import type { Clock } from './clock.ts'
import { systemClock } from './clock.ts'
import type { Discovery, DiscoveryReport } from './discovery.ts'
import { Dns } from './dns/dns.ts'
import { planFor } from './dns/plan.ts'
import type { DnsServer } from './dns/server.ts'
import { parseServer } from './dns/server.ts'
import type { Watch } from './dns/watch.ts'
import type { Environment } from './environment.ts'
import { answerFromEnvironment } from './environment.ts'
import { Folder } from './folder.ts'
import { answerFromNodes } from './nodeport.ts'
import { answerFromPods } from './pods.ts'
import { answerFromService, type Place } from './service-address.ts'
import { answerFromSlices } from './slices.ts'

export type DiscoveryInit = {
  readonly log: Log
  /** The sets that changed, each as a whole; never called after `close`. */
  readonly onChange: (sets: readonly EndpointSet[]) => void
  /** `address[:port]`; empty for the servers of the system. */
  readonly servers: readonly string[]
  /** What the system's servers are; Node's own list unless given. */
  readonly systemServers?: () => readonly string[]
  readonly clusterDomain: string
  readonly dnsForm: 'auto' | 'svc' | 'endpoints'
  /** The Node this process runs on, when it is known. */
  readonly nodeName: string | undefined
  readonly env: Environment
  /** Where there is no cluster: who stands in for the address of a Service. */
  readonly standInOf?: (upstream: UpstreamSpec) => Place | undefined
  /** Milliseconds since the epoch. */
  readonly now?: () => number
  readonly setTimer?: Clock['setTimer']
  /** 0 to 1, for jitter. */
  readonly random?: () => number
  readonly bounds?: Partial<Bounds>
}

/** Throws when a DNS server is not an IP address with an optional port. Nothing runs until `follow`. */
export function createDiscovery(init: DiscoveryInit): Discovery {
  return new Engine(init)
}

type Followed = {
  spec: UpstreamSpec
  /** What the folder's modes said, for as long as the folder stays as it is. */
  readonly answers: Map<DiscoveryMode, Answer>
  set: EndpointSet
  trail: DiscoveryReport['trail']
  watch: { readonly key: string; readonly watch: Watch } | undefined
}

class Engine implements Discovery {
  readonly #init: DiscoveryInit
  readonly #bounds: Bounds
  readonly #clock: Clock
  readonly #random: () => number
  readonly #domain: string
  readonly #dns: Dns
  readonly #followed = new Map<string, Followed>()
  readonly #changed = new Set<string>()
  #folder: Folder | undefined
  #flush: NodeJS.Immediate | undefined
  #started = 0
  #closed = false

  constructor(init: DiscoveryInit) {
    this.#init = init
    this.#bounds = { ...defaultBounds, ...init.bounds }
    this.#clock = { now: init.now ?? systemClock.now, setTimer: init.setTimer ?? systemClock.setTimer }
    this.#random = init.random ?? Math.random
    this.#domain = init.clusterDomain.toLowerCase().replace(/^\.|\.$/g, '')
    this.#dns = new Dns({
      servers: serversOf(init.servers, init.systemServers ?? getServers),
      trusted: init.servers.length > 0,
      domain: this.#domain,
      clock: this.#clock,
      random: this.#random,
      bounds: this.#bounds,
      log: init.log,
    })
  }

  async follow(resources: ResourceSet, upstreams: readonly UpstreamSpec[]): Promise<void> {
    if (this.#closed) return
    const before = this.#folder
    const folder = new Folder(resources)
    this.#folder = folder
    this.#started = 0
    const wanted = new Map(upstreams.map((each) => [each.id, each]))
    for (const id of this.#followed.keys()) if (!wanted.has(id)) this.#forget(id)
    const fresh: Promise<void>[] = []
    for (const spec of wanted.values()) {
      const known = this.#followed.get(spec.id)
      const { namespace, service } = spec
      if (known?.spec === spec && before !== undefined && folder.hasSame(before, namespace, service)) continue
      const followed = known ?? begin(spec)
      this.#followed.set(spec.id, followed)
      followed.spec = spec
      followed.answers.clear()
      this.#judge(followed)
      if (known === undefined) {
        this.#changed.add(spec.id)
        if (followed.watch !== undefined) fresh.push(followed.watch.watch.first)
      }
    }
    this.#push()
    if (fresh.length === 0) return
    await this.#atMost(this.#bounds.firstAnswerMs, Promise.all(fresh))
    this.#push()
  }

  current(): readonly EndpointSet[] {
    return [...this.#followed.values()].map((each) => each.set)
  }

  reports(): readonly DiscoveryReport[] {
    const all = [...this.#followed.values()]
    return all.map(({ set, trail, watch }) => ({ ...set, trail, dns: watch?.watch.reports() ?? [] }))
  }

  suspect(upstream: string): void {
    this.#followed.get(upstream)?.watch?.watch.suspect()
  }

  close(): void {
    this.#closed = true
    clearImmediate(this.#flush)
    for (const id of this.#followed.keys()) this.#forget(id)
    this.#dns.close()
  }

  /** Asks the modes in order and keeps what the first says that knows; the trail keeps what all say. */
  #judge(followed: Followed): void {
    const trail: { mode: DiscoveryMode; says: string }[] = []
    let chosen: Choice | undefined
    let yielding: Choice | undefined
    let askedDns = false
    for (const mode of followed.spec.discovery) {
      if (chosen !== undefined) {
        trail.push({ mode, says: `not asked, for ${chosen.mode} comes first` })
        continue
      }
      if (mode === 'dns') askedDns = true
      const answer = this.#ask(followed, mode)
      trail.push({ mode, says: answer.says })
      if (answer.kind === 'answer' && answer.yields) yielding ??= { mode, answer }
      else if (answer.kind !== 'none') chosen = { mode, answer }
    }
    if (!askedDns) this.#stopWatch(followed)
    followed.trail = trail
    this.#keep(followed, setOf(followed, chosen ?? yielding))
  }

  #keep(followed: Followed, set: EndpointSet): void {
    if (sameSet(followed.set, set)) return
    followed.set = set
    this.#changed.add(set.upstream)
  }

  #ask(followed: Followed, mode: DiscoveryMode): Answer {
    if (mode === 'dns') return this.#askDns(followed)
    const known = followed.answers.get(mode)
    if (known !== undefined) return known
    const answer = this.#askFolder(followed.spec, mode)
    followed.answers.set(mode, answer)
    return answer
  }

  #askFolder(spec: UpstreamSpec, mode: Exclude<DiscoveryMode, 'dns'>): Answer {
    const folder = this.#folder!
    if (mode === 'slices') return answerFromSlices(folder, spec)
    if (mode === 'pods') return answerFromPods(folder, spec)
    if (mode === 'service') return answerFromService(folder, spec, this.#init.standInOf?.(spec))
    if (mode === 'nodeport') return answerFromNodes(folder, spec, this.#init.nodeName)
    return answerFromEnvironment(folder, spec, this.#init.env)
  }

  /** A watch lives for as long as its plan stays the same, whatever else changes in the folder. */
  #askDns(followed: Followed): Answer {
    const { spec } = followed
    const service = this.#folder!.service(spec.namespace, spec.service)
    const plan = planFor(spec, service, { domain: this.#domain, form: this.#formOf(spec) })
    if (plan.kind === 'refused' || plan.kind === 'fixed') {
      this.#stopWatch(followed)
      if (plan.kind === 'refused') return none(plan.says)
      return answerOf([endpointAt({ address: plan.address, port: plan.port })], 'the externalName is an address')
    }
    const key = JSON.stringify(plan)
    if (followed.watch?.key === key) return followed.watch.watch.answer()
    this.#stopWatch(followed)
    const late = this.#started++ >= this.#bounds.concurrency
    const watch = this.#dns.watch({
      upstream: spec.id,
      plan,
      startDelayMs: late ? this.#random() * this.#bounds.spreadMs : 0,
      onUpdate: () => this.#onUpdate(followed),
    })
    followed.watch = { key, watch }
    return watch.answer()
  }

  /** Only the Service's own name has its own address. */
  #formOf({ discovery }: UpstreamSpec): DiscoveryInit['dnsForm'] {
    const { dnsForm } = this.#init
    return dnsForm === 'auto' && discovery.includes('service') ? 'svc' : dnsForm
  }

  #onUpdate(followed: Followed): void {
    if (this.#closed) return
    this.#judge(followed)
    if (this.#changed.size > 0) this.#flush ??= setImmediate(() => this.#push()).unref()
  }

  #push(): void {
    clearImmediate(this.#flush)
    this.#flush = undefined
    const sets = [...this.#changed].flatMap((id) => this.#followed.get(id)?.set ?? [])
    this.#changed.clear()
    if (sets.length > 0 && !this.#closed) this.#init.onChange(sets)
  }

  #forget(id: string): void {
    const followed = this.#followed.get(id)
    this.#followed.delete(id)
    this.#changed.delete(id)
    if (followed !== undefined) this.#stopWatch(followed)
  }

  #stopWatch(followed: Followed): void {
    followed.watch?.watch.close()
    followed.watch = undefined
  }

  /** The timer holds the process: somebody awaits us, perhaps with nothing else to keep it alive. */
  async #atMost(ms: number, work: Promise<unknown>): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    const cancel = this.#clock.setTimer(ms, resolve, 'hold')
    await Promise.race([work, promise])
    cancel()
  }
}

type Choice = { readonly mode: DiscoveryMode; readonly answer: Exclude<Answer, { kind: 'none' }> }

function begin(spec: UpstreamSpec): Followed {
  return {
    spec,
    answers: new Map(),
    set: { upstream: spec.id, state: 'pending', mode: undefined, endpoints: [] },
    trail: [],
    watch: undefined,
  }
}

/** While DNS is asked for the first time, endpoints that another mode gave before are still better than none. */
function setOf({ set, spec }: Followed, choice: Choice | undefined): EndpointSet {
  if (choice === undefined) return { upstream: spec.id, state: 'failed', mode: undefined, endpoints: [] }
  const { mode, answer } = choice
  if (answer.kind === 'answer') return { upstream: spec.id, state: answer.state, mode, endpoints: answer.endpoints }
  if (set.endpoints.length > 0) return { ...set, state: 'stale' }
  return { upstream: spec.id, state: 'pending', mode: undefined, endpoints: [] }
}

function serversOf(configured: readonly string[], system: () => readonly string[]): readonly DnsServer[] {
  const texts = configured.length > 0 ? configured : system()
  return texts.flatMap((text) => {
    const server = parseServer(text)
    // The system's list may hold forms we do not know, and that is nobody's mistake.
    if (server !== undefined) return [server]
    if (configured.length === 0) return []
    throw new Error(`${JSON.stringify(text)} is no DNS server: expected address[:port]`)
  })
}

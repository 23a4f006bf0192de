/**
 * The data plane of one worker, wired: listeners accept, a lane speaks HTTP, the proxy decides, and snapshots and
 * endpoints arrive from outside. The worker thread only passes messages to it; tests use it without a thread.
 */
import { matcher, parseCidr } from '#lib/cidr.ts'
import { Ledger } from '#lib/ledger.ts'
import { FastLane } from '#lane/fast/fast-lane.ts'
import { GeneralLane } from '#lane/general/general-lane.ts'
import type { Lane } from '#lane/lane.ts'
import { StreamLane } from '#lane/stream/stream-lane.ts'
import { WirePool } from '#lane/wire/wire-pool.ts'
import { BindError, type ConnectionCount, Listener, type ProxyPeers, requireFree } from '#listener/listener.ts'
import { type PemPair, TlsContexts } from '#listener/tls-contexts.ts'
import type { Limits } from '#proxy/limits.ts'
import type { Observer } from '#proxy/observer.ts'
import { createProxy } from '#proxy/proxy.ts'
import { type PackedTable, type Runtime, RuntimeBuilder } from '#proxy/runtime.ts'
import type { EndpointSet, Snapshot, UpstreamSpec } from '#snapshot/snapshot.ts'
import type { Staple } from '#snapshot/staple.ts'
import type { Log } from '#telemetry/log.ts'
import { UpstreamRegistry } from '#upstream/registry.ts'
import { SessionSeal } from '#upstream/session.ts'
import { type Counters, createCounters } from './counters.ts'
import { hexIds } from './hex-ids.ts'
import type { EndpointUse, MovedPort } from './message.ts'
import { PolicyServices } from './policy-services.ts'
import type { Tracing } from './tracing.ts'

export type FrontDoorInit = {
  readonly bind: string
  /** 0 picks a free port; `undefined` for no such listener. */
  readonly httpPort: number | undefined
  readonly httpsPort: number | undefined
  /** When a wanted port cannot be had: reject, or take a free one and say so in `moved`. */
  readonly portConflict: 'fail' | 'free'
  /** Several workers listen on the same ports. */
  readonly reusePort: boolean
  /** Of several workers that share ports the first: nobody else may have them. */
  readonly isFirst?: boolean
  /** Do not listen before `listen` is called; the ports must be known. */
  readonly listensLater?: boolean
  readonly trustedProxies: readonly string[]
  /** CIDRs of peers whose connections begin with a header of the PROXY protocol. Absent: of nobody. */
  readonly proxyProtocol?: readonly string[] | 'all'
  readonly forwardedField: boolean
  readonly exposeCause: boolean
  /** `auto`: the fast lane serves what it can, the general one the rest. */
  readonly lane: 'auto' | 'general'
  readonly limits: Limits
  /** 32 bytes; signs the cookies of sessions. */
  readonly affinityKey: Uint8Array
  readonly defaultCertificate: PemPair
  /** 48 bytes, the same for all workers that share ports. */
  readonly ticketKeys?: Uint8Array
  /** Shared with the other workers; absent for a front door of its own. */
  readonly counters?: Counters
  /** This worker's row in the counters; 0 when absent. */
  readonly row?: number
  readonly observer: Observer
  /** Absent: no route is traced. */
  readonly tracing?: Tracing | undefined
  readonly log: Log
}

/** What may have changed. Endpoints come first: the first request of a new snapshot must find them. */
export type Change = {
  readonly sets: readonly EndpointSet[]
  readonly snapshot: Snapshot | undefined
  /** For the snapshot. Absent: packed here. */
  readonly table?: PackedTable
}

export interface FrontDoor {
  /** 0 where there is no such listener. */
  readonly ports: { readonly http: number; readonly https: number }
  readonly moved: readonly MovedPort[]
  /** Routes by this snapshot from now on. Throws, and changes nothing, for a snapshot that this build cannot run. */
  apply(snapshot: Snapshot, sets: readonly EndpointSet[]): void
  /** Endpoints of some upstreams have changed. */
  endpoints(sets: readonly EndpointSet[]): void
  /** Either or both; yields wherever it may rest. Requests see nothing of a snapshot before the end. */
  applying(change: Change): Generator<void, void>
  /** Seals session tickets with other keys; those given out before lead to full handshakes. */
  useTicketKeys(keys: Uint8Array): void
  /** Staples these to handshakes from now on, where the snapshot wants it, and no others. */
  useStaples(staples: readonly Staple[]): void
  /** Rejects with a BindError. Only with `listensLater`. */
  listen(): Promise<void>
  /** Ids of all endpoints that any upstream names, ready or not. */
  endpointIds(): ReadonlySet<string>
  /** Those that were ever used. */
  uses(): readonly EndpointUse[]
  /** Stops accepting, finishes what is in flight, cuts the rest: resolves with how many connections that were. */
  drain(timeoutMs: number): Promise<number>
  /** Cuts everything now. */
  close(): Promise<void>
}

/** Rejects with a BindError when a port cannot be had. */
export async function createFrontDoor(init: FrontDoorInit): Promise<FrontDoor> {
  const { limits, observer, log } = init
  const monotonic = (): number => performance.now()
  const seal = new SessionSeal(init.affinityKey)
  const proxy = createProxy({
    now: Date.now,
    monotonic,
    random: Math.random,
    later,
    seal,
    newRequestId: hexIds(32),
    forwardedField: init.forwardedField,
    exposeCause: init.exposeCause,
    limits,
    observer,
    tracer: init.tracing,
    log,
  })
  const wires = new WirePool(limits, monotonic)
  const general = new GeneralLane({ proxy, limits, observer, wires, clock: { monotonic, later } })
  const lane = init.lane === 'auto' ? new FastLane({ proxy, limits, observer, wires, general }) : general
  const contexts = new TlsContexts(init.defaultCertificate, log)
  const open: ConnectionCount = { count: 0 }
  const { counters = createCounters(1), row = 0 } = init
  const ledger = new Ledger(counters.ledger, { rows: counters.rows, row })
  const upstreams = new UpstreamRegistry({ now: Date.now, random: Math.random, seal, ledger })
  const services = new PolicyServices({ httpsPort: () => portOf(https) || 443, counters, row, upstreams, log })
  const streams = new StreamLane({ upstreamOf: (id) => upstreams.of(id), filterEnv: services.env, observer, monotonic })
  const proxyPeers = peersOf(init.proxyProtocol ?? [])
  const entranceOf = (scheme: 'http' | 'https', wanted: number | undefined): Entrance | undefined =>
    wanted === undefined
      ? undefined
      : {
          listener: new Listener({
            scheme,
            lane,
            streams,
            limits,
            observer,
            open,
            contexts,
            ticketKeys: init.ticketKeys,
            proxyPeers,
            log,
          }),
          wanted,
          moved: undefined,
        }
  const http = entranceOf('http', init.httpPort)
  const https = entranceOf('https', init.httpsPort)
  const door = new RunningFrontDoor({ init, lane, streams, services, wires, contexts, upstreams, http, https })
  if (init.listensLater !== true) await door.listen()
  return door
}

/** A listener, whether it listens already or not. */
type Entrance = { readonly listener: Listener; readonly wanted: number; moved: MovedPort | undefined }

type Parts = {
  readonly init: FrontDoorInit
  readonly lane: Lane
  readonly services: PolicyServices
  readonly streams: StreamLane
  readonly wires: WirePool
  readonly contexts: TlsContexts
  readonly upstreams: UpstreamRegistry
  readonly http: Entrance | undefined
  readonly https: Entrance | undefined
}

/** Items between two places where applying a change may rest. */
const sliceItems = 64

class RunningFrontDoor implements FrontDoor {
  readonly #parts: Parts
  readonly #upstreams: UpstreamRegistry
  readonly #services: PolicyServices
  readonly #runtimes: RuntimeBuilder
  /** As the registry knows them. */
  #specs: readonly UpstreamSpec[] = []

  constructor(parts: Parts) {
    const { upstreams, services } = parts
    this.#parts = parts
    this.#upstreams = upstreams
    this.#services = services
    const { limits, trustedProxies } = parts.init
    this.#runtimes = new RuntimeBuilder(upstreams, this.#services.env, { limits, trustedProxies })
    this.#use(this.#runtimes.empty())
  }

  get ports(): FrontDoor['ports'] {
    const { http, https } = this.#parts
    return { http: portOf(http), https: portOf(https) }
  }

  get moved(): readonly MovedPort[] {
    return this.#entrances.flatMap(({ moved }) => moved ?? [])
  }

  async listen(): Promise<void> {
    try {
      for (const each of this.#entrances) await bindOrMove(each, this.#parts.init)
    } catch (error) {
      await this.#closeListeners()
      throw error
    }
  }

  apply(snapshot: Snapshot, sets: readonly EndpointSet[]): void {
    const work = this.applying({ snapshot, sets })
    while (work.next().done !== true);
  }

  useTicketKeys(keys: Uint8Array): void {
    for (const { listener } of this.#entrances) listener.useTicketKeys(keys)
  }

  useStaples(staples: readonly Staple[]): void {
    for (const { listener } of this.#entrances) listener.useStaples(staples)
  }

  endpoints(sets: readonly EndpointSet[]): void {
    this.#upstreams.update(sets)
    this.#keepEndpoints()
  }

  *applying({ snapshot, sets, table }: Change): Generator<void, void> {
    const { contexts, init } = this.#parts
    // A patch keeps a list that stays as it is.
    const isOfOthers = snapshot !== undefined && snapshot.upstreams !== this.#specs
    for (let at = 0; at < sets.length; at += sliceItems) {
      this.#upstreams.update(sets.slice(at, at + sliceItems))
      yield
    }
    if (snapshot !== undefined) {
      const runtime = yield* this.#runtimes.build(snapshot, table)
      if (isOfOthers) yield* this.#configure(snapshot.upstreams)
      yield* contexts.replace(snapshot.certificates, snapshot.tlsHosts, snapshot.listener?.tls)
      for (const { listener } of this.#entrances) yield* listener.replace(snapshot)
      init.tracing?.use(snapshot.tracing)
      this.#use(runtime)
      if (isOfOthers) this.#upstreams.keep(new Set(snapshot.upstreams.map(({ id }) => id)))
      init.log.debug('routing by a new snapshot', { generation: snapshot.generation, routes: snapshot.routes.length })
    }
    yield
    if (isOfOthers || sets.length > 0) this.#keepEndpoints()
  }

  endpointIds(): ReadonlySet<string> {
    return this.#upstreams.endpointIds()
  }

  uses(): readonly EndpointUse[] {
    return [...this.#upstreams.all()].flatMap((upstream) =>
      [...upstream.endpoints()]
        .filter(({ lastUsedAt }) => lastUsedAt > 0)
        .map(({ id, inFlight, lastUsedAt }) => ({ upstream: upstream.id, endpoint: id, inFlight, lastUsedAt })),
    )
  }

  async drain(timeoutMs: number): Promise<number> {
    await this.#closeListeners()
    const { lane, streams } = this.#parts
    const [requests, passed] = await Promise.all([lane.drain(timeoutMs), streams.drain(timeoutMs)])
    this.#parts.wires.destroy()
    await this.#services.close()
    return requests + passed
  }

  async close(): Promise<void> {
    await this.#closeListeners()
    this.#parts.streams.close()
    await this.#parts.lane.close()
    this.#parts.wires.destroy()
    await this.#services.close()
  }

  get #entrances(): readonly Entrance[] {
    const { http, https } = this.#parts
    return [http, https].filter((each) => each !== undefined)
  }

  #use(runtime: Runtime): void {
    this.#parts.wires.use(runtime.terms.limits)
    this.#parts.lane.use(runtime)
  }

  /** Those that say something else than before. */
  *#configure(specs: readonly UpstreamSpec[]): Generator<void, void> {
    const known = new Set(this.#specs)
    const changed = specs.filter((spec) => !known.has(spec))
    for (let at = 0; at < changed.length; at += sliceItems) {
      this.#upstreams.configure(changed.slice(at, at + sliceItems), this.#parts.init.limits)
      yield
    }
    this.#specs = specs
  }

  #keepEndpoints(): void {
    const ids = this.#upstreams.keptEndpointIds()
    this.#parts.wires.keep(ids)
    this.#parts.lane.keepEndpoints(ids)
  }

  async #closeListeners(): Promise<void> {
    for (const { listener } of this.#entrances) await listener.close()
  }
}

function portOf(entrance: Entrance | undefined): number {
  return entrance === undefined ? 0 : entrance.listener.port || entrance.wanted
}

async function bindOrMove(
  entrance: Entrance,
  { bind: host, reusePort, isFirst, portConflict }: FrontDoorInit,
): Promise<void> {
  const { listener, wanted: port } = entrance
  try {
    if (isFirst === true) await requireFree({ host, port, reusePort: false })
    await listener.listen({ host, port, reusePort })
  } catch (error) {
    if (!(error instanceof BindError) || error.code === 'ENOTSUP' || portConflict === 'fail' || port === 0) throw error
    const taken = await listener.listen({ host, port: 0, reusePort })
    entrance.moved = { wanted: port, taken, reason: error.message }
  }
}

function later(ms: number, run: () => void): () => void {
  const timer = setTimeout(run, ms)
  return () => clearTimeout(timer)
}

/** CIDRs that cannot be read were refused where the flag was; here they would mean nobody. */
function peersOf(cidrs: readonly string[] | 'all'): ProxyPeers {
  const includes = cidrs === 'all' ? () => true : matcher(cidrs.flatMap((text) => parseCidr(text) ?? []))
  return { isNobody: cidrs.length === 0, includes }
}

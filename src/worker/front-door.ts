/**
 * The data plane of one worker, wired: listeners accept, a lane speaks HTTP, the proxy decides, and snapshots and
 * endpoints arrive from outside. The worker thread only passes messages to it; tests use it without a thread.
 */
import { randomBytes } from 'node:crypto'
import { matcher, parseCidr } from '#lib/cidr.ts'
import { FastLane } from '#lane/fast/fast-lane.ts'
import { GeneralLane } from '#lane/general/general-lane.ts'
import type { Lane } from '#lane/lane.ts'
import { BindError, type ConnectionCount, Listener } from '#listener/listener.ts'
import { type PemPair, TlsContexts } from '#listener/tls-contexts.ts'
import type { Limits } from '#proxy/limits.ts'
import type { Observer } from '#proxy/observer.ts'
import { createProxy } from '#proxy/proxy.ts'
import { buildRuntime } from '#proxy/runtime.ts'
import type { EndpointSet, Snapshot } from '#snapshot/snapshot.ts'
import type { Log } from '#telemetry/log.ts'
import { UpstreamRegistry } from '#upstream/registry.ts'
import { type Counters, createCounters } from './counters.ts'
import type { EndpointUse, MovedPort } from './message.ts'
import { PolicyServices } from './policy-services.ts'

export type FrontDoorInit = {
  readonly bind: string
  /** 0 picks a free port; `undefined` for no such listener. */
  readonly httpPort: number | undefined
  readonly httpsPort: number | undefined
  /** When a wanted port cannot be had: reject, or take a free one and say so in `moved`. */
  readonly portConflict: 'fail' | 'free'
  /** Several workers listen on the same ports. */
  readonly reusePort: boolean
  readonly trustedProxies: readonly string[]
  readonly forwardedField: boolean
  readonly exposeCause: boolean
  /** `auto`: the fast lane serves what it can, the general one the rest. */
  readonly lane: 'auto' | 'general'
  readonly limits: Limits
  readonly defaultCertificate: PemPair
  /** Shared with the other workers; absent for a front door of its own. */
  readonly counters?: Counters
  /** This worker's row in the counters; 0 when absent. */
  readonly row?: number
  readonly observer: Observer
  readonly log: Log
}

export interface FrontDoor {
  /** 0 where there is no such listener. */
  readonly ports: { readonly http: number; readonly https: number }
  readonly moved: readonly MovedPort[]
  /** Routes by this snapshot from now on. Throws, and changes nothing, for a snapshot that this build cannot run. */
  apply(snapshot: Snapshot, sets: readonly EndpointSet[]): void
  /** Endpoints of some upstreams have changed. */
  endpoints(sets: readonly EndpointSet[]): void
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
  const proxy = createProxy({
    now: Date.now,
    monotonic,
    newRequestId: requestIds(),
    trusts: trustOf(init.trustedProxies),
    forwardedField: init.forwardedField,
    exposeCause: init.exposeCause,
    limits,
    observer,
    log,
  })
  const general = new GeneralLane({ proxy, limits, observer, monotonic })
  const lane = init.lane === 'auto' ? new FastLane({ proxy, limits, observer, monotonic, general }) : general
  const contexts = new TlsContexts(init.defaultCertificate, log)
  const open: ConnectionCount = { count: 0 }
  const listen = async (scheme: 'http' | 'https', port: number | undefined): Promise<Bound | undefined> =>
    port === undefined ? undefined : bindOrMove(new Listener({ scheme, lane, limits, observer, open, contexts }), port, init)
  const http = await listen('http', init.httpPort)
  const https = await listen('https', init.httpsPort).catch(async (error: unknown) => {
    await http?.listener.close()
    throw error
  })
  const { counters = createCounters(1), row = 0 } = init
  return new RunningFrontDoor({ lane, contexts, bound: [http, https], counters, row, log })
}

type Bound = { readonly listener: Listener; readonly moved: MovedPort | undefined }

type Parts = {
  readonly lane: Lane
  readonly contexts: TlsContexts
  readonly bound: readonly [http: Bound | undefined, https: Bound | undefined]
  readonly counters: Counters
  readonly row: number
  readonly log: Log
}

class RunningFrontDoor implements FrontDoor {
  readonly ports: FrontDoor['ports']
  readonly moved: readonly MovedPort[]
  readonly #parts: Parts
  readonly #upstreams: UpstreamRegistry
  readonly #services: PolicyServices

  constructor(parts: Parts) {
    const [http, https] = parts.bound
    this.ports = { http: http?.listener.port ?? 0, https: https?.listener.port ?? 0 }
    this.moved = parts.bound.flatMap((each) => (each?.moved === undefined ? [] : [each.moved]))
    this.#parts = parts
    this.#upstreams = new UpstreamRegistry()
    const { counters, row, log } = parts
    this.#services = new PolicyServices({ httpsPort: this.ports.https === 0 ? 443 : this.ports.https, counters, row, upstreams: this.#upstreams, log })
  }

  apply(snapshot: Snapshot, sets: readonly EndpointSet[]): void {
    const { lane, contexts, log } = this.#parts
    // Endpoints first: the first request of the new runtime must find them.
    this.#upstreams.update(sets)
    const runtime = buildRuntime(snapshot, this.#upstreams, this.#services.env)
    contexts.use(snapshot.certificates, snapshot.tlsHosts)
    lane.use(runtime)
    this.#upstreams.keep(new Set(snapshot.upstreams.map(({ id }) => id)))
    lane.keepEndpoints(this.#upstreams.endpointIds())
    log.debug('routing by a new snapshot', { generation: snapshot.generation, routes: snapshot.routes.length })
  }

  endpoints(sets: readonly EndpointSet[]): void {
    this.#upstreams.update(sets)
    this.#parts.lane.keepEndpoints(this.#upstreams.endpointIds())
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
    const cut = await this.#parts.lane.drain(timeoutMs)
    await this.#services.close()
    return cut
  }

  async close(): Promise<void> {
    await this.#closeListeners()
    await this.#parts.lane.close()
    await this.#services.close()
  }

  async #closeListeners(): Promise<void> {
    for (const each of this.#parts.bound) await each?.listener.close()
  }
}

async function bindOrMove(listener: Listener, port: number, init: FrontDoorInit): Promise<Bound> {
  const { bind: host, reusePort } = init
  try {
    await listener.listen({ host, port, reusePort })
    return { listener, moved: undefined }
  } catch (error) {
    if (!(error instanceof BindError) || init.portConflict === 'fail' || port === 0) throw error
    const taken = await listener.listen({ host, port: 0, reusePort })
    return { listener, moved: { wanted: port, taken, reason: error.message } }
  }
}

/** 32 hexadecimal digits each; the random bytes are drawn many at a time. */
function requestIds(): () => string {
  const length = 16
  let pool = randomBytes(0)
  let at = 0
  return () => {
    if (at + length > pool.length) {
      pool = randomBytes(length * 256)
      at = 0
    }
    at += length
    return pool.toString('hex', at - length, at)
  }
}

/** CIDRs that cannot be read were refused where the flag was; here they would mean nobody. */
function trustOf(cidrs: readonly string[]): (address: string) => boolean {
  return matcher(cidrs.flatMap((text) => parseCidr(text) ?? []))
}

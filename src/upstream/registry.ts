/**
 * Every upstream this worker knows, by id. Snapshots come and go; an upstream both of them name is the same object, so
 * its endpoints and their counts go on.
 */
import type { EndpointSet, UpstreamSpec } from '#snapshot/snapshot.ts'
import type { Endpoint } from './endpoint.ts'
import { Upstream, type UpstreamEnv } from './upstream.ts'

/** Bounds for upstreams that name none. */
export type RegistryLimits = { readonly connectionsPerEndpoint: number; readonly upstreamStreams: number }

export class UpstreamRegistry {
  readonly #upstreams = new Map<string, Upstream>()
  readonly #env: UpstreamEnv

  constructor(env: UpstreamEnv) {
    this.#env = env
  }

  /** The upstream of that id, made when it is new: without endpoints and pending until the first set. */
  of(id: string): Upstream {
    let upstream = this.#upstreams.get(id)
    if (upstream === undefined) this.#upstreams.set(id, (upstream = new Upstream(id, this.#env)))
    return upstream
  }

  all(): IterableIterator<Upstream> {
    return this.#upstreams.values()
  }

  /** Takes over what a new snapshot says of upstreams. Requests under way are judged by it from their next attempt on. */
  configure(specs: readonly UpstreamSpec[], limits: RegistryLimits): void {
    for (const spec of specs) {
      const connections = spec.bounds?.connections ?? limits.connectionsPerEndpoint
      const perConnection = spec.protocol === 'grpc' || spec.protocol === 'grpcs' ? limits.upstreamStreams : 1
      this.of(spec.id).configure(spec, connections * perConnection)
    }
  }

  /** Sets for upstreams nobody has asked for are kept too: the snapshot that names them may be on its way. */
  update(sets: readonly EndpointSet[]): void {
    for (const set of sets) this.of(set.upstream).update(set)
  }

  /** Forgets all others. Exchanges that still use one keep it. */
  keep(ids: ReadonlySet<string>): void {
    for (const id of this.#upstreams.keys()) if (!ids.has(id)) this.#upstreams.delete(id)
  }

  /** Ids (`address:port`) of all endpoints that any upstream names, ready or not. */
  endpointIds(): ReadonlySet<string> {
    return this.#idsOf(() => true)
  }

  /**
   * Ids of those to which connections are worth keeping. One on its way out closes them as it pleases, so that a
   * request on an idle one may get lost; sessions that still go there make new ones.
   */
  keptEndpointIds(): ReadonlySet<string> {
    return this.#idsOf(({ spec }) => !spec.terminating)
  }

  #idsOf(counts: (endpoint: Endpoint) => boolean): ReadonlySet<string> {
    const ids = new Set<string>()
    for (const upstream of this.#upstreams.values()) {
      for (const endpoint of upstream.endpoints()) if (counts(endpoint)) ids.add(endpoint.id)
    }
    return ids
  }
}

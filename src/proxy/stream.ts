/**
 * A TLS connection that is passed on as it is, by its server name: who may have it, which endpoints are asked, and what
 * there is to tell of it when it is over. Bytes move in lane/stream/.
 */
import type { FilterContext, FilterEnv, Reply } from '#policy/policy.ts'
import { policies } from '#policy/registry.ts'
import type { PassthroughSpec } from '#snapshot/snapshot.ts'
import type { Endpoint } from '#upstream/endpoint.ts'
import type { Upstream } from '#upstream/upstream.ts'
import type { Connection } from './connection.ts'
import type { Failure } from './failure.ts'

/** Mutable until it is over. */
export type Stream = {
  readonly connection: Connection
  readonly serverName: string
  readonly spec: PassthroughSpec
  /** Milliseconds since the epoch, and on the monotonic clock. */
  readonly startedAt: number
  readonly startedTick: number
  upstream: Upstream | undefined
  endpoint: Endpoint | undefined
  readonly tried: Endpoint[]
  /** Bytes towards the endpoint, and from it. */
  sentBytes: number
  receivedBytes: number
  failure: Failure | undefined
  durationMs: number
}

export type StreamEnv = { readonly upstreamOf: (id: string) => Upstream; readonly filterEnv: FilterEnv }

/** Endpoints that are asked for one connection at most. */
const mostAttempts = 3

export class StreamJudge {
  readonly #env: StreamEnv
  readonly #filters = new WeakMap<PassthroughSpec, readonly ((context: FilterContext) => unknown)[]>()

  constructor(env: StreamEnv) {
    this.#env = env
  }

  /** Why the connection is closed at once; `undefined` when it may go on. */
  refusal(stream: Stream): Failure | undefined {
    const { spec } = stream
    if (spec.upstream === undefined) return { cause: 'no_backend', detail: '' }
    const context = contextOf(stream)
    for (const filter of this.#filtersOf(spec)) {
      const verdict = filter(context)
      if (verdict === undefined) continue
      // Those that are kept here (compile/passthrough.ts) answer at once.
      return { cause: (verdict as Reply).cause ?? 'access_denied', detail: '' }
    }
    stream.upstream = this.#env.upstreamOf(spec.upstream)
    return undefined
  }

  /** Where it goes next, or why nowhere. */
  next(stream: Stream): Endpoint | Failure {
    const { upstream, tried } = stream
    // `refusal` has let it pass, and found the upstream.
    const chosen = tried.length >= mostAttempts ? undefined : upstream!.pick(contextOf(stream), tried)
    if (chosen !== undefined) return chosen
    if (stream.failure !== undefined) return stream.failure
    return { cause: upstream!.hasRoomLater(tried) ? 'overloaded' : upstream!.unavailable(), detail: upstream!.id }
  }

  #filtersOf(spec: PassthroughSpec): readonly ((context: FilterContext) => unknown)[] {
    let filters = this.#filters.get(spec)
    if (filters === undefined) {
      filters = spec.policies.flatMap(({ kind, config }): readonly ((context: FilterContext) => unknown)[] => {
        const policy = policies.get(kind)
        // Of another version: nobody passes what cannot be asked.
        if (policy === undefined) return [() => ({})]
        const { onRequest } = policy.create(config, this.#env.filterEnv)
        return onRequest === undefined ? [] : [onRequest]
      })
      this.#filters.set(spec, filters)
    }
    return filters
  }
}

/** What a policy or a balancer may ask of a connection without a request. */
function contextOf({ connection, serverName }: Stream): FilterContext {
  const { address, port } = connection
  return {
    client: { address, scheme: 'https', port },
    connection: { tls: undefined },
    received: { method: '', target: '/', version: '1.1', fields: [] },
    host: serverName,
    path: '/',
    query: '',
    sent: { method: '', target: '/', fields: [] },
  }
}

/**
 * A snapshot made executable: routes that match and filters that run, split by phase, so that a route pays only for
 * what it has. Immutable; the next snapshot gets a runtime of its own, and exchanges finish on the one they began with.
 */
import { policies } from '#policy/registry.ts'
import type { Filter, FilterEnv } from '#policy/policy.ts'
import { RouteTable } from '#route/table.ts'
import type { RouteSpec, Snapshot, UpstreamSpec } from '#snapshot/snapshot.ts'
import type { UpstreamRegistry } from '#upstream/registry.ts'
import type { Upstream } from '#upstream/upstream.ts'

export type Route = {
  readonly spec: RouteSpec
  /** `undefined` for a backend that can never be reached. */
  readonly upstream: Upstream | undefined
  /** Of every upstream its requests may go to. */
  readonly protocols: readonly UpstreamSpec['protocol'][]
  readonly requestFilters: readonly NonNullable<Filter['onRequest']>[]
  /** One for each request filter, at the same place. */
  readonly finishers: readonly Filter['onFinish'][]
  /** Already in reverse order. */
  readonly responseFilters: readonly NonNullable<Filter['onResponse']>[]
}

export type Runtime = {
  /** 0 before the first snapshot. */
  readonly generation: number
  /** `host` and `path` as admitted by http/. */
  readonly match: (host: string, path: string) => Route | undefined
}

/** Before the first snapshot nothing is known, so nothing can be said to be missing: requests get 503, not 404. */
export const emptyRuntime: Runtime = { generation: 0, match: () => undefined }

/** Throws for a policy kind this build does not have: compile and worker would be of different versions. */
export function buildRuntime(snapshot: Snapshot, upstreams: UpstreamRegistry, env: FilterEnv): Runtime {
  const protocols = new Map(snapshot.upstreams.map(({ id, protocol }) => [id, protocol]))
  const routes = snapshot.routes.map((spec) => ({ ...buildRoute(spec, upstreams, env), protocols: protocolsOf(spec, protocols) }))
  const table = new RouteTable(snapshot.routes)
  return { generation: snapshot.generation, match: (host, path) => routes[table.match(host, path)] }
}

function protocolsOf({ upstream, canary }: RouteSpec, known: ReadonlyMap<string, UpstreamSpec['protocol']>): Route['protocols'] {
  return [upstream, canary?.upstream].flatMap((id) => (id === undefined ? [] : [known.get(id) ?? 'http']))
}

function buildRoute(spec: RouteSpec, upstreams: UpstreamRegistry, env: FilterEnv): Omit<Route, 'protocols'> {
  const filters = spec.policies.map(({ kind, config }) => {
    const policy = policies.get(kind)
    if (policy === undefined) throw new Error(`no policy of kind ${kind}`)
    return policy.create(config, env)
  })
  const asking = filters.filter(({ onRequest }) => onRequest !== undefined)
  return {
    spec,
    upstream: spec.upstream === undefined ? undefined : upstreams.of(spec.upstream),
    requestFilters: filters.flatMap(({ onRequest }) => (onRequest === undefined ? [] : [onRequest])),
    finishers: asking.map(({ onFinish }) => onFinish),
    responseFilters: filters.flatMap(({ onResponse }) => (onResponse === undefined ? [] : [onResponse])).toReversed(),
  }
}

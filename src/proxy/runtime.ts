/**
 * A snapshot made executable: routes that match and filters that run, split by phase, so that a route pays only for
 * what it has. Immutable; the next snapshot gets a runtime of its own, and exchanges finish on the one they began with.
 */
import type { Pattern } from '#lib/pattern.ts'
import { compilePattern } from '#lib/pattern.ts'
import { policies } from '#policy/registry.ts'
import type { Filter, FilterEnv } from '#policy/policy.ts'
import type { PackedRoutes } from '#route/packing.ts'
import { pathPattern } from '#route/path-pattern.ts'
import { RouteTable } from '#route/table.ts'
import type { CanarySpec, DoorSpec, PolicySpec, RouteSpec, Snapshot, UpstreamSpec } from '#snapshot/snapshot.ts'
import type { UpstreamRegistry } from '#upstream/registry.ts'
import type { Upstream } from '#upstream/upstream.ts'
import type { Canary } from './canary.ts'
import { clearOver, createRoute, type Route, splitFilters } from './route.ts'
import { defaultBase, type Terms, type TermsBase, termsOf } from './terms.ts'

export type Runtime = {
  /** 0 before the first snapshot. */
  readonly generation: number
  /** `host` and `path` as admitted by http/. */
  readonly match: (host: string, path: string) => Route | undefined
  readonly terms: Terms
}

/** Before the first snapshot nothing is known, so nothing can be said to be missing: requests get 503, not 404. */
export const emptyRuntime: Runtime = { generation: 0, match: () => undefined, terms: termsOf(undefined, defaultBase) }

/** Throws for a policy kind this build does not have: compile and worker would be of different versions. */
export function buildRuntime(snapshot: Snapshot, upstreams: UpstreamRegistry, env: FilterEnv): Runtime {
  return finish(new RuntimeBuilder(upstreams, env).build(snapshot))
}

/** A route table packed elsewhere, for the snapshot it comes with. */
export type PackedTable = { readonly seed: number; readonly packed: PackedRoutes }

/** Routes between two places where a build may rest. */
const sliceRoutes = 64

/**
 * Builds one runtime after the other and keeps what stays the same: a route whose spec is the same object has the same
 * filters as before.
 */
export class RuntimeBuilder {
  readonly #upstreams: UpstreamRegistry
  readonly #env: FilterEnv
  readonly #base: TermsBase
  #terms: Terms
  #door: DoorSpec | undefined
  #routes: ReadonlyMap<RouteSpec, Route> = new Map()
  /** Routes made so far, and the last of them. */
  #made = 0
  #last: Route | undefined
  #patterns: ReadonlyMap<string, Pattern> = new Map()

  constructor(upstreams: UpstreamRegistry, env: FilterEnv, base: TermsBase = defaultBase) {
    this.#upstreams = upstreams
    this.#env = env
    this.#base = base
    this.#terms = termsOf(undefined, base)
  }

  /** What there is before the first snapshot. */
  empty(): Runtime {
    return { ...emptyRuntime, terms: this.#terms }
  }

  /**
   * Yields wherever it may rest for a while. Throws, and has changed nothing, for a policy kind that this build does not
   * have: compile and worker would be of different versions.
   */
  *build(snapshot: Snapshot, table?: PackedTable): Generator<void, Runtime> {
    const protocols = new Map(snapshot.upstreams.map(({ id, protocol }) => [id, protocol]))
    const routes: Route[] = []
    const bySpec = new Map<RouteSpec, Route>()
    const patterns = new Map<string, Pattern>()
    for (const spec of snapshot.routes) {
      if (routes.length % sliceRoutes === 0) yield
      const route = this.#routeOf(spec, protocolsOf(spec, protocols))
      routes.push(route)
      bySpec.set(spec, route)
      const { kind, value } = spec.path
      if (kind === 'regex' && !patterns.has(value)) patterns.set(value, this.#patterns.get(value) ?? pathPattern(value))
    }
    yield
    // Every pattern was put there by the loop above.
    const matcher = new RouteTable(snapshot.routes, { ...table, patternOf: (value) => patterns.get(value)! })
    this.#routes = bySpec
    this.#patterns = patterns
    const terms = this.#termsOf(snapshot.door)
    return { generation: snapshot.generation, match: (host, path) => routes[matcher.match(host, path)], terms }
  }

  #termsOf(door: DoorSpec | undefined): Terms {
    if (door !== this.#door) this.#terms = termsOf(door, this.#base, this.#terms)
    this.#door = door
    return this.#terms
  }

  #routeOf(spec: RouteSpec, protocols: readonly UpstreamSpec['protocol'][]): Route {
    const known = this.#routes.get(spec)
    const canary = spec.canary && this.#upstreams.of(spec.canary.upstream)
    const errors = spec.errors && this.#upstreams.of(spec.errors.upstream)
    const clear = clearOver(protocols)
    const stays =
      known?.upstream === this.#upstreamOf(spec) &&
      known?.canary?.upstream === canary &&
      known?.errors?.upstream === errors &&
      known?.clear === clear
    if (known !== undefined && stays) return known
    this.#last = createRoute(spec, {
      upstream: this.#upstreamOf(spec),
      errors: spec.errors && errors && { spec: spec.errors, upstream: errors },
      canary: spec.canary && canaryOf(spec.canary, this.#upstreams),
      filters: splitFilters(spec.policies.map((each) => this.#filterOf(each))),
      clear,
      number: this.#made++,
      like: this.#last,
    })
    return this.#last
  }

  #upstreamOf({ upstream }: RouteSpec): Upstream | undefined {
    return upstream === undefined ? undefined : this.#upstreams.of(upstream)
  }

  #filterOf({ kind, config }: PolicySpec): Filter {
    const policy = policies.get(kind)
    if (policy === undefined) throw new Error(`no policy of kind ${kind}`)
    return policy.create(config, this.#env)
  }
}

function finish<T>(work: Generator<void, T>): T {
  let step = work.next()
  while (step.done !== true) step = work.next()
  return step.value
}

function protocolsOf(
  { upstream, canary, errors }: RouteSpec,
  known: ReadonlyMap<string, UpstreamSpec['protocol']>,
): readonly UpstreamSpec['protocol'][] {
  return [upstream, canary?.upstream, errors?.upstream].flatMap((id) =>
    id === undefined ? [] : [known.get(id) ?? 'http'],
  )
}

/** compile refuses expressions that cannot be run; one that got here all the same matches nothing. */
function canaryOf(spec: CanarySpec, upstreams: UpstreamRegistry): Canary {
  const source = spec.header?.value === undefined ? spec.header?.pattern : undefined
  const compiled = source === undefined ? undefined : compilePattern(source)
  return { spec, upstream: upstreams.of(spec.upstream), pattern: compiled?.ok === true ? compiled.pattern : undefined }
}

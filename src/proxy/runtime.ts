/**
 * A snapshot made executable: routes that match and filters that run, split by phase, so that a route pays only for
 * what it has. Immutable; the next snapshot gets a runtime of its own, and exchanges finish on the one they began with.
 */
import type { Pattern } from '#lib/pattern.ts'
import { compilePattern } from '#lib/pattern.ts'
import { textMatcher } from '#lib/text-match.ts'
import { policies } from '#policy/registry.ts'
import type { Filter, FilterEnv } from '#policy/policy.ts'
import type { PackedRoutes } from '#route/packing.ts'
import { pathPattern } from '#route/path-pattern.ts'
import { RouteTable } from '#route/table.ts'
import type {
  AccessLogSpec,
  CanarySpec,
  DoorSpec,
  ErrorPagesSpec,
  PolicySpec,
  RouteSpec,
  Snapshot,
  UpstreamSpec,
} from '#snapshot/snapshot.ts'
import type { UpstreamRegistry } from '#upstream/registry.ts'
import type { Upstream } from '#upstream/upstream.ts'
import type { Canary } from './canary.ts'
import type { ErrorPages } from './error-page.ts'
import { clearOver, createRoute, type Route, type RouteFilters, splitFilters } from './route.ts'
import { defaultBase, type Terms, type TermsBase, termsOf } from './terms.ts'

export type Runtime = {
  /** 0 before the first snapshot. */
  readonly generation: number
  /** `host` and `path` as admitted by http/. */
  readonly match: (host: string, path: string) => Route | undefined
  readonly terms: Terms
  /** What requests get that no other route takes; absent for nothing. */
  readonly unmatched?: Route
  /** Whether a request is kept out of the access log, beside what its route says; absent for none. */
  readonly keepsFromLog?: (target: string, isUnmatched: boolean) => boolean
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
    const rest = snapshot.unmatched
    const unmatched = rest && this.#routeOf(rest, protocolsOf(rest, protocols))
    if (unmatched !== undefined) bySpec.set(unmatched.spec, unmatched)
    // Every pattern was put there by the loop above.
    const matcher = new RouteTable(snapshot.routes, { ...table, patternOf: (value) => patterns.get(value)! })
    this.#routes = bySpec
    this.#patterns = patterns
    const { generation, accessLog, door } = snapshot
    return {
      generation,
      match: (host, path) => routes[matcher.match(host, path)] ?? unmatched,
      terms: this.#termsOf(door),
      ...(unmatched === undefined ? {} : { unmatched }),
      ...(accessLog === undefined ? {} : { keepsFromLog: silencer(accessLog) }),
    }
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
      errors: spec.errors && errors && this.#errorsOf(spec.errors, errors),
      canary: spec.canary && canaryOf(spec.canary, this.#upstreams),
      filters: this.#filtersOf(spec.policies),
      clear,
      number: this.#made++,
      like: this.#last,
    })
    return this.#last
  }

  #upstreamOf({ upstream }: RouteSpec): Upstream | undefined {
    return upstream === undefined ? undefined : this.#upstreams.of(upstream)
  }

  #errorsOf(spec: ErrorPagesSpec, upstream: Upstream): ErrorPages {
    return { spec, upstream, admission: this.#filtersOf(spec.policies ?? []).requestFilters }
  }

  #filtersOf(specs: readonly PolicySpec[]): RouteFilters {
    return splitFilters(specs.map((each) => this.#filterOf(each)))
  }

  #filterOf({ kind, config }: PolicySpec): Filter {
    const policy = policies.get(kind)
    if (policy === undefined) throw new Error(`no policy of kind ${kind}`)
    return policy.create(config, this.#env)
  }
}

/** Too long a target is like none of the expressions, so it is logged. */
function silencer({ off, unmatched, skip = [] }: AccessLogSpec): NonNullable<Runtime['keepsFromLog']> {
  const isSkipped = textMatcher(skip)
  return (target, isUnmatched) =>
    off === true || (isUnmatched && unmatched === false) || (skip.length > 0 && isSkipped(target) === true)
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

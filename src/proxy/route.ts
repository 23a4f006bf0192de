/**
 * A route made executable. What every request looks at stands in the route itself, and what is alike in many routes is
 * the very same object in all of them: with ten thousand routes a request costs the memory it touches.
 */
import type { Encoder, Filter } from '#policy/policy.ts'
import type { RouteSpec, TimeoutSpec, UpstreamSpec } from '#snapshot/snapshot.ts'
import type { Upstream } from '#upstream/upstream.ts'
import type { Canary } from './canary.ts'
import type { ErrorPages } from './error-page.ts'

export type Route = RouteFilters & {
  readonly spec: RouteSpec
  readonly id: string
  /** Counts up over all routes of a worker: where what is kept beside routes is looked for first. */
  readonly number: number
  /** `undefined` for a backend that can never be reached. */
  readonly upstream: Upstream | undefined
  /** Where a part of its requests goes. */
  readonly canary: Canary | undefined
  /** `undefined`: errors are told as they are. */
  readonly errors: ErrorPages | undefined
  readonly timeouts: TimeoutSpec
  /** 0 for no limit. */
  readonly maxBodyBytes: number
  readonly clear: ClearFor
  /** `undefined`: responses leave as fast as they can. */
  readonly pace: RouteSpec['pace']
  /** `undefined`: its requests are not traced. */
  readonly tracing: RouteSpec['tracing']
}

/** Whether requests of clients over this scheme go to endpoints in clear HTTP/1.1, whichever upstream they go to. */
export type ClearFor = { readonly http: boolean; readonly https: boolean }

export type RouteFilters = {
  readonly requestFilters: readonly NonNullable<Filter['onRequest']>[]
  /** One for each request filter, at the same place. */
  readonly finishers: readonly Filter['onFinish'][]
  /** Already in reverse order. */
  readonly responseFilters: readonly NonNullable<Filter['onResponse']>[]
  /** Gives bodies of its endpoints another coding; `undefined`: they are passed on as they are. */
  readonly encoder?: Encoder | undefined
}

export type RouteParts = {
  readonly upstream: Upstream | undefined
  readonly canary?: Canary | undefined
  readonly errors?: ErrorPages | undefined
  readonly filters: RouteFilters
  readonly clear: ClearFor
  readonly number: number
  /** Another route, whose timeouts may be the same. */
  readonly like?: Route | undefined
}

export function createRoute(spec: RouteSpec, parts: RouteParts): Route {
  const { upstream, canary, errors, filters, clear, number, like } = parts
  const { requestFilters, finishers, responseFilters, encoder } = filters
  return {
    spec,
    id: spec.id,
    number,
    upstream,
    canary,
    errors,
    timeouts: like !== undefined && areSame(spec.timeouts, like.timeouts) ? like.timeouts : spec.timeouts,
    maxBodyBytes: spec.maxBodyBytes,
    clear,
    pace: spec.pace,
    tracing: spec.tracing,
    requestFilters,
    finishers,
    responseFilters,
    encoder,
  }
}

/** Split by phase, so that a route pays only for what it has. */
export function splitFilters(filters: readonly Filter[]): RouteFilters {
  if (filters.length === 0) return noFilters
  const asking = filters.filter(({ onRequest }) => onRequest !== undefined)
  return {
    requestFilters: orNone(filters.flatMap(({ onRequest }) => (onRequest === undefined ? [] : [onRequest]))),
    finishers: orNone(asking.map(({ onFinish }) => onFinish)),
    responseFilters: orNone(
      filters.flatMap(({ onResponse }) => (onResponse === undefined ? [] : [onResponse])).toReversed(),
    ),
    encoder: filters.find((each) => each.encoder !== undefined)?.encoder,
  }
}

/** The same object for the same answer. */
export function clearOver(protocols: readonly UpstreamSpec['protocol'][]): ClearFor {
  if (protocols.every((each) => each === 'http')) return clearForAll
  return protocols.every((each) => each === 'http' || each === 'auto') ? clearForHttp : clearForNone
}

const clearForAll: ClearFor = { http: true, https: true }
const clearForHttp: ClearFor = { http: true, https: false }
const clearForNone: ClearFor = { http: false, https: false }

const none: readonly never[] = []
const noFilters: RouteFilters = { requestFilters: none, finishers: none, responseFilters: none, encoder: undefined }

function orNone<Item>(items: readonly Item[]): readonly Item[] {
  return items.length === 0 ? none : items
}

function areSame(a: TimeoutSpec, b: TimeoutSpec): boolean {
  return (
    a.connectMs === b.connectMs &&
    a.sendMs === b.sendMs &&
    a.readMs === b.readMs &&
    a.requestMs === b.requestMs &&
    a.streamIdleMs === b.streamIdleMs
  )
}

/**
 * Who goes first. `bySpecificity` orders routes, `byAge` orders the objects that want the same route; nothing else in
 * the program compares either.
 */
import type { PathMatch, RouteSpec } from '#snapshot/snapshot.ts'

/** What decides between routes; a `RouteSpec` is one. */
export type Specific = Pick<RouteSpec, 'id' | 'host' | 'path'>

/** What decides between objects that claim the same host and path. */
export type Aged = {
  /** Milliseconds since the epoch; objects read from files seldom have one. */
  readonly creationTimestamp: number | undefined
  readonly namespace: string
  readonly name: string
  /** Position in reading order: files in the order of their paths, documents and rules as written. */
  readonly position: number
}

/**
 * Most specific first. Hosts: exact, one-label wildcard, every host; by name within a kind. Paths of one host: exact,
 * regex, prefix; longer before shorter (Kubernetes Ingress, "multiple matches"). The last term makes the order total,
 * so that a tie never depends on arrival: only routes with the same host, path and id compare as 0.
 */
export const bySpecificity = (a: Specific, b: Specific): number =>
  hostRank(a.host) - hostRank(b.host) ||
  compareText(a.host, b.host) ||
  pathRank[a.path.kind] - pathRank[b.path.kind] ||
  b.path.value.length - a.path.value.length ||
  compareText(a.path.value, b.path.value) ||
  compareText(a.id, b.id)

/**
 * The one that keeps a contested route first: oldest, then namespace, then name, then reading order. An object without
 * a timestamp counts as younger than any with one: a cluster has seen the other already, this one just appeared.
 */
export const byAge = (a: Aged, b: Aged): number =>
  compareNumber(a.creationTimestamp ?? Infinity, b.creationTimestamp ?? Infinity) ||
  compareText(a.namespace, b.namespace) ||
  compareText(a.name, b.name) ||
  a.position - b.position

const pathRank = { exact: 0, regex: 1, prefix: 2 } as const satisfies Record<PathMatch['kind'], number>

function hostRank(host: string): number {
  if (host === '') return 2
  return host.startsWith('*.') ? 1 : 0
}

/** By code unit, never by locale: the order must not depend on where the program runs. */
function compareText(a: string, b: string): number {
  if (a === b) return 0
  return a < b ? -1 : 1
}

/** Infinity - Infinity is not a number, so no subtraction here. */
function compareNumber(a: number, b: number): number {
  if (a === b) return 0
  return a < b ? -1 : 1
}

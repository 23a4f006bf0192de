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
 * Most specific first. Hosts: exact, one-label wildcard, every host; by name within a kind. Paths of one host: exact
 * ones, then prefixes and regular expressions together, longer before shorter (Kubernetes Ingress, "multiple matches";
 * for expressions it is the length of the expression as written that counts, as in ingress-nginx). Of one length,
 * prefixes go first, expressions by text descending. The last term makes the order total, so that a tie never depends
 * on arrival: only routes with the same host, path and id compare as 0.
 */
export const bySpecificity = (a: Specific, b: Specific): number =>
  hostRank(a.host) - hostRank(b.host) ||
  compareText(a.host, b.host) ||
  byPath(a.path, b.path) ||
  compareText(a.id, b.id)

/** The order of the paths of one host; 0 only for the same path. */
export const byPath = (a: PathMatch, b: PathMatch): number =>
  Number(b.kind === 'exact') - Number(a.kind === 'exact') ||
  b.value.length - a.value.length ||
  Number(a.kind === 'regex') - Number(b.kind === 'regex') ||
  (a.kind === 'regex' ? compareText(b.value, a.value) : compareText(a.value, b.value))

/**
 * The one that keeps a contested route first: oldest, then namespace, then name, then reading order. An object without
 * a timestamp counts as younger than any with one: a cluster has seen the other already, this one just appeared.
 */
export const byAge = (a: Aged, b: Aged): number =>
  compareNumber(a.creationTimestamp ?? Infinity, b.creationTimestamp ?? Infinity) ||
  compareText(a.namespace, b.namespace) ||
  compareText(a.name, b.name) ||
  a.position - b.position

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

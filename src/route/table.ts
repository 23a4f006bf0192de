/**
 * Snapshot routes → matcher. The hot path: no allocation per match, cost independent of the number of routes.
 */
import type { RouteSpec } from '#snapshot/snapshot.ts'

/** STUB: to be replaced by the real table. */
export class RouteTable {
  readonly #routes: readonly RouteSpec[]

  constructor(routes: readonly RouteSpec[]) {
    this.#routes = routes
  }

  /** Index into the routes given to the constructor; -1 for none. `host` and `path` are normalised by http/. */
  match(host: string, path: string): number {
    return this.#routes.findIndex((route) => (route.host === '' || route.host === host) && path.startsWith(route.path.value))
  }
}

/**
 * Every upstream this worker knows, by id. Snapshots come and go; an upstream both of them name is the same object, so
 * its endpoints and their counts go on.
 */
import type { EndpointSet } from '#snapshot/snapshot.ts'
import { Upstream } from './upstream.ts'

export class UpstreamRegistry {
  readonly #upstreams = new Map<string, Upstream>()

  /** The upstream of that id, made when it is new: without endpoints and pending until the first set. */
  of(id: string): Upstream {
    let upstream = this.#upstreams.get(id)
    if (upstream === undefined) this.#upstreams.set(id, (upstream = new Upstream(id)))
    return upstream
  }

  all(): IterableIterator<Upstream> {
    return this.#upstreams.values()
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
    const ids = new Set<string>()
    for (const upstream of this.#upstreams.values()) for (const { id } of upstream.endpoints()) ids.add(id)
    return ids
  }
}

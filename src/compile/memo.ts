/**
 * What one compilation leaves for the next: results that depend on one object, and on others that it looked up by name,
 * are used again as long as all of these are the very same objects. It never changes what comes out.
 */
import type { Problem } from '#resource/problem.ts'
import { type OfKind, ResourceSet } from '#resource/resource-set.ts'
import type { ResourceKind } from '#resource/resource.ts'
import type { Ingress, IngressBackend, Service } from '#resource/resource.ts'
import { isEqual } from '#snapshot/diff.ts'
import type { Claim } from './claim.ts'
import type { Globals } from './ingress-nginx/config-map.ts'
import type { Plan } from './plan.ts'
import type { Routing } from './route-spec.ts'
import type { ServiceWish } from './service-wish.ts'
import type { ResourceStatus } from './statuses.ts'
import type { NamedUpstream } from './upstream-list.ts'
import type { Settled } from './upstream-spec.ts'

export class CompileMemo {
  readonly plans = new Memo<Ingress, Plan>()
  readonly services = new Memo<Service, ServiceWish>()
  /** Of Services that are there, when there was nothing to say about it. */
  readonly backends = new Recall<IngressBackend, NamedUpstream>()
  readonly upstreams = new NamedRecall<Settled>()
  readonly routes = new Recall<Claim, Routing>()
  readonly statuses = new Recall<Plan, ResourceStatus>()
  readonly #globals = new Memo<CompileMemo, Globals>()
  #hosts: ReadonlySet<string> = new Set()

  globals(resources: ResourceSet, given: readonly unknown[], work: Work<Globals>): Remembered<Globals> {
    return this.#globals.of(this, { resources, given }, work)
  }

  /** The set of the last time, when it holds the same. */
  hosts(hosts: ReadonlySet<string>): ReadonlySet<string> {
    const isSame = hosts.size === this.#hosts.size && hosts.isSubsetOf(this.#hosts)
    return isSame ? this.#hosts : (this.#hosts = hosts)
  }
}

export type Remembered<T> = { readonly value: T; readonly problems: readonly Problem[] }

/** Reports to `problems`, and reads nothing but its key, what was given, and `resources`. */
export type Work<T> = (resources: ResourceSet, problems: Problem[]) => T

/** `given` is compared by identity. */
export type Surroundings = { readonly resources: ResourceSet; readonly given: readonly unknown[] }

type Entry<T> = Remembered<T> & { readonly given: readonly unknown[]; readonly lookups: readonly Lookup[] }

export class Memo<Key extends object, T> {
  readonly #entries = new WeakMap<Key, Entry<T>>()

  of(key: Key, { resources, given }: Surroundings, work: Work<T>): Remembered<T> {
    const known = this.#entries.get(key)
    if (known !== undefined && isSameList(known.given, given) && known.lookups.every((each) => each.isSame(resources)))
      return known
    const watched = new WatchedResources(resources)
    const problems: Problem[] = []
    // Whoever reports later reports to an array of their own: here it would be lost, or told again for ever.
    const entry = { value: work(watched, problems), problems: Object.freeze(problems), given, lookups: watched.lookups }
    if (watched.wasListed) this.#entries.delete(key)
    else this.#entries.set(key, entry)
    return entry
  }
}

/** What was made of a key and what was given with it, for those who can name all of it; compared by identity. */
export class Recall<Key extends object, T> {
  readonly #entries = new WeakMap<Key, Made<T>>()

  find(key: Key, given: readonly unknown[]): T | undefined {
    const known = this.#entries.get(key)
    return known !== undefined && isSameList(known.given, given) ? known.value : undefined
  }

  /** Returns the value. */
  keep(key: Key, given: readonly unknown[], value: T): T {
    this.#entries.set(key, { given, value })
    return value
  }
}

/** The same for things that have a name only. What nobody asks for between two calls of `endRound` is forgotten. */
export class NamedRecall<T> {
  #before: ReadonlyMap<string, Made<T>> = new Map()
  #entries = new Map<string, Made<T>>()

  find(name: string, given: readonly unknown[]): T | undefined {
    const known = this.#before.get(name)
    if (known === undefined || !isSameList(known.given, given)) return undefined
    this.#entries.set(name, known)
    return known.value
  }

  /** Returns what came out the last time when this says the same: whoever compares by identity has nothing to do. */
  keep(name: string, given: readonly unknown[], value: T): T {
    const before = this.#before.get(name)?.value
    const kept = before !== undefined && isEqual(before, value) ? before : value
    this.#entries.set(name, { given, value: kept })
    return kept
  }

  endRound(): void {
    this.#before = this.#entries
    this.#entries = new Map()
  }
}

type Made<T> = { readonly given: readonly unknown[]; readonly value: T }

type Lookup = { readonly isSame: (resources: ResourceSet) => boolean }
type Named = Exclude<ResourceKind, 'Workload'>

/** The same resources, and a note of each that was looked up. */
class WatchedResources extends ResourceSet {
  readonly #resources: ResourceSet
  readonly lookups: Lookup[] = []
  /** Somebody asked for all of a kind, which any change may change. */
  wasListed = false

  constructor(resources: ResourceSet) {
    super([])
    this.#resources = resources
  }

  override get<Kind extends Named>(kind: Kind, namespace: string, name: string): OfKind<Kind> | undefined {
    const found = this.#resources.get(kind, namespace, name)
    this.lookups.push({ isSame: (resources) => resources.get(kind, namespace, name) === found })
    return found
  }

  override list<Kind extends ResourceKind>(kind: Kind): readonly OfKind<Kind>[] {
    this.wasListed = true
    return this.#resources.list(kind)
  }

  override *[Symbol.iterator](): Iterator<OfKind<ResourceKind>> {
    this.wasListed = true
    yield* this.#resources
  }
}

function isSameList(a: readonly unknown[], b: readonly unknown[]): boolean {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}

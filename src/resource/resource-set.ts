/**
 * All resources of one moment, with the look-ups that compile, discovery and the embedded cluster need.
 * Immutable: a change makes a new set.
 */
import type { Resource, ResourceKind } from './resource.ts'

export type OfKind<Kind extends ResourceKind> = Extract<Resource, { kind: Kind }>

type Names = ReadonlyMap<string, Resource>
type Namespaces = ReadonlyMap<string, Names>

export class ResourceSet {
  /** As given. */
  #all: readonly Resource[] = []
  #byKind: ReadonlyMap<ResourceKind, readonly Resource[]> = new Map()
  #byName: ReadonlyMap<ResourceKind, Namespaces> = new Map()

  /** Later resources of the same kind, namespace and name are ignored: sources report duplicates before. */
  constructor(resources: Iterable<Resource>) {
    const byKind = new Map<ResourceKind, Resource[]>()
    const byName = new Map<ResourceKind, Map<string, Map<string, Resource>>>()
    this.#all = [...resources]
    for (const resource of this.#all) {
      const names = namesOf(byName, resource)
      if (resource.kind !== 'Workload' && names.has(resource.metadata.name)) continue
      names.set(resource.metadata.name, resource)
      const list = byKind.get(resource.kind)
      if (list === undefined) byKind.set(resource.kind, [resource])
      else list.push(resource)
    }
    this.#byKind = byKind
    this.#byName = byName
  }

  get size(): number {
    return this.#byKind.values().reduce((sum, list) => sum + list.length, 0)
  }

  /** The same as a new set of these resources; cheap where most of them stand where they stood in this one. */
  next(resources: readonly Resource[]): ResourceSet {
    const { from, gone, fresh } = differenceOf(this.#all, resources)
    const isSmall = (gone.length + fresh.length) * 4 < resources.length
    // Whoever was ignored before, or stands beside namesakes, may count now.
    if (!isSmall || this.size !== this.#all.length || [...gone, ...fresh].some(({ kind }) => kind === 'Workload'))
      return new ResourceSet(resources)
    const byName = this.#namesWith(gone, fresh)
    if (byName === undefined) return new ResourceSet(resources)
    const next = new ResourceSet([])
    next.#all = resources
    next.#byName = byName
    next.#byKind = this.#listsWith(resources, { from, gone, fresh })
    return next
  }

  list<Kind extends ResourceKind>(kind: Kind): readonly OfKind<Kind>[] {
    // The constructor files every resource under its own kind, so the cast cannot lie.
    return (this.#byKind.get(kind) ?? []) as unknown as readonly OfKind<Kind>[]
  }

  get<Kind extends Exclude<ResourceKind, 'Workload'>>(
    kind: Kind,
    namespace: string,
    name: string,
  ): OfKind<Kind> | undefined {
    return this.#byName.get(kind)?.get(namespace)?.get(name) as OfKind<Kind> | undefined
  }

  *[Symbol.iterator](): Iterator<Resource> {
    for (const list of this.#byKind.values()) yield* list
  }

  /** `undefined` when two of them have one name. Namespaces that nothing happened to are shared. */
  #namesWith(gone: readonly Resource[], fresh: readonly Resource[]): ReadonlyMap<ResourceKind, Namespaces> | undefined {
    const byName = new Map<ResourceKind, Map<string, Map<string, Resource>>>()
    const copied = new Set<Names>()
    for (const [kind, namespaces] of this.#byName) {
      // Only what is copied below is written to.
      byName.set(kind, new Map(namespaces) as Map<string, Map<string, Resource>>)
    }
    const own = (resource: Resource): Map<string, Resource> => {
      const names = namesOf(byName, resource)
      if (copied.has(names)) return names
      const copy = new Map(names)
      copied.add(copy)
      byName.get(resource.kind)!.set(resource.metadata.namespace, copy)
      return copy
    }
    for (const resource of gone) own(resource).delete(resource.metadata.name)
    for (const resource of fresh) {
      const names = own(resource)
      if (names.has(resource.metadata.name)) return undefined
      names.set(resource.metadata.name, resource)
    }
    return byName
  }

  #listsWith(
    resources: readonly Resource[],
    { from, gone, fresh }: Difference,
  ): ReadonlyMap<ResourceKind, readonly Resource[]> {
    const byKind = new Map(this.#byKind)
    for (const kind of new Set([...gone, ...fresh].map((each) => each.kind))) {
      const list = this.#byKind.get(kind) ?? []
      const of = (some: readonly Resource[]): readonly Resource[] => some.filter((each) => each.kind === kind)
      const first = list.length - of(this.#all.slice(from)).length
      const next = [...list.slice(0, first), ...of(resources.slice(from))]
      if (next.length > 0) byKind.set(kind, next)
      else byKind.delete(kind)
    }
    // Kinds come in the order of their first object, as in a set that is made anew.
    const firsts = new Map([...byKind].map(([kind, [first]]) => [kind, resources.indexOf(first!)]))
    return new Map([...byKind].toSorted(([a], [b]) => firsts.get(a)! - firsts.get(b)!))
  }
}

/** What stands between the beginning and the end that two lists share. */
type Difference = { readonly from: number; readonly gone: readonly Resource[]; readonly fresh: readonly Resource[] }

function differenceOf(before: readonly Resource[], now: readonly Resource[]): Difference {
  let from = 0
  while (from < before.length && from < now.length && before[from] === now[from]) from += 1
  let [end, endNow] = [before.length, now.length]
  while (end > from && endNow > from && before[end - 1] === now[endNow - 1]) {
    end -= 1
    endNow -= 1
  }
  return { from, gone: before.slice(from, end), fresh: now.slice(from, endNow) }
}

function namesOf(
  byName: Map<ResourceKind, Map<string, Map<string, Resource>>>,
  { kind, metadata }: Resource,
): Map<string, Resource> {
  let namespaces = byName.get(kind)
  if (namespaces === undefined) byName.set(kind, (namespaces = new Map()))
  let names = namespaces.get(metadata.namespace)
  if (names === undefined) namespaces.set(metadata.namespace, (names = new Map()))
  return names
}

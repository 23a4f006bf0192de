/**
 * All resources of one moment, with the look-ups that compile, discovery and the embedded cluster need.
 * Immutable: a change makes a new set.
 */
import type { Resource, ResourceKind } from './resource.ts'

export type OfKind<Kind extends ResourceKind> = Extract<Resource, { kind: Kind }>

export class ResourceSet {
  readonly #byKind = new Map<ResourceKind, Resource[]>()
  readonly #byName = new Map<string, Resource>()
  readonly size: number

  /** Later resources of the same kind, namespace and name are ignored: sources report duplicates before. */
  constructor(resources: Iterable<Resource>) {
    for (const resource of resources) {
      const key = keyOf(resource.kind, resource.metadata.namespace, resource.metadata.name)
      if (resource.kind !== 'Workload' && this.#byName.has(key)) continue
      this.#byName.set(key, resource)
      const list = this.#byKind.get(resource.kind)
      if (list === undefined) this.#byKind.set(resource.kind, [resource])
      else list.push(resource)
    }
    this.size = [...this.#byKind.values()].reduce((sum, list) => sum + list.length, 0)
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
    return this.#byName.get(keyOf(kind, namespace, name)) as OfKind<Kind> | undefined
  }

  *[Symbol.iterator](): Iterator<Resource> {
    for (const list of this.#byKind.values()) yield* list
  }
}

function keyOf(kind: ResourceKind, namespace: string, name: string): string {
  return `${kind} ${namespace}/${name}`
}

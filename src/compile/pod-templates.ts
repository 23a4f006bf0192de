/** What the Pods of a Service look like, as far as the folder says: Pods themselves and the templates of workloads. */
import type { FieldPath } from '#resource/origin.ts'
import type { ResourceSet } from '#resource/resource-set.ts'
import type { Pod, PodSpec, Service, Workload } from '#resource/resource.ts'
import { objectName } from '#resource/resource.ts'

export type PodTemplate = {
  readonly resource: Pod | Workload
  /** `Deployment default/web` */
  readonly name: string
  readonly spec: PodSpec
  /** Where its `PodSpec` is written. */
  readonly at: FieldPath
}

type Labelled = PodTemplate & { readonly labels: Readonly<Record<string, string>>; readonly dormant: boolean }

export class PodTemplates {
  readonly #resources: ResourceSet
  readonly #isEmpty: boolean
  #byLabel: ReadonlyMap<string, readonly Labelled[]> | undefined

  constructor(resources: ResourceSet) {
    this.#resources = resources
    this.#isEmpty = resources.list('Workload').length + resources.list('Pod').length === 0
  }

  /** Newest first, then by name. Workloads scaled to nothing only count where there is nothing else. */
  of(service: Service): readonly PodTemplate[] {
    if (this.#isEmpty) return []
    const wanted = Object.entries(service.spec.selector)
    const [first] = wanted
    if (first === undefined) return []
    this.#byLabel ??= index(this.#resources)
    const near = this.#byLabel.get(keyOf(service.metadata.namespace, ...first)) ?? []
    const found = near.filter(({ labels }) => wanted.every(([name, value]) => labels[name] === value))
    const awake = found.filter((each) => !each.dormant)
    return (awake.length > 0 ? awake : found).toSorted(byAge)
  }
}

function index(resources: ResourceSet): ReadonlyMap<string, readonly Labelled[]> {
  const byLabel = new Map<string, Labelled[]>()
  for (const each of [...resources.list('Workload').map(ofWorkload), ...resources.list('Pod').map(ofPod)]) {
    for (const [name, value] of Object.entries(each.labels)) {
      const key = keyOf(each.resource.metadata.namespace, name, value)
      const list = byLabel.get(key)
      if (list === undefined) byLabel.set(key, [each])
      else list.push(each)
    }
  }
  return byLabel
}

function ofWorkload(resource: Workload): Labelled {
  const { labels, spec } = resource.template
  return {
    resource,
    name: objectName(resource),
    spec,
    at: ['spec', 'template', 'spec'],
    labels,
    dormant: resource.replicas === 0,
  }
}

function ofPod(resource: Pod): Labelled {
  const { phase, terminating } = resource.status
  const dormant = terminating || phase === 'Succeeded' || phase === 'Failed'
  return {
    resource,
    name: objectName(resource),
    spec: resource.spec,
    at: ['spec'],
    labels: resource.metadata.labels,
    dormant,
  }
}

function keyOf(namespace: string, name: string, value: string): string {
  return `${namespace} ${name} ${value}`
}

function byAge(a: Labelled, b: Labelled): number {
  const age = (b.resource.metadata.creationTimestamp ?? 0) - (a.resource.metadata.creationTimestamp ?? 0)
  if (age !== 0) return age
  return a.name < b.name ? -1 : Number(a.name !== b.name)
}

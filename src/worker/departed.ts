/**
 * What workers had counted that are no more, added up: without it a counter would go back with every worker that dies,
 * and whoever computes rates would take that for a restart of the process. Gauges end with their worker.
 */
import type { Snapshot } from '#snapshot/snapshot.ts'
import type { MetricFamily, Sample } from '#telemetry/metric.ts'

export class Departed {
  /** By name of the family, then by name and labels of the sample. */
  readonly #families = new Map<string, { readonly family: MetricFamily; readonly samples: Map<string, Sample> }>()

  /** What a worker said last. */
  add(families: readonly MetricFamily[]): void {
    for (const family of families) if (family.type !== 'gauge') this.#addFamily(family)
  }

  /** Forgets routes and backends that are gone, as the workers that live do. Nearly always there is nobody to forget. */
  keep({ routes: routeSpecs, upstreams }: Pick<Snapshot, 'routes' | 'upstreams'>): void {
    if (this.#families.size === 0) return
    const routes = new Set(routeSpecs.map(({ id }) => id))
    const backends = new Set(upstreams.map(({ id }) => id))
    for (const { samples } of this.#families.values())
      for (const [key, { labels }] of samples)
        if (isGone(labels['route'], routes) || isGone(labels['backend'], backends)) samples.delete(key)
  }

  families(): readonly MetricFamily[] {
    return [...this.#families.values()].map(({ family, samples }) => ({ ...family, values: [...samples.values()] }))
  }

  #addFamily(family: MetricFamily): void {
    const known = this.#families.get(family.name) ?? { family, samples: new Map<string, Sample>() }
    this.#families.set(family.name, known)
    for (const sample of family.values) {
      const key = JSON.stringify([sample.metricName, sample.labels])
      const before = known.samples.get(key)?.value ?? 0
      known.samples.set(key, { ...sample, value: before + sample.value })
    }
  }
}

/** An empty name stands for none. */
function isGone(name: string | number | undefined, known: ReadonlySet<string>): boolean {
  return typeof name === 'string' && name !== '' && !known.has(name)
}

/**
 * `/metrics`: what the workers counted, what the main thread knows, and the process itself, as Prometheus text.
 */
import { AggregatorRegistry, collectDefaultMetrics, Registry } from 'prom-client'
import type { MetricFamily } from './metric.ts'

export const expositionType = 'text/plain; version=0.0.4; charset=utf-8'

export class Exposition {
  readonly #process = new Registry()

  constructor() {
    collectDefaultMetrics({ register: this.#process })
  }

  /** `groups` holds one list of families per worker, and one of the main thread. Equal labels are summed. */
  async print(groups: readonly (readonly MetricFamily[])[]): Promise<string> {
    // prom-client takes its own wire format for workers here; MetricFamily has exactly that shape.
    const counted = AggregatorRegistry.aggregate(groups as unknown as object[])
    return `${await counted.metrics()}\n${await this.#process.metrics()}`
  }
}

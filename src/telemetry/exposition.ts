/**
 * `/metrics`: what the workers counted, what the main thread knows, and the process itself, as Prometheus text.
 */
import { setImmediate as turn } from 'node:timers/promises'
import { AggregatorRegistry, collectDefaultMetrics, Registry } from 'prom-client'
import type { Labels, MetricFamily, OwnFamily } from './metric.ts'

export const expositionType = 'text/plain; version=0.0.4; charset=utf-8'

/** Text made at a stretch, in chars: far less than a millisecond, so that its pieces are garbage while they are young. */
const stretchChars = 16 * 1024

export class Exposition {
  readonly #process = new Registry()

  constructor() {
    collectDefaultMetrics({ register: this.#process })
  }

  /**
   * `groups` holds one list of families per worker: equal labels are summed. Nobody else has a family of `own`, so these
   * become text one sample after the other. UTF-8.
   */
  async print(groups: readonly (readonly MetricFamily[])[], own: Iterable<OwnFamily>): Promise<Uint8Array> {
    // prom-client takes its own wire format for workers here; MetricFamily has exactly that shape.
    const counted = AggregatorRegistry.aggregate(groups as unknown as object[])
    const parts = [Buffer.from(`${await counted.metrics()}\n`)]
    let text = ''
    for (const each of own) {
      for (const line of linesOf(each)) {
        text += line
        if (text.length < stretchChars) continue
        parts.push(Buffer.from(text))
        text = ''
        await turn()
      }
      text += '\n'
    }
    parts.push(Buffer.from(`${text}${await this.#process.metrics()}`))
    return Buffer.concat(parts)
  }
}

function* linesOf({ name, help, type, values }: OwnFamily): Generator<string, void> {
  yield `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`
  for (const { value, labels, metricName = name } of values)
    yield `${metricName}${printLabels(labels)} ${print(value)}\n`
}

/** As the format has it. */
function print(value: number): string {
  if (Number.isFinite(value)) return String(value)
  if (Number.isNaN(value)) return 'NaN'
  return value > 0 ? '+Inf' : '-Inf'
}

function printLabels(labels: Labels): string {
  let text = ''
  for (const name in labels) text += `${text === '' ? '{' : ','}${name}="${escape(labels[name]!)}"`
  return text === '' ? '' : `${text}}`
}

function escape(value: string | number): string {
  if (typeof value === 'number' || !/[\\"\n]/.test(value)) return String(value)
  return value.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('"', '\\"')
}

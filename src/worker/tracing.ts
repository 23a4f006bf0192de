/**
 * The traces of one worker: decides what is sampled, makes spans of finished exchanges and hands them to a collector.
 * What the snapshot says counts before what the environment says; a change of either costs no span that waits.
 */
import { readTraceParent, readTraceState } from '#http/trace-context.ts'
import type { Exchange } from '#proxy/exchange.ts'
import { Trace, type Tracer } from '#proxy/trace.ts'
import { isEqual } from '#snapshot/diff.ts'
import type { TracingSpec } from '#snapshot/snapshot.ts'
import { Collector } from '#telemetry/collector.ts'
import type { Log } from '#telemetry/log.ts'
import { SpanQueue } from '#telemetry/span-queue.ts'
import type { Sampler, TracingSettings } from '#telemetry/tracing-settings.ts'
import { hexIds } from './hex-ids.ts'
import { spansOf } from './spans.ts'

export type TracingInit = {
  readonly settings: TracingSettings
  readonly log: Log
  readonly onSent: (spans: number) => void
  readonly onDropped: (reason: 'queue_full' | 'failed', spans: number) => void
}

export class Tracing implements Tracer {
  readonly #init: TracingInit
  readonly #newTraceId = hexIds(32)
  readonly #newSpanId = hexIds(16)
  /** What is in force. */
  #settings: TracingSettings
  #export: Export | undefined
  /** Those that were replaced and have spans to send. */
  readonly #ending = new Set<Promise<void>>()

  constructor(init: TracingInit) {
    this.#init = init
    this.#settings = init.settings
    this.use(undefined)
  }

  /** From now on, what the global ConfigMap says. */
  use(spec: TracingSpec | undefined): void {
    const settings = merged(this.#init.settings, spec)
    if (isEqual(settings, this.#settings) && this.#export !== undefined) return
    const before = this.#export
    this.#settings = settings
    this.#export = settings.endpoint === undefined ? undefined : this.#open(settings, settings.endpoint)
    if (before !== undefined) this.#end(before)
  }

  begin({ received, route }: Exchange): Trace | undefined {
    if (this.#export === undefined) return undefined
    const trusted = route?.spec.tracing?.trust === true
    const parent = trusted ? readTraceParent(received.fields) : undefined
    const traceId = parent?.traceId ?? this.#newTraceId()
    const { sampler } = this.#settings
    return new Trace({
      traceId,
      spanId: this.#newSpanId(),
      parentId: parent?.parentId,
      state: parent === undefined ? undefined : readTraceState(received.fields),
      sampled: parent !== undefined && sampler.parentBased ? parent.sampled : isSampled(traceId, sampler),
      newSpanId: this.#newSpanId,
    })
  }

  /** Of an exchange that is finished. */
  finish(exchange: Exchange): void {
    const { trace } = exchange
    if (trace?.sampled === true) this.#export?.queue.push(spansOf(exchange, trace))
  }

  /** Sends what waits, for at most so many milliseconds. */
  async close(ms: number): Promise<void> {
    if (this.#export !== undefined) this.#end(this.#export, ms)
    this.#export = undefined
    await Promise.all(this.#ending)
  }

  #open(settings: TracingSettings, endpoint: string): Export {
    const { log, onSent, onDropped } = this.#init
    const { fields, timeoutMs, resource, mostSpans, batchSpans, delayMs } = settings
    const collector = new Collector({ endpoint, fields, timeoutMs, resource, log })
    const send: Collector['send'] = (spans, signal) => collector.send(spans, signal)
    return { collector, queue: new SpanQueue({ mostSpans, batchSpans, delayMs, send, onSent, onDropped }) }
  }

  #end({ queue, collector }: Export, ms = this.#settings.timeoutMs): void {
    const ended = queue.close(ms).then(() => collector.close())
    this.#ending.add(ended)
    void ended.finally(() => this.#ending.delete(ended))
  }
}

type Export = { readonly queue: SpanQueue; readonly collector: Collector }

function merged(settings: TracingSettings, spec: TracingSpec | undefined): TracingSettings {
  if (spec === undefined) return settings
  const { serviceName, ...rest } = spec
  const resource = serviceName === undefined ? settings.resource : { ...settings.resource, 'service.name': serviceName }
  return { ...settings, ...rest, resource }
}

/** By the last 56 bits of the trace id, so that everybody with the same ratio decides alike. */
function isSampled(traceId: string, { ratio }: Sampler): boolean {
  if (ratio >= 1) return true
  return ratio > 0 && Number.parseInt(traceId.slice(-14), 16) >= (1 - ratio) * 2 ** 56
}

/** How traces are made and where they go, decoded: what OpenTelemetry's environment variables say of a process. */
export type Sampler = {
  /** Share of the traces that begin here, from 0 to 1. */
  readonly ratio: number
  /** A trace that began elsewhere is sampled as whoever began it decided. */
  readonly parentBased: boolean
}

export type TracingSettings = {
  /** Whole URL of the collector, path included; `undefined` when the environment names none. */
  readonly endpoint: string | undefined
  /** Flat list, sent with every export. */
  readonly fields: readonly string[]
  /** Of one export, in milliseconds. */
  readonly timeoutMs: number
  /** Resource attributes: `service.name` and what else is told of us. */
  readonly resource: Readonly<Record<string, string>>
  readonly sampler: Sampler
  /** Of each worker: most spans that wait, most of one export, and milliseconds between two. */
  readonly mostSpans: number
  readonly batchSpans: number
  readonly delayMs: number
}

/** The defaults of OpenTelemetry's specification; nothing is traced until a collector is named. */
export const defaultTracing: TracingSettings = {
  endpoint: undefined,
  fields: [],
  timeoutMs: 10_000,
  resource: { 'service.name': 'genkan' },
  sampler: { ratio: 1, parentBased: true },
  mostSpans: 2048,
  batchSpans: 512,
  delayMs: 5_000,
}

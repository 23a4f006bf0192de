/**
 * Metrics as plain data, in the shape prom-client aggregates, so that workers can send theirs to the main thread.
 */
export type Labels = Readonly<Record<string, string | number>>

export type Sample = { readonly value: number; readonly labels: Labels; readonly metricName?: string }

/** One family: what stands under one `# HELP`. Samples of several workers with equal labels are summed. */
export type MetricFamily = {
  readonly name: string
  readonly help: string
  readonly type: 'counter' | 'gauge' | 'histogram'
  readonly aggregator: 'sum'
  readonly values: readonly Sample[]
}

/** A family that is made as it is printed: with ten thousand backends nobody should have to hold all samples at once. */
export type OwnFamily = Omit<MetricFamily, 'values' | 'aggregator'> & { readonly values: Iterable<Sample> }

export function family(
  type: MetricFamily['type'],
  name: string,
  help: string,
  values: readonly Sample[],
): MetricFamily {
  return { name, help, type, aggregator: 'sum', values }
}

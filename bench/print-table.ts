/**
 * Results as an aligned text table.
 */
import type { Bench, CaseResult, Metric, Spread } from './run.ts'

/** One line per case: its labels, then `median (min..max)` of every metric. */
export function printTable({ title, metrics, rounds }: Bench, results: readonly CaseResult[]): string {
  const labels = Object.keys(results[0]?.labels ?? {})
  const head = [...labels, ...metrics.map((metric) => metric.title)]
  const rows = results.map((result) => [
    ...labels.map((label) => result.labels[label]!),
    ...metrics.map((metric) => printSpread(result.metrics[metric.name], metric)),
  ])
  return [`${title} (median and min..max of ${rounds} processes)`, '', layOut(head, rows, labels.length)].join('\n')
}

/** Lines of aligned columns, the first `labels` of them to the left. */
export function layOut(head: readonly string[], rows: readonly (readonly string[])[], labels: number): string {
  const widths = head.map((text, column) => Math.max(text.length, ...rows.map((row) => row[column]!.length)))
  const pad = (cell: string, column: number): string =>
    column < labels ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!)
  const line = (cells: readonly string[]): string => cells.map(pad).join('  ').trimEnd()
  const rule = widths.map((width) => '-'.repeat(width))
  return [line(head), line(rule), ...rows.map(line)].join('\n')
}

function printSpread(spread: Spread | undefined, { digits }: Metric): string {
  if (spread === undefined) return '-'
  const [middle, least, most] = [spread.median, spread.min, spread.max].map((value) => grouped(value, digits))
  return least === most ? middle! : `${middle} (${least}..${most})`
}

/** `12,345.6` with so many digits behind the point. */
export function grouped(value: number, digits: number): string {
  // Adding 0 makes 0 of the -0 that a small negative number is rounded to.
  const rounded = Math.round(value * 10 ** digits) / 10 ** digits + 0
  return rounded.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits })
}

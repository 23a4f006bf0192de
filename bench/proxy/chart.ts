/**
 * A run as an SVG chart: CPU time per request, one panel per scenario in two columns, a bar per proxy with a whisker from
 * its least round to its most. Readable on light and dark pages: colours follow the reader's scheme.
 */
import { grouped } from '../print-table.ts'
import type { Range, Run, ScenarioResult } from './result.ts'
import { rangeOf } from './result.ts'

type Bar = { readonly name: string; readonly range: Range; readonly isEqual: boolean }
type Panel = { readonly title: string; readonly bars: readonly Bar[] }
type Spot = { readonly x: number; readonly y: number }

const columnWidth = 430
const columnGap = 24
const width = 2 * columnWidth + columnGap
const nameWidth = 138
const valueWidth = 62
const barsWidth = columnWidth - nameWidth - valueWidth
const barHeight = 13
const barGap = 5
const panelGap = 22
const titleHeight = 24
const headHeight = 66
/** Bars of more than so many times the shortest are cut: at their scale the others could not be told apart. */
const longest = 12

const style = `
  text { font: 11.5px system-ui, sans-serif; fill: #1f2328; }
  .title { font-weight: 600; }
  .quiet { fill: #59636e; }
  .peer { fill: #9aa4b2; }
  .genkan { fill: #2f6feb; }
  .unequal { fill: none; stroke: #9aa4b2; stroke-dasharray: 3 2; }
  .cut { stroke: #ffffff; stroke-width: 3; }
  .whisker { stroke: #1f2328; stroke-width: 1.2; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3; }
    .quiet { fill: #9198a1; }
    .peer { fill: #59636e; }
    .genkan { fill: #4d8dff; }
    .unequal { fill: none; stroke: #9198a1; }
    .cut { stroke: #0d1117; }
    .whisker { stroke: #e6edf3; }
  }`

export function drawChart(run: Run): string {
  const panels = run.scenarios.map(panelOf).filter(({ bars }) => bars.length > 0)
  const columns = split(panels)
  const height = headHeight + Math.max(...columns.map(heightOf))
  const drawn = columns.flatMap((column, index) => drawColumn(column, index * (columnWidth + columnGap)))
  const caption = `${run.machine.cpu}, ${run.machine.cores} cores, ${run.date}: median of ${run.rounds} rounds, whiskers from least to most`
  const legend = `Bars of more than ${longest} times the shortest are cut.${panels.some(hasUnequal) ? ' Outlines: no equal of the others, see Method.' : ''}`
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="CPU time per request by proxy and scenario">
<style>${style}
</style>
<text class="title" x="0" y="14">CPU time per request in microseconds, less is better</text>
<text class="quiet" x="0" y="31">${escape(caption)}</text>
<text class="quiet" x="0" y="47">${escape(legend)}</text>
${drawn.join('\n')}
</svg>
`
}

function panelOf({ title, peers }: ScenarioResult): Panel {
  const bars = peers.flatMap(({ peer, samples, unequal }) => {
    const range = rangeOf(samples, ({ cpu }) => cpu)
    return range === undefined ? [] : [{ name: peer, range, isEqual: unequal === undefined }]
  })
  return { title, bars }
}

function hasUnequal({ bars }: Panel): boolean {
  return bars.some(({ isEqual }) => !isEqual)
}

/** Where the columns are nearest to one height; to be read down the first and then down the second. */
function split(panels: readonly Panel[]): readonly (readonly Panel[])[] {
  const cuts = panels.map((_, at) => [panels.slice(0, at + 1), panels.slice(at + 1)] as const)
  const heights = cuts.map((columns) => Math.max(...columns.map(heightOf)))
  return cuts[heights.indexOf(Math.min(...heights))] ?? [panels, []]
}

function heightOf(panels: readonly Panel[]): number {
  return panels.reduce((sum, { bars }) => sum + titleHeight + bars.length * (barHeight + barGap) + panelGap, 0)
}

function drawColumn(panels: readonly Panel[], x: number): string[] {
  return panels.map((panel, index) => drawPanel(panel, { x, y: headHeight + heightOf(panels.slice(0, index)) }))
}

function drawPanel({ title, bars }: Panel, { x, y }: Spot): string {
  const most = Math.max(...bars.map(({ range }) => range.max))
  const least = Math.min(...bars.map(({ range }) => range.median))
  const end = Math.min(most, least * longest)
  const lines = bars.map((bar, index) =>
    drawBar(bar, { x: x + nameWidth, y: y + titleHeight + index * (barHeight + barGap) }, end),
  )
  return [`<text class="title" x="${x}" y="${y + 14}">${escape(title)}</text>`, ...lines].join('\n')
}

/** `end`: what is as long as the room there is. */
function drawBar({ name, range, isEqual }: Bar, { x, y }: Spot, end: number): string {
  const kind = !isEqual ? 'unequal' : name.startsWith('Genkan') ? 'genkan' : 'peer'
  const at = (value: number): number => Math.min(value / end, 1) * barsWidth
  const [middle, base] = [y + barHeight / 2, y + barHeight - 3]
  const [from, to] = [x + at(range.min), x + at(range.max)].map((each) => each.toFixed(1))
  const value = grouped(range.median, range.median < 100 ? 1 : 0)
  const isCut = range.median > end
  const cut = x + barsWidth - 12
  return [
    `<text x="${x - 8}" y="${base}" text-anchor="end">${escape(name)}</text>`,
    `<rect class="${kind}" x="${x}" y="${y}" width="${at(range.median).toFixed(1)}" height="${barHeight}" rx="2"/>`,
    isCut
      ? `<line class="cut" x1="${cut}" x2="${cut + 5}" y1="${y + barHeight + 1}" y2="${y - 1}"/>`
      : `<line class="whisker" x1="${from}" x2="${to}" y1="${middle}" y2="${middle}"/>`,
    `<text x="${(x + at(range.max) + 6).toFixed(1)}" y="${base}">${isCut ? `${value} →` : value}</text>`,
  ].join('')
}

function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}

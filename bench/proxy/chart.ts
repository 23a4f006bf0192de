/**
 * A run as an SVG chart: CPU time per request, one panel per scenario, a bar per proxy with a whisker from its least
 * round to its most. Readable on light and dark pages: colours follow the reader's scheme.
 */
import { grouped } from '../print-table.ts'
import type { PeerResult, Range, Run, ScenarioResult } from './result.ts'
import { rangeOf } from './result.ts'

type Bar = { readonly name: string; readonly range: Range }

const width = 760
const nameWidth = 170
const barsWidth = 470
const barHeight = 16
const barGap = 6
const panelGap = 26
const titleHeight = 26

const style = `
  text { font: 12px system-ui, sans-serif; fill: #1f2328; }
  .title { font-weight: 600; font-size: 13px; }
  .quiet { fill: #59636e; }
  .peer { fill: #9aa4b2; }
  .genkan { fill: #2f6feb; }
  .whisker { stroke: #1f2328; stroke-width: 1.2; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3; }
    .quiet { fill: #9198a1; }
    .peer { fill: #59636e; }
    .genkan { fill: #4d8dff; }
    .whisker { stroke: #e6edf3; }
  }`

export function drawChart(run: Run): string {
  const panels: string[] = []
  let top = 44
  for (const scenario of run.scenarios) {
    const bars = barsOf(scenario)
    if (bars.length === 0) continue
    panels.push(panel(scenario, bars, top))
    top += titleHeight + bars.length * (barHeight + barGap) + panelGap
  }
  const caption = `${run.machine.cpu}, ${run.machine.cores} cores, ${run.date}: median of ${run.rounds} rounds, whiskers from least to most`
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${top}" width="${width}" height="${top}" role="img" aria-label="CPU time per request by proxy and scenario">
<style>${style}
</style>
<text class="title" x="0" y="14">CPU time per request in microseconds, less is better</text>
<text class="quiet" x="0" y="31">${escape(caption)}</text>
${panels.join('\n')}
</svg>
`
}

function barsOf({ peers }: ScenarioResult): Bar[] {
  const ranges = peers.map((peer): [PeerResult, Range | undefined] => [peer, rangeOf(peer.samples, ({ cpu }) => cpu)])
  return ranges.flatMap(([{ peer }, range]) => (range === undefined ? [] : [{ name: peer, range }]))
}

function panel({ title }: ScenarioResult, bars: readonly Bar[], top: number): string {
  const most = Math.max(...bars.map(({ range }) => range.max))
  const lines = bars.map((bar, index) =>
    drawBar(bar, { y: top + titleHeight + index * (barHeight + barGap), scale: barsWidth / most }),
  )
  return [`<text class="title" x="0" y="${top + 14}">${escape(title)}</text>`, ...lines].join('\n')
}

function drawBar({ name, range }: Bar, { y, scale }: { readonly y: number; readonly scale: number }): string {
  const kind = name.startsWith('Genkan') ? 'genkan' : 'peer'
  const at = (value: number): string => (nameWidth + value * scale).toFixed(1)
  const middle = y + barHeight / 2
  const value = grouped(range.median, range.median < 100 ? 1 : 0)
  return [
    `<text x="${nameWidth - 8}" y="${y + 12}" text-anchor="end">${escape(name)}</text>`,
    `<rect class="${kind}" x="${nameWidth}" y="${y}" width="${(range.median * scale).toFixed(1)}" height="${barHeight}" rx="2"/>`,
    `<line class="whisker" x1="${at(range.min)}" x2="${at(range.max)}" y1="${middle}" y2="${middle}"/>`,
    `<text x="${(nameWidth + range.max * scale + 8).toFixed(1)}" y="${y + 12}">${value}</text>`,
  ].join('')
}

function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}

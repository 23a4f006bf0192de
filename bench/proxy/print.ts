/**
 * Results as text: a table per scenario, and what may be concluded from it.
 */
import { grouped, layOut } from '../print-table.ts'
import { judge } from './goals.ts'
import type { PeerResult, Range, Run, Sample, ScenarioResult } from './result.ts'
import { peerIn, rangeOf, ratioOf } from './result.ts'
import type { Candidate, Verdict } from './verdict.ts'
import { verdict } from './verdict.ts'

/** Of the machine, by other programs, before throughput says nothing. */
const tolerableShare = 0.1

export type Column = { readonly title: string; readonly cell: (peer: PeerResult, scenario: ScenarioResult) => string }

const numberColumn = (title: string, number: (sample: Sample) => number | undefined, digits = 0): Column => ({
  title,
  cell: ({ samples }) => printRange(rangeOf(samples, number), digits),
})
const milliseconds = (title: string, number: (sample: Sample) => number | undefined): Column =>
  numberColumn(title, (sample) => scaled(number(sample), 1 / 1_000), 2)

/** The columns of a scenario, those about reloads only where there are any. */
export function columnsOf(scenario: ScenarioResult): readonly Column[] {
  const hasReloads = scenario.peers.some(({ samples }) => samples.some(({ reloads }) => reloads !== undefined))
  const reloads = [
    milliseconds('p99 without, ms', (sample) => sample.reloads?.quietP99),
    numberColumn('reloads', (sample) => sample.reloads?.count),
  ]
  const { per = 'request', bodyBytes } = scenario
  const perGibibyte = (cpu: number | undefined): number | undefined => scaled(cpu, 2 ** 30 / (bodyBytes ?? 1) / 1_000)
  return [
    numberColumn(`CPU µs/${per}`, ({ cpu }) => cpu, 1),
    ...(bodyBytes === undefined ? [] : [numberColumn('CPU ms/GiB', ({ cpu }) => perGibibyte(cpu))]),
    { title: 'of nginx', cell: printRatio },
    numberColumn(`${per}s/s`, (sample) => sample.requestsPerSecond),
    milliseconds('p50, ms', ({ p50 }) => p50),
    milliseconds('p99, ms', ({ p99 }) => p99),
    milliseconds('p99.9, ms', ({ p999 }) => p999),
    ...(hasReloads ? reloads : []),
    {
      title: 'failures',
      cell: ({ samples }) =>
        grouped(
          samples.reduce((sum, each) => sum + each.failures, 0),
          0,
        ),
    },
  ]
}

/** One line per peer that has numbers, then those that have none with the reason, then the verdicts. */
export function printScenario(scenario: ScenarioResult): string {
  const { peers, title, driver, cores } = scenario
  const measured = peers.filter(({ samples }) => samples.length > 0)
  const columns = columnsOf(scenario)
  const rows = measured.map((peer) => [peer.peer, ...columns.map(({ cell }) => cell(peer, scenario))])
  const table = layOut(['proxy', ...columns.map((column) => column.title)], rows, 1)
  const others = rangeOf(
    measured.flatMap(({ samples }) => samples),
    (sample) => sample.others,
  )
  const notes = [
    ...peers.flatMap(({ peer, absent }) => (absent === undefined ? [] : [`${peer}: ${absent}`])),
    ...unequalLines(scenario),
    ...verdictLines(scenario),
    ...(others === undefined
      ? []
      : [`others used ${percent(others.median)} of the machine (at most ${percent(others.max)})`]),
  ]
  const shared = cores.shared ? ', which it shares with the load' : ''
  return [`${title} (${driver}; proxy on core ${cores.proxy.join(', ')}${shared})`, '', table, '', ...notes].join('\n')
}

/** Whose numbers are not to be compared with the others', and why. */
export function unequalLines({ peers }: ScenarioResult): string[] {
  return peers.flatMap(({ peer, unequal, samples }) =>
    unequal === undefined || samples.length === 0 ? [] : [`${peer} is no equal: ${unequal}`],
  )
}

/** Sentences about who was best in CPU time and in throughput, or why nobody can be named. */
export function verdictLines(scenario: ScenarioResult): string[] {
  const candidates = (number: (sample: Sample) => number | undefined): Candidate[] =>
    scenario.peers.flatMap(({ peer, samples, unequal }) => {
      const range = rangeOf(samples, number)
      return range === undefined || unequal !== undefined ? [] : [{ name: peer, range, rounds: samples.length }]
    })
  const { per = 'request' } = scenario
  return [
    sentence(
      `CPU per ${per}`,
      verdict(
        candidates(({ cpu }) => cpu),
        'less',
      ),
    ),
    sentence(
      `${per}s per second`,
      throughputVerdict(
        scenario,
        candidates((sample) => sample.requestsPerSecond),
      ),
    ),
  ]
}

/** Programs that have nothing to do with the run take their share of the cores from one proxy and not from the next. */
function throughputVerdict({ peers }: ScenarioResult, candidates: readonly Candidate[]): Verdict {
  const others =
    rangeOf(
      peers.flatMap(({ samples }) => samples),
      (sample) => sample.others,
    )?.median ?? 0
  if (others <= tolerableShare) return verdict(candidates, 'more')
  return { kind: 'none', reason: `other programs used ${percent(others)} of the machine` }
}

export function printGoals(run: Run): string {
  const rows = judge(run).map(({ goal, measured, met }) => [met, goal, measured])
  return layOut(['met', 'goal', 'measured'], rows, 3)
}

export function printRange(range: Range | undefined, digits: number): string {
  if (range === undefined) return '-'
  const [middle, least, most] = [range.median, range.min, range.max].map((value) => grouped(value, digits))
  return least === most ? middle! : `${middle} (${least}..${most})`
}

function printRatio(peer: PeerResult, scenario: ScenarioResult): string {
  const nginx = peerIn(scenario, 'nginx')
  if (nginx === undefined || nginx === peer) return '-'
  // Processor time the other way round: how much of nginx's work is done in the same time.
  return printRange(
    ratioOf(nginx, peer, ({ cpu }) => cpu),
    2,
  )
}

function sentence(what: string, result: Verdict): string {
  return result.kind === 'winner'
    ? `${what}: ${result.name} by ${result.by.toFixed(2)} times`
    : `${what}: no winner, ${result.reason}`
}

function scaled(value: number | undefined, factor: number): number | undefined {
  return value === undefined ? undefined : value * factor
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`
}

/**
 * How a bench is measured: every case in a process of its own, several rounds, each in the opposite order of the one
 * before, so that neither the JIT's memory of another case nor a slow minute of the machine decides who wins.
 */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

/** One process's worth of numbers by metric. `check` must be the same text wherever the answers must be the same. */
export type Sample = { readonly check: string; readonly metrics: Readonly<Record<string, number>> }

export type Case = {
  /** Column name → what stands there: `{ routes: '100', matcher: 'RouteTable' }`. */
  readonly labels: Readonly<Record<string, string>>
  /** Cases of the same group must answer alike. */
  readonly group: string
  /** What the measuring process is told. */
  readonly args: readonly string[]
}

export type Metric = { readonly name: string; readonly title: string; readonly digits: number }

export type Bench = {
  readonly name: string
  readonly title: string
  /** Run with a case's args it prints one `Sample` as JSON. */
  readonly file: string
  readonly rounds: number
  readonly cases: readonly Case[]
  readonly metrics: readonly Metric[]
  /** Lines to print below the table. */
  readonly conclude: (results: readonly CaseResult[]) => readonly string[]
}

export type Spread = { readonly median: number; readonly min: number; readonly max: number }
export type CaseResult = Pick<Case, 'labels' | 'group'> & { readonly metrics: Readonly<Record<string, Spread>> }

/** Throws when cases of one group disagree: a fast wrong answer is no result. */
export async function runBench(bench: Bench, onRound: (round: number) => void): Promise<CaseResult[]> {
  const samples = new Map<Case, Sample[]>(bench.cases.map((each) => [each, []]))
  for (let round = 0; round < bench.rounds; round += 1) {
    onRound(round)
    for (const each of round % 2 === 0 ? bench.cases : bench.cases.toReversed()) {
      samples.get(each)!.push(await measure(bench.file, each.args))
    }
  }
  const results = [...samples].map(([{ labels, group }, list]) => ({ labels, group, metrics: summarise(list) }))
  demandAgreement(samples)
  return results
}

/** The middle value; the mean of the two middle ones where there are two. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}

async function measure(file: string, args: readonly string[]): Promise<Sample> {
  const { stdout } = await promisify(execFile)(process.execPath, ['--expose-gc', file, ...args], { maxBuffer: 1 << 20 })
  // The same file wrote it a moment ago, so the cast cannot lie.
  return JSON.parse(stdout) as Sample
}

function summarise(samples: readonly Sample[]): Record<string, Spread> {
  const names = Object.keys(samples[0]?.metrics ?? {})
  return Object.fromEntries(
    names.map((name) => {
      const values = samples.map((sample) => sample.metrics[name]!)
      return [name, { median: median(values), min: Math.min(...values), max: Math.max(...values) }]
    }),
  )
}

function demandAgreement(samples: ReadonlyMap<Case, readonly Sample[]>): void {
  const answers = new Map<string, string>()
  for (const [{ group, args }, list] of samples) {
    for (const { check } of list) {
      const expected = answers.get(group) ?? check
      if (check !== expected) throw new Error(`${group}: ${args.join(' ')} answers ${check}, others ${expected}`)
      answers.set(group, expected)
    }
  }
}

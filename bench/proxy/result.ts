/**
 * What a run leaves behind, as plain data: the JSON file, from which tables, chart and page are made.
 */
import { median } from '../run.ts'

/** One proxy, one round. Times in microseconds. */
export type Sample = {
  readonly requestsPerSecond: number
  readonly p50: number
  readonly p99: number
  readonly p999: number
  /** Processor time of the proxy with all its threads and processes, per request; absent without /proc. */
  readonly cpu?: number
  readonly failures: number
  /** Share of the machine's cores that was busy with what is not part of this run, 0 to 1; absent without /proc. */
  readonly others?: number
  /** Only with reloads: how many there were, and p99 of the load just before without them. */
  readonly reloads?: { readonly count: number; readonly quietP99: number; readonly quietCpu?: number }
}

export type PeerResult = {
  readonly peer: string
  readonly version: string
  /** Why its numbers are not those of an equal. */
  readonly unequal?: string
  /** Why there are no samples: no equivalent, or what went wrong. */
  readonly absent?: string
  /** Milliseconds from the start of the process to its first right answer. */
  readonly startMs?: number
  /** One per round, in order. */
  readonly samples: readonly Sample[]
}

export type ScenarioResult = {
  readonly name: string
  readonly title: string
  readonly driver: string
  readonly clients: number
  /** What is counted, where it is not requests. */
  readonly per?: 'handshake' | 'message'
  /** Of a request's bodies, where they are large. */
  readonly bodyBytes?: number
  /** Somebody had enough: it has fewer rounds than the run. */
  readonly brokenOff?: boolean
  /** Cores by number. */
  readonly cores: {
    readonly proxy: readonly number[]
    readonly load: readonly number[]
    readonly origin: readonly number[]
    readonly shared: boolean
  }
  readonly peers: readonly PeerResult[]
}

export type Machine = {
  readonly cpu: string
  readonly cores: number
  readonly memoryGiB: number
  readonly system: string
  readonly node: string
  readonly pinned: boolean
  /** One-minute load average when the run began. */
  readonly loadBefore: number
}

export type Run = {
  /** ISO date of the day. */
  readonly date: string
  readonly revision: string
  readonly machine: Machine
  readonly rounds: number
  readonly seconds: number
  readonly origin: string
  /** Peers that are not here, with the reason. */
  readonly missing: readonly { readonly peer: string; readonly reason: string }[]
  readonly scenarios: readonly ScenarioResult[]
}

export type Range = { readonly median: number; readonly min: number; readonly max: number }

/** Of the samples that have the number; `undefined` when none has. */
export function rangeOf(samples: readonly Sample[], number: (sample: Sample) => number | undefined): Range | undefined {
  const values = samples.flatMap((sample) => number(sample) ?? [])
  return values.length === 0
    ? undefined
    : { median: median(values), min: Math.min(...values), max: Math.max(...values) }
}

/** Round by round, for the machine may be slower in one of them: how many times the second's number the first's is. */
export function ratioOf(
  first: PeerResult,
  second: PeerResult,
  number: (sample: Sample) => number | undefined,
): Range | undefined {
  const ratios = first.samples.flatMap((sample, round) => {
    const other = second.samples[round]
    const [above, below] = [number(sample), other === undefined ? undefined : number(other)]
    return above === undefined || below === undefined || below === 0 ? [] : [above / below]
  })
  return ratios.length === 0
    ? undefined
    : { median: median(ratios), min: Math.min(...ratios), max: Math.max(...ratios) }
}

export function peerIn(scenario: ScenarioResult | undefined, name: string): PeerResult | undefined {
  return scenario?.peers.find(({ peer, samples }) => peer === name && samples.length > 0)
}

/** Genkan as people run it: with its fast lane where this build has one. */
export function genkanIn(scenario: ScenarioResult | undefined): PeerResult | undefined {
  return peerIn(scenario, 'Genkan') ?? peerIn(scenario, 'Genkan general lane')
}

/**
 * One scenario: every peer is started and checked, then measured in rounds, each in the opposite order of the one
 * before, and stopped. While one is measured the others stand idle. A peer that fails costs only its own cell.
 */
import type { Children } from './children.ts'
import type { Cores } from './cores.ts'
import type { Driver } from './drive.ts'
import { measure } from './measure.ts'
import type { Origin } from './origin.ts'
import type { Pace } from './pace.ts'
import { planOf } from './pace.ts'
import type { Peer, Place } from './peer.ts'
import type { PeerResult, ScenarioResult } from './result.ts'
import type { Load, Scenario } from './scenario.ts'
import type { Standing } from './standing.ts'
import { start } from './standing.ts'

export type Entrant = { readonly peer: Peer; readonly version: string }

export type ContestInit = {
  readonly scenario: Scenario
  readonly entrants: readonly Entrant[]
  readonly children: Children
  readonly cores: Cores
  readonly driver: Driver
  readonly origin: Origin
  readonly certificate: Place['certificate']
  /** A folder of the contest's own. */
  readonly dir: string
  readonly rounds: number
  readonly seconds: number
  readonly pace: Pace
  /** Planned for the scenarios behind this one, in seconds. */
  readonly ahead: number
  /** Aborts when somebody has had enough: whole rounds are kept. */
  readonly over: AbortSignal
  readonly say: (sentence: string) => void
}

/** `undefined` when it was broken off before the end of its first round. */
export async function contest(init: ContestInit): Promise<ScenarioResult | undefined> {
  const { scenario, entrants, driver, cores } = init
  const standings = entrants.map((entrant): Standing => ({
    entrant,
    samples: [],
    running: undefined,
    place: undefined,
    startMs: undefined,
    absent: whyNot(init, entrant),
  }))
  await race(init, standings)
  await Promise.all(standings.flatMap(({ running }) => (running === undefined ? [] : [running.child.stop()])))
  const counts = standings.flatMap(({ absent, samples }) => (absent === undefined ? [samples.length] : []))
  const whole = Math.min(init.rounds, ...counts)
  if (init.over.aborted && whole === 0) return undefined
  return {
    name: scenario.name,
    title: scenario.title,
    driver: driver.nameFor(scenario.load) ?? 'none',
    clients: scenario.load.clients,
    ...countedIn(scenario.load),
    ...(whole < init.rounds ? { brokenOff: true } : {}),
    cores,
    peers: standings.map((standing) => resultOf(standing, whole)),
  }
}

/** Why an entrant will not be measured: no equivalent, or no driver. */
export function whyNot(
  { scenario, driver }: Pick<ContestInit, 'scenario' | 'driver'>,
  { peer }: Entrant,
): string | undefined {
  if (driver.nameFor(scenario.load) === undefined) return 'h2load is not installed'
  if (scenario.reloadsPerSecond > 0 && peer.reload === undefined) return 'it has no reload'
  return peer.lacks(scenario.setup, scenario.load.protocol)
}

async function race(init: ContestInit, standings: readonly Standing[]): Promise<void> {
  const { scenario, rounds, pace, say } = init
  const plan = planOf(scenario, init.seconds)
  const racing = (): Standing[] => standings.filter(({ absent }) => absent === undefined)
  say(`${scenario.name}: ${racing().length} proxies start`)
  for (const standing of racing()) {
    await attempt(init, standing, () => start(init, standing))
    pace.passed(plan.around)
  }
  for (let round = 0; round < rounds && !init.over.aborted; round += 1) {
    const left = racing().length * (rounds - round) * plan.round + init.ahead
    say(`${scenario.name}: round ${round + 1} of ${rounds}, ${pace.left(left)}`)
    for (const standing of round % 2 === 0 ? racing() : racing().toReversed()) {
      await attempt(init, standing, async () => void standing.samples.push(await measure(init, standing)))
      pace.passed(plan.round)
    }
  }
}

async function attempt(init: ContestInit, standing: Standing, step: () => Promise<void>): Promise<void> {
  const { say, scenario, over } = init
  if (over.aborted) return
  try {
    await step()
  } catch (error) {
    // Everything has been stopped: that is nobody's fault.
    if (over.aborted) return
    standing.absent = error instanceof Error ? error.message : String(error)
    say(`${scenario.name}: ${standing.entrant.peer.name}: ${standing.absent}`)
    await standing.running?.child.stop()
    standing.running = undefined
  }
}

/** Where it is not requests, or where the bytes of their bodies are what counts. */
function countedIn({ per, body, answerBytes }: Load): Pick<ScenarioResult, 'per' | 'bodyBytes'> {
  const bodyBytes = Math.max(body.length, answerBytes)
  return {
    ...(per === 'request' ? {} : { per: per === 'message' ? ('message' as const) : ('handshake' as const) }),
    ...(bodyBytes < 1_048_576 ? {} : { bodyBytes }),
  }
}

function resultOf({ entrant, samples, absent, startMs }: Standing, whole: number): PeerResult {
  const { peer, version } = entrant
  return {
    peer: peer.name,
    version,
    ...(peer.unequal === undefined ? {} : { unequal: peer.unequal }),
    ...(startMs === undefined ? {} : { startMs: Math.round(startMs) }),
    // Half a measurement is none: rounds would be compared with those of others.
    ...(absent === undefined ? { samples: samples.slice(0, whole) } : { absent, samples: [] }),
  }
}

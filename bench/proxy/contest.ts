/**
 * One scenario: every peer is started and checked, then measured in rounds, each in the opposite order of the one
 * before, and stopped. While one is measured the others stand idle. A peer that fails costs only its own cell.
 */
import { mkdirSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { ask } from './ask.ts'
import { check, portOf } from './check.ts'
import type { Child, Children } from './children.ts'
import type { Cores } from './cores.ts'
import { machineBusyMs, treeCpuMs } from './cpu.ts'
import type { Drive, Driven, Driver } from './drive.ts'
import type { Origin } from './origin.ts'
import type { Peer, Place } from './peer.ts'
import type { PeerResult, Sample, ScenarioResult } from './result.ts'
import type { Load, Scenario } from './scenario.ts'
import { askedHosts, generationHost, hostsOf } from './scenario.ts'
import { freePorts, until } from './wait.ts'

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
  readonly say: (sentence: string) => void
}

/** Ten thousand rules take some proxies a while. */
const startTimeoutMs = 120_000
const reloadTimeoutMs = 10_000
/** Until somebody who answers must answer well; some listen before they have read all rules. */
const settleMs = 30_000
const warmRequests = 20_000

type Standing = {
  readonly entrant: Entrant
  readonly samples: Sample[]
  running: { readonly child: Child; readonly drive: Drive } | undefined
  place: Place | undefined
  startMs: number | undefined
  absent: string | undefined
}

export async function contest(init: ContestInit): Promise<ScenarioResult> {
  const { scenario, entrants, driver, cores, say } = init
  const standings = entrants.map((entrant): Standing => ({
    entrant,
    samples: [],
    running: undefined,
    place: undefined,
    startMs: undefined,
    absent: whyNot(init, entrant),
  }))
  for (const standing of standings) await attempt(init, standing, () => start(init, standing))
  for (let round = 0; round < init.rounds; round += 1) {
    say(`${scenario.name}: round ${round + 1} of ${init.rounds}`)
    for (const standing of round % 2 === 0 ? standings : standings.toReversed()) {
      await attempt(init, standing, async () => void standing.samples.push(await measure(init, standing)))
    }
  }
  for (const { running } of standings) await running?.child.stop()
  return {
    name: scenario.name,
    title: scenario.title,
    driver: driver.nameFor(scenario.load) ?? 'none',
    clients: scenario.load.clients,
    ...countedIn(scenario.load),
    cores,
    peers: standings.map(resultOf),
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

function whyNot({ scenario, driver }: ContestInit, { peer }: Entrant): string | undefined {
  if (driver.nameFor(scenario.load) === undefined) return 'h2load is not installed'
  if (scenario.reloadsPerSecond > 0 && peer.reload === undefined) return 'it has no reload'
  return peer.lacks(scenario.setup, scenario.load.protocol)
}

function resultOf({ entrant, samples, absent, startMs }: Standing): PeerResult {
  const { peer, version } = entrant
  // Half a measurement is none: rounds would be compared with those of others.
  const said = absent === undefined ? { samples } : { absent, samples: [] }
  return { peer: peer.name, version, ...(startMs === undefined ? {} : { startMs: Math.round(startMs) }), ...said }
}

async function attempt({ say, scenario }: ContestInit, standing: Standing, step: () => Promise<void>): Promise<void> {
  if (standing.absent !== undefined) return
  try {
    await step()
  } catch (error) {
    standing.absent = error instanceof Error ? error.message : String(error)
    say(`${scenario.name}: ${standing.entrant.peer.name}: ${standing.absent}`)
    await standing.running?.child.stop()
    standing.running = undefined
  }
}

async function start(init: ContestInit, standing: Standing): Promise<void> {
  const { scenario, children, cores, origin, driver, seconds } = init
  const { peer } = standing.entrant
  const place = await placeFor(init, peer)
  standing.place = place
  const port = portOf(scenario.load, place)
  peer.write(place)
  const began = performance.now()
  const child = children.start(peer.launch(place), cores.proxy)
  const drive: Drive = { load: scenario.load, port, hosts: askedHosts(place.hosts), cookie: undefined, seconds }
  standing.running = { child, drive }
  const question = { port, host: place.hosts.at(-1)!, path: '/small', protocol: scenario.load.protocol }
  let heard = Infinity
  await until('its first answer', startTimeoutMs, async () => {
    if (!child.alive()) return true
    const answer = await ask(question)
    if (answer !== undefined) heard = Math.min(heard, performance.now())
    return answer?.status === 200 || performance.now() - heard > settleMs
  })
  if (!child.alive()) throw new Error(`it ended: ${child.said().trim().slice(-300)}`)
  standing.startMs = performance.now() - began
  const { cookie } = await check({ scenario, place, origin, port })
  const doubt = peer.verify?.(place)
  if (doubt !== undefined) throw new Error(doubt)
  standing.running = { child, drive: { ...drive, cookie } }
  await warmUp(driver, { ...drive, cookie, seconds: 1 }, seconds)
}

/** A JIT needs requests, not seconds; proxies so slow that they never get there have had a fair time. */
async function warmUp(driver: Driver, drive: Drive, seconds: number): Promise<void> {
  let requests = 0
  for (let second = 0; second < 2 * seconds && requests < warmRequests; second += 1) {
    requests += (await driver.drive(drive)).requests
  }
}

async function placeFor({ scenario, dir, origin, certificate }: ContestInit, peer: Peer): Promise<Place> {
  const { setup } = scenario
  const [http = 0, https = 0, admin = 0] = await freePorts(3)
  const own = join(dir, peer.name.replaceAll(/\W+/g, '-'))
  mkdirSync(own, { recursive: true })
  // nginx would answer before a body is there, and has no WebSockets.
  const needsNode = setup.webSockets || (setup.streams && scenario.load.method === 'POST')
  const one = needsNode ? [origin.nodePort] : origin.ports.slice(0, 1)
  const origins = setup.sticky ? origin.ports : one
  const changing = scenario.reloadsPerSecond > 0
  return { dir: own, http, https, admin, origins, hosts: hostsOf(setup), certificate, setup, generation: 0, changing }
}

async function measure(init: ContestInit, standing: Standing): Promise<Sample> {
  const { scenario, driver } = init
  const { child, drive } = standing.running!
  const quiet = await observed(child, () => driver.drive(drive))
  if (scenario.reloadsPerSecond === 0) return quiet
  let count = 0
  const sample = await observed(child, async () => {
    const [driven, reloads] = await whileDriving(driver.drive(drive), (over) => reloadUntil(over, init, standing))
    count = reloads
    return driven
  })
  await demandLive(init, standing)
  const quietCpu = quiet.cpu === undefined ? {} : { quietCpu: quiet.cpu }
  return { ...sample, reloads: { count, quietP99: quiet.p99, ...quietCpu } }
}

async function observed(child: Child, drive: () => Promise<Driven>): Promise<Sample> {
  const before = clocks(child.pid)
  const driven = await drive()
  const after = clocks(child.pid)
  if (!child.alive()) throw new Error(`it ended under load: ${child.said().trim().slice(-300)}`)
  const { requests, seconds, failures, p50, p99, p999 } = driven
  if (requests === 0) throw new Error('not one request was answered')
  const cpu = difference(before.proxy, after.proxy)
  const all = difference(before.machine, after.machine)
  const own = difference(before.own, after.own)
  const wall = (after.at - before.at) * availableParallelism()
  return {
    requestsPerSecond: requests / seconds,
    p50,
    p99,
    p999,
    failures,
    ...(cpu === undefined ? {} : { cpu: (cpu * 1_000) / requests }),
    ...(all === undefined || own === undefined ? {} : { others: Math.min(1, Math.max(0, (all - own) / wall)) }),
  }
}

function clocks(pid: number) {
  return { at: performance.now(), proxy: treeCpuMs(pid), machine: machineBusyMs(), own: treeCpuMs(process.pid) }
}

function difference(before: number | undefined, after: number | undefined): number | undefined {
  return before === undefined || after === undefined ? undefined : after - before
}

async function whileDriving<A, B>(driving: Promise<A>, beside: (over: AbortSignal) => Promise<B>): Promise<[A, B]> {
  const over = new AbortController()
  return Promise.all([driving.finally(() => over.abort()), beside(over.signal)])
}

/** Changes the configuration at an even pace until the load is over; resolves with how often. */
async function reloadUntil(over: AbortSignal, { scenario }: ContestInit, standing: Standing): Promise<number> {
  let count = 0
  const pauseMs = 1_000 / scenario.reloadsPerSecond
  while (!(await pause(pauseMs, over))) {
    const place = { ...standing.place!, generation: standing.place!.generation + 1 }
    standing.place = place
    await standing.entrant.peer.reload!(place, standing.running!.child.pid)
    count += 1
  }
  return count
}

/** Resolves after the pause, or at once with true when it is over. */
function pause(ms: number, over: AbortSignal): Promise<boolean> {
  return new Promise((resolve) => {
    if (over.aborted) return resolve(true)
    const stop = (): void => {
      clearTimeout(timer)
      resolve(true)
    }
    const timer = setTimeout(() => {
      over.removeEventListener('abort', stop)
      resolve(false)
    }, ms)
    over.addEventListener('abort', stop, { once: true })
  })
}

/** The newest configuration is the one that serves: else nothing was reloaded at all. */
async function demandLive({ scenario }: ContestInit, { place }: Standing): Promise<void> {
  const { load } = scenario
  const question = {
    port: portOf(load, place!),
    host: generationHost(place!.generation),
    path: '/small',
    protocol: load.protocol,
  }
  await until('the newest configuration serves', reloadTimeoutMs, async () => (await ask(question))?.status === 200)
}

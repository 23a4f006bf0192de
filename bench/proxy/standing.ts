/**
 * One proxy in one scenario: configured, started, checked and warmed up.
 */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { ask } from './ask.ts'
import { check, portOf } from './check.ts'
import type { Child } from './children.ts'
import type { ContestInit, Entrant } from './contest.ts'
import { treeCpuMs } from './cpu.ts'
import type { Drive, Driver } from './drive.ts'
import type { Peer, Place } from './peer.ts'
import type { Sample } from './result.ts'
import { askedHosts, hostsOf } from './scenario.ts'
import { freePorts, until } from './wait.ts'

export type Standing = {
  readonly entrant: Entrant
  readonly samples: Sample[]
  running: { readonly child: Child; readonly drive: Drive } | undefined
  place: Place | undefined
  startMs: number | undefined
  /** Why it has no numbers. */
  absent: string | undefined
}

/** Ten thousand rules take some proxies a while. */
const startTimeoutMs = 120_000
/** Until somebody who answers must answer well; some listen before they have read all rules. */
const settleMs = 30_000
const warmRequests = 20_000
/** A JIT that still makes a request cheaper by more than this within a second has not come to its end. */
const stillWarming = 0.95

/** Rejects with a sentence that says what it does not do. */
export async function start(init: ContestInit, standing: Standing): Promise<void> {
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
  const { cookie } = await check({ scenario, peer, place, origin, port })
  const doubt = peer.verify?.(place)
  if (doubt !== undefined) throw new Error(doubt)
  standing.running = { child, drive: { ...drive, cookie } }
  await warmUp(driver, { ...drive, cookie }, child)
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

/**
 * A JIT needs requests, not seconds. Where few are enough, as with large bodies and handshakes, the processor time of
 * one says when it has had them; proxies so slow that they never get there have had a fair time.
 */
async function warmUp(driver: Driver, drive: Drive, child: Child): Promise<void> {
  let requests = 0
  let last = Infinity
  for (let second = 0; second < 2 * drive.seconds && requests < warmRequests; second += 1) {
    const before = treeCpuMs(child.pid)
    const driven = await driver.drive({ ...drive, seconds: 1 })
    const after = treeCpuMs(child.pid)
    requests += driven.requests
    if (before === undefined || after === undefined || driven.requests === 0) continue
    const cost = (after - before) / driven.requests
    if (cost > last * stillWarming) return
    last = cost
  }
}

/**
 * One round of one proxy: load, and clocks before and after it.
 */
import { availableParallelism } from 'node:os'
import { ask } from './ask.ts'
import { portOf } from './check.ts'
import type { Child } from './children.ts'
import type { ContestInit } from './contest.ts'
import { machineBusyMs, treeCpuMs } from './cpu.ts'
import type { Driven } from './drive.ts'
import { strayed } from './pinning.ts'
import type { Sample } from './result.ts'
import { generationHost } from './scenario.ts'
import type { Standing } from './standing.ts'
import { until } from './wait.ts'

const reloadTimeoutMs = 10_000

/** Rejects when the proxy ends, answers nothing, or leaves its cores. */
export async function measure(init: ContestInit, standing: Standing): Promise<Sample> {
  const { scenario, driver } = init
  const { child, drive } = standing.running!
  const quiet = await observed(init, child, () => driver.drive(drive))
  if (scenario.reloadsPerSecond === 0) return quiet
  let count = 0
  const sample = await observed(init, child, async () => {
    const [driven, reloads] = await whileDriving(driver.drive(drive), (over) => reloadUntil(over, init, standing))
    count = reloads
    return driven
  })
  await demandLive(init, standing)
  const quietCpu = quiet.cpu === undefined ? {} : { quietCpu: quiet.cpu }
  return { ...sample, reloads: { count, quietP99: quiet.p99, ...quietCpu } }
}

async function observed({ children, cores }: ContestInit, child: Child, drive: () => Promise<Driven>): Promise<Sample> {
  const before = clocks(child.pid)
  const driven = await drive()
  const after = clocks(child.pid)
  if (!child.alive()) throw new Error(`it ended under load: ${child.said().trim().slice(-300)}`)
  const stray = children.pinned ? strayed(child.pid, cores.proxy) : undefined
  if (stray !== undefined) throw new Error(stray)
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

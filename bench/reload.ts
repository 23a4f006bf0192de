/**
 * `node bench/reload.ts [--ingresses 10000] [--changes 30] [--workers 2] [--streams 0] [--clients 4] [--json]`
 *
 * Starts `genkan serve` on a folder of that many Ingresses, one file each, changes one file after the other, and says
 * how long it took from the write until every worker routed by it, how much processor time that was, how late each
 * worker's event loop was meanwhile, and how much of that was our doing.
 * With `--streams` that many WebSockets, event streams and HTTP/2 streams are open all the while. The numbers before the
 * first change are what the machine itself does to a process that has nothing to do but its load. Exits with 1 when a request
 * failed, a stream broke, or a bound was missed.
 */
import { spawn } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { request } from 'undici'
import type { OpenStreams } from '../test/support/open-streams.ts'
import { openStreams, startStreamOrigin } from '../test/support/open-streams.ts'
import { steadyLoad } from '../test/support/steady-load.ts'
import { median } from './run.ts'

const options = {
  ingresses: { type: 'string', default: '10000' },
  changes: { type: 'string', default: '30' },
  workers: { type: 'string', default: '2' },
  streams: { type: 'string', default: '0' },
  clients: { type: 'string', default: '4' },
  json: { type: 'boolean', default: false },
} as const
const { values } = parseArgs({ options })
const wanted = {
  ingresses: Number(values.ingresses),
  changes: Number(values.changes),
  workers: Number(values.workers),
  streams: Number(values.streams),
  clients: Number(values.clients),
}

/** What the issue of a change promises: milliseconds from the write to live, and of blocking in any worker. */
const bounds = { liveMs: 1_000, blockedMs: 20 }
const quietMs = 5_000
/** Of each client between two requests: enough load to notice a failure, and cores left to measure with. */
const pauseMs = 10

type Ports = { readonly http: number; readonly https: number; readonly admin: number }
type Delay = { readonly p99: number; readonly max: number; readonly slice: number }

const site = (number: number, version: number, port: number): string => `
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: site-${number}, annotations: {nginx.ingress.kubernetes.io/proxy-read-timeout: "600"}}
spec:
  rules:
  - host: site-${number}.test
    http:
      paths:
      - {path: /, pathType: Prefix, backend: {service: {name: site-${number}, port: {number: 80}}}}
      - {path: /version-${version}, pathType: Exact, backend: {service: {name: site-${number}, port: {number: 80}}}}
---
apiVersion: v1
kind: Service
metadata: {name: site-${number}}
spec: {ports: [{port: 80}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: site-${number}, labels: {kubernetes.io/service-name: site-${number}}}
addressType: IPv4
endpoints: [{addresses: [127.0.0.1]}]
ports: [{name: "", port: ${port}}]
`

async function run(): Promise<boolean> {
  const folder = await mkdtemp(join(tmpdir(), 'genkan-reload-'))
  const origin = await startStreamOrigin()
  const fileOf = (number: number): string => join(folder, 'sites', `site-${number}.yaml`)
  await mkdir(join(folder, 'sites'))
  for (let number = 0; number < wanted.ingresses; number++)
    await writeFile(fileOf(number), site(number, 0, origin.port))
  const args = [
    'bin/genkan.js',
    'serve',
    join(folder, 'sites'),
    '--bind',
    '127.0.0.1',
    '--http-port',
    '0',
    '--https-port',
    '0',
    '--admin',
    '127.0.0.1:0',
  ]
  const begun = performance.now()
  const portsFile = join(folder, 'ports.json')
  const child = spawn(
    process.execPath,
    [
      ...args,
      '--access-log',
      'off',
      '--log-level',
      'warn',
      '--workers',
      String(wanted.workers),
      '--ports-file',
      portsFile,
    ],
    { stdio: ['ignore', 'ignore', 'inherit'] },
  )
  try {
    const ports = await portsOf(portsFile)
    const { main: firstMs } = cpuOf(child.pid!)
    const start = `${Math.round(performance.now() - begun)} ms, ${Math.round(firstMs)} ms of CPU in the main thread`
    say(`${wanted.ingresses} Ingresses are served after ${start}; ${memoryOf(child.pid!)}`)
    const write = async (change: number): Promise<void> => {
      const number = change % wanted.ingresses
      await writeFile(fileOf(number), site(number, change + 1, origin.port))
    }
    const good = await measure({ ports, pid: child.pid!, write })
    say(`at the end: ${memoryOf(child.pid!)}`)
    return good
  } finally {
    child.kill('SIGKILL')
    origin.close()
    await rm(folder, { recursive: true })
  }
}

type Subject = { readonly ports: Ports; readonly pid: number; readonly write: (change: number) => Promise<void> }

async function measure({ ports, pid, write }: Subject): Promise<boolean> {
  const load =
    wanted.clients === 0 ? undefined : steadyLoad(ports.http, 'site-0.test', { clients: wanted.clients, pauseMs })
  const streams =
    wanted.streams === 0 ? undefined : await openStreams({ ...ports, host: 'site-0.test', each: wanted.streams })
  await delaysOf(ports)
  await sleep(quietMs)
  const quiet = worst([await delaysOf(ports)])
  const live: number[] = []
  const cpu: Cpu[] = []
  const delays: (readonly Delay[])[] = []
  for (let change = 0; change < wanted.changes; change++) {
    const generation = await generationOf(ports)
    const [at, before] = [performance.now(), cpuOf(pid)]
    await write(change)
    while ((await generationOf(ports)) <= generation) await sleep(5)
    live.push(performance.now() - at)
    const after = cpuOf(pid)
    cpu.push({ main: after.main - before.main, others: after.others - before.others })
    delays.push(await delaysOf(ports))
  }
  await streams?.alive()
  const { good, bad } = (await load?.stop()) ?? { good: 0, bad: [] }
  return conclude({ quiet, live, cpu, busy: worst(delays), good, bad, streams })
}

type Findings = {
  readonly quiet: Delay
  readonly live: readonly number[]
  /** From the write until it is live; the requests of the load meanwhile are in that of the others. */
  readonly cpu: readonly Cpu[]
  readonly busy: Delay
  readonly good: number
  readonly bad: readonly string[]
  readonly streams: OpenStreams | undefined
}

function conclude({ quiet, live, cpu, busy, good, bad, streams }: Findings): boolean {
  const sorted = live.toSorted((a, b) => a - b)
  const broken = streams?.broken ?? []
  const found = {
    ...wanted,
    liveMs: { median: median(live), p99: sorted[Math.ceil(sorted.length * 0.99) - 1]!, max: sorted.at(-1)! },
    cpuMs: { main: median(cpu.map(({ main }) => main)), others: median(cpu.map(({ others }) => others)) },
    quietDelayMs: quiet,
    busyDelayMs: busy,
    answers: good,
    failed: bad.length,
    broken: broken.length,
  }
  streams?.close()
  if (values.json) process.stdout.write(`${JSON.stringify(found)}\n`)
  say(
    `write to live in all workers: median ${ms(found.liveMs.median)}, p99 ${ms(found.liveMs.p99)}, at most ${ms(found.liveMs.max)}`,
  )
  say(
    `CPU time per change: main thread median ${ms(found.cpuMs.main)}, at most ${ms(Math.max(...cpu.map(({ main }) => main)))}; all other threads with their requests ${ms(found.cpuMs.others)}`,
  )
  say(`event loop of the worst worker, before: p99 ${ms(quiet.p99)}, at most ${ms(quiet.max)}`)
  say(`event loop of the worst worker, during the changes: p99 ${ms(busy.p99)}, at most ${ms(busy.max)}`)
  say(`longest stretch of CPU time that a change took from requests: ${ms(busy.slice)}`)
  say(
    `${good} good answers, ${bad.length} bad ones, ${broken.length} broken streams ${[...bad, ...broken].slice(0, 3).join('; ')}`,
  )
  return bad.length + broken.length === 0 && found.liveMs.max <= bounds.liveMs && busy.slice <= bounds.blockedMs
}

function worst(samples: readonly (readonly Delay[])[]): Delay {
  const all = samples.flat()
  return {
    p99: Math.max(...all.map(({ p99 }) => p99)),
    max: Math.max(...all.map(({ max }) => max)),
    slice: Math.max(...all.map(({ slice }) => slice)),
  }
}

/** Processor time in milliseconds, of the main thread and of all others; nothing where the kernel does not say. */
type Cpu = { readonly main: number; readonly others: number }

function cpuOf(pid: number): Cpu {
  const of = (thread: string): number => {
    try {
      return Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ')[0]) / 1e6
    } catch {
      return 0
    }
  }
  const main = of(String(pid))
  const threads = process.platform === 'linux' ? readdirSync(`/proc/${pid}/task`) : []
  return { main, others: threads.reduce((sum, thread) => sum + of(thread), 0) - main }
}

/** `612 MiB resident, 702 MiB at most`. */
function memoryOf(pid: number): string {
  if (process.platform !== 'linux') return 'memory unknown'
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  const of = (name: string): number => Math.round(Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)?.[1]) / 1024)
  return `${of('VmRSS')} MiB resident, ${of('VmHWM')} MiB at most`
}

const ms = (value: number): string => `${value.toFixed(1)} ms`

async function portsOf(file: string): Promise<Ports> {
  for (;;) {
    const text = await readFile(file, 'utf8').catch(() => '')
    // `serve` writes it as a whole, with these fields.
    if (text !== '') return JSON.parse(text) as Ports
    await sleep(50)
  }
}

/** From the page that costs the process the least. */
async function generationOf({ admin }: Ports): Promise<number> {
  const { body } = await request(`http://127.0.0.1:${admin}/readyz`)
  return Number(/generation (\d+)/.exec(await body.text())?.[1])
}

/** Of every worker, since the last call. */
async function delaysOf({ admin }: Ports): Promise<readonly Delay[]> {
  const { body } = await request(`http://127.0.0.1:${admin}/metrics`)
  const text = await body.text()
  const read = (name: string, label = ''): number[] =>
    [...text.matchAll(/^genkan_worker_(\w+)_seconds\{([^}]*)\} (\S+)$/gm)]
      .filter(([, each, labels]) => each === name && labels!.includes(label))
      .map(([, , , value]) => Number(value) * 1_000)
  const [max, slice] = [read('loop_delay', 'quantile="1"'), read('longest_slice')]
  return read('loop_delay', 'quantile="0.99"').map((p99, worker) => ({ p99, max: max[worker]!, slice: slice[worker]! }))
}

function say(line: string): void {
  process.stderr.write(`${line}\n`)
}

process.exitCode = (await run()) ? 0 : 1

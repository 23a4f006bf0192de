/**
 * `npm run bench:proxy`: Genkan beside every other proxy that is installed, in one run. See docs/performance.md for
 * how it is measured and what came out of it.
 */
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { generate } from 'selfsigned'
import { drawChart } from './proxy/chart.ts'
import { Children } from './proxy/children.ts'
import type { ContestInit, Entrant } from './proxy/contest.ts'
import { contest, whyNot } from './proxy/contest.ts'
import type { Cores } from './proxy/cores.ts'
import { coresFor } from './proxy/cores.ts'
import { Driver } from './proxy/drive.ts'
import { machine, revision } from './proxy/machine.ts'
import type { Options } from './proxy/options.ts'
import { readOptions, usage } from './proxy/options.ts'
import { startOrigin } from './proxy/origin.ts'
import { Pace, planOf } from './proxy/pace.ts'
import type { Place } from './proxy/peer.ts'
import { peers } from './proxy/peers.ts'
import { printGoals, printScenario } from './proxy/print.ts'
import type { Run, ScenarioResult } from './proxy/result.ts'
import { resume } from './proxy/resume.ts'
import type { Scenario } from './proxy/scenario.ts'
import { scenarios } from './proxy/scenario.ts'

const say = (sentence: string): void => void process.stderr.write(`${sentence}\n`)

async function main(): Promise<number> {
  const options = readOptions(process.argv.slice(2))
  if ('problems' in options) {
    const isHelp = options.problems.length === 0
    say(isHelp ? usage : [...options.problems, '', usage].join('\n'))
    return isHelp ? 0 : 2
  }
  const children = new Children()
  const dir = mkdtempSync(join(tmpdir(), 'genkan-bench-'))
  // Started by root, the workers of some proxies are somebody else.
  chmodSync(dir, 0o755)
  const over = endWith(children, dir)
  try {
    const run = await race(options, { children, dir, over })
    if (run === undefined) return 2
    if (run.scenarios.length === 0) return 130
    process.stdout.write(`${printGoals(run)}\n`)
    write(options.json, textOf(run))
    say(`written: ${options.json}`)
    if (options.svg !== undefined) {
      write(options.svg, drawChart(run))
      say(`written: ${options.svg}`)
    }
    if (!over.aborted) return 0
    say(`broken off; the same command goes on with it when --resume ${options.json} is added`)
    return 130
  } finally {
    await children.stopAll()
    rmSync(dir, { recursive: true, force: true })
  }
}

type Site = { readonly children: Children; readonly dir: string; readonly over: AbortSignal }

/** `undefined` when the run cannot begin; why has been said. */
async function race(options: Options, { children, dir, over }: Site): Promise<Run | undefined> {
  const { rounds, seconds } = options
  const { entrants, missing } = await gather(options, children)
  for (const { peer, reason } of missing) say(`${peer}: ${reason}`)
  const where = machine(children.pinned)
  if (!children.pinned) say('taskset is not installed: proxies and load are not kept apart')
  const origin = await startOrigin({ children, dir: join(dir, 'origin'), cores: coresFor(1).origin })
  const date = new Date().toISOString().slice(0, 10)
  const fixed = { date, revision: revision(), machine: where, rounds, seconds, origin: origin.kind, missing }
  const begun = resumed(options, { ...fixed, scenarios: [] }, entrants)
  if (begun === undefined) return undefined
  const certificate = await writeCertificate(dir)
  const plans = plansOf(options, begun, { entrants, children, dir })
  const pace = new Pace()
  const secondsOf = (from: number): number => plans.slice(from).reduce((sum, plan) => sum + plan.seconds, 0)
  say(`${plans.length} scenarios, ${entrants.length} proxies: ${pace.left(secondsOf(0))}`)
  let run = begun
  for (const [index, { scenario, driver, cores }] of plans.entries()) {
    const own = join(dir, scenario.name)
    const ahead = secondsOf(index + 1)
    const common = { entrants, children, origin, certificate, rounds, seconds, over, say }
    const result = await contest({ ...common, scenario, cores, driver, dir: own, pace, ahead })
    rmSync(own, { recursive: true, force: true })
    if (result === undefined) break
    process.stdout.write(`\n${printScenario(result)}\n\n`)
    run = { ...run, scenarios: inOrder([...run.scenarios, result]) }
    // A long run that is broken off keeps what it has measured.
    write(options.json, textOf(run))
    if (over.aborted) break
  }
  return run
}

function resumed({ resume: file }: Options, fresh: Run, entrants: readonly Entrant[]): Run | undefined {
  if (file === undefined) return fresh
  const found = resume(file, fresh, entrants)
  if ('run' in found) return found.run
  for (const problem of found.problems) say(problem)
  return undefined
}

type Planned = {
  readonly scenario: Scenario
  readonly cores: Cores
  readonly driver: Driver
  /** How long all its proxies should take. */
  readonly seconds: number
}

/** The scenarios that are wanted and that the run does not have yet. */
function plansOf(
  options: Options,
  begun: Run,
  { entrants, children, dir }: Pick<ContestInit, 'entrants' | 'children' | 'dir'>,
): Planned[] {
  const has = (name: string): boolean => begun.scenarios.some((result) => result.name === name)
  const wanted = scenarios.filter(({ name }) => options.scenarios.includes(name) && !has(name))
  return wanted.map((scenario) => {
    const cores = coresFor(scenario.setup.workers)
    const driver = new Driver({ children, dir, cores: cores.load, wanted: options.driver })
    const racing = entrants.filter((entrant) => whyNot({ scenario, driver }, entrant) === undefined)
    const { around, round } = planOf(scenario, options.seconds)
    return { scenario, cores, driver, seconds: racing.length * (around + options.rounds * round) }
  })
}

function inOrder(results: readonly ScenarioResult[]): ScenarioResult[] {
  const place = ({ name }: ScenarioResult): number => scenarios.findIndex((scenario) => scenario.name === name)
  return results.toSorted((a, b) => place(a) - place(b))
}

async function gather(
  options: Options,
  children: Children,
): Promise<{ readonly entrants: readonly Entrant[]; readonly missing: Run['missing'] }> {
  const entrants: Entrant[] = []
  const missing: { readonly peer: string; readonly reason: string }[] = []
  for (const peer of peers.filter(({ name }) => options.peers.includes(name))) {
    const found = await peer.find(children)
    if ('version' in found) entrants.push({ peer, version: found.version })
    else missing.push({ peer: peer.name, reason: found.missing })
  }
  return { entrants, missing }
}

/** P-256, as issuers give out today; the same for every proxy. */
async function writeCertificate(dir: string): Promise<Place['certificate']> {
  const names = [{ type: 2 as const, value: '*.bench.test' }]
  const { cert, private: key } = await generate([{ name: 'commonName', value: 'bench.test' }], {
    keyType: 'ec',
    curve: 'P-256',
    algorithm: 'sha256',
    extensions: [{ name: 'subjectAltName', altNames: names }],
  })
  const paths = { chain: join(dir, 'bench.crt'), key: join(dir, 'bench.key'), both: join(dir, 'bench.pem') }
  writeFileSync(paths.chain, cert)
  writeFileSync(paths.key, key)
  writeFileSync(paths.both, `${cert}\n${key}`)
  return paths
}

/**
 * Nothing stays behind: not when all is well, not on Ctrl-C, not after a bug. The first Ctrl-C aborts the signal, and the
 * run writes down what it has; the second does not wait for that.
 */
function endWith(children: Children, dir: string): AbortSignal {
  const over = new AbortController()
  const stop = (code: number) => (): void => {
    if (over.signal.aborted) process.exit(code)
    over.abort()
    void children.stopAll()
  }
  process.on('SIGINT', stop(130))
  process.on('SIGTERM', stop(143))
  process.on('exit', () => {
    children.killAll()
    rmSync(dir, { recursive: true, force: true })
  })
  return over.signal
}

function textOf(run: Run): string {
  return `${JSON.stringify(run, undefined, 1)}\n`
}

function write(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, text)
}

process.exitCode = await main()

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
import type { Entrant } from './proxy/contest.ts'
import { contest } from './proxy/contest.ts'
import { coresFor } from './proxy/cores.ts'
import { Driver } from './proxy/drive.ts'
import { machine, revision } from './proxy/machine.ts'
import type { Options } from './proxy/options.ts'
import { readOptions, usage } from './proxy/options.ts'
import { startOrigin } from './proxy/origin.ts'
import type { Place } from './proxy/peer.ts'
import { peers } from './proxy/peers.ts'
import { printGoals, printScenario } from './proxy/print.ts'
import type { Run, ScenarioResult } from './proxy/result.ts'
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
  endWith(children, dir)
  try {
    const run = await race(options, children, dir)
    process.stdout.write(`${printGoals(run)}\n`)
    say(`written: ${options.json}`)
    if (options.svg !== undefined) {
      write(options.svg, drawChart(run))
      say(`written: ${options.svg}`)
    }
    return 0
  } finally {
    await children.stopAll()
    rmSync(dir, { recursive: true, force: true })
  }
}

async function race(options: Options, children: Children, dir: string): Promise<Run> {
  const { entrants, missing } = await gather(options, children)
  for (const { peer, reason } of missing) say(`${peer}: ${reason}`)
  const where = machine(children.pinned)
  if (!children.pinned) say('taskset is not installed: proxies and load are not kept apart')
  const origin = await startOrigin({ children, dir: join(dir, 'origin'), cores: coresFor(1).origin })
  const certificate = await writeCertificate(dir)
  const results: ScenarioResult[] = []
  const { rounds, seconds } = options
  const run: Run = {
    date: new Date().toISOString().slice(0, 10),
    revision: revision(),
    machine: where,
    rounds,
    seconds,
    origin: origin.kind,
    missing,
    scenarios: results,
  }
  for (const scenario of scenarios.filter(({ name }) => options.scenarios.includes(name))) {
    const cores = coresFor(scenario.setup.workers)
    const driver = new Driver({ children, dir, cores: cores.load, wanted: options.driver })
    const own = join(dir, scenario.name)
    const result = await contest({
      scenario,
      entrants,
      children,
      cores,
      driver,
      origin,
      certificate,
      dir: own,
      rounds,
      seconds,
      say,
    })
    rmSync(own, { recursive: true, force: true })
    process.stdout.write(`\n${printScenario(result)}\n\n`)
    results.push(result)
    // A long run that is broken off keeps what it has measured.
    write(options.json, `${JSON.stringify(run, undefined, 1)}\n`)
  }
  return run
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

/** Nothing stays behind: not when all is well, not on Ctrl-C, not after a bug. */
function endWith(children: Children, dir: string): void {
  const stop = (code: number) => (): void => {
    void children.stopAll().finally(() => process.exit(code))
  }
  process.once('SIGINT', stop(130))
  process.once('SIGTERM', stop(143))
  process.on('exit', () => {
    children.killAll()
    rmSync(dir, { recursive: true, force: true })
  })
}

function write(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, text)
}

process.exitCode = await main()

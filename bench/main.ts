/**
 * `npm run bench [-- name… --json]`: all benches, or those named, one table each; `--json` writes one line of numbers
 * per bench instead.
 */
import { parseArgs } from 'node:util'
import { balancing } from './micro/balancing.ts'
import { compile } from './micro/compile.ts'
import { endpointDiff } from './micro/endpoint-diff.ts'
import { policies } from './micro/policies.ts'
import { routeMatch } from './micro/route-match.ts'
import { snapshot } from './micro/snapshot.ts'
import { telemetry } from './micro/telemetry.ts'
import { printTable } from './print-table.ts'
import type { Bench } from './run.ts'
import { runBench } from './run.ts'

const benches: readonly Bench[] = [routeMatch, policies, balancing, telemetry, endpointDiff, compile, snapshot]

const options = { json: { type: 'boolean', default: false } } as const
const { values, positionals } = parseArgs({ options, allowPositionals: true })
const unknown = positionals.filter((name) => !benches.some((bench) => bench.name === name))
if (unknown.length > 0) {
  const known = benches.map((bench) => bench.name).join(', ')
  process.stderr.write(`no bench named ${unknown.join(', ')}; there are: ${known}\n`)
  process.exit(2)
}

const chosen = benches.filter((bench) => positionals.length === 0 || positionals.includes(bench.name))
for (const bench of chosen) {
  const started = performance.now()
  const results = await runBench(bench, (round) => {
    process.stderr.write(`${bench.name}: round ${round + 1} of ${bench.rounds}\n`)
  })
  const seconds = ((performance.now() - started) / 1_000).toFixed(0)
  const text = [printTable(bench, results), '', ...bench.conclude(results), `${process.version}, ${seconds} s in all`]
  const json = JSON.stringify({ bench: bench.name, node: process.version, results })
  process.stdout.write(values.json ? `${json}\n` : `\n${text.join('\n')}\n`)
}

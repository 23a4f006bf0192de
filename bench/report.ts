/**
 * Writes docs/performance.md and its chart from the JSON of a run: `node bench/report.ts [run.json]`. Without an
 * argument from docs/performance.json, the run the page was last made from; another run becomes that one. No number on
 * the page is written by hand.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { drawChart } from './proxy/chart.ts'
import { judge } from './proxy/goals.ts'
import { planOf } from './proxy/pace.ts'
import { columnsOf, unequalLines, verdictLines } from './proxy/print.ts'
import type { PeerResult, Run, ScenarioResult } from './proxy/result.ts'
import { genkanIn, rangeOf, ratioOf } from './proxy/result.ts'
import { scenarios as all } from './proxy/scenario.ts'

const docs = join(import.meta.dirname, '..', 'docs')

/** The whole page. */
export function performancePage(run: Run): string {
  return `# Performance

<!-- Written by bench/report.ts from docs/performance.json; edit the words there, measure the numbers again. -->

Genkan beside other proxies, all measured in one run of \`npm run bench:proxy\` on ${run.date}, at revision
\`${run.revision}\`. CPU time per request is the number to look at: it says how many requests a core can carry, and it
depends least on what else a machine does.

${caveats(run).join('\n\n')}

![CPU time per request by proxy and scenario](performance.svg)

## What Genkan wants to reach

${markdownTable(
  ['met', 'goal', 'measured'],
  judge(run).map(({ met, goal, measured }) => [met, goal, measured]),
)}

\`unclear\` means that rounds fall on both sides. \`unknown\` means that this run did not measure it.

## What Genkan is slower at

${slower(run)}

## Method

- **Machine**: ${machineLine(run)}.
- **Apart from one another**: ${apart(run)}. One worker or thread each, except where a scenario says 2 workers.
- **The same for all**: every proxy has an equivalent configuration, to be read in \`bench/peers/\`: kept connections to the
  clients and to the endpoints, \`X-Forwarded-For\` and \`-Proto\` and as many of nginx's other forwarding fields as a proxy can
  set, no access log unless the scenario is about it. Genkan's metrics are always on. Before anything is measured, every proxy must give the endpoint's answer byte for byte, pass on its
  fields, tell it the client's address and scheme, keep connections, refuse hosts that no rule names, bind sessions and write log
  lines where the scenario asks for them. Where a proxy has no equivalent, the table says so.
${unequals(run)}- **Endpoints**: ${run.origin === 'nginx' ? "nginx with fixed answers, because they cost far less than Node's do and share a core with the load" : 'a small Node server, for nginx is not installed here'}. Bodies that are sent
  and WebSockets end at a Node server, which reads all there is before it answers.
- **Load**: wrk, h2load for HTTP/2, autocannon where wrk is not installed, a Node program for handshakes and WebSocket
  messages. Every handshake is TLS 1.3 with X25519 and a connection of its own; it counts as resumed only when it was, and
  with none of the proxies the certificate or its key differ. All send the next request when the answer is
  there, so latencies are those of a proxy at its limit and compare proxies only with one another.
- **Rounds**: every proxy of a scenario is started, checked and warmed up until its requests become no cheaper, by at most
  20,000 of them or for twice as long as a round; then ${run.rounds} rounds of ${run.seconds} s each, one proxy at a
  time, every round in the opposite order of the one before. Numbers are medians with the least and the most of the rounds
  in parentheses; ratios are taken round by round.
- **CPU time** is user and system time of the proxy with all its threads and processes, as the kernel counts it, of
  those that have ended too, divided by the requests answered. A proxy with a thread that may run on another core than its
  own is not measured.
- **of nginx** is how many requests a proxy answers in the CPU time in which nginx answers one.
- **Winners** are named only when they lead by more than rounds differ.

## Numbers

${run.scenarios.map(section).join('\n\n')}

## Repeat it

\`\`\`sh
apt-get install nginx-light haproxy caddy wrk nghttp2-client   # whichever you want beside Genkan
                                                               # Envoy: apt.envoyproxy.io or a release of github.com/envoyproxy/envoy
                                                               # Traefik: a release of github.com/traefik/traefik; both on PATH
npm ci
npm run bench:proxy -- --json run.json                         # everything, 5 rounds of 5 s: about ${minutes(run)} minutes
npm run bench:proxy -- --json run.json --resume run.json       # the rest of it after Ctrl-C
npm run bench:proxy -- rules guarded --peers nginx,genkan      # some of it; --without leaves proxies out
npm run bench:proxy -- --quick                                 # does it work at all?
node bench/report.ts run.json                                  # this page from your numbers
npm run bench                                                  # the parts: routing, policies, balancing, compile, snapshots
node bench/reload.ts                                           # one of 10,000 Ingresses changes under load
node bench/rolling-update.ts                                   # every endpoint is replaced under load: not one failure
node bench/one-hanging.ts                                      # one of three endpoints stops answering under load
node bench/fuzz.ts 1000000                                     # the fast lane's parser against node's, a million inputs
\`\`\`
`
}

function caveats(run: Run): string[] {
  const samples = run.scenarios.flatMap(({ peers }) => peers.flatMap((peer) => peer.samples))
  const others = rangeOf(samples, (sample) => sample.others)
  const found: string[] = []
  if (others !== undefined && others.max > 0.05) {
    found.push(
      `**This run had to share its machine.** Other programs used ${percent(others.median)} of all cores in the median measurement and ${percent(others.max)} in the worst. Requests per second and latencies say little then; CPU times are inflated for all by cold caches. Ratios are to be taken as provisional.`,
    )
  }
  if (run.rounds * run.seconds < 25)
    found.push(`It was a short run: ${run.rounds} rounds of ${run.seconds} s. See the spreads.`)
  if (run.scenarios.some(({ cores }) => cores.shared))
    found.push(
      'Where proxy and load share a core, as in the scenario with 2 workers on two cores, only CPU times can be compared.',
    )
  const missing = run.missing.map(({ peer, reason }) => `${peer} (${reason})`)
  const broken = run.scenarios.filter(({ brokenOff }) => brokenOff === true).map(({ title }) => title)
  if (broken.length > 0) found.push(`Broken off before the last of its rounds: ${broken.join(', ')}.`)
  if (missing.length > 0) found.push(`Not part of this run: ${missing.join(', ')}.`)
  return found
}

function machineLine({ machine, scenarios }: Run): string {
  const { cpu, cores, memoryGiB, system, node, loadBefore } = machine
  const versions = new Map(scenarios.flatMap(({ peers }) => peers.map(({ peer, version }) => [peer, version] as const)))
  const list = [...versions].map(([peer, version]) => `${peer} ${version}`).join(', ')
  return `${cpu}, ${cores} cores, ${memoryGiB} GiB, ${system}, Node ${node}, load average ${loadBefore.toFixed(1)} at the start; ${list}`
}

function apart({ machine, scenarios }: Run): string {
  const cores = scenarios[0]?.cores
  if (!machine.pinned || cores === undefined)
    return 'proxies and load are not bound to cores (taskset is not installed)'
  return `proxies are bound to core ${cores.proxy.join(', ')}, the load to core ${cores.load.join(', ')}, the endpoints to core ${cores.origin.join(', ')}`
}

/** Of each that is no equal of the others, a point of the list that says so. */
function unequals({ scenarios }: Run): string {
  const reasons = new Map(scenarios.flatMap(({ peers }) => peers.map(({ peer, unequal }) => [peer, unequal] as const)))
  return [...reasons]
    .map(([peer, why]) => (why === undefined ? '' : `- **No equal**: ${peer}. ${capital(why)}.\n`))
    .join('')
}

function capital(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}`
}

/** Everything where somebody needs less CPU time, the worst first; per scenario only the best of them. */
function slower({ scenarios }: Run): string {
  const rows = scenarios.flatMap((scenario) => {
    const own = genkanIn(scenario)
    if (own === undefined) return []
    const rivals = scenario.peers.filter(({ peer, unequal }) => !peer.startsWith('Genkan') && unequal === undefined)
    const ratios = rivals.flatMap((peer) => {
      const ratio = ratioOf(own, peer, ({ cpu }) => cpu)
      return ratio === undefined || ratio.median <= 1 ? [] : [{ peer: peer.peer, times: ratio.median }]
    })
    if (ratios.length === 0) return []
    const ranked = ratios.toSorted((a, b) => b.times - a.times)
    return [
      {
        title: scenario.title,
        worst: ranked[0]!.times,
        text: ranked.map(({ peer, times }) => `${peer} ${times.toFixed(1)}`).join(', '),
      },
    ]
  })
  if (rows.length === 0) return 'Nothing that this run has measured.'
  const table = rows.toSorted((a, b) => b.worst - a.worst).map(({ title, text }) => [title, text])
  return markdownTable(['scenario', "Genkan's CPU time per request is so many times that of"], table)
}

function section(scenario: ScenarioResult): string {
  const columns = columnsOf(scenario)
  const measured = scenario.peers.filter(({ samples }) => samples.length > 0)
  const rows = measured.map((peer) => [peer.peer, ...columns.map(({ cell }) => cell(peer, scenario))])
  const absent = scenario.peers.flatMap(({ peer, absent: why }: PeerResult) =>
    why === undefined ? [] : [[peer, `not measured: ${firstLine(why)}`]],
  )
  const { title, name, driver, clients } = scenario
  return [
    `### ${title}`,
    '',
    `\`npm run bench:proxy -- ${name}\`, driven by ${driver}${driver === 'h2load' ? '' : ` with ${clients} clients`}.`,
    '',
    markdownTable(['proxy', ...columns.map((column) => column.title)], [...rows, ...absent]),
    '',
    ...[...unequalLines(scenario), ...verdictLines(scenario)].map((line) => `- ${line}`),
  ].join('\n')
}

function markdownTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`
  const filled = rows.map((row) => [...row, ...Array<string>(head.length - row.length).fill('')])
  return [line(head), `|${head.map(() => '---|').join('')}`, ...filled.map(line)].join('\n')
}

function firstLine(text: string): string {
  return text.split('\n')[0]!.slice(0, 160)
}

/** Of a run with the defaults, for as many proxies and scenarios as this one measured. */
function minutes({ scenarios }: Run): number {
  const seconds = scenarios.map(({ name, peers }) => {
    const known = all.find((scenario) => scenario.name === name)
    const { around, round } = planOf(known ?? { reloadsPerSecond: 0 }, 5)
    return peers.filter(({ samples }) => samples.length > 0).length * (around + 5 * round)
  })
  return Math.ceil(seconds.reduce((sum, each) => sum + each, 0) / 60)
}

function percent(share: number): string {
  // Clocks of the kernel and of this process differ by a little.
  return `${Math.min(100, Math.round(share * 100))} %`
}

if (import.meta.main) {
  const kept = join(docs, 'performance.json')
  const text = JSON.stringify(JSON.parse(readFileSync(process.argv[2] ?? kept, 'utf8')), rounded, 1)
  // Written by bench/proxy.ts. The page is made from what is kept, so that anybody can make it again.
  const run = JSON.parse(text) as Run
  writeFileSync(kept, `${text}\n`)
  writeFileSync(join(docs, 'performance.md'), performancePage(run))
  writeFileSync(join(docs, 'performance.svg'), drawChart(run))
}

/** Four digits are more than any of these measurements is worth. */
function rounded(_key: string, value: unknown): unknown {
  return typeof value === 'number' && !Number.isInteger(value) ? Number(value.toPrecision(4)) : value
}

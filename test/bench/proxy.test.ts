import { readFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { createServer } from 'node:tls'
import { describe, expect, test } from 'vitest'
import { drawChart } from '../../bench/proxy/chart.ts'
import { performancePage } from '../../bench/report.ts'
import { readOptions } from '../../bench/proxy/options.ts'
import { coresFor } from '../../bench/proxy/cores.ts'
import { judge } from '../../bench/proxy/goals.ts'
import { fill } from '../../bench/proxy/peer.ts'
import type { Run, Sample } from '../../bench/proxy/result.ts'
import { peers as known } from '../../bench/proxy/peers.ts'
import { ratioOf } from '../../bench/proxy/result.ts'
import { handshake, sessionOf } from '../../bench/proxy/handshake.ts'
import { columnsOf, printScenario, verdictLines } from '../../bench/proxy/print.ts'
import { type Candidate, verdict } from '../../bench/proxy/verdict.ts'

function candidate(name: string, [min, median, max]: readonly [number, number, number], rounds = 3): Candidate {
  return { name, range: { min, median, max }, rounds }
}

describe('a winner', () => {
  test('is named when it leads by more than rounds differ', () => {
    expect(verdict([candidate('a', [9, 10, 11]), candidate('b', [19, 20, 21])], 'less')).toEqual({
      kind: 'winner',
      name: 'a',
      by: 2,
    })
    expect(verdict([candidate('a', [9, 10, 11]), candidate('b', [19, 20, 21])], 'more')).toMatchObject({ name: 'b' })
  })

  test.each([
    [
      'the rounds of the first differ by more than it leads',
      [candidate('a', [5, 10, 16]), candidate('b', [19, 20, 21])],
    ],
    ['the rounds of the second do', [candidate('a', [9, 10, 11]), candidate('b', [12, 20, 25])]],
    ['there was but one round', [candidate('a', [10, 10, 10], 1), candidate('b', [20, 20, 20], 1)]],
    ['there is nobody else', [candidate('a', [9, 10, 11])]],
  ])('is not named when %s', (_, candidates) => {
    expect(verdict(candidates, 'less').kind).toBe('none')
  })
})

test('requests per second have no winner while other programs take the machine', () => {
  const lines = (others: number) => {
    const samples = (cpu: number): Sample[] => [sample(cpu, { others }), sample(cpu, { others })]
    return verdictLines(runOf('small', { nginx: samples(10), Genkan: samples(20) }).scenarios[0]!)
  }
  expect(lines(0.05)).toEqual(['CPU per request: nginx by 2.00 times', 'requests per second: nginx by 2.00 times'])
  expect(lines(0.5)[1]).toBe('requests per second: no winner, other programs used 50 % of the machine')
})

describe('a template', () => {
  test.each([
    ['listen {{port}};', { port: 80 }, 'listen 80;'],
    ['{{#tls}}\nssl on;\n{{/tls}}\nend', { tls: true }, 'ssl on;\nend'],
    ['{{#tls}}\nssl on;\n{{/tls}}\nend', { tls: false }, 'end'],
    ['{{^log}}\noff\n{{/log}}\n', { log: false }, 'off\n'],
    ['to {{#ends}}{{ip}}:{{port}} {{/ends}}{', { ip: 'x', ends: [{ port: 1 }, { port: 2 }] }, 'to x:1 x:2 {'],
    [
      '{{#ends}}\n{{#tls}}\ns{{port}}\n{{/tls}}\n{{/ends}}\n',
      { tls: true, ends: [{ port: 1 }, { port: 2 }] },
      's1\ns2\n',
    ],
  ])('%j is filled in', (template, values, text) => {
    expect(fill(template, values).replaceAll(/ +/g, ' ')).toBe(text)
  })

  test('with a name nobody knows is an error', () => {
    expect(() => fill('{{port}} {{prot}}', { port: 1 })).toThrow('{{prot}}')
  })
})

test.each([
  [1, 2, { proxy: [0], load: [1], origin: [1], shared: false }],
  [2, 2, { proxy: [0, 1], load: [1], origin: [1], shared: true }],
  [1, 4, { proxy: [0], load: [3], origin: [2], shared: false }],
  [2, 3, { proxy: [0, 1], load: [2], origin: [2], shared: false }],
  [4, 1, { proxy: [0], load: [0], origin: [0], shared: true }],
])('%i workers on %i cores keep away from the load where they can', (workers, count, cores) => {
  expect(coresFor(workers, count)).toEqual(cores)
})

describe('the command line', () => {
  test('takes names in any case, in their own order', () => {
    expect(readOptions(['HTTPS', 'small', '--peers', 'caddy,NGINX'])).toMatchObject({
      scenarios: ['small', 'https'],
      peers: ['nginx', 'Caddy'],
    })
  })

  test('takes lists, names without their signs, and names to leave out', () => {
    const wanted = ['small,rules', '--peers', 'nginx,fastify-http-proxy', '--peers', 'http-proxy-defaults']
    expect(readOptions([...wanted, '--without', 'NGINX'])).toMatchObject({
      scenarios: ['small', 'rules'],
      peers: ['http-proxy defaults', '@fastify/http-proxy'],
    })
    expect(readOptions(['--without', 'ngin'])).toEqual({ problems: ['there is no peer ngin'] })
  })

  test('writes into the file that it goes on with', () => {
    expect(readOptions(['--resume', 'run.json'])).toMatchObject({ resume: 'run.json', json: 'run.json' })
    expect(readOptions(['--resume', 'run.json', '--json', 'new.json'])).toMatchObject({ json: 'new.json' })
  })

  test('bounds rounds and seconds, and says all that is wrong at once', () => {
    const said = readOptions(['smal', '--rounds', '1000', '--seconds', '0'])
    expect('problems' in said && said.problems).toHaveLength(3)
  })

  test('names a flag that it does not know, and has nothing against a call for help', () => {
    expect(readOptions(['--round', '2'])).toEqual({ problems: [expect.stringContaining("'--round'")] })
    expect(readOptions(['--help'])).toEqual({ problems: [] })
  })
})

function sample(cpu: number, change: Partial<Sample> = {}): Sample {
  return { requestsPerSecond: 1e6 / cpu, p50: 1, p99: 2, p999: 3, failures: 0, cpu, ...change }
}

function runOf(name: string, peers: Readonly<Record<string, readonly Sample[]>>): Run {
  const cores = coresFor(1, 2)
  const results = Object.entries(peers).map(([peer, samples]) => ({ peer, version: '1', samples }))
  const machine = { cpu: '', cores: 2, memoryGiB: 1, system: '', node: '', pinned: true, loadBefore: 0 }
  const scenario = { name, title: name, driver: 'wrk', clients: 1, cores, peers: results }
  return { date: '', revision: '', machine, rounds: 2, seconds: 1, origin: 'nginx', missing: [], scenarios: [scenario] }
}

describe('goals', () => {
  test.each([
    ['yes', [sample(12), sample(13)]],
    ['unclear', [sample(13), sample(14)]],
    ['no', [sample(20), sample(21)]],
  ])('0.75 of nginx with 10,000 rules: %s', (met, samples) => {
    const run = runOf('rules', { nginx: [sample(10), sample(10)], Genkan: samples })
    expect(judge(run)[0]).toMatchObject({ met })
  })

  test('are unknown when their scenario was not measured', () => {
    expect(judge(runOf('post', { nginx: [sample(1)] })).map(({ met }) => met)).toEqual(Array(9).fill('unknown'))
  })

  test('against a tuned http-proxy come with what nginx reaches in the same rounds', () => {
    const run = runOf('rules', { nginx: [sample(20)], 'http-proxy': [sample(60)], Genkan: [sample(24)] })
    const [, , tuned, defaults] = judge(run)
    expect(tuned).toMatchObject({ met: 'no', measured: '2.50 of http-proxy; nginx itself reaches 3.00' })
    expect(defaults).toMatchObject({ met: 'unknown' })
  })

  test('demand that no request fails while the configuration changes', () => {
    const reloads = { count: 2, quietP99: 2 }
    const of = (failures: number) =>
      judge(runOf('reload', { Genkan: [sample(1, { reloads, failures })] })).map(({ met }) => met)
    expect(of(0)).toContain('yes')
    expect(of(1)).toContain('no')
  })
})

test('ratios are taken round by round, for a slow minute slows both', () => {
  const [a, b] = [
    [sample(20), sample(60)],
    [sample(10), sample(30)],
  ].map((samples) => ({ peer: '', version: '', samples }))
  expect(ratioOf(a!, b!, ({ cpu }) => cpu)).toEqual({ median: 2, min: 2, max: 2 })
})

describe('a proxy that is no equal', () => {
  const reason = 'it opens a connection for every request'
  const run = runOf('rules', { nginx: [sample(20), sample(20)], Genkan: [sample(24), sample(24)] })
  const unequal = { peer: 'http-proxy defaults', version: '1', unequal: reason, samples: [sample(2), sample(2)] }
  const [scenario] = run.scenarios.map((each) => ({ ...each, peers: [...each.peers, unequal] }))

  test('has the reason beside its numbers', () => {
    expect(printScenario(scenario!)).toContain(`http-proxy defaults is no equal: ${reason}`)
    expect(performancePage({ ...run, scenarios: [scenario!] })).toContain(`http-proxy defaults is no equal: ${reason}`)
    expect(judge({ ...run, scenarios: [scenario!] })[3]!.goal).toContain('(no equal)')
  })

  test('never wins, and nobody is slower than it', () => {
    expect(verdictLines(scenario!)[0]).toBe('CPU per request: nginx by 1.20 times')
    expect(performancePage({ ...run, scenarios: [scenario!] })).toContain('| rules | nginx 1.2 |')
  })

  test('is one that says so itself, and there is only one', () => {
    expect(known.filter((peer) => peer.unequal !== undefined).map(({ name }) => name)).toEqual(['http-proxy defaults'])
  })
})

describe('docs/performance.md', () => {
  const docs = join(import.meta.dirname, '../../docs')
  const read = (name: string): string => readFileSync(join(docs, name), 'utf8')
  // Written by bench/report.ts.
  const run = JSON.parse(read('performance.json')) as Run

  test('says what its numbers say', () => {
    expect(read('performance.md')).toBe(performancePage(run))
  })

  test('shows the chart of its numbers', () => {
    expect(read('performance.svg')).toBe(drawChart(run))
  })

  test('says so when the machine was shared', () => {
    const busy = runOf('small', { nginx: [sample(10, { others: 0.6 })] })
    expect(performancePage(busy)).toContain('had to share its machine')
    expect(performancePage(runOf('small', { nginx: [sample(10, { others: 0.01 })] }))).not.toContain('had to share')
  })

  test('names what is slower, the worst first, and nothing that is not', () => {
    const peers = { nginx: [sample(10)], Caddy: [sample(100)], HAProxy: [sample(5)], Genkan: [sample(20)] }
    expect(performancePage(runOf('small', peers))).toContain('| small | HAProxy 4.0, nginx 2.0 |')
  })
})

describe('the chart', () => {
  const many = Array.from({ length: 9 }, (_, index) => [`proxy ${index}`, [sample(20 + index)]] as const)
  const run = runOf('small', { ...Object.fromEntries(many), nginx: [sample(10)], Caddy: [sample(121)] })
  const scenarios = Array.from({ length: 17 }, () => run.scenarios[0]!)

  test('cuts bars that would make all others too short to be told apart, and says so', () => {
    const svg = drawChart(run)
    expect(svg.match(/ →</g)).toHaveLength(1)
    expect(svg).toContain('>121 →<')
    expect(svg).toContain('more than 12 times the shortest are cut')
    expect(drawChart(runOf('small', { nginx: [sample(10)], Caddy: [sample(120)] }))).not.toContain('→<')
  })

  test('is drawn in two columns of about one height, and everything is inside', () => {
    const svg = drawChart({ ...run, scenarios })
    const [, width, height] = /viewBox="0 0 (\d+) (\d+)"/.exec(svg)!.map(Number)
    const titles = [...svg.matchAll(/class="title" x="(\d+)" y="(\d+)">small</g)].map(([, x]) => Number(x))
    const [left, right] = [titles.filter((x) => x === 0).length, titles.filter((x) => x > 0).length]
    expect([left, right]).toEqual([8, 9])
    const ends = [...svg.matchAll(/<rect class="\w+" x="(\d+)" y="(\d+)" width="([\d.]+)" height="(\d+)"/g)]
    expect(ends).toHaveLength(17 * 11)
    for (const [, x, y, across, down] of ends) {
      expect(Number(x) + Number(across)).toBeLessThan(width!)
      expect(Number(y) + Number(down)).toBeLessThan(height!)
    }
  })
})

test('large bodies are counted by the GiB, and what is no request is called what it is', () => {
  const [scenario] = runOf('large', { nginx: [sample(1_000)] }).scenarios
  const large = columnsOf({ ...scenario!, bodyBytes: 2 ** 20 })
  const perGibibyte = large.find(({ title }) => title === 'CPU ms/GiB')!
  expect(perGibibyte.cell(scenario!.peers[0]!, scenario!)).toBe('1,024')
  expect(columnsOf(scenario!).map(({ title }) => title)).not.toContain('CPU ms/GiB')
  const handshakes = { ...scenario!, per: 'handshake' as const }
  expect(columnsOf(handshakes).map(({ title }) => title)).toContain('CPU µs/handshake')
  expect(verdictLines(handshakes).join()).toContain('handshakes per second')
})

test('a handshake is finished on both sides, and says whether a session was resumed', async () => {
  const files = join(import.meta.dirname, '..', 'compile', 'certificates')
  const [cert, key] = ['foobar.crt', 'foobar.key'].map((file) => readFileSync(join(files, file)))
  let finished = 0
  let broken = 0
  const server = createServer({ cert, key }, (socket) => {
    finished += 1
    socket.on('error', () => {}).resume()
  }).on('tlsClientError', () => (broken += 1))
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  try {
    // A server that listens on a port has an address with one.
    const { port } = server.address() as AddressInfo
    const session = await sessionOf({ port, host: 'foobar.com' })
    expect(await handshake({ port, host: 'foobar.com', session: session! })).toEqual({ resumed: true })
    expect(await handshake({ port, host: 'foobar.com' })).toEqual({ resumed: false })
    // The one with which the session was got is destroyed.
    expect(finished).toBe(3)
    expect(broken).toBe(0)
  } finally {
    server.close()
  }
})

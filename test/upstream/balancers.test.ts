import { describe, expect, test } from 'vitest'
import type { BalanceSpec, EndpointSpec } from '#snapshot/snapshot.ts'
import type { Endpoint } from '#upstream/endpoint.ts'
import { type Asker, Upstream } from '#upstream/upstream.ts'
import { endpointOf } from '../support/door.ts'
import { seededRandom, upstreamEnv } from '../support/proxy-env.ts'

const path = [{ kind: 'path' }] as const
const kinds: readonly (readonly [string, BalanceSpec])[] = [
  ['round robin', { kind: 'roundRobin' }],
  ['least request', { kind: 'leastRequest' }],
  ['EWMA', { kind: 'ewma' }],
  ['hash of a key', { kind: 'ringHash', key: path }],
  ['hash of a key to a group', { kind: 'ringHash', key: path, subset: 2 }],
]
const start = 1_000_000

type Options = { readonly now?: () => number; readonly slowStartMs?: number; readonly seed?: number }

function build(
  balance: BalanceSpec,
  specs: readonly Partial<EndpointSpec>[],
  { now = () => start, slowStartMs, seed = 1 }: Options = {},
): Upstream {
  const upstream = new Upstream('test/web:80', upstreamEnv({ now, random: seededRandom(seed) }))
  upstream.configure({ protocol: 'http', balance, ...(slowStartMs === undefined ? {} : { slowStartMs }) }, Infinity)
  upstream.update({
    upstream: 'test/web:80',
    state: 'live',
    mode: 'slices',
    endpoints: specs.map((spec, at) => endpointOf({ port: at + 1, ...spec })),
  })
  return upstream
}

function asking(key: string | number): Asker {
  const received = { method: 'GET', target: `/${key}?q`, version: '1.1', fields: [] } as const
  return { received, client: { address: '127.0.0.1', scheme: 'http' }, host: 'a.test', path: `/${key}`, query: '?q' }
}

/** How often each port is picked, every pick with a key of its own. */
function countPicks(upstream: Upstream, times: number): Record<number, number> {
  const counts: Record<number, number> = {}
  for (let at = 0; at < times; at++) {
    const { port } = upstream.pick(asking(at), [])!.spec
    counts[port] = (counts[port] ?? 0) + 1
  }
  return counts
}

function expectShares(counts: Record<number, number>, weights: readonly number[], within = 0.02): void {
  const total = weights.reduce((sum, weight) => sum + weight, 0)
  const picks = Object.values(counts).reduce((sum, count) => sum + count, 0)
  for (const [at, weight] of weights.entries()) {
    expect(
      Math.abs((counts[at + 1] ?? 0) / picks - weight / total),
      `share of ${at + 1} in ${JSON.stringify(counts)}`,
    ).toBeLessThan(within)
  }
}

describe.each(kinds)('%s', (_, balance) => {
  test('never picks one that is unready, on its way out, already tried or full', () => {
    const upstream = build(balance, [
      {},
      { ready: false },
      { terminating: true },
      {},
      {},
      { ready: false, serving: true },
    ])
    const all = [...upstream.endpoints()]
    all[3]!.capacity = 1
    all[3]!.acquire(0)
    for (let at = 0; at < 200; at++) expect(upstream.pick(asking(at), [all[0]!])?.spec.port).toBe(5)
    expect(upstream.pick(asking(1), [all[0]!, all[4]!])).toBeUndefined()
  })

  test('a retry goes on until everybody was asked once', () => {
    const upstream = build(balance, [{}, {}, {}, {}])
    for (let key = 0; key < 20; key++) {
      const tried: Endpoint[] = []
      for (let next = upstream.pick(asking(key), tried); next !== undefined; next = upstream.pick(asking(key), tried))
        tried.push(next)
      expect(new Set(tried).size).toBe(4)
    }
  })

  test('spreads 10,000 picks evenly, within 2 %', () => {
    expectShares(countPicks(build(balance, [{}, {}, {}, {}, {}]), 10_000), [1, 1, 1, 1, 1])
  })

  test('weight 0 is for when nobody else is left', () => {
    const upstream = build(balance, [{ weight: 0 }, { weight: 2 }])
    expect(countPicks(upstream, 100)).toEqual({ 2: 100 })
    expect(upstream.pick(asking(1), [[...upstream.endpoints()][1]!])?.spec.port).toBe(1)
  })

  test('chooses the same again with the same chance', () => {
    const walk = (): (number | undefined)[] => {
      const upstream = build(balance, [{}, {}, {}], { seed: 9 })
      return Array.from({ length: 50 }, (_each, at) => upstream.pick(asking(at % 7), [])?.spec.port)
    }
    expect(walk()).toEqual(walk())
  })

  test('goes to the next priority when the first has nobody', () => {
    const upstream = build(balance, [{ priority: 1 }, { priority: 0, ready: false }])
    expect(upstream.pick(asking(1), [])?.spec.port).toBe(1)
  })
})

describe.each(kinds.filter(([name]) => !name.includes('group')))('%s with weights', (_, balance) => {
  test.each([[[1, 2, 3]], [[1, 1, 8]], [[5, 1]]])('%j: within 2 % over 10,000 picks', (weights) => {
    const specs = weights.map((weight) => ({ weight }))
    expectShares(countPicks(build(balance, specs), 10_000), weights)
  })
})

describe('least request', () => {
  test('prefers the less busy of two', () => {
    const upstream = build({ kind: 'leastRequest' }, [{}, {}])
    const [first] = [...upstream.endpoints()]
    first!.acquire(0)
    expect(countPicks(upstream, 100)).toEqual({ 2: 100 })
  })

  test('busy is meant for its weight', () => {
    const upstream = build({ kind: 'leastRequest' }, [{ weight: 4 }, { weight: 1 }])
    const [large, small] = [...upstream.endpoints()]
    large!.inFlight = 3
    small!.inFlight = 1
    expect(countPicks(upstream, 100)).toEqual({ 1: 100 })
  })
})

describe('EWMA', () => {
  test('prefers the faster of two, until the slow one has been left alone for long enough to be tried', () => {
    let now = start
    const upstream = build({ kind: 'ewma' }, [{}, {}], { now: () => now })
    const [slow, fast] = [...upstream.endpoints()]
    slow!.observe(800, now)
    fast!.observe(20, now)
    expect(countPicks(upstream, 50)).toEqual({ 2: 50 })
    now += 60_000
    fast!.observe(20, now)
    expect(countPicks(upstream, 50)).toEqual({ 1: 50 })
  })

  test('one slow answer counts at once, fast ones take time', () => {
    const upstream = build({ kind: 'ewma' }, [{}])
    const [only] = [...upstream.endpoints()]
    only!.observe(10, start)
    only!.observe(500, start + 1)
    expect(only!.latency(start + 1)).toBe(500)
    only!.observe(10, start + 10_001)
    expect(only!.latency(start + 10_001)).toBeCloseTo(500 / Math.E + 10 * (1 - 1 / Math.E), 5)
  })

  test('a new endpoint counts as an average one', () => {
    const upstream = build({ kind: 'ewma' }, [{}, {}, {}])
    const [fast, slow] = [...upstream.endpoints()]
    fast!.observe(10, start)
    slow!.observe(90, start)
    const counts = countPicks(upstream, 3_000)
    expect(counts[1]!).toBeGreaterThan(counts[3]!)
    expect(counts[3]!).toBeGreaterThan(counts[2] ?? 0)
  })
})

describe('hash of a key', () => {
  const pathHash: BalanceSpec = { kind: 'ringHash', key: path }
  const five = [{}, {}, {}, {}, {}]

  test('the same key goes to the same endpoint; the loss of one moves only its keys, and its return brings them back', () => {
    const upstream = build(pathHash, five)
    const whole = Array.from({ length: 1_000 }, (_, key) => upstream.pick(asking(key), [])!.spec.port)
    const without = build(pathHash, [{}, {}, { ready: false }, {}, {}])
    for (const [key, port] of whole.entries()) {
      const now = without.pick(asking(key), [])!.spec.port
      if (port === 3) expect(now).not.toBe(3)
      else expect(now).toBe(port)
      expect(upstream.pick(asking(key), [])!.spec.port).toBe(port)
    }
  })

  test('an endpoint far busier than the others is passed over', () => {
    const upstream = build(pathHash, five)
    const own = upstream.pick(asking('hot'), [])!
    own.inFlight = 15
    expect(upstream.pick(asking('hot'), [])).toBe(own)
    own.inFlight = 16
    expect(upstream.pick(asking('hot'), [])).not.toBe(own)
    for (const each of upstream.endpoints()) each.inFlight = 100
    expect(upstream.pick(asking('hot'), [])).toBe(own)
  })

  test('without a key requests are spread', () => {
    const upstream = build(
      {
        kind: 'ringHash',
        key: [
          { kind: 'text', text: 'v1-' },
          { kind: 'header', name: 'x-user' },
        ],
      },
      [{}, {}],
    )
    expect(countPicks(upstream, 10)).toEqual({ 1: 5, 2: 5 })
  })

  test('a group of two is the same two for the same key, used evenly', () => {
    const upstream = build({ kind: 'ringHash', key: path, subset: 2 }, five)
    const counts = new Map<number, number>()
    for (let at = 0; at < 1_000; at++) {
      const { port } = upstream.pick(asking('k'), [])!.spec
      counts.set(port, (counts.get(port) ?? 0) + 1)
    }
    expect(counts.size).toBe(2)
    expect(Math.min(...counts.values())).toBeGreaterThan(400)
  })
})

describe('slow start', () => {
  const readySince = start - 2_500
  const specs = [{}, { health: { readySince } }]

  test.each([
    ['round robin', { kind: 'roundRobin' }],
    ['least request', { kind: 'leastRequest' }],
    ['EWMA', { kind: 'ewma' }],
  ] as const)('%s: a new endpoint begins with a tenth of its share, which grows with time', (_, balance) => {
    const share = (now: number): number => {
      const counts = countPicks(build(balance, specs, { now: () => now, slowStartMs: 10_000 }), 10_000)
      return (counts[2] ?? 0) / (counts[1] ?? 1)
    }
    expect(share(readySince)).toBeCloseTo(0.1, 1)
    expect(share(readySince + 5_000)).toBeCloseTo(0.55, 1)
    expect(share(readySince + 10_000)).toBeCloseTo(1, 1)
  })

  test('one whose beginning is far ahead, since the clock was set back, is not kept back until then', () => {
    const upstream = build({ kind: 'roundRobin' }, specs, { now: () => readySince - 3_600_000, slowStartMs: 10_000 })
    expectShares(countPicks(upstream, 1_000), [1, 1])
  })

  test('one that nobody knows the beginning of has its full weight', () => {
    expectShares(countPicks(build({ kind: 'roundRobin' }, [{}, {}], { slowStartMs: 10_000 }), 1_000), [1, 1])
  })
})

import { describe, expect, test } from 'vitest'
import { HealthGate, type HealthGateInit } from '#health/gate.ts'
import { spreadMs } from '#health/prober.ts'
import { endpointState } from '#snapshot/endpoint-state.ts'
import type { EndpointSet, EndpointSpec } from '#snapshot/snapshot.ts'
import { silentLog } from '#telemetry/log.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { probeSpec, ScriptedProbe, setOf, upstreamId, upstreamSpec } from '../support/scripted-probe.ts'
import { settle } from '../support/until.ts'

function setUp(init: Partial<HealthGateInit> = {}) {
  const clock = new FakeClock()
  const script = new ScriptedProbe()
  const told: EndpointSet[][] = []
  const gate = new HealthGate({
    clock,
    random: () => 0,
    probe: script.probe,
    onChange: (sets) => void told.push([...sets]),
    log: silentLog,
    ...init,
  })
  return { clock, script, told, gate }
}

function states(gate: HealthGate): string[] {
  return gate.current()[0]!.endpoints.map((each) => endpointState(each))
}

function readyOf(gate: HealthGate): string[] {
  return gate
    .current()[0]!
    .endpoints.filter(({ ready }) => ready)
    .map(({ id }) => id)
}

function failed(n: number, failures = 5) {
  return { upstream: upstreamId, endpoint: `10.0.0.${n}:80`, recovered: false, failures }
}

/** Runs what is due now and lets its answers arrive. */
async function tick(clock: FakeClock, ms = 0): Promise<void> {
  clock.advance(ms)
  await settle(2)
}

describe('the gate without probes', () => {
  test('hands on what discovery says, as the very same objects', async () => {
    const { gate, told } = setUp()
    const set = setOf([1, { n: 2, ready: false, serving: false }, { n: 3, ready: false, terminating: true }])
    await gate.follow([upstreamSpec()], [set])
    expect(gate.current()[0]).toBe(set)
    expect(told).toEqual([[set]])
    gate.discovered([setOf([1, { n: 2, ready: false, serving: false }, { n: 3, ready: false, terminating: true }])])
    expect(told).toHaveLength(1)
    expect(gate.current()[0]).toBe(set)
    const next = setOf([1])
    gate.discovered([next])
    expect(told.at(-1)).toEqual([next])
  })

  test('leaves upstreams that nobody follows yet, or any more, to others', async () => {
    const { gate, told } = setUp()
    gate.discovered([setOf([1])])
    expect(told).toEqual([])
    await gate.follow([upstreamSpec()], [setOf([1])])
    await gate.follow([], [])
    expect(gate.current()).toEqual([])
    gate.discovered([setOf([2])])
    gate.outcomes([failed(1)])
    expect(told).toHaveLength(1)
  })
})

describe('the gate with probes', () => {
  test('waits for the first results of a new upstream, and holds back who has not passed', async () => {
    const { gate, clock, script, told } = setUp()
    script.answers.set('10.0.0.1', true).set('10.0.0.2', false)
    const done = gate.follow(
      [upstreamSpec({ probe: probeSpec() })],
      [setOf([1, 2, { n: 3, ready: false, serving: false }])],
    )
    expect(states(gate)).toEqual(['waiting', 'waiting', 'unready'])
    expect(gate.current()[0]!.endpoints[0]).toMatchObject({
      ready: false,
      serving: false,
      health: { probe: 'waiting' },
    })
    await tick(clock)
    await done
    expect(states(gate)).toEqual(['ready', 'waiting', 'unready'])
    expect(gate.current()[0]!.endpoints[0]).toMatchObject({ ready: true, serving: true, health: { probe: 'passing' } })
    expect(script.asked.map(({ target }) => target.address)).toEqual(['10.0.0.1', '10.0.0.2'])
    expect(told).toHaveLength(2)
  })

  test('waits no longer than a second', async () => {
    const { gate, clock } = setUp()
    let done = false
    void gate.follow([upstreamSpec({ probe: probeSpec({ timeoutMs: 5_000 }) })], [setOf([1])]).then(() => (done = true))
    await tick(clock, 999)
    expect(done).toBe(false)
    await tick(clock, 1)
    expect(done).toBe(true)
    expect(states(gate)).toEqual(['waiting'])
  })

  test('does not wait for an upstream it knows', async () => {
    const { gate, clock, script } = setUp()
    script.answers.set('10.0.0.1', true)
    const spec = upstreamSpec({ probe: probeSpec() })
    const first = gate.follow([spec], [setOf([1])])
    await tick(clock)
    await first
    await gate.follow([spec], [setOf([1, 2])])
    expect(states(gate)).toEqual(['ready', 'waiting'])
  })

  test('takes out who fails often enough, brings back who passes, and says so once each', async () => {
    const { gate, clock, script, told } = setUp()
    script.answers.set('10.0.0.1', true)
    void gate.follow([upstreamSpec({ probe: probeSpec({ periodMs: 1_000, failureThreshold: 2 }) })], [setOf([1])])
    await tick(clock)
    const before = told.length
    script.answers.set('10.0.0.1', false)
    await tick(clock, 1_000)
    expect(readyOf(gate)).toEqual(['10.0.0.1:80'])
    await tick(clock, 1_000)
    expect(states(gate)).toEqual(['unready'])
    expect(gate.current()[0]!.endpoints[0]).toMatchObject({
      ready: false,
      serving: false,
      health: { probe: 'failing' },
    })
    for (let i = 0; i < 5; i++) await tick(clock, 1_000)
    expect(told).toHaveLength(before + 1)
    script.answers.set('10.0.0.1', true)
    await tick(clock, 1_000)
    expect(readyOf(gate)).toEqual(['10.0.0.1:80'])
    expect(told).toHaveLength(before + 2)
  })

  test('believes discovery at once when it takes an endpoint back, and asks again when it returns', async () => {
    const { gate, clock, script } = setUp()
    script.answers.set('10.0.0.1', true)
    void gate.follow([upstreamSpec({ probe: probeSpec() })], [setOf([1])])
    await tick(clock)
    gate.discovered([setOf([{ n: 1, ready: false, serving: false }])])
    expect(states(gate)).toEqual(['unready'])
    await tick(clock, 60_000)
    expect(script.asked).toHaveLength(1)
    gate.discovered([setOf([1])])
    expect(states(gate)).toEqual(['waiting'])
    await tick(clock)
    expect(states(gate)).toEqual(['ready'])
  })

  test('a terminating endpoint is not asked and keeps serving its sessions', async () => {
    const { gate, clock, script } = setUp()
    const leaving = { n: 1, ready: false, serving: true, terminating: true }
    void gate.follow([upstreamSpec({ probe: probeSpec() })], [setOf([leaving])])
    await tick(clock, 60_000)
    expect(script.asked).toEqual([])
    expect(gate.current()[0]).toEqual(setOf([leaving]))
  })

  test('nor is one that is published whatever its state', async () => {
    const { gate, clock, script } = setUp()
    const published = setOf([{ n: 1, terminating: true }])
    void gate.follow([upstreamSpec({ probe: probeSpec() })], [published])
    await tick(clock, 60_000)
    expect(script.asked).toEqual([])
    expect(gate.current()[0]).toBe(published)
  })

  test('the initial delay is for endpoints that join, counted from their first sight', async () => {
    const { gate, clock, script } = setUp()
    for (const n of [1, 2, 3]) script.answers.set(`10.0.0.${n}`, true)
    const first = gate.follow(
      [upstreamSpec({ probe: probeSpec({ initialDelayMs: 20_000, periodMs: 500_000 }) })],
      [setOf([1])],
    )
    await tick(clock)
    await first
    expect(states(gate)).toEqual(['ready'])
    gate.discovered([setOf([1, 2, { n: 3, ready: false, serving: false }])])
    await tick(clock, 5_000)
    gate.discovered([setOf([1, 2, 3])])
    await tick(clock, 14_999)
    expect(states(gate)).toEqual(['ready', 'waiting', 'waiting'])
    await tick(clock, 1)
    expect(states(gate)).toEqual(['ready', 'ready', 'ready'])
  })

  test('the initial delay is for the first Pods of a Service that had none', async () => {
    const { gate, clock, script } = setUp()
    script.answers.set('10.0.0.1', true)
    await gate.follow([upstreamSpec({ probe: probeSpec({ initialDelayMs: 20_000 }) })], [setOf([])])
    gate.discovered([setOf([1])])
    await tick(clock, 19_999)
    expect(states(gate)).toEqual(['waiting'])
    await tick(clock, 1)
    expect(states(gate)).toEqual(['ready'])
  })

  test('while discovery has not answered, nobody has been seen', async () => {
    const { gate, clock, script } = setUp()
    script.answers.set('10.0.0.1', true)
    await gate.follow(
      [upstreamSpec({ probe: probeSpec({ initialDelayMs: 20_000 }) })],
      [setOf([], { state: 'pending' })],
    )
    gate.discovered([setOf([1])])
    await tick(clock)
    expect(states(gate)).toEqual(['ready'])
  })

  test('a probe that is added later does not take endpoints out before it fails', async () => {
    const { gate, clock, script } = setUp()
    await gate.follow([upstreamSpec()], [setOf([1])])
    await gate.follow([upstreamSpec({ probe: probeSpec({ failureThreshold: 1 }) })], [setOf([1])])
    expect(states(gate)).toEqual(['ready'])
    script.answers.set('10.0.0.1', false)
    await tick(clock, spreadMs)
    expect(states(gate)).toEqual(['unready'])
    await gate.follow([upstreamSpec()], [setOf([1])])
    expect(states(gate)).toEqual(['ready'])
    expect(clock.pending).toBe(0)
  })

  test('another Pod under the same address is another endpoint', async () => {
    const { gate, clock, script } = setUp()
    script.answers.set('10.0.0.1', true)
    void gate.follow([upstreamSpec({ probe: probeSpec() })], [setOf([{ n: 1, name: 'web-a' }])])
    await tick(clock)
    // A name that is not known says nothing.
    gate.discovered([setOf([{ n: 1, name: undefined }])])
    expect(states(gate)).toEqual(['ready'])
    gate.discovered([setOf([{ n: 1, name: 'web-b' }])])
    expect(states(gate)).toEqual(['waiting'])
    await tick(clock, spreadMs)
    expect(states(gate)).toEqual(['ready'])
  })

  test('another port is asked only at the Pods themselves: a node or a stand-in does not have it', async () => {
    const { gate, clock, script } = setUp()
    void gate.follow(
      [upstreamSpec({ probe: probeSpec({ port: 9000, ownPort: 80 }) })],
      [setOf([1, { n: 2, port: 31_000 }])],
    )
    await tick(clock)
    expect(script.asked.map(({ target }) => target)).toEqual([{ address: '10.0.0.1', port: 9000 }])
    expect(states(gate)).toEqual(['waiting', 'ready'])
  })

  test('a stand-in is asked at the port it has, whatever port was written', async () => {
    const { gate, clock, script } = setUp({ isStandIn: ({ address, port }) => address === '10.0.0.2' && port === 80 })
    script.answers.set('10.0.0.1', true).set('10.0.0.2', true)
    void gate.follow([upstreamSpec({ probe: probeSpec({ port: 9000 }) })], [setOf([1, 2])])
    await tick(clock)
    expect(script.asked.map(({ target }) => target)).toEqual([
      { address: '10.0.0.1', port: 9000 },
      { address: '10.0.0.2', port: 80 },
    ])
    expect(states(gate)).toEqual(['ready', 'ready'])
  })

  test('when everybody fails, nobody is ready', async () => {
    const { gate, clock, script } = setUp()
    script.answers.set('10.0.0.1', false).set('10.0.0.2', false)
    void gate.follow([upstreamSpec({ probe: probeSpec({ failureThreshold: 1 }) })], [setOf([1, 2])])
    await tick(clock)
    expect(readyOf(gate)).toEqual([])
  })

  test('keeps its word to nobody once it is closed', async () => {
    const { gate, clock, script, told } = setUp()
    void gate.follow([upstreamSpec({ probe: probeSpec() })], [setOf([1, 2])])
    gate.outcomes([failed(1)])
    await tick(clock)
    const before = told.length
    gate.close()
    await script.last.answer(true)
    gate.discovered([setOf([3])])
    gate.outcomes([failed(2)])
    await tick(clock, 100_000)
    expect(told).toHaveLength(before)
    await gate.follow([upstreamSpec()], [setOf([1])])
    expect(gate.current()).toEqual([])
  })
})

describe('the gate and outliers', () => {
  test('ejects by default and brings back in time', async () => {
    const { gate, clock, told } = setUp()
    await gate.follow([upstreamSpec()], [setOf([1, 2, 3])])
    gate.outcomes([failed(2, 4)])
    expect(told).toHaveLength(1)
    gate.outcomes([failed(2, 1)])
    expect(told).toHaveLength(2)
    expect(states(gate)).toEqual(['ready', 'ejected', 'ready'])
    expect(gate.current()[0]!.endpoints[1]).toMatchObject({
      ready: false,
      serving: false,
      health: { ejectedUntil: clock.now() + 30_000 },
    })
    clock.advance(29_999)
    expect(states(gate)).toEqual(['ready', 'ejected', 'ready'])
    clock.advance(1)
    expect(gate.current()[0]).toEqual(setOf([1, 2, 3]))
    expect(told).toHaveLength(3)
    expect(clock.pending).toBe(0)
  })

  test('has one timer, and none once it is closed', async () => {
    const { gate, clock, told } = setUp()
    await gate.follow([upstreamSpec()], [setOf([1, 2, 3, 4])])
    for (const n of [1, 2, 3]) gate.outcomes([failed(n)])
    expect(states(gate)).toEqual(['ejected', 'ejected', 'ready', 'ready'])
    expect(clock.pending).toBe(1)
    gate.close()
    expect(clock.pending).toBe(0)
    clock.advance(100_000)
    expect(told).toHaveLength(3)
  })

  test('ejects nobody when it is off', async () => {
    const { gate } = setUp()
    await gate.follow([upstreamSpec({ outlier: 'off' })], [setOf([1, 2, 3])])
    gate.outcomes([failed(2, 500)])
    expect(states(gate)).toEqual(['ready', 'ready', 'ready'])
  })

  test('follows the numbers of the upstream', async () => {
    const { gate, clock } = setUp()
    await gate.follow(
      [
        upstreamSpec({
          outlier: { consecutiveFailures: 2, baseEjectionMs: 7_000, maxEjectionMs: 9_000, maxEjectedPercent: 100 },
        }),
      ],
      [setOf([1, 2])],
    )
    gate.outcomes([failed(1, 2), failed(2, 2)])
    expect(states(gate)).toEqual(['ejected', 'ready'])
    expect(gate.current()[0]!.endpoints[0]!.health!.ejectedUntil).toBe(clock.now() + 7_000)
  })

  test('counts only those who could serve: with one left, it stays', async () => {
    const { gate, clock, script } = setUp()
    script.answers.set('10.0.0.1', true).set('10.0.0.2', true)
    void gate.follow([upstreamSpec({ probe: probeSpec({ failureThreshold: 1, periodMs: 1_000 }) })], [setOf([1, 2])])
    await tick(clock)
    gate.outcomes([failed(1)])
    expect(states(gate)).toEqual(['ejected', 'ready'])
    script.answers.set('10.0.0.2', false)
    await tick(clock, 1_000)
    expect(states(gate)).toEqual(['ready', 'unready'])
  })

  test('an endpoint that nobody knows is not counted', async () => {
    const { gate, told } = setUp()
    await gate.follow([upstreamSpec()], [setOf([1, 2])])
    gate.outcomes([failed(9)])
    gate.discovered([setOf([1, 9])])
    expect(told).toHaveLength(2)
    expect(states(gate)).toEqual(['ready', 'ready'])
  })

  test('a count does not survive the endpoint', async () => {
    const { gate } = setUp()
    await gate.follow([upstreamSpec()], [setOf([1, 2])])
    gate.outcomes([failed(1, 4)])
    gate.discovered([setOf([2])])
    gate.discovered([setOf([1, 2])])
    gate.outcomes([failed(1, 4)])
    expect(states(gate)).toEqual(['ready', 'ready'])
  })
})

describe('slow start', () => {
  test('begins when an endpoint joins or comes back to others that are ready, where it is configured', async () => {
    const { gate, clock } = setUp()
    const since = (n: number): number | undefined => gate.current()[0]!.endpoints[n]!.health?.readySince
    await gate.follow([upstreamSpec({ slowStartMs: 30_000 })], [setOf([1, 2])])
    expect([since(0), since(1)]).toEqual([undefined, undefined])
    clock.advance(10)
    gate.discovered([setOf([1, 2, 3])])
    const joined = clock.now()
    expect([since(0), since(2)]).toEqual([undefined, joined])
    clock.advance(10)
    gate.outcomes([failed(1)])
    expect(since(0)).toBeUndefined()
    clock.advance(30_000)
    expect([since(0), since(1), since(2)]).toEqual([clock.now(), undefined, joined])
    await gate.follow([upstreamSpec()], [setOf([1, 2, 3, 4])])
    expect(since(3)).toBeUndefined()
  })
})

describe('what the gate tells people', () => {
  test('every endpoint has its reason', async () => {
    const { gate, clock, script } = setUp()
    const endpoints: (number | (Partial<EndpointSpec> & { n: number }))[] = [
      1,
      2,
      3,
      4,
      { n: 5, ready: false, serving: false },
      { n: 6, ready: false, terminating: true },
    ]
    void gate.follow([upstreamSpec({ probe: probeSpec({ failureThreshold: 2, periodMs: 1_000 }) })], [setOf(endpoints)])
    await tick(clock)
    const [one, two, three, four] = script.asked
    await one!.answer(true, 'HTTP 200')
    await two!.answer(false, 'HTTP 500')
    await three!.answer(true, 'HTTP 204')
    await four!.answer(true, 'HTTP 200')
    gate.outcomes([failed(4)])
    expect(gate.described()[0]!.endpoints.map(({ health }) => health?.says)).toEqual([
      'passes its probe: HTTP 200',
      'waits for its first successful probe; the last one: HTTP 500',
      'passes its probe: HTTP 204',
      'requests to it failed in a row',
      'discovery says that it is not ready',
      'terminating: only sessions bound to it still go there',
    ])
    await tick(clock, 1_000)
    await script.asked.findLast(({ target }) => target.address === '10.0.0.2')!.answer(false, 'HTTP 503')
    expect(gate.described()[0]!.endpoints[1]!.health!.says).toBe('fails its probe, 2 times in a row: HTTP 503')
    const [report] = gate.reports()
    expect(report).toMatchObject({ upstream: upstreamId, ejections: 1, probes: { succeeded: 3, failed: 2 } })
    expect(report!.endpoints.get('10.0.0.2:80')).toMatchObject({
      probe: { state: 'failing', says: 'HTTP 503', lastAt: clock.now(), consecutiveFailures: 2 },
    })
    expect(report!.endpoints.get('10.0.0.4:80')!.outlier).toEqual({
      consecutiveFailures: 5,
      ejections: 1,
      ejectedUntil: clock.now() + 29_000,
    })
    expect(gate.current()[0]!.endpoints.some(({ health }) => health?.says !== undefined)).toBe(false)
  })
})

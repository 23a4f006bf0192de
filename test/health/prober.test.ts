import { describe, expect, test } from 'vitest'
import { Prober, type Probed, type ProbeResult, periodJitter, spreadMs } from '#health/prober.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { probeSpec, ScriptedProbe } from '../support/scripted-probe.ts'
import { settle } from '../support/until.ts'

const web = 'default/web:80'

function probed(n: number, more: Partial<Probed> = {}): Probed {
  return { id: `10.0.0.${n}:80`, address: `10.0.0.${n}`, port: 80, delayMs: 0, trusted: false, ...more }
}

function setUp({ random = 0.5, concurrency = 100 } = {}) {
  const clock = new FakeClock()
  const script = new ScriptedProbe()
  const results: ProbeResult[] = []
  const prober = new Prober({
    clock,
    random: () => random,
    probe: script.probe,
    onResult: (result) => void results.push(result),
    concurrency,
  })
  return { clock, script, results, prober }
}

describe('a prober', () => {
  test('asks a new endpoint within the spread, and it waits until it has passed', async () => {
    for (const random of [0, 0.5, 0.999]) {
      const { clock, script, prober, results } = setUp({ random })
      prober.follow(web, probeSpec(), [probed(1)])
      expect(clock.untilNext).toBe(random * spreadMs)
      clock.advance(spreadMs)
      expect(script.last.target).toEqual({ address: '10.0.0.1', port: 80 })
      expect(prober.report(web, '10.0.0.1:80')).toMatchObject({ state: 'waiting', lastAt: 0, says: '' })
      await script.last.answer(true, 'HTTP 200')
      expect(prober.report(web, '10.0.0.1:80')).toEqual({
        state: 'passing',
        lastAt: clock.now(),
        lastOk: true,
        says: 'HTTP 200',
        consecutiveFailures: 0,
      })
      expect(results).toEqual([{ upstream: web, endpoint: '10.0.0.1:80', ok: true, changed: true }])
    }
  })

  test('waits for the delay of an endpoint first', () => {
    const { clock, script, prober } = setUp({ random: 0 })
    prober.follow(web, probeSpec(), [probed(1, { delayMs: 5_000 })])
    clock.advance(4_999)
    expect(script.asked).toEqual([])
    clock.advance(1)
    expect(script.asked).toHaveLength(1)
  })

  for (const random of [0, 0.5, 1]) {
    test(`asks again after a period, a tenth more or less, from start to start, at chance ${random}`, async () => {
      const { clock, script, prober } = setUp({ random })
      prober.follow(web, probeSpec({ periodMs: 10_000 }), [probed(1)])
      clock.advance(spreadMs * random)
      clock.advance(400)
      await script.last.answer(true)
      expect(clock.untilNext).toBeCloseTo(10_000 * (1 + periodJitter * (2 * random - 1)) - 400)
    })
  }

  test('a probe without an answer in time is a failure, and is given up', async () => {
    const { clock, script, prober, results } = setUp()
    prober.follow(web, probeSpec({ timeoutMs: 700, failureThreshold: 1 }), [probed(1)])
    clock.advance(spreadMs * 0.5 + 699)
    expect(script.last.signal.aborted).toBe(false)
    clock.advance(1)
    expect(script.last.signal.aborted).toBe(true)
    expect(results).toMatchObject([{ ok: false, changed: true }])
    expect(prober.report(web, '10.0.0.1:80')).toMatchObject({
      state: 'failing',
      says: 'no answer within 700 ms',
      consecutiveFailures: 1,
    })
    await script.last.answer(true)
    expect(results).toHaveLength(1)
  })

  test('a probe that throws is a failure that says why', async () => {
    const clock = new FakeClock()
    const prober = new Prober({
      clock,
      random: () => 0,
      probe: () => Promise.reject(new Error('connect ECONNREFUSED')),
      onResult: () => {},
    })
    prober.follow(web, probeSpec(), [probed(1)])
    clock.advance(0)
    await settle(1)
    expect(prober.report(web, '10.0.0.1:80')).toMatchObject({ lastOk: false, says: 'connect ECONNREFUSED' })
  })

  test('endpoints that stay keep their history and their times, and those that leave are not asked again', async () => {
    const { clock, script, prober } = setUp()
    prober.follow(web, probeSpec(), [probed(1), probed(2)])
    clock.advance(spreadMs)
    for (const each of script.asked) await each.answer(true)
    const next = clock.untilNext
    prober.follow(web, probeSpec(), [probed(1)])
    expect(clock.untilNext).toBe(next)
    expect(clock.pending).toBe(1)
    expect(prober.report(web, '10.0.0.1:80')?.state).toBe('passing')
    expect(prober.report(web, '10.0.0.2:80')).toBeUndefined()
    prober.follow(web, undefined, [probed(1)])
    expect(clock.pending).toBe(0)
  })

  test('an endpoint that leaves while it is asked is not waited for', async () => {
    const { clock, script, prober, results } = setUp()
    prober.follow(web, probeSpec(), [probed(1)])
    clock.advance(spreadMs)
    prober.follow(web, probeSpec(), [])
    expect(script.last.signal.aborted).toBe(true)
    await script.last.answer(true)
    expect(results).toEqual([])
    expect(clock.pending).toBe(0)
  })

  test('a changed spec asks again soon and keeps the state until there is an answer', async () => {
    const { clock, script, prober } = setUp()
    prober.follow(web, probeSpec(), [probed(1)])
    clock.advance(spreadMs)
    await script.last.answer(true)
    prober.follow(
      web,
      probeSpec({ action: { kind: 'grpc', service: '' }, initialDelayMs: 60_000, failureThreshold: 2 }),
      [probed(1, { delayMs: 60_000 })],
    )
    expect(prober.report(web, '10.0.0.1:80')?.state).toBe('passing')
    clock.advance(spreadMs)
    expect(script.last.spec.action.kind).toBe('grpc')
    await script.last.answer(false)
    expect(prober.report(web, '10.0.0.1:80')?.state).toBe('passing')
  })

  test('an endpoint that served before is trusted until it fails', async () => {
    const { clock, script, prober } = setUp()
    prober.follow(web, probeSpec({ failureThreshold: 1 }), [probed(1, { trusted: true })])
    expect(prober.report(web, '10.0.0.1:80')?.state).toBe('passing')
    clock.advance(spreadMs)
    await script.last.answer(false)
    expect(prober.report(web, '10.0.0.1:80')?.state).toBe('failing')
  })

  test('a forgotten endpoint starts anew', async () => {
    const { clock, script, prober } = setUp()
    prober.follow(web, probeSpec(), [probed(1)])
    clock.advance(spreadMs)
    await script.last.answer(true)
    prober.forget(web, '10.0.0.1:80')
    prober.follow(web, probeSpec(), [probed(1)])
    expect(prober.report(web, '10.0.0.1:80')?.state).toBe('waiting')
    expect(clock.pending).toBe(1)
  })

  test('never asks more at once than it may, and all of them in the end', async () => {
    const { clock, script, prober } = setUp({ concurrency: 2 })
    prober.follow(
      web,
      probeSpec(),
      [1, 2, 3, 4, 5].map((n) => probed(n)),
    )
    clock.advance(spreadMs)
    expect(script.asked).toHaveLength(2)
    await script.asked[0]!.answer(true)
    expect(script.asked).toHaveLength(3)
    // One in the queue leaves, the next takes its turn.
    prober.follow(
      web,
      probeSpec(),
      [1, 2, 3, 5].map((n) => probed(n)),
    )
    await script.asked[1]!.answer(true)
    expect(script.asked.map(({ target }) => target.address)).toEqual(['10.0.0.1', '10.0.0.2', '10.0.0.3', '10.0.0.5'])
    await script.asked[2]!.answer(true)
    expect(script.asked).toHaveLength(4)
    await script.asked[3]!.answer(true)
    clock.advance(10_000)
    expect(script.asked).toHaveLength(6)
  })

  test('first results are those of endpoints due in time, whatever they are', async () => {
    const { clock, script, prober } = setUp()
    let done = false
    prober.follow(web, probeSpec(), [probed(1), probed(2), probed(3, { delayMs: 9_000 })])
    void prober.firstResults(web, 1_000).then(() => (done = true))
    clock.advance(spreadMs)
    await script.asked[0]!.answer(false)
    expect(done).toBe(false)
    await script.asked[1]!.answer(true)
    expect(done).toBe(true)
  })

  test('nobody waits for the first result of an endpoint that is gone', async () => {
    const { prober } = setUp()
    prober.follow(web, probeSpec(), [probed(1)])
    const first = prober.firstResults(web, 1_000)
    prober.follow(web, probeSpec(), [])
    await expect(first).resolves.toBeUndefined()
  })

  test('nothing is left after it is closed', async () => {
    const { clock, script, prober, results } = setUp({ concurrency: 1 })
    prober.follow(
      web,
      probeSpec(),
      [1, 2, 3].map((n) => probed(n)),
    )
    clock.advance(spreadMs)
    prober.close()
    expect(clock.pending).toBe(0)
    expect(script.asked).toHaveLength(1)
    await script.last.answer(true)
    expect(results).toEqual([])
  })
})

import { describe, expect, test } from 'vitest'
import { Gate, type GateBounds } from '#lib/gate.ts'
import { createInFlight, InFlight } from '#lib/in-flight.ts'

function bench(): {
  readonly gate: Gate
  readonly elsewhere: InFlight
  readonly pass: (ms: number) => void
  readonly timers: () => number
} {
  const clock = { now: 0 }
  const timers = new Set<{ readonly at: number; readonly call: () => void }>()
  const buffer = createInFlight(2, 1_024, [1, 2])
  const gate = new Gate({
    inFlight: new InFlight(buffer, { rows: 2, row: 0 }),
    now: () => clock.now,
    after: (ms, call) => {
      const timer = { at: clock.now + ms, call }
      timers.add(timer)
      return () => void timers.delete(timer)
    },
  })
  const pass = (ms: number): void => {
    for (const end = clock.now + ms; clock.now < end; clock.now++) {
      for (const timer of timers) if (timer.at <= clock.now && timers.delete(timer)) timer.call()
    }
  }
  return { gate, elsewhere: new InFlight(buffer, { rows: 2, row: 1 }), pass, timers: () => timers.size }
}

const two: GateBounds = { limit: 2, queue: 0, waitMs: 0 }
const queued: GateBounds = { limit: 1, queue: 2, waitMs: 500 }

describe('a gate', () => {
  test('lets as many in as its limit says, of each key', () => {
    const { gate } = bench()
    const first = gate.enter('a', two)
    expect(
      [first, gate.enter('a', two), gate.enter('a', two), gate.enter('b', two)].map(({ admitted }) => admitted),
    ).toEqual([true, true, false, true])
    first.leave()
    first.leave()
    expect([gate.enter('a', two), gate.enter('a', two)].map(({ admitted }) => admitted)).toEqual([true, false])
  })

  test('who was turned away gives back nothing', () => {
    const { gate } = bench()
    gate.enter('a', two)
    gate.enter('a', two)
    gate.enter('a', two).leave()
    expect(gate.enter('a', two).admitted).toBe(false)
  })

  test('counts what is under way in other workers', () => {
    const { gate, elsewhere } = bench()
    elsewhere.add('a', 1)
    expect([gate.enter('a', two), gate.enter('a', two)].map(({ admitted }) => admitted)).toEqual([true, false])
  })
})

describe('a queue', () => {
  test('is served in order, and nobody overtakes it', async () => {
    const { gate } = bench()
    const first = gate.enter('a', queued)
    const [second, third, fourth] = [gate.enter('a', queued), gate.enter('a', queued), gate.enter('a', queued)]
    expect(fourth.admitted).toBe(false)
    first.leave()
    expect(await second.admitted).toBe(true)
    const late = gate.enter('a', queued)
    second.leave()
    expect(await third.admitted).toBe(true)
    third.leave()
    expect(await late.admitted).toBe(true)
  })

  test('sends away whose time is up, and stops its clock when it is empty', async () => {
    const { gate, pass, timers } = bench()
    gate.enter('a', queued)
    const waiting = gate.enter('a', queued)
    expect(timers()).toBe(1)
    pass(600)
    expect(await waiting.admitted).toBe(false)
    expect(timers()).toBe(0)
    waiting.leave()
    expect(gate.enter('a', { ...queued, queue: 0 }).admitted).toBe(false)
  })

  test('gives the place of somebody who left to the next', async () => {
    const { gate } = bench()
    const first = gate.enter('a', queued)
    const [gone, next] = [gate.enter('a', queued), gate.enter('a', queued)]
    gone.leave()
    expect(await gone.admitted).toBe(false)
    first.leave()
    expect(await next.admitted).toBe(true)
  })

  test('gives back the place of somebody who was let in and had left before hearing of it', async () => {
    const { gate } = bench()
    const first = gate.enter('a', queued)
    const second = gate.enter('a', queued)
    first.leave()
    second.leave()
    expect(gate.enter('a', { ...queued, queue: 0 }).admitted).toBe(true)
    expect(await second.admitted).toBe(true)
  })

  test('is not overtaken by somebody who comes just when a place is free', async () => {
    const { gate, elsewhere, pass } = bench()
    elsewhere.add('a', 1)
    const waiting = gate.enter('a', queued)
    elsewhere.add('a', -1)
    expect(gate.enter('a', queued).admitted).toBeInstanceOf(Promise)
    pass(100)
    expect(await waiting.admitted).toBe(true)
  })

  test('notices places that became free in other workers', async () => {
    const { gate, elsewhere, pass } = bench()
    elsewhere.add('a', 1)
    const waiting = gate.enter('a', queued)
    elsewhere.add('a', -1)
    pass(100)
    expect(await waiting.admitted).toBe(true)
  })
})

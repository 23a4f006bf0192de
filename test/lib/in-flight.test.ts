import fc from 'fast-check'
import { expect, test } from 'vitest'
import { clearInFlight, createInFlight, InFlight } from '#lib/in-flight.ts'

test('counts are never too low, whatever shares the counters, and end at nothing', () => {
  const moves = fc.array(fc.tuple(fc.constantFrom('a', 'b', 'c', 'd', 'e'), fc.integer({ min: 0, max: 1 })), {
    maxLength: 100,
  })
  fc.assert(
    fc.property(moves, (entered) => {
      const buffer = createInFlight(2, 4, [1, 2])
      const rows = [new InFlight(buffer, { rows: 2, row: 0 }), new InFlight(buffer, { rows: 2, row: 1 })]
      const truth = new Map<string, number>()
      for (const [key, row] of entered) {
        rows[row]!.add(key, 1)
        truth.set(key, (truth.get(key) ?? 0) + 1)
        for (const [each, count] of truth) expect(rows[0]!.count(each)).toBeGreaterThanOrEqual(count)
      }
      for (const [key, row] of entered) rows[row]!.add(key, -1)
      for (const key of truth.keys()) expect(rows[1]!.count(key)).toBe(0)
    }),
  )
})

test('in memory of the usual size a thousand keys do not disturb each other', () => {
  const counts = new InFlight(createInFlight(1, 16_384, [5, 6]), { rows: 1, row: 0 })
  for (let key = 0; key < 1_000; key++) counts.add(`key ${key}`, 1)
  const wrong = Array.from({ length: 1_000 }, (_, key) => counts.count(`key ${key}`)).filter((count) => count !== 1)
  expect(wrong).toEqual([])
})

test('the row of a worker that died takes its counts with it, and no others', () => {
  const buffer = createInFlight(2, 1_024, [1, 2])
  const [dead, alive] = [new InFlight(buffer, { rows: 2, row: 0 }), new InFlight(buffer, { rows: 2, row: 1 })]
  dead.add('a', 1)
  alive.add('a', 1)
  clearInFlight(buffer, 2, 0)
  expect(alive.count('a')).toBe(1)
})

import { expect, test } from 'vitest'
import { endpointAt } from '../../src/discovery/answer.ts'
import { Leaving } from '../../src/discovery/dns/leaving.ts'
import { FakeClock } from '../support/fake-clock.ts'

const one = endpointAt({ address: '10.0.0.1', port: 80 })
const two = endpointAt({ address: '10.0.0.2', port: 80 })

test('who is named again leaves no more, and who left at different times goes at different times', () => {
  const clock = new FakeClock()
  let gone = 0
  const leaving = new Leaving({ clock, drainMs: 1_000, onGone: () => gone++ })
  leaving.update([one, two], new Set([two.id]))
  expect(leaving.list()).toEqual([{ ...one, ready: false, terminating: true }])
  clock.advance(600)
  leaving.update([two], new Set())
  expect(leaving.list()).toHaveLength(2)
  clock.advance(400)
  expect(leaving.list().map((each) => each.id)).toEqual([two.id])
  expect(gone).toBe(1)
  leaving.update([], new Set([two.id]))
  expect(leaving.list()).toEqual([])
  expect(clock.pending).toBe(0)
})

test('without a drain time nobody leaves: they are gone', () => {
  const clock = new FakeClock()
  const leaving = new Leaving({ clock, drainMs: 0, onGone: () => {} })
  leaving.update([one], new Set())
  expect(leaving.list()).toEqual([])
})

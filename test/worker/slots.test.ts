import { expect, test } from 'vitest'
import { Slots } from '../../src/worker/slots.ts'
import type { EndpointSet } from '../../src/snapshot/snapshot.ts'
import { setOf } from '../support/door.ts'

const slotsOf = ({ endpoints }: EndpointSet): readonly (number | undefined)[] => endpoints.map(({ slot }) => slot)

test('an endpoint has one slot, however many upstreams name it, and keeps it while one does', () => {
  const slots = new Slots(10, () => {})
  const first = slots.take(setOf([1, 2]))
  const second = slots.take(setOf([2, 3], { upstream: 'test/other:80' }))
  expect([slotsOf(first), slotsOf(second)]).toEqual([
    [0, 1],
    [1, 2],
  ])
  slots.giveBack(first)
  expect(slotsOf(slots.take(setOf([2])))).toEqual([1])
  expect(slotsOf(slots.take(setOf([4])))).toEqual([0])
})

test('endpoints beyond the last slot have none, which is said once, and take nobody else’s with them', () => {
  let full = 0
  const slots = new Slots(1, () => full++)
  const [first, beyond] = [slots.take(setOf([1])), slots.take(setOf([2]))]
  slots.take(setOf([3]))
  expect([slotsOf(first), slotsOf(beyond), full]).toEqual([[0], [undefined], 1])
  slots.giveBack(beyond)
  expect(slotsOf(slots.take(setOf([4])))).toEqual([undefined])
  slots.giveBack(first)
  expect(slotsOf(slots.take(setOf([5])))).toEqual([0])
})

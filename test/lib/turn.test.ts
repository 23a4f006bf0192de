import { expect, test } from 'vitest'
import { createTurn, endTurn, Turn } from '#lib/turn.ts'

test('a turn is one worker’s at a time, and is passed on only by whoever has it', () => {
  const buffer = createTurn()
  const [first, second] = [new Turn(buffer, 0), new Turn(buffer, 1)]
  expect([first.take(), second.take(), first.take()]).toEqual([true, false, false])
  second.pass()
  expect(second.take()).toBe(false)
  first.pass()
  expect(second.take()).toBe(true)
  endTurn(buffer, 0)
  expect(first.take()).toBe(false)
  endTurn(buffer, 1)
  expect(first.take()).toBe(true)
})

import { expect, test } from 'vitest'
import { BodyTape } from '#lane/general/body-tape.ts'

test('a tape keeps the beginning of a body, all of it or nothing, and counts on', () => {
  const tape = new BodyTape(5)
  tape.add(Buffer.from('abc'))
  tape.add(Buffer.from('de'))
  expect([tape.isWhole, Buffer.concat(tape.chunks).toString(), tape.bytes]).toEqual([true, 'abcde', 5])
  tape.add(Buffer.from('f'))
  expect([tape.isWhole, tape.chunks, tape.bytes]).toEqual([false, [], 6])
  tape.add(Buffer.from('g'))
  expect([tape.chunks, tape.bytes]).toEqual([[], 7])
})

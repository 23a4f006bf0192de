import { expect, test } from 'vitest'
import { free } from '#lane/wire/free.ts'

test('bytes that are most of their memory are gone', () => {
  const memory = Buffer.alloc(64 * 1024, 'x').buffer
  const bytes = Buffer.from(memory, 1_000)
  free(bytes)
  expect([bytes.length, memory.byteLength]).toEqual([0, 0])
})

test('memory that others may have a part of stays', () => {
  const whole = Buffer.alloc(64 * 1024, 'x')
  for (const half of [whole.subarray(whole.length / 2), whole.subarray(0, whole.length / 2)]) free(half)
  expect(whole.toString()).toBe('x'.repeat(64 * 1024))
})

test('no piece of the pool is ever taken from the others', () => {
  const longest = Array.from({ length: 4 }, () => Buffer.allocUnsafe((Buffer.poolSize >>> 1) - 1))
  const small = Array.from({ length: 4 }, () => Buffer.from('small'))
  for (const piece of [...longest, ...small]) free(piece)
  expect(small.map(String)).toEqual(small.map(() => 'small'))
  expect(longest.map(({ length }) => length)).toEqual(longest.map(() => (Buffer.poolSize >>> 1) - 1))
})

test('memory of several threads stays', () => {
  const shared = Buffer.from(new SharedArrayBuffer(16))
  free(shared)
  expect(shared.length).toBe(16)
})

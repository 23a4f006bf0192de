import { expect, test } from 'vitest'
import { all, count, get, listMembers, remove, set } from '#http/fields.ts'

const sample = (): string[] => ['Host', 'a.test', 'X-A', '1', 'x-a', '2', 'Accept', '*/*']

test('names are found whatever their case', () => {
  expect(get(sample(), 'x-a')).toBe('1')
  expect(all(sample(), 'x-a')).toEqual(['1', '2'])
  expect(count(sample(), 'x-a')).toBe(2)
  expect(get(sample(), 'x-b')).toBeUndefined()
})

test('only ASCII letters have case: a Kelvin sign is no k', () => {
  expect(get(['X-\u212a', '1'], 'x-k')).toBeUndefined()
  expect(get(['X@', '1'], 'x`')).toBeUndefined()
})

test('a value is never taken for a name', () => {
  expect(get(['X-A', 'x-b', 'X-C', '1'], 'x-b')).toBeUndefined()
})

test('setting replaces all lines of the name in the place of the first', () => {
  const fields = sample()
  set(fields, 'X-a', '3')
  expect(fields).toEqual(['Host', 'a.test', 'X-a', '3', 'Accept', '*/*'])
})

test('setting a new name appends it', () => {
  const fields = ['Host', 'a.test']
  set(fields, 'X-B', '1')
  expect(fields).toEqual(['Host', 'a.test', 'X-B', '1'])
})

test('removing takes every line of the name and keeps the order of the others', () => {
  const fields = sample()
  remove(fields, 'x-a')
  expect(fields).toEqual(['Host', 'a.test', 'Accept', '*/*'])
})

test.each([
  ['a, b ,c', ['a', 'b', 'c']],
  ['', []],
  [' , ,, ', []],
  [',a,', ['a']],
  ['a\t,\tb', ['a', 'b']],
  ['"a,b", c', ['"a,b"', 'c']],
  [String.raw`x="a\",b", c`, [String.raw`x="a\",b"`, 'c']],
  ['"open, c', ['"open, c']],
  ['a, "open\\', ['a', '"open\\']],
])('the members of %j are %j', (value, members) => {
  expect(listMembers(value)).toEqual(members)
})

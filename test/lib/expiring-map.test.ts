import { expect, test } from 'vitest'
import { ExpiringMap } from '#lib/expiring-map.ts'

test('an entry is forgotten at its time', () => {
  const map = new ExpiringMap<string>(10)
  map.set('a', 'x', 100)
  expect([map.get('a', 99), map.get('a', 100), map.get('a', 50)]).toEqual(['x', undefined, undefined])
})

test('the one longest unused makes room', () => {
  const map = new ExpiringMap<number>(2)
  map.set('a', 1, 100)
  map.set('b', 2, 100)
  map.get('a', 0)
  map.set('c', 3, 100)
  expect([map.get('a', 0), map.get('b', 0), map.get('c', 0), map.size]).toEqual([1, undefined, 3, 2])
})

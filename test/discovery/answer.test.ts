import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { answerOf, endpointAt } from '../../src/discovery/answer.ts'
import { ids } from './folder-yaml.ts'

test('of duplicates the ready, then the preferred, then the heavier one stays', () => {
  const at = { address: '10.0.0.1', port: 80 }
  const answer = answerOf(
    [
      endpointAt({ ...at, ready: false }),
      endpointAt({ ...at, priority: 2 }),
      endpointAt({ ...at, weight: 3 }),
      endpointAt(at),
    ],
    'x',
  )
  expect(answer).toMatchObject({ endpoints: [{ ready: true, priority: 0, weight: 3 }] })
})

test('addresses where no endpoint may live are left out and named', () => {
  const answer = answerOf(
    ['0.0.0.0', '169.254.169.254', '224.0.0.1', 'not an address'].map((address) => endpointAt({ address, port: 80 })),
    'x',
  )
  expect(answer).toMatchObject({ state: 'empty' })
  expect(answer.says).toContain('169.254.169.254 is left out: link-local')
})

test('does not depend on the order it was learned in', () => {
  const endpoints = fc.array(
    fc.record({
      last: fc.integer({ min: 1, max: 4 }),
      port: fc.integer({ min: 1, max: 3 }),
      ready: fc.boolean(),
      priority: fc.integer({ min: 0, max: 2 }),
      weight: fc.integer({ min: 0, max: 2 }),
    }),
    { maxLength: 12 },
  )
  fc.assert(
    fc.property(endpoints, fc.infiniteStream(fc.double({ min: 0, max: 1, noNaN: true })), (list, keys) => {
      const all = list.map(({ last, ...rest }) => endpointAt({ address: `10.0.0.${last}`, ...rest }))
      const shuffled = all
        .map((each) => ({ each, key: keys.next().value ?? 0 }))
        .toSorted((a, b) => a.key - b.key)
        .map(({ each }) => each)
      expect(answerOf(shuffled, '')).toEqual(answerOf(all, ''))
      const result = ids(answerOf(all, ''))
      expect(result).toEqual([...new Set(result)].toSorted())
    }),
  )
})

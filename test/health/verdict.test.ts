import { describe, expect, test } from 'vitest'
import { Verdict } from '#health/verdict.ts'

describe('a verdict', () => {
  const rows = [
    { results: '', success: 1, failure: 3, state: 'waiting' },
    { results: '+', success: 1, failure: 3, state: 'passing' },
    { results: '-', success: 1, failure: 3, state: 'waiting' },
    { results: '--', success: 1, failure: 3, state: 'waiting' },
    { results: '---', success: 1, failure: 3, state: 'failing' },
    { results: '+--', success: 1, failure: 3, state: 'passing' },
    { results: '+---', success: 1, failure: 3, state: 'failing' },
    { results: '+--+--', success: 1, failure: 3, state: 'passing' },
    { results: '+---+', success: 1, failure: 3, state: 'passing' },
    { results: '+', success: 2, failure: 1, state: 'waiting' },
    { results: '++', success: 2, failure: 1, state: 'passing' },
    { results: '+-+', success: 2, failure: 1, state: 'failing' },
    { results: '+-++', success: 2, failure: 1, state: 'passing' },
    { results: '-', success: 2, failure: 1, state: 'failing' },
  ]
  for (const { results, success, failure, state } of rows) {
    test(`after "${results}" it is ${state} with thresholds ${success} and ${failure}`, () => {
      const verdict = new Verdict('waiting')
      const changes = results.split('').filter((each) => {
        const before = verdict.state
        const changed = verdict.note(each === '+', { successThreshold: success, failureThreshold: failure })
        expect(changed).toBe(verdict.state !== before)
        return changed
      })
      expect(verdict.state).toBe(state)
      expect(changes.length > 0).toBe(state !== 'waiting')
    })
  }
})

import { describe, expect, test } from 'vitest'
import { RetryBudget } from '#upstream/retry-budget.ts'
import { WaitingLine } from '#upstream/waiting-line.ts'

function spend(budget: RetryBudget, tries: number, now: number): number {
  let spent = 0
  for (let at = 0; at < tries; at++) if (budget.withdraw(now)) spent++
  return spent
}

describe('the retry budget', () => {
  test('is a fifth of the requests, and a few per second', () => {
    const budget = new RetryBudget()
    expect(spend(budget, 1_000, 0)).toBe(10)
    for (let at = 0; at < 100; at++) budget.deposit()
    expect(spend(budget, 1_000, 0)).toBe(20)
    expect(spend(budget, 1_000, 1_000)).toBe(5)
  })

  test('saves up no more than a burst', () => {
    const budget = new RetryBudget()
    for (let at = 0; at < 100_000; at++) budget.deposit()
    expect(spend(budget, 1_000, 60_000)).toBe(110)
  })

  test('when everything fails, attempts stay below 1.2 times the requests', () => {
    const budget = new RetryBudget()
    let attempts = 0
    // 100 requests per second for 100 seconds, every one of which would try three times.
    for (let at = 0; at < 10_000; at++) {
      budget.deposit()
      attempts += 1 + spend(budget, 2, at * 10)
    }
    expect(attempts).toBeLessThanOrEqual(10_000 * 1.2 + 510)
  })
})

describe('the waiting line', () => {
  test('is first come, first served, and lets those pass who can go', () => {
    const line = new WaitingLine()
    const gone: string[] = []
    let canA = false
    line.join(() => canA && gone.push('a') > 0)
    line.join(() => gone.push('b') > 0)
    line.wake()
    expect(gone).toEqual(['b'])
    canA = true
    line.wake()
    expect([gone, line.length]).toEqual([['b', 'a'], 0])
  })

  test('whoever leaves is not asked any more', () => {
    const line = new WaitingLine()
    const leave = line.join(() => expect.unreachable())
    leave()
    line.wake()
    expect(line.length).toBe(0)
  })
})

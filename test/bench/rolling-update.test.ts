import { expect, test } from 'vitest'
import { oneHanging } from '../../bench/one-hanging.ts'
import { rollingUpdate } from '../../bench/rolling-update.ts'
import { describeLanes } from '../support/lanes.ts'

const small = { pods: 3, rounds: 1, clients: 6, workMs: 3, stepMs: 40 }

describeLanes((_, lane) => {
  test.each([
    ['abrupt', ['GET', 'PUT']],
    ['patient', ['GET', 'PUT', 'POST']],
  ] as const)(
    'every endpoint of a Service is replaced under load, and no request fails: %s Pods',
    async (manner, methods) => {
      const { good, bad, replaced } = await rollingUpdate({ ...small, lane, manner, methods })
      expect(bad).toEqual([])
      expect(replaced).toBe(3)
      for (const method of methods) expect(good[method]).toBeGreaterThan(0)
    },
    20_000,
  )

  test('one of three endpoints hangs: its timeouts are its own, and it is ejected', async () => {
    const { good, timeouts, others, hanging } = await oneHanging({ lane, clients: 6, runMs: 2_500 })
    expect(others).toEqual([])
    expect(Object.keys(timeouts)).toEqual([String(hanging)])
    // As many as ask at once, and a few more until it is ejected.
    expect(timeouts[hanging]).toBeLessThan(20)
    expect(good).toBeGreaterThan(50)
  }, 20_000)
})

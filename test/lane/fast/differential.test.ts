import { expect, test } from 'vitest'
import { compareReadings } from '../../support/differential.ts'
import { compareResponseReadings } from '../../support/response-differential.ts'

test('what the fast lane would act on, node reads the same way: method, target, fields and body', async () => {
  const { accepted, differences } = await compareReadings(20_000, 20_261_122)
  expect(differences).toEqual([])
  // Most mutants are refused; if all of them were, nothing would have been compared.
  expect(accepted).toBeGreaterThan(3_000)
})

test('what the fast lane would pass on of an endpoint, node reads the same way: head, body and trailers', async () => {
  const { accepted, differences } = await compareResponseReadings(10_000, 20_261_122)
  expect(differences).toEqual([])
  expect(accepted).toBeGreaterThan(1_500)
})

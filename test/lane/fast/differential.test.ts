import { expect, test } from 'vitest'
import { compareReadings } from '../../support/differential.ts'

test('what the fast lane would act on, node reads the same way: method, target, fields and body', async () => {
  const { accepted, differences } = await compareReadings(20_000, 20_261_122)
  expect(differences).toEqual([])
  // Most mutants are refused; if all of them were, nothing would have been compared.
  expect(accepted).toBeGreaterThan(3_000)
})

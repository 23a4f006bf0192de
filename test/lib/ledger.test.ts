import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { clearLedgerRow, createLedger, Ledger } from '../../src/lib/ledger.ts'

describe('the ledger', () => {
  test('sums what all rows have counted of a slot, and of no other', () => {
    const change = fc.record({ row: fc.nat(2), slot: fc.nat(4), delta: fc.constantFrom(1, -1) })
    fc.assert(
      fc.property(fc.array(change), (changes) => {
        const buffer = createLedger(3, 5)
        const ledgers = [0, 1, 2].map((row) => new Ledger(buffer, { rows: 3, row }))
        const expected = [0, 0, 0, 0, 0]
        for (const { row, slot, delta } of changes) {
          ledgers[row]!.add(slot, delta)
          expected[slot]! += delta
        }
        expect(expected.map((_, slot) => ledgers[0]!.sum(slot))).toEqual(expected)
      }),
    )
  })

  test('forgets the row of a worker that is no more, and nothing else', () => {
    const buffer = createLedger(2, 3)
    const [one, two] = [new Ledger(buffer, { rows: 2, row: 0 }), new Ledger(buffer, { rows: 2, row: 1 })]
    for (const slot of [0, 1, 2]) {
      one.add(slot, 5)
      two.add(slot, 1)
    }
    clearLedgerRow(buffer, 2, 0)
    expect([0, 1, 2].map((slot) => two.sum(slot))).toEqual([1, 1, 1])
  })
})

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { HashMemo } from '#lib/hash-memo.ts'

test('knows what it was told last for a hash, or nothing, and never what was told for another', () => {
  const hashes = fc.array(fc.oneof(fc.nat(20), fc.integer({ min: 0, max: 0xffffffff })), { maxLength: 60 })
  fc.assert(
    fc.property(hashes, (told) => {
      const memo = new HashMemo<number>(8)
      const last = new Map<number, number>()
      for (const [at, hash] of told.entries()) {
        memo.set(hash, at)
        last.set(hash, at)
        expect(memo.get(hash)).toBe(at)
        for (const [each, value] of last) expect([value, undefined]).toContain(memo.get(each))
      }
      expect(memo.get(0x12345678)).toBe(last.get(0x12345678))
    }),
  )
})

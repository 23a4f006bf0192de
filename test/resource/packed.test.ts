import fc from 'fast-check'
import { expect, test } from 'vitest'
import { numberAt, pack, packedLength } from '#resource/packed.ts'

test('numbers come out of a string as they went in', () => {
  const small = fc.array(fc.nat(0xffff))
  const large = fc.array(fc.nat(0xffff_ffff))
  fc.assert(
    fc.property(fc.oneof(small, large), (numbers) => {
      const packed = pack(numbers)
      expect(Array.from({ length: packedLength(packed) }, (_, index) => numberAt(packed, index))).toEqual(numbers)
    }),
  )
})

test('more numbers than a call takes arguments', () => {
  for (const factor of [1, 1_000]) {
    const numbers = Array.from({ length: 100_000 }, (_, index) => index * factor)
    const packed = pack(numbers)
    expect([packedLength(packed), numberAt(packed, 4_096), numberAt(packed, 99_999)]).toEqual([
      100_000,
      4_096 * factor,
      99_999 * factor,
    ])
  }
})

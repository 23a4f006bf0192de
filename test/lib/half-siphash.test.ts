import { expect, test } from 'vitest'
import { halfSipHash } from '#lib/half-siphash.ts'

/** From the reference implementation's vectors of 64 bits: key 00 to 07, message 00, 01, … of that length. */
const vectors: readonly (readonly [length: number, hash: string])[] = [
  [0, '218d1f59b9b83cc8'],
  [2, '064f39ef7c50eb57'],
  [4, 'd5e78a175be52ea1'],
  [8, 'edfee820bce4858c'],
  [10, '95b0469f06a6f2ee'],
]

test.each(vectors)('%i bytes hash as the reference has it', (length, hash) => {
  const out = new Uint32Array(2)
  const bytes = Buffer.from(Array.from({ length }, (_, index) => index))
  halfSipHash(bytes.toString('utf16le'), [0x03020100, 0x07060504], out)
  const found = Buffer.alloc(8)
  found.writeUInt32LE(out[0]!, 0)
  found.writeUInt32LE(out[1]!, 4)
  expect(found.toString('hex')).toBe(hash)
})

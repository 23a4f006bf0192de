/**
 * HalfSipHash-2-4 with 64 bits of output (Aumasson and Bernstein): a keyed hash of short texts that somebody who does
 * not know the key cannot steer, in 32-bit arithmetic.
 */

/** Two 32-bit words. */
export type HashKey = readonly [number, number]

/** Hashes the text's UTF-16 code units, little-endian, and writes the two words of the result to `out`. */
export function halfSipHash(text: string, key: HashKey, out: Uint32Array | Int32Array): void {
  let v0 = key[0] | 0
  let v1 = key[1] ^ 0xee
  let v2 = 0x6c796765 ^ key[0]
  let v3 = 0x74656462 ^ key[1]
  const words = (text.length >>> 1) + 1
  // Two rounds for each word, then four for each half of the result, in one loop: as functions they would need an object.
  for (let step = 0; step < words + 2; step++) {
    const isWord = step < words
    const word = isWord ? wordAt(text, step) : 0
    v3 ^= word
    if (step === words) v2 ^= 0xee
    if (step === words + 1) {
      out[0] = v1 ^ v3
      v1 ^= 0xdd
    }
    for (let rounds = isWord ? 2 : 4; rounds > 0; rounds--) {
      v0 = (v0 + v1) | 0
      v1 = rotate(v1, 5) ^ v0
      v0 = rotate(v0, 16)
      v2 = (v2 + v3) | 0
      v3 = rotate(v3, 8) ^ v2
      v0 = (v0 + v3) | 0
      v3 = rotate(v3, 7) ^ v0
      v2 = (v2 + v1) | 0
      v1 = rotate(v1, 13) ^ v2
      v2 = rotate(v2, 16)
    }
    v0 ^= word
  }
  out[1] = v1 ^ v3
}

/** Two code units; the last word has the length in bytes above the one that may be left. */
function wordAt(text: string, word: number): number {
  const at = word * 2
  const { length } = text
  if (at + 1 < length) return text.charCodeAt(at) | (text.charCodeAt(at + 1) << 16)
  return (((length * 2) & 0xff) << 24) | (at < length ? text.charCodeAt(at) : 0)
}

function rotate(word: number, bits: number): number {
  return (word << bits) | (word >>> (32 - bits))
}

/**
 * HalfSipHash-2-4 with 64 bits of output (Aumasson and Bernstein): a keyed hash of short texts that somebody who does
 * not know the key cannot steer, in 32-bit arithmetic.
 */

/** Two 32-bit words. */
export type HashKey = readonly [number, number]

/** Hashes the text's UTF-16 code units, little-endian, and writes the two words of the result to `out`. */
export function halfSipHash(text: string, key: HashKey, out: Uint32Array): void {
  const state = new State(key)
  const { length } = text
  let at = 0
  for (; at + 1 < length; at += 2) state.absorb(text.charCodeAt(at) | (text.charCodeAt(at + 1) << 16))
  const rest = at < length ? text.charCodeAt(at) : 0
  state.absorb((((length * 2) & 0xff) << 24) | rest)
  state.finish(out)
}

class State {
  #v0: number
  #v1: number
  #v2: number
  #v3: number

  constructor([k0, k1]: HashKey) {
    this.#v0 = k0 | 0
    this.#v1 = k1 ^ 0xee
    this.#v2 = 0x6c796765 ^ k0
    this.#v3 = 0x74656462 ^ k1
  }

  absorb(word: number): void {
    this.#v3 ^= word
    this.#round()
    this.#round()
    this.#v0 ^= word
  }

  finish(out: Uint32Array): void {
    this.#v2 ^= 0xee
    for (let round = 0; round < 4; round++) this.#round()
    out[0] = this.#v1 ^ this.#v3
    this.#v1 ^= 0xdd
    for (let round = 0; round < 4; round++) this.#round()
    out[1] = this.#v1 ^ this.#v3
  }

  #round(): void {
    let v0 = this.#v0
    let v1 = this.#v1
    let v2 = this.#v2
    let v3 = this.#v3
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
    this.#v0 = v0
    this.#v1 = v1
    this.#v2 = v2
    this.#v3 = v3
  }
}

function rotate(word: number, bits: number): number {
  return (word << bits) | (word >>> (32 - bits))
}

/**
 * The hash of the route table: over char codes read in place, so that a prefix of a text has a hash without ever
 * becoming a string. Where it starts and what it multiplies by come from a seed that nobody outside knows, so that
 * manifests cannot be written to collide; nothing but speed depends on it.
 */

export type HashKey = { readonly basis: number; readonly multiplier: number }

/** Any number will do; equal seeds give equal keys. */
export function hashKey(seed: number): HashKey {
  const basis = scatter(seed | 0)
  // Odd, so that multiplying loses nothing; 5 modulo 8, so that it never has a short period.
  return { basis, multiplier: (scatter(basis ^ 0x9e3779b9) & ~7) | 5 }
}

/** One more char code behind what `hash` already holds (the shape of FNV-1a). */
export function extend(hash: number, code: number, multiplier: number): number {
  return Math.imul(hash ^ code, multiplier)
}

/** Slots are chosen by low bits, but the multiplications leave what they know in the high ones. */
export function finish(hash: number): number {
  return hash ^ (hash >>> 15) ^ (hash >>> 23)
}

/** First char to last. */
export function hashForward(text: string, { basis, multiplier }: HashKey): number {
  let hash = basis
  for (let i = 0; i < text.length; i += 1) hash = extend(hash, text.charCodeAt(i), multiplier)
  return finish(hash)
}

/** Last char to first: on the way it passes the hash of every suffix, which is what a wildcard host is found by. */
export function hashBackward(text: string, { basis, multiplier }: HashKey): number {
  let hash = basis
  for (let i = text.length - 1; i >= 0; i -= 1) hash = extend(hash, text.charCodeAt(i), multiplier)
  return finish(hash)
}

/** The finaliser of MurmurHash3: every bit of the seed reaches every bit of the result. */
function scatter(bits: number): number {
  let mixed = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b)
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35)
  return mixed ^ (mixed >>> 16)
}

/**
 * Hashes that spread texts evenly over 32 bits, the same in every process and for ever: for choosing by hash, never for
 * secrets, and never for tables that somebody could fill with collisions.
 */

/** FNV-1a over UTF-16 code units, then scattered. An unsigned 32-bit integer. */
export function hashText(text: string): number {
  let hash = 0x811c9dc5
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193)
  return scatter(hash)
}

/** Two hashes as one; the order counts. */
export function mixHashes(first: number, second: number): number {
  return scatter((Math.imul(first, 0x9e3779b1) + second) | 0)
}

/** The finaliser of MurmurHash3: every bit reaches every other. */
function scatter(bits: number): number {
  let mixed = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b)
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35)
  return (mixed ^ (mixed >>> 16)) >>> 0
}

/**
 * Sizes as people write them: `512`, `32k`, `1m`, `64KiB`. Inside the program they are bytes. As in nginx, a `k` is
 * 1024 bytes: sizes bound buffers, and buffers come in powers of two.
 */

/** What to tell somebody whose text was not one. */
export const bytesGrammar = 'a size such as 512, 32k or 1m'

const factors = { '': 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3 } as const
const shape = /^(\d+(?:\.\d+)?)(?:([kmg])(?:i?b)?|b)?$/

/** Whole bytes; `undefined` for anything else. Units may be upper or lower case and may end in `b` or `ib`. */
export function parseBytes(text: string): number | undefined {
  const match = shape.exec(text.toLowerCase())
  if (match === null) return undefined
  // `shape` has admitted nothing but the units of the table, so the cast cannot lie.
  const bytes = Number(match[1]) * factors[(match[2] ?? '') as keyof typeof factors]
  return Number.isSafeInteger(bytes) ? bytes : undefined
}

/** The largest unit that divides it: 32768 is `32k`, 1000 is `1000`. `parseBytes` reads it back. */
export function printBytes(bytes: number): string {
  for (const unit of ['g', 'm', 'k'] as const) {
    if (bytes > 0 && bytes % factors[unit] === 0) return `${bytes / factors[unit]}${unit}`
  }
  return String(bytes)
}

/** Messages cut, copied and misspelt at random: what a fuzz test feeds to whoever reads HTTP/1. */
import { pick } from './random.ts'

/** What mutants are made of: whole messages, and pieces that are put into them. */
export type Stock = { readonly seeds: readonly Buffer[]; readonly tokens: readonly string[] }

/** In bytes. */
export const longestSeed = 3_000

/** Bytes that mean something somewhere in HTTP/1, or to somebody who reads it badly. */
const telling = Buffer.from(
  '\r\n\r\n\0 \t:,;="\\/?#%&_-.~*()<>[]{}@^`|0159aAfFgGxXzZ\x0b\x0c\x1f\x7f\x80\x85\xa0\xad\xe9\xff',
  'latin1',
)
/** The seeds themselves first, then mutants of them. */
export function mutantOf(stock: Stock, number: number, random: () => number): Buffer {
  const { seeds } = stock
  if (number < seeds.length) return seeds[number]!
  let bytes = Buffer.from(pick(seeds, random))
  for (let times = 1 + Math.floor(random() * 4); times > 0; times--) bytes = mutate(bytes, stock, random)
  return bytes.subarray(0, 2 * longestSeed)
}

function mutate(bytes: Buffer<ArrayBuffer>, { seeds, tokens }: Stock, random: () => number): Buffer<ArrayBuffer> {
  const at = Math.floor(random() * (bytes.length + 1))
  const length = 1 + Math.floor(random() * 12)
  const around = (...middle: readonly Buffer[]): Buffer<ArrayBuffer> =>
    Buffer.concat([bytes.subarray(0, at), ...middle, bytes.subarray(at)])
  switch (Math.floor(random() * 8)) {
    case 0:
      if (at < bytes.length) bytes[at] = telling[Math.floor(random() * telling.length)]!
      return bytes
    case 1:
      return around(Buffer.of(telling[Math.floor(random() * telling.length)]!))
    case 2:
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + length)])
    case 3:
      return around(bytes.subarray(Math.floor(random() * bytes.length)).subarray(0, length * 3))
    case 4:
      return around(Buffer.from(tokens[Math.floor(random() * tokens.length)]!, 'latin1'))
    case 5: {
      const line = bytes.indexOf('\r\n', at)
      return line < 0
        ? bytes
        : Buffer.concat([
            bytes.subarray(0, line + 2),
            Buffer.from(tokens[Math.floor(random() * tokens.length)]!, 'latin1'),
            bytes.subarray(line + 2),
          ])
    }
    case 6: {
      const other = pick(seeds, random)
      return Buffer.concat([bytes.subarray(0, at), other.subarray(Math.floor(random() * other.length))])
    }
    default:
      if (at < bytes.length) bytes[at] = Math.floor(random() * 256)
      return bytes
  }
}

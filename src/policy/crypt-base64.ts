/** The base 64 of crypt(3): its own alphabet, the lowest bits first. */
const alphabet = './0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'

/** The bytes at these places, three at a time (the first is the most significant), then the rest. */
export function cryptBase64(bytes: Uint8Array, order: readonly (readonly number[])[]): string {
  return order
    .map((group) =>
      encode(
        group.reduce((word, at) => (word << 8) | bytes[at]!, 0),
        Math.ceil((group.length * 8) / 6),
      ),
    )
    .join('')
}

function encode(word: number, length: number): string {
  let text = ''
  for (let digit = 0; digit < length; digit++) text += alphabet[(word >>> (digit * 6)) & 63]
  return text
}

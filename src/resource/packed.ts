/**
 * Lists of numbers that are kept for long and by the ten thousand, as strings: such a one takes 16 bytes, one to four for
 * each number, and nothing outside of V8's heap. A typed array takes some 350 bytes before its first number.
 */

/** Each number is one UTF-16 code unit, or two where they are large; the first unit says which. */
export type Packed = string & { readonly packed: never }

/** Whole numbers from 0 to 4,294,967,295. */
export function pack(numbers: readonly number[]): Packed {
  const isWide = numbers.some((each) => each > 0xffff)
  const units = isWide ? numbers.flatMap((each) => [each >>> 16, each & 0xffff]) : numbers
  // More arguments than these may not fit on the stack. One call makes a string in one piece.
  let packed = String.fromCharCode(isWide ? 2 : 1, ...units.slice(0, atOnce))
  for (let at = atOnce; at < units.length; at += atOnce) packed += String.fromCharCode(...units.slice(at, at + atOnce))
  // Nothing else makes values of this type, so that the cast only gives the string its name.
  return packed as Packed
}

const atOnce = 4_096

export function packedLength(packed: Packed): number {
  return (packed.length - 1) / packed.charCodeAt(0)
}

export function numberAt(packed: Packed, index: number): number {
  if (packed.charCodeAt(0) === 1) return packed.charCodeAt(1 + index)
  const at = 1 + index * 2
  return packed.charCodeAt(at) * 0x1_0000 + packed.charCodeAt(at + 1)
}

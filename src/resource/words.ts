/**
 * Parts of a text as strings of their own, and equal ones as the same string where it is cheap to know: ten thousand
 * objects have the same field names, and V8's own substrings would keep the text of every file for a host name.
 */

/** A power of two; of what falls together the newer word stays. */
const slots = 2048
const longest = 64

/** Only remembers; what it answers depends on nothing but the question. */
export class Words {
  readonly #known: (string | undefined)[] = Array.from({ length: slots }, () => undefined)

  /** `text.slice(from, to)`. */
  take(text: string, from: number, to: number): string {
    const length = to - from
    if (length === 0) return ''
    if (length > longest) return copy(text.slice(from, to))
    let hash = length
    for (let at = from; at < to; at++) hash = (Math.imul(hash, 31) + text.charCodeAt(at)) | 0
    const slot = (hash ^ (hash >>> 15)) & (slots - 1)
    const known = this.#known[slot]
    if (known !== undefined && known.length === length && text.startsWith(known, from)) return known
    return (this.#known[slot] = copy(text.slice(from, to)))
  }
}

/** V8 makes a string of more than 12 characters that is cut from another a reference to that one; a joined one is new. */
export function copy(slice: string): string {
  return slice.length <= 12 ? slice : [slice[0], slice.slice(1)].join('')
}

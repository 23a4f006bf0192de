/**
 * Remembers what was worked out for hashes of 32 bits, in memory of a fixed size: of those that share a place the newest.
 * Whoever asks for many different ones only makes it useless, never larger.
 */
export class HashMemo<Value> {
  readonly #mask: number
  readonly #hashes: Uint32Array
  readonly #values: (Value | undefined)[]

  /** `places` is a power of two. */
  constructor(places: number) {
    this.#mask = places - 1
    this.#hashes = new Uint32Array(places)
    this.#values = Array.from({ length: places }, () => undefined)
  }

  get(hash: number): Value | undefined {
    const place = hash & this.#mask
    return this.#hashes[place] === hash ? this.#values[place] : undefined
  }

  set(hash: number, value: Value): void {
    const place = hash & this.#mask
    this.#hashes[place] = hash
    this.#values[place] = value
  }
}

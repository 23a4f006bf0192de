/** The beginning of a request body, kept while it is small and may have to be sent again. */
export class KeptBody {
  #pieces: Buffer[] = []

  /** `bytes` must not change any more. */
  add(bytes: Buffer): void {
    if (bytes.length > 0) this.#pieces.push(bytes)
  }

  /** All of it, in one piece. */
  whole(): Buffer {
    const bytes = this.#pieces.length === 1 ? this.#pieces[0]! : Buffer.concat(this.#pieces)
    this.#pieces = bytes.length === 0 ? [] : [bytes]
    return bytes
  }

  forget(): void {
    if (this.#pieces.length > 0) this.#pieces = []
  }
}

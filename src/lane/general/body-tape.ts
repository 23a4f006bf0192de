/**
 * What of a request body was read from the client, over all attempts: counted, and its beginning kept, so that a small
 * body can be sent again from its start.
 */
export class BodyTape {
  readonly #keepBytes: number
  #chunks: Buffer[] = []
  /** Read so far. */
  bytes = 0
  /** The client's message was read to its end. */
  ended = false

  /** `keepBytes`: 0 to keep nothing. */
  constructor(keepBytes: number) {
    this.#keepBytes = keepBytes
  }

  /** All that was read is still here. */
  get isWhole(): boolean {
    return this.bytes <= this.#keepBytes
  }

  /** Only when it is whole. */
  get chunks(): readonly Buffer[] {
    return this.#chunks
  }

  add(chunk: Buffer): void {
    this.bytes += chunk.length
    if (this.isWhole) this.#chunks.push(chunk)
    else this.#chunks = []
  }
}

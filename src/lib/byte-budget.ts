/** So many bytes that several share, first come first served. */
export class ByteBudget {
  #left: number

  constructor(bytes: number) {
    this.#left = bytes
  }

  /** Whether there was as much left; otherwise nothing is taken. */
  take(bytes: number): boolean {
    if (bytes > this.#left) return false
    this.#left -= bytes
    return true
  }

  /** What was taken. */
  give(bytes: number): void {
    this.#left += bytes
  }
}

/** Long work on a thread that has requests to serve: done in slices, with everything that waits in between. */

/** Milliseconds of work at a stretch: a request that comes meanwhile does not notice. */
const sliceMs = 3

/** Keeps what the longest slice of all cost: CPU time, which says what we did, and not what the machine did meanwhile. */
export class Slices {
  #longestMs = 0

  /** Runs the generator to its end. Rejects with what it throws. */
  async run<T>(work: Generator<void, T>): Promise<T> {
    for (;;) {
      const step = this.#slice(work)
      if (step.done === true) return step.value
      await new Promise<void>((go) => setImmediate(go))
    }
  }

  /** In milliseconds, since the last call. */
  takeLongest(): number {
    const longest = this.#longestMs
    this.#longestMs = 0
    return longest
  }

  #slice<T>(work: Generator<void, T>): IteratorResult<void, T> {
    const begun = performance.now()
    const before = process.threadCpuUsage()
    try {
      let step = work.next()
      while (step.done !== true && performance.now() - begun < sliceMs) step = work.next()
      return step
    } finally {
      const { user, system } = process.threadCpuUsage(before)
      this.#longestMs = Math.max(this.#longestMs, (user + system) / 1_000)
    }
  }
}

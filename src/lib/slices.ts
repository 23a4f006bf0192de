/**
 * Long work on a thread that has other things to do, or that others wait for: done in slices, with a rest after each.
 */

/** Work that yields wherever it may be interrupted for a while. */
export type Steps<T> = Generator<void, T>

/** Of a list, between two places where there may be a rest: some hundredths of a millisecond. */
const itemsPerStep = 16

/** `Array.map` in steps. */
export function* mapped<T, U>(items: readonly T[], make: (item: T) => U): Steps<U[]> {
  const made: U[] = []
  for (const [index, item] of items.entries()) {
    made.push(make(item))
    if (index % itemsPerStep === itemsPerStep - 1) yield
  }
  return made
}

/** All of it at once, for those who need not rest. */
export function finish<T>(steps: Steps<T>): T {
  for (;;) {
    const step = steps.next()
    if (step.done === true) return step.value
  }
}

export type SlicesInit = {
  /** Milliseconds of work at a stretch. */
  readonly sliceMs: number
  readonly rest: () => Promise<void>
}

/** Keeps what the longest slice of all cost: CPU time, which says what we did, and not what the machine did meanwhile. */
export class Slices {
  readonly #init: SlicesInit
  #longestMs = 0

  constructor(init: SlicesInit) {
    this.#init = init
  }

  /** Runs the work to its end. Rejects with what it throws. */
  async run<T>(work: Steps<T>): Promise<T> {
    for (;;) {
      const step = this.#slice(work)
      if (step.done === true) return step.value
      await this.#init.rest()
    }
  }

  /** In milliseconds, since the last call. */
  takeLongest(): number {
    const longest = this.#longestMs
    this.#longestMs = 0
    return longest
  }

  #slice<T>(work: Steps<T>): IteratorResult<void, T> {
    const begun = performance.now()
    const before = process.threadCpuUsage()
    try {
      let step = work.next()
      while (step.done !== true && performance.now() - begun < this.#init.sliceMs) step = work.next()
      return step
    } finally {
      const { user, system } = process.threadCpuUsage(before)
      this.#longestMs = Math.max(this.#longestMs, (user + system) / 1_000)
    }
  }
}

/**
 * Gathers what attempts say of their endpoints, and tells it once per turn of the event loop. Success is free: it is
 * told only for an endpoint that failed before.
 */
import type { EndpointOutcome } from '#snapshot/outcome.ts'

export type OutcomesInit = {
  readonly tell: (outcomes: readonly EndpointOutcome[]) => void
  /** Calls back once, soon. */
  readonly later: (run: () => void) => void
}

type Count = { readonly upstream: string; readonly endpoint: string; recovered: boolean; failures: number }

export class Outcomes {
  readonly #init: OutcomesInit
  /** What was told of last was a failure. By upstream and endpoint, as in `#news`. */
  readonly #failing = new Set<string>()
  readonly #news = new Map<string, Count>()

  constructor(init: OutcomesInit) {
    this.#init = init
  }

  note(upstream: string, endpoint: string, ok: boolean): void {
    if (ok && this.#failing.size === 0) return
    // Neither an id of an upstream nor an address holds a blank.
    const key = `${upstream} ${endpoint}`
    if (ok) {
      if (!this.#failing.delete(key)) return
    } else {
      this.#failing.add(key)
    }
    const count = this.#countOf(key, upstream, endpoint)
    if (ok) count.recovered = true
    count.failures = ok ? 0 : count.failures + 1
  }

  /** Forgets endpoints that no upstream names any more; `ids` gives those that one does. */
  keep(ids: () => ReadonlySet<string>): void {
    if (this.#failing.size === 0) return
    const named = ids()
    for (const key of this.#failing) if (!named.has(key.slice(key.indexOf(' ') + 1))) this.#failing.delete(key)
  }

  #countOf(key: string, upstream: string, endpoint: string): Count {
    const known = this.#news.get(key)
    if (known !== undefined) return known
    const count: Count = { upstream, endpoint, recovered: false, failures: 0 }
    if (this.#news.size === 0) this.#init.later(() => this.#tell())
    this.#news.set(key, count)
    return count
  }

  #tell(): void {
    const news = [...this.#news.values()]
    this.#news.clear()
    this.#init.tell(news)
  }
}

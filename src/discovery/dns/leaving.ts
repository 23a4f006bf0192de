/**
 * Endpoints that DNS no longer names. They get no new sessions, but for a while they serve those bound to them.
 */
import type { EndpointSpec } from '#snapshot/snapshot.ts'
import type { Clock } from '../clock.ts'

export type LeavingInit = {
  readonly clock: Clock
  /** How long they stay; 0 for not at all. */
  readonly drainMs: number
  /** Called when the time of one is over. */
  readonly onGone: () => void
}

export class Leaving {
  readonly #init: LeavingInit
  readonly #endpoints = new Map<string, { readonly endpoint: EndpointSpec; readonly until: number }>()
  #cancel = (): void => {}

  constructor(init: LeavingInit) {
    this.#init = init
  }

  list(): readonly EndpointSpec[] {
    return [...this.#endpoints.values()].map((each) => each.endpoint)
  }

  /** Of the endpoints there were, those that are not `named` any more begin to leave; named ones are back. */
  update(before: readonly EndpointSpec[], named: ReadonlySet<string>): void {
    const { clock, drainMs } = this.#init
    for (const each of before) {
      if (named.has(each.id) || drainMs === 0) continue
      const endpoint = { ...each, ready: false, terminating: true }
      this.#endpoints.set(each.id, { endpoint, until: clock.now() + drainMs })
    }
    for (const id of named) this.#endpoints.delete(id)
    this.#schedule()
  }

  clear(): void {
    this.#endpoints.clear()
    this.#cancel()
  }

  #schedule(): void {
    this.#cancel()
    if (this.#endpoints.size === 0) return
    const { clock } = this.#init
    const soonest = Math.min(...[...this.#endpoints.values()].map((each) => each.until))
    this.#cancel = clock.setTimer(Math.max(0, soonest - clock.now()), () => this.#sweep())
  }

  #sweep(): void {
    const now = this.#init.clock.now()
    for (const [id, { until }] of this.#endpoints) if (until <= now) this.#endpoints.delete(id)
    this.#schedule()
    this.#init.onGone()
  }
}

/**
 * Which place in the ledger is whose: endpoints get numbers on their way to the workers, one for each `address:port`
 * however many upstreams name it, and give them back when none does any more.
 */
import type { EndpointSet, EndpointSpec } from '#snapshot/snapshot.ts'

/** Of the ledger; a megabyte for four workers. */
export const ledgerSlots = 65_536

type Held = { readonly slot: number; sets: number }

export class Slots {
  readonly #most: number
  readonly #onFull: () => void
  readonly #held = new Map<string, Held>()
  readonly #free: number[] = []
  #next = 0
  #isFull = false

  /** `onFull` is called once: endpoints beyond `most` are counted by each worker for itself. */
  constructor(most: number, onFull: () => void) {
    this.#most = most
    this.#onFull = onFull
  }

  /** The set with its numbers. Pairs with `giveBack` of what it returns. */
  take(set: EndpointSet): EndpointSet {
    return { ...set, endpoints: set.endpoints.map((endpoint) => this.#take(endpoint)) }
  }

  /** Requests may still be under way there: whoever gets the number next looks a little busier until they end. */
  giveBack({ endpoints }: EndpointSet): void {
    for (const { id, slot } of endpoints) {
      const held = slot === undefined ? undefined : this.#held.get(id)
      if (held === undefined || --held.sets > 0) continue
      this.#held.delete(id)
      this.#free.push(held.slot)
    }
  }

  #take(endpoint: EndpointSpec): EndpointSpec {
    let held = this.#held.get(endpoint.id)
    if (held === undefined) {
      const slot = this.#free.pop() ?? (this.#next < this.#most ? this.#next++ : undefined)
      if (slot === undefined) {
        if (!this.#isFull) this.#onFull()
        this.#isFull = true
        return endpoint
      }
      this.#held.set(endpoint.id, (held = { slot, sets: 0 }))
    }
    held.sets++
    return { ...endpoint, slot: held.slot }
  }
}

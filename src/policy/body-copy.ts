/**
 * A request body, copied while it passes, within a bound of its own and one that all copies of a worker share. Whoever
 * sends the request on never waits for it, and a copy that cannot be had whole is given up.
 */
import type { ByteBudget } from '#lib/byte-budget.ts'
import type { BodyWatcher } from './policy.ts'

/** Bytes of a body. */
export const longestCopy = 1024 * 1024
/** Bytes of all copies of a worker: those that grow, and those on their way. */
export const copiedBytes = 32 * 1024 * 1024

/** Why there is none: for the log. */
export type CopyFault = 'its body is too long' | 'copies take up too much memory' | 'its body was not received in full'

export type CopyOwner = {
  /** The budget has these bytes back when `release` was called. */
  readonly onWhole: (body: Buffer, release: () => void) => void
  readonly onGivenUp: (fault: CopyFault) => void
}

const leastBytes = 4 * 1024
const nothing = Buffer.alloc(0)

export class BodyCopy implements BodyWatcher {
  readonly #budget: ByteBudget
  readonly #owner: CopyOwner
  /** Twice as long whenever it is full, so that a body of many small pieces costs no more than one of few. */
  #bytes: Buffer
  #length: number
  #over: boolean

  constructor(budget: ByteBudget, owner: CopyOwner) {
    this.#budget = budget
    this.#owner = owner
    this.#bytes = nothing
    this.#length = 0
    this.#over = false
  }

  onBody(bytes: Buffer): void {
    if (this.#over) return
    const length = this.#length + bytes.length
    if (length > longestCopy) return this.#giveUp('its body is too long')
    if (!this.#growTo(length)) return this.#giveUp('copies take up too much memory')
    bytes.copy(this.#bytes, this.#length)
    this.#length = length
  }

  onBodyEnd(complete: boolean): void {
    if (this.#over) return
    if (!complete) return this.#giveUp('its body was not received in full')
    this.#over = true
    const taken = this.#bytes.length
    this.#owner.onWhole(this.#bytes.subarray(0, this.#length), () => this.#budget.give(taken))
  }

  #growTo(length: number): boolean {
    const room = this.#bytes.length
    if (length <= room) return true
    const wanted = Math.min(longestCopy, Math.max(length, room * 2, leastBytes))
    if (!this.#budget.take(wanted - room)) return false
    const grown = Buffer.allocUnsafeSlow(wanted)
    this.#bytes.copy(grown, 0, 0, this.#length)
    this.#bytes = grown
    return true
  }

  #giveUp(fault: CopyFault): void {
    this.#over = true
    this.#budget.give(this.#bytes.length)
    this.#bytes = nothing
    this.#owner.onGivenUp(fault)
  }
}

/**
 * A gate lets so many of a key through at once; the next may wait for a moment in a short queue. Whoever enters leaves,
 * exactly once, whatever became of it.
 */
import type { InFlight } from './in-flight.ts'

export type GateBounds = {
  /** At once, in all workers. */
  readonly limit: number
  /** How many may wait, in this worker; 0 for none. */
  readonly queue: number
  /** How long each of them waits, in milliseconds. */
  readonly waitMs: number
}

export type GateInit = {
  readonly inFlight: InFlight
  /** Calls back once after so many milliseconds, unless the returned function is called before. */
  readonly after: (ms: number, call: () => void) => () => void
  /** Milliseconds that never go back. */
  readonly now: () => number
}

/** What somebody who came to the gate holds. */
export interface Pass {
  /** Whether it may go on; a promise while it waits. */
  readonly admitted: boolean | Promise<boolean>
  /** It has gone, or has given up waiting. Doing it again changes nothing. */
  leave(): void
}

/** Others' places become free unseen: a queue looks that often. */
const pollMs = 50

export class Gate {
  readonly #init: GateInit
  readonly #queues = new Map<string, Queue>()

  constructor(init: GateInit) {
    this.#init = init
  }

  enter(key: string, bounds: GateBounds): Pass {
    const queue = this.#queues.get(key)
    // Nobody overtakes those who wait.
    if (queue === undefined && this.#take(key, bounds.limit))
      return new Visit({ admitted: true, leave: () => this.#release(key) })
    if (bounds.queue <= (queue?.waiting.length ?? 0)) return new Visit({ admitted: false, leave: () => {} })
    return this.#wait(key, bounds, queue ?? this.#open(key))
  }

  /** Counted first and looked at then: two who come at once may both be turned away, never both let in. */
  #take(key: string, limit: number): boolean {
    const { inFlight } = this.#init
    inFlight.add(key, 1)
    if (inFlight.count(key) <= limit) return true
    inFlight.add(key, -1)
    return false
  }

  #release(key: string): void {
    this.#init.inFlight.add(key, -1)
    this.#serve(key)
  }

  #wait(key: string, { limit, waitMs }: GateBounds, queue: Queue): Pass {
    const { promise, resolve } = Promise.withResolvers<boolean>()
    const waiter: Waiter = { limit, until: this.#init.now() + waitMs, state: 'waiting', resolve }
    queue.waiting.push(waiter)
    return new Visit({
      admitted: promise,
      leave: () => {
        const held = waiter.state === 'admitted'
        waiter.state = 'left'
        if (held) this.#release(key)
        else this.#serve(key)
        resolve(false)
      },
    })
  }

  #open(key: string): Queue {
    const queue: Queue = { waiting: [], stop: () => {} }
    const tick = (): void => {
      queue.stop = this.#init.after(pollMs, tick)
      this.#serve(key)
    }
    queue.stop = this.#init.after(pollMs, tick)
    this.#queues.set(key, queue)
    return queue
  }

  /** Lets in whom there is room for, in the order they came, and sends away whose time is up. */
  #serve(key: string): void {
    const queue = this.#queues.get(key)
    if (queue === undefined) return
    const now = this.#init.now()
    for (const waiter of queue.waiting) {
      if (waiter.state !== 'waiting' || now < waiter.until) continue
      waiter.state = 'left'
      waiter.resolve(false)
    }
    queue.waiting = queue.waiting.filter(({ state }) => state === 'waiting')
    while (queue.waiting.length > 0 && this.#take(key, queue.waiting[0]!.limit)) {
      const waiter = queue.waiting.shift()!
      waiter.state = 'admitted'
      waiter.resolve(true)
    }
    if (queue.waiting.length > 0) return
    queue.stop()
    this.#queues.delete(key)
  }
}

type Waiter = {
  readonly limit: number
  readonly until: number
  state: 'waiting' | 'admitted' | 'left'
  readonly resolve: (admitted: boolean) => void
}
type Queue = { waiting: Waiter[]; stop: () => void }

class Visit implements Pass {
  readonly admitted: boolean | Promise<boolean>
  #leave: (() => void) | undefined

  constructor({ admitted, leave }: { readonly admitted: boolean | Promise<boolean>; readonly leave: () => void }) {
    this.admitted = admitted
    this.#leave = leave
  }

  leave(): void {
    const leave = this.#leave
    this.#leave = undefined
    leave?.()
  }
}

/** What is kept for one HTTP/2 connection of a client. */
import { RequestWriter } from '#lane/wire/serialize.ts'
import type { Ticking } from '#lane/wire/ticker.ts'
import type { Connection } from '#proxy/connection.ts'
import type { Limits } from '#proxy/limits.ts'
import { RequestMemory } from '#proxy/request-memory.ts'
import { H2RequestHeads, H2ResponseHeads } from './h2-heads.ts'
import { ResetBudget } from './reset-budget.ts'

export class H2Client implements Ticking {
  readonly facts: Connection
  readonly writer: RequestWriter
  readonly requestHeads: H2RequestHeads
  readonly responseHeads: H2ResponseHeads
  readonly memory: RequestMemory
  /** Those that are open. */
  readonly streams: Set<Ticking>
  readonly #resets: ResetBudget
  /** Streams there ever were. */
  count: number
  /** It is about to be closed, and nothing it sends is looked at. */
  isCut: boolean

  constructor(facts: Connection, limits: Limits, now: number) {
    this.facts = facts
    this.writer = new RequestWriter()
    this.requestHeads = new H2RequestHeads(limits)
    this.responseHeads = new H2ResponseHeads()
    this.memory = new RequestMemory()
    this.streams = new Set()
    this.#resets = new ResetBudget(limits.streamResets, now)
    this.count = 0
    this.isCut = false
  }

  /** Whether one more stream may end early. `now` in milliseconds. */
  mayReset(now: number): boolean {
    return this.#resets.take(now)
  }

  onTick(now: number): void {
    for (const stream of this.streams) stream.onTick(now)
  }
}

/**
 * What was made of the fields of an endpoint's response, kept by a lane for the next response of that endpoint: many
 * answers differ by nothing in their head for as long as the clock does not strike.
 */
import type { BodyFraming } from '#http/framing.ts'
import type { ResponseHead } from '#http/head.ts'
import { downstreamFields } from '#http/response.ts'

/** A head that the lane has judged itself, by http/response.ts. */
export type JudgedHead = { readonly framing: BodyFraming; readonly memory: ResponseMemory }

const nothing: readonly string[] = []

export class ResponseMemory {
  /** The list that `#kept` was made of; lists are never changed, so it is compared by identity. */
  #fields: readonly string[]
  #status: number
  #kept: readonly string[]

  constructor() {
    this.#fields = nothing
    this.#status = 0
    this.#kept = nothing
  }

  /** As downstreamFields, for a head that switches no protocols. The list is new, its strings are those of the last time. */
  downstream(head: ResponseHead): string[] {
    if (head.fields === this.#fields && head.status === this.#status) return this.#kept.slice()
    this.#fields = head.fields
    this.#status = head.status
    this.#kept = downstreamFields(head)
    return this.#kept.slice()
  }
}

/**
 * What was made of the fields of an endpoint's response, kept by a lane for the next response of that endpoint: many
 * answers differ by nothing in their head for as long as the clock does not strike.
 */
import { get } from '#http/fields.ts'
import type { BodyFraming } from '#http/framing.ts'
import type { ResponseHead } from '#http/head.ts'
import { downstreamFields, type DownstreamOptions } from '#http/response.ts'
import { serverName } from '#policy/server-field.ts'

/** A head that the lane has judged itself, by http/response.ts. */
export type JudgedHead = { readonly framing: BodyFraming; readonly memory: ResponseMemory }

const nothing: string[] = []

/** The fields for the client before anybody changes them. An endpoint that does not say what it is gets our name. */
export function clientFields(head: ResponseHead, options: DownstreamOptions): string[] {
  const fields = downstreamFields(head, options)
  if (head.status !== 101 && get(fields, 'server') === undefined) fields.push('Server', serverName)
  return fields
}

export class ResponseMemory {
  /** The list that `#kept` was made of; lists are never changed, so it is compared by identity. */
  #fields: readonly string[]
  #status: number
  #kept: string[]

  constructor() {
    this.#fields = nothing
    this.#status = 0
    this.#kept = nothing
  }

  /** As clientFields, for a head that switches no protocols: the very list of the last time, which nobody may change. */
  fields(head: ResponseHead): string[] {
    if (head.fields === this.#fields && head.status === this.#status) return this.#kept
    this.#fields = head.fields
    this.#status = head.status
    this.#kept = clientFields(head, {})
    return this.#kept
  }
}

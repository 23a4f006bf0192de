/**
 * The heads of HTTP messages, the same in every lane: fields are one flat list of name, value, name, value, in the
 * order and case they arrived. That is what Node, undici and a raw socket all give and take, and repetition survives.
 */

export type HttpVersion = '1.0' | '1.1' | '2'

export type RequestHead = {
  readonly method: string
  /** As received: origin-form, absolute-form or `*`. For HTTP/2 the `:path`. */
  readonly target: string
  readonly version: HttpVersion
  /** HTTP/2 pseudo-fields are not in here; `:authority` stands as `host`. */
  readonly fields: readonly string[]
}

export type ResponseHead = {
  status: number
  /** Reason phrase; empty for HTTP/2. */
  reason: string
  fields: string[]
}

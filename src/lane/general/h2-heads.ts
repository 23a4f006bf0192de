/**
 * Heads of one HTTP/2 connection, both ways: raw field lists of node:http2 become what the proxy reads, and back. What
 * is the same as last time is not worked out again.
 */
import { isToken } from '#http/grammar.ts'
import type { RequestHead, ResponseHead } from '#http/head.ts'
import { type FieldBounds, isConnectionSpecific, type RequestFields, scanFields } from '#http/request-fields.ts'

/** `scan`: what the fields say; none when they must be refused. */
export type H2Head = { readonly received: RequestHead; readonly scan: RequestFields | undefined }

const nothing: readonly string[] = []

/** Reads requests. Those of one client mostly differ by their path alone, and then share the list of their fields. */
export class H2RequestHeads {
  readonly #bounds: FieldBounds
  #raw: readonly string[]
  #pathAt: number
  #last: H2Head | undefined

  constructor(bounds: FieldBounds) {
    this.#bounds = bounds
    this.#raw = nothing
    this.#pathAt = -1
    this.#last = undefined
  }

  read(raw: readonly string[]): H2Head {
    const last = this.#last
    if (last !== undefined && this.#isAlike(raw)) {
      const { method, version, fields } = last.received
      return { received: { method, target: raw[this.#pathAt]!, version, fields }, scan: last.scan }
    }
    const received = headOf(raw)
    const scan = scanFields(received, this.#bounds)
    const isSound = typeof scan !== 'string' && !('tooLarge' in scan)
    const head = { received, scan: isSound ? scan : undefined }
    this.#raw = raw
    // The last one, as `headOf` has it.
    this.#pathAt = raw.findLastIndex((name, at) => at % 2 === 0 && name === ':path') + 1
    this.#last = isSound && this.#pathAt > 0 ? head : undefined
    return head
  }

  #isAlike(raw: readonly string[]): boolean {
    const known = this.#raw
    if (raw.length !== known.length) return false
    for (let at = 0; at < raw.length; at++) if (raw[at] !== known[at] && at !== this.#pathAt) return false
    return true
  }
}

/** Writes responses. Those of one endpoint often differ by nothing. */
export class H2ResponseHeads {
  #status: number
  #fields: readonly string[]
  #list: readonly string[]
  #isDated: boolean

  constructor() {
    this.#status = 0
    this.#fields = nothing
    this.#list = nothing
    this.#isDated = false
  }

  /** The list for `respond`, which adds a Date where there is none. Throws for fields that HTTP/2 does not have. */
  list({ status, fields }: Pick<ResponseHead, 'status' | 'fields'>): string[] {
    if (status !== this.#status || !areSame(fields, this.#fields)) this.#learn(status, fields)
    // node leaves a list that has a date as it is.
    return this.#isDated ? (this.#list as string[]) : this.#list.slice()
  }

  #learn(status: number, fields: readonly string[]): void {
    const list = [':status', String(status)]
    let isDated = false
    for (let at = 0; at < fields.length; at += 2) {
      const name = fields[at]!.toLowerCase()
      // node would find it, too, but only when the head is written.
      if (!isToken(name) || isConnectionSpecific(name))
        throw new Error(`a filter made a field that cannot be sent: ${JSON.stringify(name)}`)
      list.push(name, fields[at + 1]!)
      if (name === 'date') isDated = true
    }
    this.#status = status
    // A copy: a further attempt may change the list in place.
    this.#fields = fields.slice()
    this.#list = list
    this.#isDated = isDated
  }
}

function areSame(some: readonly string[], others: readonly string[]): boolean {
  if (some.length !== others.length) return false
  for (let at = 0; at < some.length; at++) if (some[at] !== others[at]) return false
  return true
}

/** RFC 9113 section 8.3: pseudo-fields become what HTTP/1 says in its request line and in Host. */
function headOf(raw: readonly string[]): RequestHead {
  let method = ''
  let target = ''
  let authority: string | undefined
  const fields: string[] = []
  for (let at = 0; at < raw.length; at += 2) {
    const name = raw[at]!
    const value = raw[at + 1]!
    if (name === ':method') method = value
    else if (name === ':path') target = value
    else if (name === ':authority') authority = value
    else if (!name.startsWith(':')) fields.push(name, value)
  }
  if (authority !== undefined && !repeats(fields, authority)) fields.unshift('host', authority)
  return { method, target, version: '2', fields }
}

/** A Host equal to :authority is allowed beside it; a different one stays a second Host, which is refused. */
function repeats(fields: readonly string[], authority: string): boolean {
  const hosts = fields.filter((_, at) => at % 2 === 1 && fields[at - 1] === 'host')
  return hosts.length === 1 && hosts[0]!.toLowerCase() === authority.toLowerCase()
}

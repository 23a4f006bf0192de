/**
 * Heads as text of one character per byte. Fields may have been changed by filters since they were parsed, so everything
 * is checked that could end a line early: a lane writes no head that a strict reader would refuse.
 */
import { STATUS_CODES } from 'node:http'
import { equalsLower, isFieldValue, isToken, isVisible } from '#http/grammar.ts'
import type { RequestHead, ResponseHead } from '#http/head.ts'

/** How a message says where its body ends: by fields it has already, or by chunks. */
export type Coding = 'asIs' | 'chunked'

/**
 * What of a request was checked when it was received: while a text is still the same, it need not be checked again.
 * `all`: nothing was changed since.
 */
export type Checked =
  'all' | { readonly received: Pick<RequestHead, 'method' | 'target'>; readonly requestId: string | undefined }

type RequestTexts = Pick<RequestHead, 'method' | 'target' | 'fields'>

/** Values that differ from request to request, at most; with more of them nothing is known of the fields. */
const mostChanging = 4

/**
 * Writes request heads of one connection, which mostly differ from the one before by their target and a few values: the
 * request's id, Host where the client asks for several. What does not change is kept as text.
 */
export class RequestWriter {
  #fields: readonly string[]
  /** Indices of the values that change, ascending; the last value is always one. */
  #changing: readonly number[]
  /** The lines around them: one text in front of each. */
  #texts: readonly string[]

  constructor() {
    this.#fields = []
    this.#changing = []
    this.#texts = []
  }

  /** The request as it goes to the endpoint. */
  text(head: RequestTexts, coding: Coding, checked: Checked): string {
    const { method, target, fields } = head
    const changing = this.#newlyChanging(fields)
    if (checked !== 'all') this.#assertClean(head, changing === undefined, checked)
    // Behind the check: what was refused must not be known the next time.
    if (changing !== undefined) this.#learn(fields, changing)
    let text = `${method} ${target} HTTP/1.1\r\n`
    for (let at = 0; at < this.#changing.length; at++) text += this.#texts[at]! + fields[this.#changing[at]!]!
    return text + (coding === 'chunked' ? '\r\nTransfer-Encoding: chunked\r\n\r\n' : '\r\n\r\n')
  }

  /** `undefined` when all are known but the values that change; else those that count as changing from now on. */
  #newlyChanging(fields: readonly string[]): readonly number[] | undefined {
    const known = this.#fields
    const changing = this.#changing
    if (fields.length !== known.length || fields.length === 0) return [fields.length - 1]
    let next = 0
    for (let at = 0; at < fields.length; at++) {
      if (at === changing[next]) next++
      else if (fields[at] !== known[at]) return this.#changingWith(fields, at)
    }
    return undefined
  }

  /** A value that is another one than before may be one that changes. */
  #changingWith(fields: readonly string[], at: number): readonly number[] {
    const isValue = at % 2 === 1 && this.#changing.length < mostChanging
    return isValue ? [...this.#changing, at].toSorted((a, b) => a - b) : [fields.length - 1]
  }

  #learn(fields: readonly string[], changing: readonly number[]): void {
    const texts: string[] = []
    let parts: string[] = []
    for (let at = 0; at < fields.length; at++) {
      const isName = at % 2 === 0
      if (isName && at > 0) parts.push('\r\n')
      if (changing.includes(at)) {
        texts.push(parts.join(''))
        parts = []
      } else parts.push(isName ? `${fields[at]}: ` : fields[at]!)
    }
    this.#texts = texts
    this.#changing = changing
    // A copy: a further attempt may change the list in place.
    this.#fields = fields.slice()
  }

  #assertClean(
    { method, target, fields }: RequestTexts,
    isKnown: boolean,
    { received, requestId }: Exclude<Checked, 'all'>,
  ): void {
    const isLine = (method === received.method || isToken(method)) && (target === received.target || isVisible(target))
    if (!isLine) throw new Error('a filter made a request line that cannot be sent')
    if (!isKnown) return assertClean(fields)
    // Their names are known.
    for (const at of this.#changing) {
      const value = fields[at]!
      if (value !== requestId && !isFieldValue(value)) throw unclean(fields[at - 1]!)
    }
  }
}

export type ResponseOptions = {
  readonly coding: Coding
  /** Whole lines behind the fields: what the connection does next. */
  readonly connection: string
  /** Tells the time to responses that came without. */
  readonly clock: { date(): string }
  readonly checked: boolean
}

/** Writes heads of final responses; those of one endpoint often differ by nothing but the connection's part. */
export class ResponseWriter {
  #status: number
  #reason: string
  #fields: readonly string[]
  /** The status line and all fields. */
  #text: string
  #isDated: boolean

  constructor() {
    this.#status = 0
    this.#reason = ''
    this.#fields = []
    this.#text = ''
    this.#isDated = false
  }

  text({ status, reason, fields }: ResponseHead, { coding, connection, clock, checked }: ResponseOptions): string {
    if (status !== this.#status || reason !== this.#reason || !areSame(fields, this.#fields)) {
      if (!checked) assertClean(fields)
      this.#learn({ status, reason, fields }, checked)
    }
    const end = coding === 'chunked' ? 'Transfer-Encoding: chunked\r\n\r\n' : '\r\n'
    const text = this.#isDated ? this.#text : `${this.#text}Date: ${clock.date()}\r\n`
    return text + connection + end
  }

  #learn({ status, reason, fields }: ResponseHead, checked: boolean): void {
    const parts = [statusLine(status, reason)]
    let isDated = false
    for (let at = 0; at < fields.length; at += 2) {
      const name = fields[at]!
      parts.push(name, ': ', fields[at + 1]!, '\r\n')
      if (name.length === 4 && equalsLower(name, 'date')) isDated = true
    }
    this.#status = status
    this.#reason = reason
    // Not a copy where nobody changes it: then the list is the very same the next time.
    this.#fields = checked ? fields : fields.slice()
    this.#isDated = isDated
    this.#text = parts.join('')
  }
}

/** The head of an interim response, which has neither body nor connection. */
export function interimText({ status, reason, fields }: ResponseHead): string {
  let text = statusLine(status, reason)
  for (let at = 0; at < fields.length; at += 2) text += `${fields[at]}: ${fields[at + 1]}\r\n`
  return `${text}\r\n`
}

/** The last chunk and what stands behind it. */
export function lastChunk(trailers: readonly string[]): string {
  if (trailers.length === 0) return '0\r\n\r\n'
  let text = '0\r\n'
  for (let at = 0; at < trailers.length; at += 2) text += `${trailers[at]}: ${trailers[at + 1]}\r\n`
  return `${text}\r\n`
}

const okLine = 'HTTP/1.1 200 OK\r\n'

function areSame(some: readonly string[], others: readonly string[]): boolean {
  if (some === others) return true
  if (some.length !== others.length) return false
  for (let at = 0; at < some.length; at++) if (some[at] !== others[at]) return false
  return true
}

/** An endpoint's own words are passed on when they are printable ASCII. */
function statusLine(status: number, reason: string): string {
  if (status === 200 && (reason === 'OK' || reason === '')) return okLine
  const phrase = /^[\t\x20-\x7e]+$/.test(reason) ? reason : (STATUS_CODES[status] ?? '')
  return `HTTP/1.1 ${status} ${phrase}\r\n`
}

/** A throw here is a bug in a filter, and costs that one exchange. */
function assertClean(fields: readonly string[]): void {
  for (let at = 0; at < fields.length; at += 2) {
    if (!isToken(fields[at]!) || !isFieldValue(fields[at + 1]!)) throw unclean(fields[at]!)
  }
}

function unclean(name: string): Error {
  return new Error(`a filter made a field that cannot be sent: ${JSON.stringify(name)}`)
}

/**
 * Heads as text of one character per byte. Fields may have been changed by filters since they were parsed, so everything
 * is checked that could end a line early: a lane writes no head that a strict reader would refuse.
 */
import { STATUS_CODES } from 'node:http'
import { equalsLower, isFieldValue, isToken, isVisible } from '#http/grammar.ts'
import type { RequestHead, ResponseHead } from '#http/head.ts'

/** How a message says where its body ends: by fields it has already, or by chunks. */
export type Coding = 'asIs' | 'chunked'

/** Writes request heads of one connection, which mostly differ from the one before by their target and one value. */
export class RequestWriter {
  #fields: readonly string[]
  /** All lines of these fields, up to the value of the last one. */
  #text: string

  constructor() {
    this.#fields = []
    this.#text = ''
  }

  /** The request as it goes to the endpoint. `checked`: nothing was changed since its fields were parsed. */
  text(
    { method, target, fields }: Pick<RequestHead, 'method' | 'target' | 'fields'>,
    coding: Coding,
    checked: boolean,
  ): string {
    if (!this.#isAlike(fields)) {
      if (!checked) assertClean(fields)
      this.#learn(fields)
    } else if (!checked) assertClean(fields.slice(-2))
    if (!checked && !(isToken(method) && isVisible(target)))
      throw new Error('a filter made a request line that cannot be sent')
    const end = coding === 'chunked' ? '\r\nTransfer-Encoding: chunked\r\n\r\n' : '\r\n\r\n'
    return `${method} ${target} HTTP/1.1\r\n${this.#text}${fields[fields.length - 1]}${end}`
  }

  /** Whether all but the last value are the very strings of the last time. */
  #isAlike(fields: readonly string[]): boolean {
    const known = this.#fields
    if (fields.length === 0 || fields.length !== known.length) return false
    for (let at = fields.length - 2; at >= 0; at--) if (fields[at] !== known[at]) return false
    return true
  }

  #learn(fields: readonly string[]): void {
    const parts: string[] = []
    for (let at = 0; at < fields.length; at += 2)
      parts.push(fields[at]!, ': ', at + 2 < fields.length ? fields[at + 1]! : '', '\r\n')
    // The line end behind the value that changes is written with it.
    parts.pop()
    this.#text = parts.join('')
    // A copy: a further attempt may change the list in place.
    this.#fields = fields.slice()
  }
}

export type ResponseOptions = {
  readonly coding: Coding
  /** Whole lines behind the fields: what the connection does next. */
  readonly connection: string
  /** For responses that came without one. */
  readonly date: string
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

  text({ status, reason, fields }: ResponseHead, { coding, connection, date, checked }: ResponseOptions): string {
    if (status !== this.#status || reason !== this.#reason || !areSame(fields, this.#fields)) {
      if (!checked) assertClean(fields)
      this.#learn(status, reason, fields)
    }
    const end = coding === 'chunked' ? 'Transfer-Encoding: chunked\r\n\r\n' : '\r\n'
    return this.#isDated ? `${this.#text}${connection}${end}` : `${this.#text}Date: ${date}\r\n${connection}${end}`
  }

  #learn(status: number, reason: string, fields: readonly string[]): void {
    const parts = [statusLine(status, reason)]
    let isDated = false
    for (let at = 0; at < fields.length; at += 2) {
      const name = fields[at]!
      parts.push(name, ': ', fields[at + 1]!, '\r\n')
      if (name.length === 4 && equalsLower(name, 'date')) isDated = true
    }
    this.#status = status
    this.#reason = reason
    // A copy: a further attempt may change the list in place.
    this.#fields = fields.slice()
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
    if (!isToken(fields[at]!) || !isFieldValue(fields[at + 1]!))
      throw new Error(`a filter made a field that cannot be sent: ${JSON.stringify(fields[at])}`)
  }
}

/**
 * Heads as text of one character per byte. Fields may have been changed by filters since they were parsed, so everything
 * is checked that could end a line early: a lane writes no head that a strict reader would refuse.
 */
import { STATUS_CODES } from 'node:http'
import { equalsLower, isFieldValue, isToken, isVisible } from '#http/grammar.ts'
import type { RequestHead, ResponseHead } from '#http/head.ts'

/** How a message says where its body ends: by fields it has already, or by chunks. */
export type Coding = 'asIs' | 'chunked'

/** The request as it goes to the endpoint. `checked`: nothing was changed since its fields were parsed. */
export function requestText(
  { method, target, fields }: Pick<RequestHead, 'method' | 'target' | 'fields'>,
  coding: Coding,
  checked: boolean,
): string {
  if (!checked) assertClean(fields, isToken(method) && isVisible(target))
  let text = `${method} ${target} HTTP/1.1\r\n`
  for (let at = 0; at < fields.length; at += 2) text += `${fields[at]}: ${fields[at + 1]}\r\n`
  return coding === 'chunked' ? `${text}Transfer-Encoding: chunked\r\n\r\n` : `${text}\r\n`
}

export type ResponseOptions = {
  readonly coding: Coding
  /** Whole lines behind the fields: what the connection does next. */
  readonly connection: string
  /** For responses that came without one. */
  readonly date: string
  readonly checked: boolean
}

/** The head of a final response. */
export function responseText({ status, reason, fields }: ResponseHead, { coding, connection, date, checked }: ResponseOptions): string {
  if (!checked) assertClean(fields, true)
  let text = statusLine(status, reason)
  let dated = false
  for (let at = 0; at < fields.length; at += 2) {
    const name = fields[at]!
    text += `${name}: ${fields[at + 1]}\r\n`
    if (name.length === 4 && equalsLower(name, 'date')) dated = true
  }
  if (!dated) text += `Date: ${date}\r\n`
  text += connection
  return coding === 'chunked' ? `${text}Transfer-Encoding: chunked\r\n\r\n` : `${text}\r\n`
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

/** An endpoint's own words are passed on when they are printable ASCII. */
function statusLine(status: number, reason: string): string {
  if (status === 200 && (reason === 'OK' || reason === '')) return okLine
  const phrase = /^[\t\x20-\x7e]+$/.test(reason) ? reason : (STATUS_CODES[status] ?? '')
  return `HTTP/1.1 ${status} ${phrase}\r\n`
}

/** A throw here is a bug in a filter, and costs that one exchange. */
function assertClean(fields: readonly string[], isRest: boolean): void {
  if (!isRest) throw new Error('a filter made a request line that cannot be sent')
  for (let at = 0; at < fields.length; at += 2) {
    if (!isToken(fields[at]!) || !isFieldValue(fields[at + 1]!)) throw new Error(`a filter made a field that cannot be sent: ${JSON.stringify(fields[at])}`)
  }
}

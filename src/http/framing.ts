/** Where a message body ends (RFC 9112 section 6), decided strictly: any doubt is a smuggled request. */
import type { HttpVersion } from './head.ts'
import { equalsLower, trimOws } from './grammar.ts'

/**
 * `untilClose` ends with the connection in HTTP/1 (responses only) and with the stream in HTTP/2, where a request
 * without Content-Length may or may not have content: END_STREAM on its head says which, and the lane knows.
 */
export type BodyFraming =
  | { readonly kind: 'none' }
  | { readonly kind: 'length'; readonly bytes: number }
  | { readonly kind: 'chunked' }
  | { readonly kind: 'untilClose' }

/** What a head says about its body: how many lines of each field there are, and the value of the last one. */
export type FramingFields = {
  readonly lengths: number
  readonly length: string
  readonly codings: number
  readonly coding: string
}

/** Decimal digits of the largest exact integer; more, leading zeros included, are refused. */
const longestLength = 16

const none: BodyFraming = { kind: 'none' }
const chunked: BodyFraming = { kind: 'chunked' }
const untilClose: BodyFraming = { kind: 'untilClose' }

/**
 * The framing of a request, or a string saying why it must be refused. Stricter than RFC 9112 section 6.3: repeated
 * equal lengths, Content-Length beside Transfer-Encoding, any coding but a single `chunked`, and any coding in 1.0 are
 * all refused rather than repaired.
 */
export function requestFraming(version: HttpVersion, fields: FramingFields): BodyFraming | string {
  if (fields.codings > 0) {
    if (version !== '1.1') return 'transfer-encoding outside HTTP/1.1'
    if (fields.codings > 1) return 'transfer-encoding repeated'
    if (fields.lengths > 0) return 'content-length beside transfer-encoding'
    return equalsLower(trimOws(fields.coding), 'chunked') ? chunked : 'transfer-encoding is not chunked'
  }
  if (fields.lengths === 0) return version === '2' ? untilClose : none
  if (fields.lengths > 1) return 'content-length repeated'
  const bytes = parseLength(fields.length)
  return bytes === undefined ? 'content-length is not a number' : { kind: 'length', bytes }
}

/**
 * The framing of a response to `method`, or a string saying why it must not be passed on. `fields.length` must already
 * be the one value that all lines agree on. HEAD, 1xx, 204 and 304 have no body whatever they say (RFC 9112 section
 * 6.3, rules 1 and 2), but contradictory fields are refused for them as well.
 */
export function responseFraming(status: number, method: string, fields: FramingFields): BodyFraming | string {
  if (fields.codings > 1) return 'transfer-encoding repeated'
  if (fields.codings > 0 && fields.lengths > 0) return 'content-length beside transfer-encoding'
  if (fields.codings > 0 && !equalsLower(trimOws(fields.coding), 'chunked')) return 'transfer-encoding is not chunked'
  const bytes = fields.lengths > 0 ? parseLength(fields.length) : undefined
  if (fields.lengths > 0 && bytes === undefined) return 'content-length is not a number'
  if (method === 'HEAD' || isBodiless(status)) return none
  if (fields.codings > 0) return chunked
  return bytes === undefined ? untilClose : { kind: 'length', bytes }
}

/** Whether responses of that status never have a body: 1xx, 204 and 304. */
export function isBodiless(status: number): boolean {
  return status < 200 || status === 204 || status === 304
}

/**
 * A Content-Length as an exact integer: decimal digits only, leading zeros allowed (RFC 9110 section 8.6), at most
 * 2^53 - 1. `undefined` otherwise.
 */
export function parseLength(value: string): number | undefined {
  const digits = trimOws(value)
  if (digits.length === 0 || digits.length > longestLength) return undefined
  let bytes = 0
  for (let index = 0; index < digits.length; index++) {
    const digit = digits.charCodeAt(index) - 0x30
    if (digit < 0 || digit > 9) return undefined
    bytes = bytes * 10 + digit
  }
  return bytes <= Number.MAX_SAFE_INTEGER ? bytes : undefined
}

/** The gate for responses of endpoints: what may be passed on, where the body ends, which fields the client gets. */
import { type BodyFraming, parseLength, responseFraming } from './framing.ts'
import { equalsLower, isFieldValue, isToken, nameSet, trimOws } from './grammar.ts'
import type { ResponseHead } from './head.ts'
import { connectionListed, isHopByHop } from './hop-by-hop.ts'

/** What the request asked for, as far as it changes the meaning of the response. */
export type ResponseContext = {
  readonly method: string
  /** We asked the endpoint to switch; without it a 101 is a fault. */
  readonly upgrade?: 'websocket' | undefined
}

const dropped = nameSet(['proxy-authenticate', 'proxy-authentication-info', 'proxy-authorization'])

export type DownstreamOptions = {
  /** The endpoint was asked to switch; a 101 announces it to the client. */
  readonly upgrade?: 'websocket' | undefined
}

/**
 * Judges a response head, interim ones included. `detail` says why the exchange must fail (`upstream_protocol`) and the
 * connection to the endpoint must be closed: a status outside 100..599, a 101 nobody asked for, a broken field, or
 * framing that two readers could understand differently.
 */
export function admitResponse(
  head: ResponseHead,
  { method, upgrade }: ResponseContext,
): { readonly framing: BodyFraming } | { readonly detail: string } {
  const scan = scanFields(head.fields)
  return typeof scan === 'string' ? { detail: scan } : admitScannedResponse(head.status, scan, { method, upgrade })
}

/**
 * The same for a head whose fields were checked and filed (`noteResponseField`) as they were read: names are tokens and
 * values have no control characters.
 */
export function admitScannedResponse(
  status: number,
  scan: ResponseScan,
  { method, upgrade }: ResponseContext,
): { readonly framing: BodyFraming } | { readonly detail: string } {
  if (!Number.isInteger(status) || status < 100 || status > 599) return { detail: 'status out of range' }
  if (status === 101 && upgrade === undefined) return { detail: 'switched protocols unasked' }
  if (scan.contradicts) return { detail: 'content-length repeated with another value' }
  const framing = responseFraming(status, method, scan)
  return typeof framing === 'string' ? { detail: framing } : { framing }
}

/**
 * The fields for the client: without hop-by-hop fields and those named in Connection, which makes them fit for HTTP/2
 * as well. A valid Content-Length is written anew, also where it only informs (HEAD, 304); Transfer-Encoding, Date and
 * Connection are for the lane to add. With `upgrade` (a 101 that was asked for) the switch is announced anew.
 */
export function downstreamFields(head: ResponseHead, options: DownstreamOptions = {}): string[] {
  const { fields, status } = head
  const isListed = connectionListed(fields)
  const out: string[] = []
  let length: number | undefined
  let coded = false
  for (let at = 0; at < fields.length; at += 2) {
    const name = fields[at]!
    const value = fields[at + 1]!
    if (isHopByHop(name)) {
      if (equalsLower(name, 'content-length')) length = parseLength(value)
      else if (equalsLower(name, 'transfer-encoding')) coded = true
    } else if (!dropped(name) && !isListed(name)) {
      out.push(name, trimOws(value))
    }
  }
  // RFC 9110 section 8.6: never with 1xx or 204.
  if (length !== undefined && !coded && status >= 200 && status !== 204) out.push('Content-Length', String(length))
  if (status === 101 && options.upgrade !== undefined) out.push('Connection', 'Upgrade', 'Upgrade', options.upgrade)
  return out
}

/** What the fields of a response say about its body; lengths that agree in all lines count as one. */
export type ResponseScan = {
  lengths: number
  length: string
  codings: number
  coding: string
  /** Lengths that do not agree. */
  contradicts: boolean
}

/** What a head without fields says. */
export function emptyResponseScan(): ResponseScan {
  return { lengths: 0, length: '', codings: 0, coding: '', contradicts: false }
}

/** Files one field under what it means to us. */
export function noteResponseField(scan: ResponseScan, name: string, value: string): void {
  if (name.length === 14 && equalsLower(name, 'content-length')) {
    if (scan.lengths > 0 && trimOws(value) !== trimOws(scan.length)) scan.contradicts = true
    scan.lengths++
    scan.length = value
  } else if (name.length === 17 && equalsLower(name, 'transfer-encoding')) {
    scan.codings++
    scan.coding = value
  }
}

function scanFields(fields: readonly string[]): ResponseScan | string {
  const scan = emptyResponseScan()
  for (let at = 0; at < fields.length; at += 2) {
    const name = fields[at]!
    const value = fields[at + 1]!
    if (!isToken(name)) return 'field name is not a token'
    if (!isFieldValue(value)) return 'control character in a field value'
    noteResponseField(scan, name, value)
  }
  return scan
}

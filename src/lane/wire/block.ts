/**
 * The fields of a head as bytes and as read. Clients repeat theirs word for word as long as they keep a connection, and
 * endpoints often do: a block that is known is not read again. Who speaks for many clients changes Host with every
 * request and nothing else, so its value may be another one.
 */
import { tableOf } from '#http/grammar.ts'
import { emptyScan, type RequestFields } from '#http/request-fields.ts'
import { emptyResponseScan, type ResponseScan } from '#http/response.ts'

export type FieldBlock<Scan> = {
  /** From the first name to the value of `host`, one character per byte; empty where there is no `host`. */
  readonly before: string
  /** The value of the only Host line, if it is plain enough to be found by its end; else empty. */
  readonly host: string
  /** Index of that value among the fields. */
  readonly hostAt: number
  /** From there to the empty line, included. */
  readonly after: string
  /** Name, value, name, value; values without the white space around them. Never changed. */
  readonly fields: readonly string[]
  /** The same list in all blocks of a connection that differ by the value of Host alone. */
  readonly kin: readonly string[]
  /** What the fields say that decides about the message. */
  readonly scan: Scan
  /** Horizontal tabs stand around a value somewhere. */
  readonly hasTabs: boolean
}

export type RequestBlock = FieldBlock<RequestFields>
export type ResponseBlock = FieldBlock<ResponseScan>

export const noRequestBlock: RequestBlock = noBlock(emptyScan())
export const noResponseBlock: ResponseBlock = noBlock(emptyResponseScan())

/** What a value of Host may consist of to be exchanged: neither white space nor anything that somebody might quote. */
const hostByte = tableOf((code) => /^[A-Za-z0-9\-._:]$/.test(String.fromCharCode(code)))
/** Shorter texts are compared faster where they stand than by making a string of them. */
const shortText = 24

/** Most heads have a tenth of it. A client may send ever longer ones, on as many connections as it is allowed. */
const longestKept = 8 * 1024

/** Whether it may be remembered while its connection idles. */
export function isWorthKeeping({ before, host, after }: RequestBlock): boolean {
  return before.length + host.length + after.length <= longestKept
}

/** Index of the byte behind the block if it stands at `start`, whatever its Host is; -1 if it does not. */
export function endOfKnown(bytes: Buffer, start: number, end: number, { before, host, after }: RequestBlock): number {
  if (after === '' || !stands(bytes, start, end, before)) return -1
  let at = start + before.length
  if (host !== '') {
    while (at < end && hostByte[bytes[at]!] === 1) at++
    if (at === start + before.length) return -1
  }
  return stands(bytes, at, end, after) ? at + after.length : -1
}

/** The block that ends there, by `endOfKnown`: the known one, or one with another Host. */
export function knownOrKin(bytes: Buffer, start: number, end: number, known: RequestBlock): RequestBlock {
  const from = start + known.before.length
  const to = end - known.after.length
  if (to - from === known.host.length && stands(bytes, from, to, known.host)) return known
  const host = bytes.toString('latin1', from, to)
  const { before, hostAt, after, kin, hasTabs } = known
  const fields = known.fields.slice()
  fields[hostAt] = host
  return { before, host, hostAt, after, fields, kin, scan: { ...known.scan, host }, hasTabs }
}

export function stands(bytes: Buffer, start: number, end: number, text: string): boolean {
  const stop = start + text.length
  if (stop > end) return false
  if (text.length > shortText) return bytes.toString('latin1', start, stop) === text
  for (let index = 0; index < text.length; index++) if (bytes[start + index] !== text.charCodeAt(index)) return false
  return true
}

export function isPlainHost(host: string): boolean {
  for (let index = 0; index < host.length; index++) if (hostByte[host.charCodeAt(index)] !== 1) return false
  return host !== ''
}

function noBlock<Scan>(scan: Scan): FieldBlock<Scan> {
  const fields: readonly string[] = []
  return { before: '', host: '', hostAt: 0, after: '', fields, kin: fields, scan, hasTabs: false }
}

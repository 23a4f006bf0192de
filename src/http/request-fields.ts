/** One pass over the fields of a request: each line is checked, and what decides about the request is collected. */
import type { FramingFields } from './framing.ts'
import { equalsLower, isFieldValue, isToken, nameSet, trimOws } from './grammar.ts'
import type { RequestHead } from './head.ts'

export type FieldBounds = {
  /** Names, values and four bytes per field. */
  readonly headerBytes: number
  readonly headerCount: number
}

/** What one pass over the fields finds out: lines counted, and the value of the last one where it matters. */
export type RequestFields = FramingFields & {
  hosts: number
  host: string
  lengths: number
  length: string
  codings: number
  coding: string
  expects: number
  expect: string
  authorizations: number
  /** All lines joined by commas, as for every list (RFC 9110 section 5.3). */
  connection: string
  upgrade: string
  websocketKeys: number
  websocketVersions: number
}

/** Fields of one HTTP/1 connection, which an HTTP/2 message must not have (RFC 9113 section 8.2.2). */
export const isConnectionSpecific = nameSet([
  'connection',
  'keep-alive',
  'proxy-connection',
  'transfer-encoding',
  'upgrade',
])

/**
 * Checks every field line and collects what the gate needs. A string says why the request is malformed, `tooLarge`
 * which bound it passes.
 */
export function scanFields(
  { version, fields }: RequestHead,
  bounds: FieldBounds,
): RequestFields | { readonly tooLarge: string } | string {
  if (fields.length > bounds.headerCount * 2) return { tooLarge: 'too many fields' }
  const scan = emptyScan()
  let bytes = 0
  for (let at = 0; at < fields.length; at += 2) {
    const name = fields[at]!
    const value = fields[at + 1]!
    bytes += name.length + value.length + 4
    if (bytes > bounds.headerBytes) return { tooLarge: 'fields too large' }
    if (!isToken(name)) return 'field name is not a token'
    if (!isFieldValue(value)) return 'control character in a field value'
    if (version === '2') {
      const broken = breaksHttp2(name, value)
      if (broken !== undefined) return broken
    }
    noteField(scan, name, value)
  }
  return scan
}

/** What a head without fields says. */
export function emptyScan(): RequestFields {
  return {
    hosts: 0,
    host: '',
    lengths: 0,
    length: '',
    codings: 0,
    coding: '',
    expects: 0,
    expect: '',
    authorizations: 0,
    connection: '',
    upgrade: '',
    websocketKeys: 0,
    websocketVersions: 0,
  }
}

/** Files one field under what it means to us. The length decides first, so that most names cost no comparison. */
export function noteField(scan: RequestFields, name: string, value: string): void {
  switch (name.length) {
    case 4:
      if (!equalsLower(name, 'host')) return
      scan.hosts++
      scan.host = value
      return
    case 6:
      if (!equalsLower(name, 'expect')) return
      scan.expects++
      scan.expect = value
      return
    case 7:
      if (equalsLower(name, 'upgrade')) scan.upgrade = joined(scan.upgrade, value)
      return
    case 10:
      if (equalsLower(name, 'connection')) scan.connection = joined(scan.connection, value)
      return
    case 13:
      if (equalsLower(name, 'authorization')) scan.authorizations++
      return
    case 14:
      if (!equalsLower(name, 'content-length')) return
      scan.lengths++
      scan.length = value
      return
    case 17:
      if (equalsLower(name, 'sec-websocket-key') && trimOws(value) !== '') scan.websocketKeys++
      if (!equalsLower(name, 'transfer-encoding')) return
      scan.codings++
      scan.coding = value
      return
    case 21:
      if (equalsLower(name, 'sec-websocket-version') && trimOws(value) !== '') scan.websocketVersions++
      return
    default:
  }
}

function joined(list: string, value: string): string {
  return list === '' ? value : `${list},${value}`
}

/** RFC 9113 sections 8.2.1 and 8.2.2. */
function breaksHttp2(name: string, value: string): string | undefined {
  for (let index = 0; index < name.length; index++) {
    const code = name.charCodeAt(index)
    if (code >= 0x41 && code <= 0x5a) return 'upper case in an HTTP/2 field name'
  }
  if (isConnectionSpecific(name)) return `${name} in HTTP/2`
  if (name === 'te' && !equalsLower(trimOws(value), 'trailers')) return 'te other than trailers in HTTP/2'
  return undefined
}

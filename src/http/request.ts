/**
 * The gate in front of routing: every request head of every lane passes here, whatever parser read it. What two
 * implementations could read differently is refused (RFC 9112 section 11.2); what is admitted comes back as the few
 * values that routing and forwarding use, so that nothing looks at the raw head again.
 */
import { type Authority, parseAuthority } from './authority.ts'
import { listMembers } from './fields.ts'
import { type BodyFraming, type FramingFields, requestFraming } from './framing.ts'
import { equalsLower, isFieldValue, isToken, nameSet, startsWithLower, trimOws } from './grammar.ts'
import type { HttpVersion, RequestHead } from './head.ts'
import { isQuery, normalizePath } from './path.ts'

/** Cause codes a refusal can have; the same words as in proxy/failure.ts. */
export type RefusalCause = 'bad_request' | 'uri_too_long' | 'header_too_large' | 'expectation_failed' | 'method_not_allowed'

/** Told from `Admitted` by `'cause' in x`. After a refusal the connection must be closed. */
export type Refusal = { readonly cause: RefusalCause; readonly detail: string }

export type Admitted = {
  /** Routing form: lower case, no port. Empty when an HTTP/1.0 client named no host. */
  readonly host: string
  /** What is forwarded as Host: the client's own spelling, port kept. */
  readonly authority: string
  readonly port: number | undefined
  /** Normalised; begins with a slash. */
  readonly path: string
  /** With its question mark; empty when there is none. */
  readonly query: string
  /** `path` and `query`, which is what is forwarded. */
  readonly target: string
  readonly framing: BodyFraming
  /** The client asks to switch, and everything the switch needs is there. Unknown protocols are not asked for. */
  readonly upgrade: 'websocket' | undefined
  /** The client waits for 100 before it sends the body. */
  readonly expectContinue: boolean
}

export type RequestBounds = {
  /** Names, values and four bytes per field. */
  readonly headerBytes: number
  readonly headerCount: number
  readonly targetBytes: number
  /** Of the client's connection. When given, an absolute target must name the same one. */
  readonly scheme?: 'http' | 'https'
}

/** What one pass over the fields finds out. */
type Scan = FramingFields & {
  hosts: number
  host: string
  lengths: number
  length: string
  codings: number
  coding: string
  expects: number
  expect: string
  authorizations: number
  /** Members of all Connection lines, joined by commas. */
  connection: string
  upgrade: string
  websocketKeys: number
  websocketVersions: number
}

type Target = { readonly authority: string | undefined; readonly path: string; readonly query: string }

const longestMethod = 64

/** Fields of one HTTP/1 connection, which an HTTP/2 message must not have (RFC 9113 section 8.2.2). */
const connectionSpecific = nameSet(['connection', 'keep-alive', 'proxy-connection', 'transfer-encoding', 'upgrade'])

/**
 * The version of an HTTP/1 head by its number as text (`1.1`). `undefined` for any other: such a request must be
 * refused, since a higher minor is unknown to us and a lower major has no fields.
 */
export function versionOf(number: string): HttpVersion | undefined {
  return number === '1.1' || number === '1.0' ? number : undefined
}

/** Judges a request head. Field values must be as received, one character per byte; optional white space may be left. */
export function admitRequest(head: RequestHead, bounds: RequestBounds): Admitted | Refusal {
  const methodRefusal = refuseMethod(head)
  if (methodRefusal !== undefined) return methodRefusal
  if (head.target.length > bounds.targetBytes) return { cause: 'uri_too_long', detail: 'target too long' }
  const scan = scanFields(head, bounds)
  if ('cause' in scan) return scan
  const target = parseTarget(head, bounds.scheme)
  if (typeof target === 'string') return bad(target)
  const host = resolveHost(head.version, target, scan)
  if (typeof host === 'string') return bad(host)
  const framing = requestFraming(head.version, scan)
  if (typeof framing === 'string') return bad(framing)
  const connection = readConnection(scan.connection)
  if (typeof connection === 'string') return bad(connection)
  const upgrade = readUpgrade(head, scan, connection.upgrade, framing)
  if (upgrade !== undefined && upgrade !== 'websocket') return bad(upgrade.detail)
  const expectContinue = head.version !== '1.0' && scan.expects > 0
  if (expectContinue && (scan.expects > 1 || !equalsLower(trimOws(scan.expect), '100-continue'))) {
    return { cause: 'expectation_failed', detail: 'expectation other than 100-continue' }
  }
  const { path, query } = target
  return {
    ...host,
    path,
    query,
    target: query === '' ? path : path + query,
    framing,
    upgrade,
    expectContinue: expectContinue && framing.kind !== 'none',
  }
}

/**
 * CONNECT would make a tunnel, TRACE would show the fields we add, and `OPTIONS *` asks about no resource that a route
 * could lead to: none of them is for an endpoint behind a gateway.
 */
function refuseMethod({ method, target }: RequestHead): Refusal | undefined {
  if (method.length > longestMethod || !isToken(method)) return bad('method is not a token')
  if (method === 'CONNECT' || method === 'TRACE') return { cause: 'method_not_allowed', detail: `${method} is not served` }
  if (target === '*' && method === 'OPTIONS') return { cause: 'method_not_allowed', detail: 'OPTIONS * is not served' }
  return undefined
}

function scanFields({ version, fields }: RequestHead, bounds: RequestBounds): Scan | Refusal {
  if (fields.length > bounds.headerCount * 2) return { cause: 'header_too_large', detail: 'too many fields' }
  const scan: Scan = {
    hosts: 0, host: '', lengths: 0, length: '', codings: 0, coding: '', expects: 0, expect: '',
    authorizations: 0, connection: '', upgrade: '', websocketKeys: 0, websocketVersions: 0,
  }
  let bytes = 0
  for (let at = 0; at < fields.length; at += 2) {
    const name = fields[at]!
    const value = fields[at + 1]!
    bytes += name.length + value.length + 4
    if (bytes > bounds.headerBytes) return { cause: 'header_too_large', detail: 'fields too large' }
    if (!isToken(name)) return bad('field name is not a token')
    if (!isFieldValue(value)) return bad('control character in a field value')
    if (version === '2') {
      const broken = breaksHttp2(name, value)
      if (broken !== undefined) return bad(broken)
    }
    note(scan, name, value)
  }
  // Two credentials: a filter could check one and the endpoint believe the other.
  if (scan.authorizations > 1) return bad('authorization repeated')
  return scan
}

/** Files one field under what it means to us. The length decides first, so that most names cost no comparison. */
function note(scan: Scan, name: string, value: string): void {
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
      if (equalsLower(name, 'upgrade')) scan.upgrade = scan.upgrade === '' ? value : `${scan.upgrade},${value}`
      return
    case 10:
      if (equalsLower(name, 'connection')) scan.connection = scan.connection === '' ? value : `${scan.connection},${value}`
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

/** RFC 9113 sections 8.2.1 and 8.2.2. */
function breaksHttp2(name: string, value: string): string | undefined {
  for (let index = 0; index < name.length; index++) {
    const code = name.charCodeAt(index)
    if (code >= 0x41 && code <= 0x5a) return 'upper case in an HTTP/2 field name'
  }
  if (connectionSpecific(name)) return `${name} in HTTP/2`
  if (name === 'te' && !equalsLower(trimOws(value), 'trailers')) return 'te other than trailers in HTTP/2'
  return undefined
}

/** RFC 9112 section 3.2. A string says what is wrong. */
function parseTarget({ target }: RequestHead, scheme: RequestBounds['scheme']): Target | string {
  if (target.charCodeAt(0) === 0x2f) return splitTarget(target, 0, undefined)
  if (target === '*') return 'asterisk target'
  const named = startsWithLower(target, 'http://') ? 'http' : startsWithLower(target, 'https://') ? 'https' : undefined
  if (named === undefined) return 'target is not a path'
  if (scheme !== undefined && scheme !== named) return 'target names the other scheme'
  const start = named.length + 3
  let end = start
  while (end < target.length && !isDelimiter(target.charCodeAt(end))) end++
  return splitTarget(target, end, target.slice(start, end))
}

function splitTarget(target: string, start: number, authority: string | undefined): Target | string {
  const mark = target.indexOf('?', start)
  const end = mark < 0 ? target.length : mark
  const path = start === end ? '/' : normalizePath(start === 0 && mark < 0 ? target : target.slice(start, end))
  if (path === undefined) return 'path has no single reading'
  if (mark < 0) return { authority, path, query: '' }
  if (!isQuery(target, mark)) return 'query has a character that must be escaped'
  return { authority, path, query: mark + 1 === target.length ? '?' : target.slice(mark) }
}

/** `/`, `?` or `#`: the end of an authority. */
function isDelimiter(code: number): boolean {
  return code === 0x2f || code === 0x3f || code === 0x23
}

/**
 * Exactly one Host (RFC 9112 section 3.2), equal to the authority of an absolute target when there is one. An HTTP/1.0
 * client may leave it out or empty: it means the default backend.
 */
function resolveHost(
  version: HttpVersion,
  { authority }: Target,
  scan: Scan,
): { host: string; authority: string; port: number | undefined } | string {
  if (scan.hosts > 1) return 'host repeated'
  const value = trimOws(scan.host)
  if (scan.hosts === 0 && version !== '1.0') return 'host missing'
  if (value === '' && authority === undefined) {
    return version === '1.0' ? { host: '', authority: '', port: undefined } : 'host empty'
  }
  const sent = value === '' ? undefined : parseAuthority(value)
  if (value !== '' && sent === undefined) return 'host invalid'
  if (authority === undefined) return { ...sent!, authority: canonical(value, sent!) }
  const named = parseAuthority(authority)
  if (named === undefined) return 'authority of the target invalid'
  if (sent === undefined && version !== '1.0') return 'host empty'
  if (sent !== undefined && (sent.host !== named.host || sent.port !== named.port)) return 'host differs from the target'
  return { ...named, authority: canonical(authority, named) }
}

/** The client's own spelling, but never an empty port or one with leading zeros. */
function canonical(value: string, { port }: Authority): string {
  const colon = value.lastIndexOf(':')
  if (colon < 0 || colon < value.indexOf(']')) return value
  if (port === undefined) return value.slice(0, colon)
  return value.charCodeAt(colon + 1) === 0x30 ? `${value.slice(0, colon)}:${port}` : value
}

/** RFC 9110 section 7.6.1: a list of tokens. Framing is not the client's to take away. */
function readConnection(value: string): { readonly upgrade: boolean } | string {
  let upgrade = false
  if (value === '' || equalsLower(value, 'keep-alive') || equalsLower(value, 'close')) return { upgrade }
  for (const member of listMembers(value)) {
    if (!isToken(member)) return 'connection is not a list of tokens'
    if (equalsLower(member, 'transfer-encoding')) return 'connection lists transfer-encoding'
    if (equalsLower(member, 'upgrade')) upgrade = true
  }
  return { upgrade }
}

/**
 * RFC 9110 section 7.8 and RFC 6455 section 4.1. Other protocols are ignored, in HTTP/1.0 and without the connection
 * option all of them; a WebSocket handshake that cannot succeed is refused rather than sent on as a plain request.
 */
function readUpgrade(
  { method, version }: RequestHead,
  scan: Scan,
  asked: boolean,
  framing: BodyFraming,
): 'websocket' | { readonly detail: string } | undefined {
  if (!asked || scan.upgrade === '' || version !== '1.1') return undefined
  if (!listMembers(scan.upgrade).some((member) => equalsLower(member, 'websocket'))) return undefined
  if (method !== 'GET') return { detail: 'websocket handshake is not GET' }
  if (framing.kind !== 'none' && !(framing.kind === 'length' && framing.bytes === 0)) return { detail: 'websocket handshake with a body' }
  if (scan.websocketKeys !== 1 || scan.websocketVersions !== 1) return { detail: 'websocket handshake without key or version' }
  return 'websocket'
}

function bad(detail: string): Refusal {
  return { cause: 'bad_request', detail }
}

/**
 * The gate in front of routing: every request head of every lane passes here, whatever parser read it. What two
 * implementations could read differently is refused (RFC 9112 section 11.2); what is admitted comes back as the few
 * values that routing and forwarding use, so that nothing looks at the raw head again.
 */
import { type Authority, parseAuthority } from './authority.ts'
import { type BodyFraming, requestFraming } from './framing.ts'
import { equalsLower, isToken, trimOws } from './grammar.ts'
import type { HttpVersion, RequestHead } from './head.ts'
import { type FieldBounds, type RequestFields, scanFields } from './request-fields.ts'
import { type Target, parseTarget } from './target.ts'
import { connectionOptions, requestUpgrade } from './upgrade.ts'

/** Cause codes a refusal can have; the same words as in proxy/failure.ts. */
export type RefusalCause =
  'bad_request' | 'uri_too_long' | 'header_too_large' | 'expectation_failed' | 'method_not_allowed'

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

export type RequestBounds = FieldBounds & {
  readonly targetBytes: number
  /** Of the client's connection. When given, an absolute target must name the same one. */
  readonly scheme?: 'http' | 'https'
}

const longestMethod = 64

/**
 * The version of an HTTP/1 head by its number as text (`1.1`). `undefined` for any other: such a request must be
 * refused, since a higher minor is unknown to us and a lower major has no fields.
 */
export function versionOf(number: string): HttpVersion | undefined {
  return number === '1.1' || number === '1.0' ? number : undefined
}

/** Judges a request head. Field values are as received, one character per byte; optional white space may be left. */
export function admitRequest(head: RequestHead, bounds: RequestBounds): Admitted | Refusal {
  const lineRefusal = refuseLine(head, bounds)
  if (lineRefusal !== undefined) return lineRefusal
  const scan = scanFields(head, bounds)
  if (typeof scan === 'string') return bad(scan)
  if ('tooLarge' in scan) return { cause: 'header_too_large', detail: scan.tooLarge }
  return judge(head, scan, bounds)
}

/**
 * The same for a head whose fields were checked and filed (`noteField`) as they were read: names are tokens, values
 * have no control characters, and the bounds on fields are kept.
 */
export function admitScanned(head: RequestHead, scan: RequestFields, bounds: RequestBounds): Admitted | Refusal {
  return refuseLine(head, bounds) ?? judge(head, scan, bounds)
}

/**
 * The same request but for its target, which is in origin-form as the one of `admitted` was, and for the value of its
 * only Host line, if one is given: everything else that the fields say stays as it is. Not for requests that ask to
 * switch protocols.
 */
export function admitAlike(
  admitted: Admitted,
  head: RequestHead,
  bounds: RequestBounds,
  hostValue?: string,
): Admitted | Refusal {
  const refusal = refuseLine(head, bounds)
  if (refusal !== undefined) return refusal
  const read = hostValue === undefined ? admitted : parseAuthority(hostValue)
  if (read === undefined) return bad('host invalid')
  const { host, port } = read
  const authority = hostValue === undefined ? admitted.authority : canonical(hostValue, read)
  const { framing, upgrade, expectContinue } = admitted
  if (head.target === admitted.target) {
    const { path, query, target } = admitted
    return { host, authority, port, path, query, target, framing, upgrade, expectContinue }
  }
  const parsed = parseTarget(head.target, bounds.scheme)
  if (typeof parsed === 'string') return bad(parsed)
  const { path, query } = parsed
  const target = query === '' ? path : path + query
  return { host, authority, port, path, query, target, framing, upgrade, expectContinue }
}

function judge(head: RequestHead, scan: RequestFields, bounds: RequestBounds): Admitted | Refusal {
  // Two credentials: a filter could check one and the endpoint believe the other.
  if (scan.authorizations > 1) return bad('authorization repeated')
  const target = parseTarget(head.target, bounds.scheme)
  if (typeof target === 'string') return bad(target)
  const host = resolveHost(head.version, target, scan)
  if (typeof host === 'string') return bad(host)
  const framing = requestFraming(head.version, scan)
  if (typeof framing === 'string') return bad(framing)
  const connection = connectionOptions(scan.connection)
  if (typeof connection === 'string') return bad(connection)
  const upgrade = connection.upgrade ? requestUpgrade(head, scan, framing) : undefined
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

function refuseLine(head: RequestHead, bounds: RequestBounds): Refusal | undefined {
  const refusal = refuseMethod(head)
  if (refusal !== undefined) return refusal
  return head.target.length > bounds.targetBytes ? { cause: 'uri_too_long', detail: 'target too long' } : undefined
}

/**
 * CONNECT would make a tunnel, TRACE would show the fields we add, and `OPTIONS *` asks about no resource that a route
 * could lead to: none of them is for an endpoint behind a gateway.
 */
function refuseMethod({ method, target }: RequestHead): Refusal | undefined {
  if (method.length > longestMethod || !isToken(method)) return bad('method is not a token')
  const served = method !== 'CONNECT' && method !== 'TRACE' && !(method === 'OPTIONS' && target === '*')
  return served ? undefined : { cause: 'method_not_allowed', detail: `${method} is not served` }
}

/**
 * Exactly one Host (RFC 9112 section 3.2), equal to the authority of an absolute target when there is one. An HTTP/1.0
 * client may leave it out or empty: it means the default backend.
 */
function resolveHost(
  version: HttpVersion,
  { authority }: Target,
  scan: RequestFields,
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
  const same = sent === undefined || (sent.host === named.host && sent.port === named.port)
  if (!same) return 'host differs from the target'
  return { ...named, authority: canonical(authority, named) }
}

/** The client's own spelling, but never an empty port or one with leading zeros. */
function canonical(value: string, { host, port }: Authority): string {
  // As long as the name in it: there is nothing else.
  if (port === undefined && value.length === host.length) return value
  const colon = value.lastIndexOf(':')
  if (colon < 0 || colon < value.indexOf(']')) return value
  if (port === undefined) return value.slice(0, colon)
  return value.charCodeAt(colon + 1) === 0x30 ? `${value.slice(0, colon)}:${port}` : value
}

function bad(detail: string): Refusal {
  return { cause: 'bad_request', detail }
}

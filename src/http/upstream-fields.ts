/**
 * The fields an endpoint receives. First everything of the client's that must not travel is left out, then ours are
 * added, so that nothing a client sends can remove or imitate them.
 */
import { all, get } from './fields.ts'
import type { ResolvedClient } from './forwarded.ts'
import { equalsLower, isToken, isVisible, nameSet, startsWithLower, trimOws } from './grammar.ts'
import type { RequestHead } from './head.ts'
import { connectionListed, isHopByHop } from './hop-by-hop.ts'
import type { Admitted } from './request.ts'

export type PreparedOptions = {
  /** Send Forwarded (RFC 7239) too. */
  readonly forwarded: boolean
  /** Sent as Host when an HTTP/1.0 client named none; `localhost` by default. */
  readonly fallbackAuthority?: string
  /**
   * Pass names with underscores on, unless they imitate a name that matters. By default all of them are dropped, as
   * nginx does: CGI programs cannot tell `X_User` from the `X-User` that a filter has vouched for.
   */
  readonly keepUnderscores?: boolean
  /** Field in which proxies list addresses, in lower case; `x-forwarded-for` by default. */
  readonly listField?: string
  /** X-Forwarded-For of those who are believed names all addresses, as by default, or the client's alone. */
  readonly tells?: 'chain' | 'client'
}

const longestRequestId = 128

/** Never passed on, from anybody. `Proxy` becomes HTTP_PROXY in CGI programs (httpoxy). Host is written first. */
const dropped = nameSet([
  'host',
  'expect',
  'proxy',
  'proxy-authorization',
  'proxy-authenticate',
  'proxy-authentication-info',
])

/** We alone write these; an incoming one was read by resolveClient or means nothing. */
const ours = nameSet([
  'x-forwarded-for',
  'x-forwarded-proto',
  'x-forwarded-host',
  'x-forwarded-port',
  'x-forwarded-scheme',
  'x-scheme',
  'x-real-ip',
  'x-request-id',
])

/** Claims only a trusted proxy may make: about addresses, the original target, or a verified client certificate. */
const claims = nameSet([
  'forwarded',
  'x-original-forwarded-for',
  'x-original-forwarded-host',
  'x-original-url',
  'x-original-uri',
  'x-original-host',
  'x-rewrite-url',
  'x-client-ip',
  'x-cluster-client-ip',
  'true-client-ip',
  'x-url-scheme',
  'front-end-https',
  'client-cert',
  'client-cert-chain',
  'x-client-cert',
  'x-client-verify',
  'x-client-dn',
])
const claimPrefixes = ['x-forwarded-', 'ssl-client-', 'x-ssl-client-']

/** Names that an underscore may not imitate, beside the sets above. */
const imitable = nameSet(['authorization', 'cookie', 'content-type', 'x-http-method-override'])

/**
 * The flat field list for the endpoint: Host first, then the client's fields in their order, then ours. Contains
 * Content-Length when the length is known; Transfer-Encoding is for the lane that writes the body.
 *
 * - Left out: fields named in Connection (never Host or framing, which are written anew, nor ours, which come later),
 *   the hop-by-hop set, proxy credentials, claims of untrusted peers (X-Forwarded-*, Forwarded, client certificates),
 *   and names with underscores.
 * - X-Forwarded-For is replaced for untrusted peers, what they sent moves to X-Original-Forwarded-For; for those that
 *   are believed the peer is appended, unless only the client is to be told. The others follow from `client`.
 * - `te: trailers` and the WebSocket upgrade are asked for anew when the client asked; Cookie lines become one.
 *
 * X-Request-ID stands last and is empty: it alone does not follow from the request's fields and its client.
 * `withAuthority` makes them those of another host.
 */
export function preparedFields(
  head: RequestHead,
  admitted: Admitted,
  client: ResolvedClient,
  options: PreparedOptions,
): string[] {
  const authority = admitted.authority === '' ? (options.fallbackAuthority ?? 'localhost') : admitted.authority
  const fields: string[] = ['Host', authority]
  copyFields(fields, head.fields, {
    trusted: client.trusted,
    keepUnderscores: options.keepUnderscores === true,
    claim: isBelieved(client) ? undefined : options.listField,
  })
  if (admitted.framing.kind === 'length') fields.push('Content-Length', String(admitted.framing.bytes))
  if (asksForTrailers(head.fields)) fields.push('TE', 'trailers')
  if (admitted.upgrade !== undefined) fields.push('Connection', 'Upgrade', 'Upgrade', admitted.upgrade)
  addForwarded(fields, head.fields, client, options)
  fields.push(
    'X-Forwarded-Proto',
    client.scheme,
    'X-Forwarded-Host',
    client.host ?? authority,
    'X-Forwarded-Port',
    String(client.port),
    'X-Forwarded-Scheme',
    client.scheme,
    'X-Scheme',
    client.scheme,
    'X-Real-IP',
    client.address,
  )
  if (options.forwarded) fields.push('Forwarded', forwardedElement(client, authority))
  fields.push('X-Request-ID', '')
  return fields
}

/** Changes what `preparedFields` has made into what it makes of a request that differs by its authority alone. */
export function withAuthority(
  fields: string[],
  authority: string,
  client: ResolvedClient,
  { forwarded }: PreparedOptions,
): void {
  fields[1] = authority
  if (client.host === undefined) fields[lastNamed(fields, 'X-Forwarded-Host') + 1] = authority
  if (forwarded) fields[lastNamed(fields, 'Forwarded') + 1] = forwardedElement(client, authority)
}

/**
 * Index of our field of that name: ours stand behind the client's. Names alone are compared, since a client may call a
 * host like a field, and would otherwise write the name of the next one.
 */
function lastNamed(fields: readonly string[], name: string): number {
  let at = fields.length - 2
  while (at > 0 && fields[at] !== name) at -= 2
  return at
}

/** The client's X-Request-ID when it is safe to log and to send on: 1 to 128 visible characters. */
export function requestIdOf(fields: readonly string[]): string | undefined {
  const value = get(fields, 'x-request-id')
  if (value === undefined) return undefined
  const id = trimOws(value)
  return id.length <= longestRequestId && isVisible(id) ? id : undefined
}

/** `claim`: one more name that is not this peer's to say. */
type CopyOptions = { readonly trusted: boolean; readonly keepUnderscores: boolean; readonly claim: string | undefined }

function copyFields(out: string[], fields: readonly string[], { trusted, keepUnderscores, claim }: CopyOptions): void {
  const isListed = connectionListed(fields)
  let cookieAt = -1
  for (let at = 0; at < fields.length; at += 2) {
    const name = fields[at]!
    if (isHopByHop(name) || dropped(name) || ours(name) || isListed(name)) continue
    if (!trusted && (isClaim(name) || (claim !== undefined && equalsLower(name, claim)))) continue
    if (name.includes('_') && (!keepUnderscores || imitates(name))) continue
    const value = trimOws(fields[at + 1]!)
    if (name.length === 6 && equalsLower(name, 'cookie')) {
      // HTTP/2 clients send crumbs (RFC 9113 section 8.2.3); one line is what every endpoint reads the same.
      if (cookieAt >= 0) {
        out[cookieAt] = `${out[cookieAt]}; ${value}`
        continue
      }
      cookieAt = out.length + 1
    }
    out.push(name, value)
  }
}

function isClaim(name: string): boolean {
  return claims(name) || claimPrefixes.some((prefix) => startsWithLower(name, prefix))
}

/** Whether CGI-style readers, for whom `-` and `_` are the same, would take the field for one that matters. */
function imitates(name: string): boolean {
  const alias = name.replaceAll('_', '-')
  return isHopByHop(alias) || dropped(alias) || ours(alias) || isClaim(alias) || imitable(alias)
}

/** RFC 9110 section 10.1.4: of what the client says in TE only `trailers` holds for the next connection too. */
function asksForTrailers(fields: readonly string[]): boolean {
  return all(fields, 'te').some((value) => value.split(',').some((member) => equalsLower(trimOws(member), 'trailers')))
}

function addForwarded(
  out: string[],
  fields: readonly string[],
  client: ResolvedClient,
  { listField = 'x-forwarded-for', tells = 'chain' }: PreparedOptions,
): void {
  if (isBelieved(client) && tells === 'chain') {
    const incoming = joined(fields, listField)
    const before = incoming !== '' ? incoming : client.address === client.peer ? '' : client.address
    out.push('X-Forwarded-For', before === '' ? client.peer : `${before}, ${client.peer}`)
    return
  }
  out.push('X-Forwarded-For', client.address)
  const incoming = joined(fields, 'x-forwarded-for')
  if (incoming !== '' && !connectionListed(fields)('x-forwarded-for')) out.push('X-Original-Forwarded-For', incoming)
}

/** Its peer's word about its address has counted. */
function isBelieved({ trusted, address, peer }: ResolvedClient): boolean {
  return trusted || address !== peer
}

function joined(fields: readonly string[], lowerName: string): string {
  return all(fields, lowerName)
    .map(trimOws)
    .filter((value) => value !== '')
    .join(', ')
}

/** RFC 7239 section 4: our element, a line of its own behind those that copyFields has left of trusted proxies. */
function forwardedElement(client: ResolvedClient, authority: string): string {
  const node = client.peer.includes(':') ? `"[${client.peer}]"` : client.peer
  const host = isToken(authority) ? authority : `"${authority}"`
  return `for=${node};host=${host};proto=${client.scheme}`
}

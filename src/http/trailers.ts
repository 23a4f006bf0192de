/**
 * Which trailer fields may pass (RFC 9110 section 6.5.1): a field that frames, routes, authenticates, describes the
 * content or is ours must never arrive behind the decision it would have changed. Trailers stay trailers.
 */
import { isFieldValue, isToken, nameSet, startsWithLower, trimOws } from './grammar.ts'
import { isHopByHop } from './hop-by-hop.ts'

const forbidden = nameSet([
  'host',
  'authorization',
  'proxy-authorization',
  'proxy-authenticate',
  'www-authenticate',
  'cookie',
  'set-cookie',
  'age',
  'cache-control',
  'expires',
  'date',
  'location',
  'retry-after',
  'vary',
  'warning',
  'pragma',
  'expect',
  'range',
  'max-forwards',
  'content-encoding',
  'content-type',
  'content-range',
  'forwarded',
  'origin',
  'accept',
  'status',
  'if-match',
  'if-none-match',
  'if-modified-since',
  'if-unmodified-since',
  'if-range',
  'proxy',
  'server',
  'strict-transport-security',
  'x-real-ip',
  'x-request-id',
  'x-scheme',
])
const forbiddenPrefixes = ['x-forwarded-', 'x-original-', 'access-control-', 'sec-', 'ssl-client-', 'x-ssl-client-']

/** The trailer fields that may be sent on, as a flat list; others are dropped without a word. */
export function passableTrailers(trailers: readonly string[]): string[] {
  const out: string[] = []
  for (let at = 0; at < trailers.length; at += 2) {
    const name = trailers[at]!
    const value = trailers[at + 1]!
    if (isPassable(name) && isFieldValue(value)) out.push(name, trimOws(value))
  }
  return out
}

/** An underscore counts as a hyphen, as it does for CGI-style readers. */
function isPassable(name: string): boolean {
  if (!isToken(name)) return false
  const plain = name.includes('_') ? name.replaceAll('_', '-') : name
  return !isHopByHop(plain) && !forbidden(plain) && !forbiddenPrefixes.some((prefix) => startsWithLower(plain, prefix))
}

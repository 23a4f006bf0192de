/**
 * The value of `upstream-hash-by` → the parts of a hash key. Variables come from a fixed list: nothing of an nginx
 * configuration is evaluated here.
 */
import type { HashPart } from '#snapshot/snapshot.ts'

/** What to tell somebody whose text was not one. */
export const hashKeyGrammar =
  'text with $request_uri, $uri, $host, $remote_addr, $binary_remote_addr, $request_method, $scheme, $http_NAME, $cookie_NAME or $arg_NAME'

const longest = 512

const plain: ReadonlyMap<string, HashPart> = new Map<string, HashPart>([
  ['request_uri', { kind: 'target' }],
  // ingress-nginx sets it to $request_uri with escapes; it tells the same requests apart.
  ['escaped_request_uri', { kind: 'target' }],
  ['uri', { kind: 'path' }],
  ['host', { kind: 'host' }],
  ['remote_addr', { kind: 'clientAddress' }],
  ['binary_remote_addr', { kind: 'clientAddress' }],
  ['request_method', { kind: 'method' }],
  ['scheme', { kind: 'scheme' }],
])

/** Neighbouring texts are one part. A string names the first variable that is not on the list, or what else is wrong. */
export function parseHashKey(text: string): readonly HashPart[] | string {
  if (text.length > longest) return `more than ${longest} characters`
  if (/[^\x20-\x7e]/.test(text)) return 'a character that is no printable ASCII'
  const parts: HashPart[] = []
  for (const [token, braced, bare] of text.matchAll(/\$\{(\w+)\}|\$(\w+)|[^$]+|\$/g)) {
    if (token === '$') return 'a $ without a name'
    const name = braced ?? bare
    const part: HashPart | undefined =
      name === undefined ? { kind: 'text', text: token } : variable(name.toLowerCase(), name)
    if (part === undefined) return `the variable $${name}`
    parts.push(part)
  }
  return parts
}

function variable(lower: string, name: string): HashPart | undefined {
  const known = plain.get(lower)
  if (known !== undefined) return known
  // In nginx's names of fields a hyphen is an underscore, and case is lost.
  if (lower.startsWith('http_') && lower.length > 5)
    return { kind: 'header', name: lower.slice(5).replaceAll('_', '-') }
  if (lower.startsWith('cookie_') && lower.length > 7) return { kind: 'cookie', name: name.slice(7) }
  if (lower.startsWith('arg_') && lower.length > 4) return { kind: 'argument', name: name.slice(4) }
  return undefined
}

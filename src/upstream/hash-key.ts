/** What a request is hashed by: the parts of a key, joined. */
import { cookieValues } from '#http/cookies.ts'
import { get } from '#http/fields.ts'
import { trimOws } from '#http/grammar.ts'
import type { RequestHead } from '#http/head.ts'
import type { HashPart } from '#snapshot/snapshot.ts'

/** What a key can be made of; an exchange has it all. */
export type Keyed = {
  readonly received: RequestHead
  readonly client: { readonly address: string; readonly scheme: 'http' | 'https' }
  readonly host: string
  readonly path: string
  /** With its question mark; empty when there is none. */
  readonly query: string
}

/** `undefined` when the request has nothing of what the key is made of: all such requests are not one client. */
export function hashKey(parts: readonly HashPart[], asker: Keyed): string | undefined {
  let key = ''
  let found = false
  for (const part of parts) {
    const value = partOf(part, asker)
    if (value !== '' && part.kind !== 'text') found = true
    key += value
  }
  return found ? key : undefined
}

function partOf(part: HashPart, { received, client, host, path, query }: Keyed): string {
  switch (part.kind) {
    case 'text':
      return part.text
    case 'clientAddress':
      return client.address
    case 'host':
      return host
    case 'path':
      return path
    case 'target':
      return received.target
    case 'method':
      return received.method
    case 'scheme':
      return client.scheme
    case 'header':
      return trimOws(get(received.fields, part.name.toLowerCase()) ?? '')
    case 'cookie':
      return cookieValues(received.fields, part.name)[0] ?? ''
    case 'argument':
      return argument(query, part.name.toLowerCase())
  }
}

/** The first of that name, in any case, as it stands in the query. */
function argument(query: string, lowerName: string): string {
  for (const pair of query.slice(1).split('&')) {
    const equals = pair.indexOf('=')
    if (equals > 0 && pair.slice(0, equals).toLowerCase() === lowerName) return pair.slice(equals + 1)
  }
  return ''
}

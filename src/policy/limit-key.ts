/** Whom a limit counts: what makes two requests the same. */
import { all } from '#http/fields.ts'
import { formatAddress, parseAddress } from '#lib/cidr.ts'
import type { FilterContext } from './policy.ts'

export type LimitKey =
  /** The client's address, IPv6 by its /64: that is what one customer has. */
  | { readonly kind: 'client' }
  | { readonly kind: 'header'; readonly name: string }
  | { readonly kind: 'cookie'; readonly name: string }
  /** The path as routed, without query. */
  | { readonly kind: 'path' }
  /** Everybody together. */
  | { readonly kind: 'route' }

/** Who leaves the header or cookie out is counted by address: leaving something out must not open a door. */
export function keyOf(key: LimitKey, context: FilterContext): string {
  switch (key.kind) {
    case 'client':
      return clientKey(context)
    case 'header':
      return marked('header', all(context.received.fields, key.name).join(',')) ?? clientKey(context)
    case 'cookie':
      return marked('cookie', cookieOf(context.received.fields, key.name)) ?? clientKey(context)
    case 'path':
      return context.path
    case 'route':
      return ''
  }
}

/** The first cookie of that name (RFC 6265 section 5.4); empty when there is none. */
export function cookieOf(fields: readonly string[], name: string): string {
  for (const line of all(fields, 'cookie')) {
    for (const pair of line.split(';')) {
      const equals = pair.indexOf('=')
      if (equals > 0 && pair.slice(0, equals).trim() === name) return pair.slice(equals + 1).trim()
    }
  }
  return ''
}

/** A value can never be taken for somebody's address. */
function marked(kind: string, value: string): string | undefined {
  return value === '' ? undefined : `${kind} ${value}`
}

function clientKey({ client }: FilterContext): string {
  if (!client.address.includes(':')) return client.address
  const address = parseAddress(client.address)
  if (address === undefined || address.length === 1) return client.address
  return formatAddress([address[0]!, address[1]!, 0, 0])
}

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
export function keyReader(key: LimitKey): (context: FilterContext) => string {
  const clientKey = clientKeys()
  switch (key.kind) {
    case 'client':
      return clientKey
    case 'header':
      return (context) => marked('header', all(context.received.fields, key.name).join(',')) ?? clientKey(context)
    case 'cookie':
      return (context) => marked('cookie', cookieOf(context.received.fields, key.name)) ?? clientKey(context)
    case 'path':
      return ({ path }) => path
    case 'route':
      return () => ''
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

/** Networks of IPv6 addresses are worked out once for those who ask again. */
function clientKeys(): (context: FilterContext) => string {
  const networks = new Map<string, string>()
  return ({ client: { address } }) => {
    if (!address.includes(':')) return address
    let network = networks.get(address)
    if (network === undefined) {
      network = networkOf(address)
      if (networks.size >= mostNetworks) networks.clear()
      networks.set(address, network)
    }
    return network
  }
}

const mostNetworks = 256

function networkOf(text: string): string {
  const address = parseAddress(text)
  if (address === undefined || address.length === 1) return text
  return formatAddress([address[0]!, address[1]!, 0, 0])
}

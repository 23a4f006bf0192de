/**
 * Who the client is, as far as we believe it. X-Forwarded-* (de facto) and Forwarded (RFC 7239) count only when a
 * trusted proxy is the peer, and then only as far as the chain of trusted proxies reaches.
 */
import { formatAddress, parseAddress } from '#lib/cidr.ts'
import { parseAuthority } from './authority.ts'
import { all, get, listMembers } from './fields.ts'
import { equalsLower, startsWithLower, trimOws } from './grammar.ts'

/** The other end of the connection, and our end of it. */
export type Peer = {
  /** IP literal, as the socket says it. */
  readonly address: string
  readonly scheme: 'http' | 'https'
  /** The port of ours that clients address. */
  readonly port: number
}

export type ResolvedClient = {
  /** IP literal of the client in its one spelling. */
  readonly address: string
  readonly scheme: 'http' | 'https'
  /** Port of the front door that the client addressed. */
  readonly port: number
  /** Host that the client addressed, when a trusted proxy says it was another than the one in Host. */
  readonly host: string | undefined
  /** IP literal of the peer, and whether its word counts in everything. */
  readonly peer: string
  readonly trusted: boolean
}

/** What is read of a trusted peer's account. */
export type Reading = {
  /** `address`: only who the client is; its scheme, host and port are those of the connection. */
  readonly believes: 'all' | 'address'
  /** Field that lists the addresses, in lower case. Any other than X-Forwarded-For takes the place of Forwarded, too. */
  readonly listField: string
}

export const readsEverything: Reading = { believes: 'all', listField: 'x-forwarded-for' }

/** What a proxy in front tells, from either family of fields. */
type Told = {
  readonly address: string | undefined
  readonly scheme: 'http' | 'https' | undefined
  readonly host: string | undefined
  readonly port: number | undefined
}

/** Where the client stands in a list of nodes. */
type Walked = { readonly address: string; readonly index: number }

/** One parameter of a Forwarded element: its name, and its value quoted or plain. */
const parameter = /(?:^|;)[ \t]*([^\s=;"]+)=(?:"((?:[^"\\]|\\.)*)"|([^;"]*))/g

/**
 * X-Forwarded-For is walked from the right, the side our own proxies write, until the first address that is not
 * trusted: that is the client. An entry that is no address ends the walk at the one before it. Of Proto, Host and Port
 * the first value counts. Forwarded is read only when there is no X-Forwarded field at all, since a proxy that writes
 * one family passes the client's own words in the other.
 */
export function resolveClient(
  peer: Peer,
  fields: readonly string[],
  trusts: (address: string) => boolean,
  { believes, listField }: Reading = readsEverything,
): ResolvedClient {
  const address = canonicalAddress(peer.address) ?? peer.address
  const direct = { address, scheme: peer.scheme, port: peer.port, host: undefined, peer: address }
  if (!trusts(address)) return { ...direct, trusted: false }
  if (believes === 'address') {
    return { ...direct, address: walk(nodesOf(fields, listField), trusts)?.address ?? address, trusted: false }
  }
  const isStandard = listField === readsEverything.listField && hasForwarded(fields)
  const told = isStandard ? fromForwarded(fields, trusts) : fromXForwarded(fields, trusts, listField)
  const scheme = told.scheme ?? peer.scheme
  const port = told.port ?? (scheme === peer.scheme ? peer.port : scheme === 'https' ? 443 : 80)
  return { address: told.address ?? address, scheme, port, host: told.host, peer: address, trusted: true }
}

/** The IP literal in a node of X-Forwarded-For or Forwarded: brackets, port and zone taken off. */
export function nodeAddress(node: string): string | undefined {
  if (node.startsWith('[')) {
    const end = node.indexOf(']')
    if (end < 0 || !/^(?::\d{1,5})?$/.test(node.slice(end + 1))) return undefined
    return canonicalAddress(node.slice(1, end))
  }
  const colon = node.indexOf(':')
  if (colon >= 0 && colon === node.lastIndexOf(':')) {
    return /^:\d{1,5}$/.test(node.slice(colon)) ? canonicalAddress(node.slice(0, colon)) : undefined
  }
  return canonicalAddress(node)
}

function canonicalAddress(text: string): string | undefined {
  const zone = text.indexOf('%')
  const address = parseAddress(zone < 0 ? text : text.slice(0, zone))
  return address === undefined ? undefined : formatAddress(address)
}

function hasForwarded(fields: readonly string[]): boolean {
  let found = false
  for (let at = 0; at < fields.length; at += 2) {
    if (startsWithLower(fields[at]!, 'x-forwarded-')) return false
    if (equalsLower(fields[at]!, 'forwarded')) found = true
  }
  return found
}

function fromXForwarded(fields: readonly string[], trusts: (address: string) => boolean, listField: string): Told {
  const walked = walk(nodesOf(fields, listField), trusts)
  return {
    address: walked?.address,
    scheme: schemeOf(firstOf(fields, 'x-forwarded-proto')),
    host: hostOf(firstOf(fields, 'x-forwarded-host')),
    port: portOf(firstOf(fields, 'x-forwarded-port')),
  }
}

function nodesOf(fields: readonly string[], listField: string): string[] {
  return all(fields, listField).flatMap((value) => value.split(',').map(trimOws))
}

/** The element that names the client also says how the client reached the proxy that wrote it. */
function fromForwarded(fields: readonly string[], trusts: (address: string) => boolean): Told {
  const elements = all(fields, 'forwarded')
    .flatMap((value) => listMembers(value))
    .map(parseElement)
  const walked = walk(
    elements.map((element) => element.get('for') ?? ''),
    trusts,
  )
  const element = walked === undefined ? undefined : elements[walked.index]
  const host = hostOf(element?.get('host'))
  return {
    address: walked?.address,
    scheme: schemeOf(element?.get('proto')),
    host,
    port: host === undefined ? undefined : parseAuthority(host)?.port,
  }
}

/** The client's place in the chain; `undefined` when the nearest entry already says nothing. */
function walk(nodes: readonly string[], trusts: (address: string) => boolean): Walked | undefined {
  let client: Walked | undefined
  for (let index = nodes.length - 1; index >= 0; index--) {
    const address = nodeAddress(nodes[index]!)
    if (address === undefined) return client
    client = { address, index }
    if (!trusts(address)) return client
  }
  return client
}

/** `for=192.0.2.60;proto=http` as a map with lower-case keys; the first of repeated parameters counts. */
function parseElement(element: string): Map<string, string> {
  const parameters = new Map<string, string>()
  for (const [, name, quoted, plain] of element.matchAll(parameter)) {
    const key = name!.toLowerCase()
    if (!parameters.has(key)) parameters.set(key, quoted?.replace(/\\(.)/g, '$1') ?? trimOws(plain!))
  }
  return parameters
}

function firstOf(fields: readonly string[], lowerName: string): string | undefined {
  const value = get(fields, lowerName)
  if (value === undefined) return undefined
  const comma = value.indexOf(',')
  return trimOws(comma < 0 ? value : value.slice(0, comma))
}

function schemeOf(text: string | undefined): 'http' | 'https' | undefined {
  if (text === undefined) return undefined
  if (equalsLower(text, 'https') || equalsLower(text, 'wss')) return 'https'
  return equalsLower(text, 'http') || equalsLower(text, 'ws') ? 'http' : undefined
}

function hostOf(text: string | undefined): string | undefined {
  return text !== undefined && parseAuthority(text) !== undefined ? text : undefined
}

function portOf(text: string | undefined): number | undefined {
  if (text === undefined || !/^[1-9]\d{0,4}$/.test(text)) return undefined
  const port = Number(text)
  return port <= 65_535 ? port : undefined
}

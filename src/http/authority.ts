/** Host and port of a request (RFC 3986 section 3.2, RFC 9110 section 7.2), read by an allow-list. */
import { domainToASCII } from 'node:url'
import { parseAddress } from '#lib/cidr.ts'
import { tableOf } from './grammar.ts'

/**
 * `host` is in routing form: lower case, no port, one trailing dot dropped, IPv6 in brackets. `port` is `undefined`
 * when there is none or it is empty (`a.test:`).
 */
export type Authority = { readonly host: string; readonly port: number | undefined }

const nameByte = tableOf((code) => /^[A-Za-z0-9\-._]$/.test(String.fromCharCode(code)))
const longestName = 253

/**
 * Reads a Host value or the authority of an absolute target. `undefined` for everything that is not a name of letters,
 * digits, `-`, `_` and non-empty labels, an IPv4 address, or an IPv6 address in brackets, with an optional port from 1
 * to 65535: user information, lists, escapes and raw U-labels have no place here. Nothing is ever resolved or decoded.
 */
export function parseAuthority(value: string): Authority | undefined {
  const end = value.charCodeAt(0) === 0x5b ? value.indexOf(']') + 1 : nameEnd(value)
  if (end <= 0) return undefined
  const port = parsePort(value, end)
  if (port === undefined) return undefined
  const host = value.charCodeAt(0) === 0x5b ? ipv6(value, end) : routingName(value, end)
  return host === undefined ? undefined : { host, port: port === 0 ? undefined : port }
}

/**
 * The A-label form of a host from a manifest, in lower case; a leading `*.` is kept. `undefined` when it has none.
 */
export function toAscii(host: string): string | undefined {
  const wildcard = host.startsWith('*.')
  const name = wildcard ? host.slice(2) : host
  // domainToASCII reads `0x7f.1` as an address, so plain ASCII never goes through it.
  const ascii = isAscii(name) ? name.toLowerCase() : domainToASCII(name)
  const parsed = parseAuthority(ascii)
  if (parsed === undefined || ascii.includes(':') || ascii.startsWith('[')) return undefined
  return wildcard ? `*.${parsed.host}` : parsed.host
}

/** Where the name stops being one: the index of a colon, the length, or -1. */
function nameEnd(value: string): number {
  for (let index = 0; index < value.length; index++) {
    const code = value.charCodeAt(index)
    if (nameByte[code] !== 1) return code === 0x3a ? index : -1
  }
  return value.length
}

/** 0 when there is no port, `undefined` when what follows the host is none. */
function parsePort(value: string, end: number): number | undefined {
  if (end === value.length) return 0
  if (value.charCodeAt(end) !== 0x3a || value.length - end > 9) return undefined
  if (end + 1 === value.length) return 0
  let port = 0
  for (let index = end + 1; index < value.length; index++) {
    const digit = value.charCodeAt(index) - 0x30
    if (digit < 0 || digit > 9) return undefined
    port = port * 10 + digit
  }
  return port === 0 || port > 65_535 ? undefined : port
}

function routingName(value: string, end: number): string | undefined {
  const length = value.charCodeAt(end - 1) === 0x2e ? end - 1 : end
  if (length === 0 || length > longestName) return undefined
  let label = 0
  for (let index = 0; index <= length; index++) {
    if (index < length && value.charCodeAt(index) !== 0x2e) label++
    else if (label === 0) return undefined
    else label = 0
  }
  return value.slice(0, length).toLowerCase()
}

function ipv6(value: string, end: number): string | undefined {
  const inner = value.slice(1, end - 1)
  return inner.includes(':') && parseAddress(inner) !== undefined ? `[${inner.toLowerCase()}]` : undefined
}

function isAscii(text: string): boolean {
  for (let index = 0; index < text.length; index++) if (text.charCodeAt(index) > 0x7f) return false
  return true
}

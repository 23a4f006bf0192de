/**
 * The header that a load balancer sends in front of a connection to say whose it is: the PROXY protocol, versions 1 and
 * 2 (haproxy.org, doc/proxy-protocol.txt). Pure and strict: the address decides who may pass, so nothing is guessed.
 */
import { isIP } from 'node:net'

export type ProxyReading =
  /** Nothing can be said before there are that many bytes. */
  | { readonly kind: 'more'; readonly atLeast: number }
  /** `used`: bytes of the header. `origin` is `undefined` where the connection is the balancer's own (LOCAL, UNKNOWN). */
  | { readonly kind: 'header'; readonly used: number; readonly origin: ProxyOrigin | undefined }
  | { readonly kind: 'malformed'; readonly reason: string }

/** As the balancer saw the connection. Addresses are IP literals, IPv4 in its dotted form. */
export type ProxyOrigin = {
  readonly address: string
  readonly port: number
  /** The port that the client addressed. */
  readonly ownPort: number
}

/** Bytes of a header, extensions of version 2 included. */
export const longestProxyHeader = 4_096

/** `bytes` are all that the peer has sent so far. */
export function readProxyHeader(bytes: Buffer): ProxyReading {
  const length = Math.min(bytes.length, signature.length)
  if (length === 0) return { kind: 'more', atLeast: 1 }
  if (bytes.subarray(0, length).equals(signature.subarray(0, length)))
    return length < signature.length ? { kind: 'more', atLeast: 16 } : readBinary(bytes)
  return readText(bytes)
}

const signature = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1')
const opening = Buffer.from('PROXY ', 'latin1')
/** With its line break; the document promises that no line is longer. */
const longestLine = 107

function readText(bytes: Buffer): ProxyReading {
  const known = Math.min(bytes.length, opening.length)
  if (!bytes.subarray(0, known).equals(opening.subarray(0, known))) return malformed('no PROXY header')
  const end = bytes.subarray(0, longestLine).indexOf('\n')
  if (end < 0) {
    if (bytes.length >= longestLine) return malformed('a line that does not end')
    return { kind: 'more', atLeast: bytes.length + 1 }
  }
  if (bytes[end - 1] !== 0x0d) return malformed('a line that ends in LF alone')
  const line = bytes.toString('latin1', opening.length, end - 1)
  if (line === 'UNKNOWN' || line.startsWith('UNKNOWN ')) return { kind: 'header', used: end + 1, origin: undefined }
  const origin = originOf(line.split(' '))
  return origin === undefined ? malformed('a line that cannot be read') : { kind: 'header', used: end + 1, origin }
}

function originOf(words: readonly string[]): ProxyOrigin | undefined {
  const [family, source = '', destination = '', sourcePort = '', destinationPort = ''] = words
  const version = family === 'TCP4' ? 4 : family === 'TCP6' ? 6 : undefined
  if (version === undefined || words.length !== 5) return undefined
  if (isIP(source) !== version || isIP(destination) !== version || source.includes('%')) return undefined
  const [port, ownPort] = [readPort(sourcePort), readPort(destinationPort)]
  if (port === undefined || ownPort === undefined) return undefined
  return { address: plain(source), port, ownPort }
}

function readPort(text: string): number | undefined {
  const port = /^(0|[1-9]\d{0,4})$/.test(text) ? Number(text) : Number.NaN
  return port <= 65_535 ? port : undefined
}

const headLength = 16

function readBinary(bytes: Buffer): ProxyReading {
  if (bytes.length < headLength) return { kind: 'more', atLeast: headLength }
  const command = bytes[12]!
  const used = headLength + bytes.readUInt16BE(14)
  if (command >> 4 !== 2 || (command & 15) > 1) return malformed('an unknown version or command')
  if (used > longestProxyHeader) return malformed('too long')
  if (bytes.length < used) return { kind: 'more', atLeast: used }
  // LOCAL: the balancer's own, such as a health check. Whatever it says of addresses is to be ignored.
  if ((command & 15) === 0) return { kind: 'header', used, origin: undefined }
  const content = bytes.subarray(headLength, used)
  const family = bytes[13]!
  if (family === 0) return { kind: 'header', used, origin: undefined }
  if (family === 0x11 && content.length >= 12) return binaryOrigin(content, used, 4)
  if (family === 0x21 && content.length >= 36) return binaryOrigin(content, used, 16)
  return malformed(family === 0x11 || family === 0x21 ? 'addresses that are cut off' : 'no addresses of TCP')
}

/** Source, destination, and their ports; what follows says nothing about addresses. */
function binaryOrigin(content: Buffer, used: number, size: 4 | 16): ProxyReading {
  const address = size === 4 ? content.subarray(0, 4).join('.') : plain(ipv6(content.subarray(0, 16)))
  const port = content.readUInt16BE(2 * size)
  return { kind: 'header', used, origin: { address, port, ownPort: content.readUInt16BE(2 * size + 2) } }
}

function ipv6(bytes: Buffer): string {
  const groups = Array.from({ length: 8 }, (_, index) => bytes.readUInt16BE(2 * index).toString(16))
  // The one normal form, so that equal addresses are equal texts wherever they are a key.
  return new URL(`http://[${groups.join(':')}]`).hostname.slice(1, -1)
}

/** IPv4 in its mapped form is IPv4; IPv6 is written in its one normal form. */
function plain(address: string): string {
  if (isIP(address) === 4) return address
  const normal = new URL(`http://[${address}]`).hostname.slice(1, -1)
  const mapped = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(normal)
  if (mapped === null) return normal
  const [high, low] = [Number.parseInt(mapped[1]!, 16), Number.parseInt(mapped[2]!, 16)]
  return [high >> 8, high & 255, low >> 8, low & 255].join('.')
}

function malformed(reason: string): ProxyReading {
  return { kind: 'malformed', reason }
}

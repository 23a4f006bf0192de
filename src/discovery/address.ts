/**
 * Which addresses an endpoint may have, and one spelling for each.
 */
import { BlockList, isIP, SocketAddress } from 'node:net'

/** No endpoint can live there, or nobody should be led there: cloud metadata services are link-local. */
const unusable: readonly (readonly [reason: string, list: BlockList])[] = [
  ['the unspecified address', blockList('0.0.0.0/8', '::/128')],
  ['multicast', blockList('224.0.0.0/4', 'ff00::/8')],
  ['broadcast', blockList('255.255.255.255/32')],
  ['link-local, where cloud metadata services live', blockList('169.254.0.0/16', 'fe80::/10', 'fd00:ec2::254/128')],
]
const loopback = blockList('127.0.0.0/8', '::1/128')

/** The one spelling of an IP literal (RFC 5952; IPv4-mapped IPv6 becomes IPv4), `undefined` for anything else. */
export function canonicalAddress(text: string): string | undefined {
  const family = isIP(text)
  if (family !== 6) return family === 4 ? text : undefined
  const { address } = new SocketAddress({ address: text.split('%')[0]!, family: 'ipv6' })
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/.exec(address)
  return mapped === null ? address : mapped[1]!
}

export function familyOf(address: string): 'ipv4' | 'ipv6' {
  return address.includes(':') ? 'ipv6' : 'ipv4'
}

/** Why no endpoint may have this canonical address, `undefined` when it may. Loopback is judged by `isLoopback`. */
export function unusableReason(address: string): string | undefined {
  return unusable.find(([, list]) => list.check(address, familyOf(address)))?.[0]
}

export function isLoopback(address: string): boolean {
  return loopback.check(address, familyOf(address))
}

/** `10.0.0.1:80`, `[fd00::1]:80` */
export function endpointId(address: string, port: number): string {
  return familyOf(address) === 'ipv6' ? `[${address}]:${port}` : `${address}:${port}`
}

function blockList(...cidrs: readonly string[]): BlockList {
  const list = new BlockList()
  for (const cidr of cidrs) {
    const [address = '', bits] = cidr.split('/')
    list.addSubnet(address, Number(bits), familyOf(address))
  }
  return list
}

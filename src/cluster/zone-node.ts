/**
 * What stands at one name of the zone: records without their owner, all types together. A name without a node does not
 * exist (NXDOMAIN); a node without a record of the type asked for is NODATA (RFC 2308 section 2).
 */
import { isIPv6 } from 'node:net'

/** A record without owner and TTL. `glue` holds the addresses of an SRV record's target. */
export type ZoneRecord =
  | { readonly type: 'A' | 'AAAA' | 'NS' | 'PTR' | 'TXT'; readonly data: string }
  | { readonly type: 'SRV'; readonly data: SrvTarget; readonly glue: readonly string[] }

export type SrvTarget = {
  readonly priority: number
  readonly weight: number
  readonly port: number
  readonly target: string
}

export type ZoneNode =
  /** Exists only because something below it does (RFC 8020), or because the zone is made that way. */
  | { readonly kind: 'branch' }
  | { readonly kind: 'records'; readonly records: readonly ZoneRecord[] }
  | { readonly kind: 'alias'; readonly target: string }

export const branch: ZoneNode = { kind: 'branch' }

/** A node holding these records, each once. */
export function leaf(records: readonly ZoneRecord[]): ZoneNode {
  const distinct = new Map(records.map((each) => [JSON.stringify([each.type, each.data]), each]))
  return { kind: 'records', records: [...distinct.values()] }
}

export function addressRecords(addresses: readonly string[]): ZoneRecord[] {
  return addresses.map((data) => ({ type: isIPv6(data) ? 'AAAA' : 'A', data }))
}

/** Whether a name fits the wire: labels of 1 to 63 octets, 255 in all (RFC 1035 section 2.3.4). */
export function fitsWire(name: string): boolean {
  const labels = name.split('.')
  return Buffer.byteLength(name) <= 253 && labels.every((label) => label !== '' && Buffer.byteLength(label) <= 63)
}

/**
 * One DNS message out, one in: the only file that knows the library behind the wire format.
 *
 * Names are lower-case and without the trailing dot here; on the wire they are always absolute, so no search list is
 * ever involved.
 */
import type { Answer as WireRecord, DecodedPacket } from 'dns-packet'
import { decode, encode, RECURSION_DESIRED } from 'dns-packet'
import { canonicalAddress } from '../address.ts'

export type QuestionType = 'A' | 'AAAA' | 'SRV' | 'TXT'
export type Question = { readonly name: string; readonly type: QuestionType }

/** TTLs are in seconds. */
export type DnsRecord = { readonly name: string; readonly ttl: number } & (
  | { readonly type: 'A' | 'AAAA'; readonly address: string }
  | { readonly type: 'CNAME'; readonly target: string }
  | ({ readonly type: 'SRV'; readonly target: string } & Readonly<Record<'priority' | 'weight' | 'port', number>>)
  | { readonly type: 'TXT'; readonly text: string }
)

export type DnsMessage = {
  /** `NOERROR`, `NXDOMAIN`, `SERVFAIL` …; `RCODE_n` for those without a name. */
  readonly rcode: string
  readonly truncated: boolean
  readonly answers: readonly DnsRecord[]
  readonly additionals: readonly DnsRecord[]
  /** For how long, in seconds, "there is none" may be remembered (RFC 2308 section 5). */
  readonly negativeTtl: number | undefined
}

/** What a datagram may carry without being fragmented on any usual path (DNS flag day 2020). */
const payloadSize = 1232

/** Why the name cannot be asked for at all (RFC 1035 section 2.3.4), `undefined` when it can. */
export function invalidName(name: string): string | undefined {
  if (name.length > 253) return 'longer than 253 characters'
  const bad = name.split('.').find((label) => !/^[\x21-\x2d\x2f-\x7e]{1,63}$/.test(label))
  return bad === undefined ? undefined : `the label ${JSON.stringify(bad)} is not 1 to 63 printable characters`
}

/** With EDNS(0) (RFC 6891) unless the server does not know it. */
export function encodeQuestion({ name, type }: Question, id: number, edns: boolean): Buffer {
  const plain = { extendedRcode: 0, ednsVersion: 0, flags: 0, flag_do: false, options: [] }
  const opt: WireRecord = { type: 'OPT', name: '.', udpPayloadSize: payloadSize, ...plain }
  return encode({
    type: 'query',
    id,
    flags: RECURSION_DESIRED,
    questions: [{ type, class: 'IN', name: `${name}.` }],
    additionals: edns ? [opt] : [],
  })
}

/**
 * The answer to this question under this id, or `undefined` when the bytes are anything else: malformed, another id,
 * another question. A refusal may come without the question; an answer may not.
 */
export function decodeAnswer(bytes: Buffer, { name, type }: Question, id: number): DnsMessage | undefined {
  const packet = tryDecode(bytes)
  if (packet === undefined || packet.type !== 'response' || packet.id !== id) return undefined
  const rcode = rcodeOf(packet)
  const [first, ...more] = packet.questions ?? []
  const same = first?.type === type && first.class === 'IN' && lower(first.name) === name && more.length === 0
  const refusal = first === undefined && rcode !== 'NOERROR' && rcode !== 'NXDOMAIN'
  if (!same && !refusal) return undefined
  return {
    rcode,
    truncated: packet.flag_tc,
    answers: (packet.answers ?? []).flatMap(toRecord),
    additionals: (packet.additionals ?? []).flatMap(toRecord),
    negativeTtl: negativeTtlOf(packet.authorities ?? []),
  }
}

function tryDecode(bytes: Buffer): DecodedPacket | undefined {
  try {
    return decode(bytes)
  } catch {
    return undefined
  }
}

const rcodes = 'NOERROR FORMERR SERVFAIL NXDOMAIN NOTIMP REFUSED YXDOMAIN YXRRSET NXRRSET NOTAUTH NOTZONE'.split(' ')

/** The upper eight bits are in the OPT record (RFC 6891 section 6.1.3). */
function rcodeOf({ flags = 0, additionals = [] }: DecodedPacket): string {
  const opt = additionals.find((each) => each.type === 'OPT')
  const code = (flags & 0xf) | ((opt?.extendedRcode ?? 0) << 4)
  return rcodes[code] ?? `RCODE_${code}`
}

function toRecord(wire: WireRecord): readonly DnsRecord[] {
  if (wire.type === 'OPT' || ('class' in wire && wire.class !== 'IN')) return []
  const name = lower(wire.name)
  switch (wire.type) {
    case 'A':
    case 'AAAA': {
      const address = canonicalAddress(wire.data)
      return address === undefined ? [] : [{ name, ttl: ttlOf(wire), type: wire.type, address }]
    }
    case 'CNAME':
      return [{ name, ttl: ttlOf(wire), type: 'CNAME', target: lower(wire.data) }]
    case 'SRV': {
      const { priority = 0, weight = 0, port, target } = wire.data
      return [{ name, ttl: ttlOf(wire), type: 'SRV', priority, weight, port, target: lower(target) }]
    }
    case 'TXT':
      return [{ name, ttl: ttlOf(wire), type: 'TXT', text: [wire.data].flat().map(String).join('') }]
    default:
      return []
  }
}

/** A TTL with the highest bit set counts as zero (RFC 2181 section 8). */
function ttlOf({ ttl = 0 }: { ttl?: number | undefined }): number {
  return ttl > 0x7fffffff ? 0 : ttl
}

function negativeTtlOf(authorities: readonly WireRecord[]): number | undefined {
  const soa = authorities.find((each) => each.type === 'SOA')
  return soa === undefined ? undefined : Math.min(ttlOf(soa), soa.data.minimum ?? 0)
}

function lower(name: string): string {
  return name.toLowerCase().replace(/\.$/, '')
}

/**
 * DNS messages as a server meets them (RFC 1035 section 4, EDNS0 of RFC 6891): a message in, what to do with it; an
 * answer in, bytes of at most a given length. Records that repeat the question's name point at it, so that a scaled
 * Service fits a UDP message as long as it can.
 */
import * as packet from 'dns-packet'
import type { DnsAnswer, DnsQuestion, DnsRecord } from './zone.ts'

export type Query = {
  readonly question: DnsQuestion
  /** Id, flags and question as they came, for the reply to repeat byte by byte. */
  readonly head: Buffer
  /** Largest UDP message the asker takes; `undefined` when it does not speak EDNS. */
  readonly udpBytes: number | undefined
}

export type Received =
  /** Not a query, or too short to answer: answering could start a loop. */
  | { readonly kind: 'noise' }
  | { readonly kind: 'refuse'; readonly reply: Buffer }
  | { readonly kind: 'query'; readonly query: Query }

type Failure = typeof nothing & { readonly rcode: 'BADVERS' | 'SERVFAIL' }

export function readMessage(message: Buffer): Received {
  if (message.length < headerBytes || (message[2]! & 0x80) !== 0) return { kind: 'noise' }
  if ((message[2]! & 0x78) !== 0) return refuse(message, 'NOTIMP')
  const question = message.readUInt16BE(4) === 1 ? readQuestion(message) : undefined
  if (question === undefined) return refuse(message, 'FORMERR')
  const options = readOptions(message)
  if (options === 'malformed') return refuse(message, 'FORMERR')
  const query: Query = { ...question, udpBytes: options?.udpPayloadSize }
  if (options !== undefined && options.ednsVersion !== 0) {
    return { kind: 'refuse', reply: writeReply(query, badVersion, 512) }
  }
  return { kind: 'query', query }
}

/**
 * The reply, in at most `limit` bytes. What the asker can do without goes first: the additional section silently, then
 * answers from the end with the TC bit set (RFC 2181 section 9).
 */
export function writeReply(query: Query, answer: DnsAnswer | Failure, limit: number): Buffer {
  const opt = query.udpBytes === undefined ? undefined : optRecord(answer.rcode === 'BADVERS' ? 1 : 0)
  let room = limit - query.head.length - (opt?.length ?? 0)
  const take = (records: readonly DnsRecord[]): Buffer[] => {
    const taken: Buffer[] = []
    for (const bytes of records.map((each) => writeRecord(each, query.question.name))) {
      if (bytes.length > room) break
      room -= bytes.length
      taken.push(bytes)
    }
    return taken
  }
  const answers = take(answer.answers)
  const whole = answers.length === answer.answers.length
  const authorities = whole ? take(answer.authorities) : []
  const additionals = whole ? take(answer.additionals) : []
  const cut = !whole || authorities.length < answer.authorities.length
  const head = Buffer.from(query.head)
  head[2] = 0x80 | (answer.authoritative ? 0x04 : 0) | (cut ? 0x02 : 0) | (head[2]! & 0x01)
  head[3] = rcodes[answer.rcode]
  head.writeUInt16BE(1, 4)
  head.writeUInt16BE(answers.length, 6)
  head.writeUInt16BE(authorities.length, 8)
  head.writeUInt16BE(additionals.length + (opt === undefined ? 0 : 1), 10)
  return Buffer.concat([head, ...answers, ...authorities, ...additionals, ...(opt === undefined ? [] : [opt])])
}

const headerBytes = 12
const rcodes = { NOERROR: 0, FORMERR: 1, SERVFAIL: 2, NXDOMAIN: 3, NOTIMP: 4, REFUSED: 5, BADVERS: 0 } as const

const nothing = { authoritative: false, answers: [], authorities: [], additionals: [] } as const

/** What a question gets that a bug of ours kept from its answer. */
export const serverFailure = { rcode: 'SERVFAIL', ...nothing } as const

const badVersion = { rcode: 'BADVERS', ...nothing } as const

/** Largest UDP message we are willing to receive: what passes every usual link unfragmented. */
const ourUdpBytes = 1232

function refuse(message: Buffer, rcode: 'FORMERR' | 'NOTIMP'): Received {
  const reply = Buffer.alloc(headerBytes)
  message.copy(reply, 0, 0, 4)
  reply[2] = 0x80 | (reply[2]! & 0x79)
  reply[3] = rcodes[rcode]
  return { kind: 'refuse', reply }
}

function readQuestion(message: Buffer): Pick<Query, 'question' | 'head'> | undefined {
  let end = headerBytes
  for (;;) {
    const length = message[end]
    // The only question has nothing before it that a compressed name could point at.
    if (length === undefined || length > 63) return undefined
    end += length + 1
    if (length === 0) break
  }
  if (end + 4 > message.length || end - headerBytes > 255) return undefined
  const head = message.subarray(0, end + 4)
  const alone = Buffer.from(head)
  alone.fill(0, 6, headerBytes)
  const decoded = decode(alone)?.questions?.[0]
  if (decoded === undefined) return undefined
  return { question: { name: decoded.name, type: decoded.type, class: decoded.class }, head }
}

function readOptions(message: Buffer): packet.OptAnswer | undefined | 'malformed' {
  const decoded = decode(message)
  if (decoded === undefined) return 'malformed'
  const options = (decoded.additionals ?? []).filter((each) => each.type === 'OPT')
  // More than one is an error (RFC 6891 section 6.1.1).
  return options.length > 1 ? 'malformed' : options[0]
}

/** The library throws for whatever it cannot read. */
function decode(message: Buffer): packet.DecodedPacket | undefined {
  try {
    return packet.decode(message)
  } catch {
    return undefined
  }
}

function writeRecord(record: DnsRecord, asked: string): Buffer {
  const owner = record.name.toLowerCase() === asked.toLowerCase() ? '.' : record.name
  const message = packet.encode({ type: 'response', answers: [{ ...record, name: owner }] })
  if (owner !== '.') return message.subarray(headerBytes)
  // A pointer to the question's name, which follows the header (RFC 1035 section 4.1.4).
  return Buffer.concat([Buffer.from([0xc0, headerBytes]), message.subarray(headerBytes + 1)])
}

function optRecord(extendedRcode: number): Buffer {
  const record = Buffer.alloc(11)
  record.writeUInt16BE(41, 1)
  record.writeUInt16BE(ourUdpBytes, 3)
  record[5] = extendedRcode
  return record
}

/**
 * Questions to a DNS server over real sockets, and raw bytes for those that are no questions.
 */
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { connect } from 'node:net'
import type { DecodedPacket, RecordType } from 'dns-packet'
import * as packet from 'dns-packet'

export type Server = { readonly host: string; readonly port: number }

/** `udpBytes`: what EDNS says; `undefined` for no EDNS. */
export function question(name: string, type: RecordType, udpBytes?: number): Buffer {
  const opt = {
    type: 'OPT' as const,
    name: '.',
    udpPayloadSize: udpBytes ?? 0,
    extendedRcode: 0,
    ednsVersion: 0,
    flags: 0,
    flag_do: false,
    options: [],
  }
  return packet.encode({
    type: 'query',
    id: 4711,
    flags: packet.RECURSION_DESIRED,
    questions: [{ name, type }],
    additionals: udpBytes === undefined ? [] : [opt],
  })
}

/** The bytes of the first answer to the last of these datagrams; the ones before expect none. */
export async function exchangeUdp({ host, port }: Server, ...datagrams: readonly Buffer[]): Promise<Buffer> {
  const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4')
  try {
    for (const each of datagrams) socket.send(each, port, host)
    const [answer] = (await once(socket, 'message', { signal: AbortSignal.timeout(5_000) })) as [Buffer]
    return answer
  } finally {
    socket.close()
  }
}

/** Writes these chunks, each in a packet of its own, and reads whole messages until there are `count`, or the end. */
export async function exchangeTcp({ host, port }: Server, chunks: readonly Buffer[], count = 1): Promise<Buffer[]> {
  const socket = connect({ host, port, noDelay: true })
  for (const each of chunks) await new Promise<void>((done) => socket.write(each, () => done()))
  const messages: Buffer[] = []
  let held = Buffer.alloc(0)
  for await (const chunk of socket) {
    held = Buffer.concat([held, chunk as Buffer])
    while (held.length >= 2 && held.length >= 2 + held.readUInt16BE(0)) {
      messages.push(held.subarray(2, 2 + held.readUInt16BE(0)))
      held = held.subarray(2 + held.readUInt16BE(0))
    }
    if (messages.length >= count) break
  }
  return messages
}

export function framed(message: Buffer): Buffer {
  const length = Buffer.alloc(2)
  length.writeUInt16BE(message.length)
  return Buffer.concat([length, message])
}

/** The library decodes more than its types say. */
export type Answered = DecodedPacket & { readonly rcode: string; readonly opcode: string }

export function decoded(message: Buffer): Answered {
  return packet.decode(message) as Answered
}

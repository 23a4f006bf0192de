/**
 * A DNS server for tests: real UDP and TCP on one loopback port, and answers that a test scripts name by name.
 */
import type { Socket as UdpSocket } from 'node:dgram'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import type { AddressInfo, Server, Socket } from 'node:net'
import { createServer } from 'node:net'
import type { Answer, Packet, Question } from 'dns-packet'
import { AUTHORITATIVE_ANSWER, decode, encode, TRUNCATED_RESPONSE } from 'dns-packet'

export type Script = {
  /** `NOERROR` unless said otherwise. */
  readonly rcode?: number
  readonly answers?: readonly Answer[]
  readonly additionals?: readonly Answer[]
  readonly authorities?: readonly Answer[]
  /** Say nothing at all: always, or over UDP only. */
  readonly drop?: boolean
  /** Held back until the test calls `release`. */
  readonly hold?: boolean
  /** Names in the reply are in capitals. */
  readonly shout?: boolean
  /** Wrong replies that come before the right one. */
  readonly before?: readonly ('wrong-id' | 'wrong-question' | 'garbage')[]
  /** FORMERR while the query carries an OPT record. */
  readonly refuseEdns?: boolean
}

export type Seen = {
  readonly name: string
  readonly type: string
  readonly transport: 'udp' | 'tcp'
  readonly edns: boolean
  readonly id: number
  readonly port: number
}

export const rcode = { formerr: 1, servfail: 2, nxdomain: 3, notimp: 4, refused: 5 } as const

type Query = {
  readonly packet: Packet
  readonly question: Question
  readonly transport: 'udp' | 'tcp'
  readonly send: (bytes: Buffer) => void
}

export class DnsServer {
  readonly #scripts = new Map<string, Script>()
  readonly #udp: UdpSocket
  readonly #tcp: Server
  readonly #sockets = new Set<Socket>()
  readonly #held: (() => void)[] = []
  readonly seen: Seen[] = []
  /** For names that no script knows. */
  fallback: Script = { rcode: rcode.nxdomain }

  private constructor(udp: UdpSocket, tcp: Server) {
    this.#udp = udp
    this.#tcp = tcp
    udp.on('message', (bytes, { port, address }) => {
      this.#onQuery(bytes, 'udp', { port, send: (reply) => udp.send(reply, port, address) })
    })
    tcp.on('connection', (socket) => this.#onConnection(socket))
  }

  static async start(): Promise<DnsServer> {
    for (let tries = 0; ; tries++) {
      const tcp = createServer().listen(0, '127.0.0.1')
      await once(tcp, 'listening')
      // A TCP server that listens has an address and a port.
      const { port } = tcp.address() as AddressInfo
      const udp = createSocket('udp4').bind(port, '127.0.0.1')
      try {
        await once(udp, 'listening')
        return new DnsServer(udp, tcp)
      } catch (error) {
        tcp.close()
        if (tries === 5) throw error
      }
    }
  }

  get address(): string {
    return `127.0.0.1:${this.#udp.address().port}`
  }

  /** What to answer from now on; `name` without the trailing dot. */
  on(type: Question['type'], name: string, script: Script): this {
    this.#scripts.set(`${type} ${name.toLowerCase()}`, script)
    return this
  }

  /** A or AAAA records, and an empty answer for the other family. */
  addresses(name: string, addresses: readonly string[], ttl = 5): this {
    const v6 = addresses.filter((each) => each.includes(':'))
    const v4 = addresses.filter((each) => !each.includes(':'))
    this.on('A', name, { answers: v4.map((data) => ({ type: 'A', name, ttl, data })) })
    return this.on('AAAA', name, { answers: v6.map((data) => ({ type: 'AAAA', name, ttl, data })) })
  }

  /** NOERROR without records (`nodata`) or NXDOMAIN, for addresses, with the zone's SOA. */
  nobody(name: string, kind: 'nodata' | 'nxdomain', negativeTtl = 5): this {
    const soa: Answer = {
      type: 'SOA',
      name: 'cluster.local',
      ttl: negativeTtl,
      data: { mname: 'ns.dns', rname: 'hostmaster', minimum: negativeTtl },
    }
    const script: Script = { ...(kind === 'nxdomain' && { rcode: rcode.nxdomain }), authorities: [soa] }
    return this.on('A', name, script).on('AAAA', name, script)
  }

  /** The same script for A and AAAA. */
  both(name: string, script: Script): this {
    return this.on('A', name, script).on('AAAA', name, script)
  }

  count(type: string, name: string): number {
    return this.seen.filter((each) => each.type === type && each.name === name).length
  }

  /** Sends what scripts with `hold` kept back. */
  release(): void {
    for (const send of this.#held.splice(0)) send()
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    const closed = [once(this.#udp, 'close'), once(this.#tcp, 'close')]
    this.#udp.close()
    this.#tcp.close()
    await Promise.all(closed)
  }

  #onConnection(socket: Socket): void {
    let received = Buffer.alloc(0)
    this.#sockets.add(socket)
    socket.on('close', () => this.#sockets.delete(socket))
    socket.on('error', () => socket.destroy())
    socket.on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk])
      if (received.length < 2 || received.length < 2 + received.readUInt16BE()) return
      this.#onQuery(received.subarray(2), 'tcp', {
        port: socket.remotePort ?? 0,
        send: (reply) => {
          const length = Buffer.alloc(2)
          length.writeUInt16BE(reply.length)
          // In two pieces, for a stream owes nobody a whole message.
          socket.write(Buffer.concat([length, reply.subarray(0, 5)]))
          socket.write(reply.subarray(5))
        },
      })
    })
  }

  #onQuery(
    bytes: Buffer,
    transport: 'udp' | 'tcp',
    { port, send }: { port: number; send: (reply: Buffer) => void },
  ): void {
    const packet = decode(bytes)
    const question = packet.questions![0]!
    const { name, type } = question
    const edns = (packet.additionals ?? []).some((each) => each.type === 'OPT')
    this.seen.push({ name, type, transport, edns, id: packet.id!, port })
    const script = this.#scripts.get(`${type} ${name.toLowerCase()}`) ?? this.fallback
    if (script.drop === true) return
    const query: Query = { packet, question, transport, send }
    if (script.hold === true) this.#held.push(() => answer(query, script, edns))
    else answer(query, script, edns)
  }
}

function answer({ packet, question, transport, send }: Query, script: Script, edns: boolean): void {
  const { id = 0 } = packet
  const base: Packet = { type: 'response', id, questions: [question] }
  for (const kind of script.before ?? []) {
    if (kind === 'garbage') send(Buffer.from('this is no DNS message'))
    const wrong: Answer = { type: 'A', name: question.name, ttl: 60, data: '6.6.6.6' }
    if (kind === 'wrong-id') send(encode({ ...base, id: id ^ 1, answers: [wrong] }))
    if (kind === 'wrong-question')
      send(encode({ ...base, questions: [{ type: 'A', name: 'evil.test' }], answers: [wrong] }))
  }
  if (script.refuseEdns === true && edns) return send(encode({ ...base, flags: rcode.formerr }))
  const { answers = [], additionals = [], authorities = [] } = script
  const loud = (records: readonly Answer[]): Answer[] =>
    records.map((each) => (script.shout === true ? { ...each, name: each.name.toUpperCase() } : each))
  const whole = encode({
    ...base,
    flags: AUTHORITATIVE_ANSWER | (script.rcode ?? 0),
    questions: [script.shout === true ? { ...question, name: question.name.toUpperCase() } : question],
    answers: loud(answers),
    additionals: loud(additionals),
    authorities: [...authorities],
  })
  const fits = transport === 'tcp' || whole.length <= (edns ? 1232 : 512)
  send(fits ? whole : encode({ ...base, flags: TRUNCATED_RESPONSE }))
}

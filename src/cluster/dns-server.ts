/**
 * A DNS server over UDP and TCP for one zone at a time. It asks nobody else, keeps no state between questions and
 * survives whatever bytes arrive.
 */
import type { Socket as UdpSocket } from 'node:dgram'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import type { AddressInfo, Server, Socket } from 'node:net'
import { createServer, isIPv6 } from 'node:net'
import type { Log } from '#telemetry/log.ts'
import type { Query } from './dns-wire.ts'
import { readMessage, serverFailure, writeReply } from './dns-wire.ts'
import type { Zone } from './zone.ts'

export type DnsServerInit = {
  readonly zone: Zone
  /** An IP address. */
  readonly host: string
  /** The same for UDP and TCP; 0 picks one that is free for both. */
  readonly port: number
  readonly log: Log
}

export interface DnsServer {
  readonly host: string
  readonly port: number
  /** Answer from this zone from now on. */
  use(zone: Zone): void
  close(): Promise<void>
}

/** Rejects when the port cannot be bound, with the system's error. */
export async function startDnsServer({ zone, host, port, log }: DnsServerInit): Promise<DnsServer> {
  let current = zone
  const reply = (message: Buffer, limit: (query: Query) => number): Buffer | undefined => {
    const received = readMessage(message)
    if (received.kind === 'noise') return undefined
    if (received.kind === 'refuse') return received.reply
    const { query } = received
    const { name, type } = query.question
    try {
      const answer = current.answer(query.question)
      log.debug('dns question answered', { name, type, rcode: answer.rcode, answers: answer.answers.length })
      return writeReply(query, answer, limit(query))
    } catch (error) {
      // Around one exchange: a bug here must cost one answer, not the process that also serves traffic.
      log.error('dns question failed', { name, type, error: String(error) })
      return writeReply(query, serverFailure, plainUdpBytes)
    }
  }
  const { udp, tcp } = await bind(host, port)
  serveUdp(udp, reply, log)
  const connections = serveTcp(tcp, reply, log)
  const close = async () => {
    for (const each of connections) each.destroy()
    await Promise.all([udp, tcp].map((each) => new Promise<void>((done) => each.close(() => done()))))
  }
  return { host, port: udp.address().port, use: (next) => (current = next), close }
}

type Reply = (message: Buffer, limit: (query: Query) => number) => Buffer | undefined

/** Longest message over UDP even for those who say they take more. */
const maxUdpBytes = 4096
/** Longest message to those who do not say (RFC 1035 section 2.3.4). */
const plainUdpBytes = 512
const maxTcpBytes = 65_535
const tcpIdleMs = 10_000
const maxTcpConnections = 256
const maxTcpUnread = 4 * maxTcpBytes
/** Tries for a port that is free for both protocols. */
const bindAttempts = 20

async function bind(host: string, port: number): Promise<{ udp: UdpSocket; tcp: Server }> {
  for (let attempt = 1; ; attempt++) {
    const tcp = createServer({ allowHalfOpen: false })
    tcp.listen({ host, port })
    await once(tcp, 'listening')
    // A listening TCP server has an address object, never a pipe's path.
    const free = (tcp.address() as AddressInfo).port
    const udp = createSocket(isIPv6(host) ? 'udp6' : 'udp4')
    try {
      udp.bind({ address: host, port: free })
      await once(udp, 'listening')
      return { udp, tcp }
    } catch (error) {
      tcp.close()
      if (port !== 0 || attempt === bindAttempts) throw error
    }
  }
}

function serveUdp(udp: UdpSocket, reply: Reply, log: Log): void {
  udp.on('error', (error) => log.warn('dns socket failed', { error: error.message }))
  udp.on('message', (message, { address, port }) => {
    const bytes = reply(message, ({ udpBytes = 0 }) => Math.min(Math.max(udpBytes, plainUdpBytes), maxUdpBytes))
    // Port 0 cannot be sent to; an asker that is gone is no concern of ours.
    if (bytes !== undefined && port !== 0) udp.send(bytes, port, address, () => {})
  })
}

/** Returns the open connections. */
function serveTcp(tcp: Server, reply: Reply, log: Log): ReadonlySet<Socket> {
  const connections = new Set<Socket>()
  tcp.maxConnections = maxTcpConnections
  tcp.on('error', (error) => log.warn('dns listener failed', { error: error.message }))
  tcp.on('connection', (socket) => {
    connections.add(socket)
    socket.on('close', () => connections.delete(socket))
    socket.on('error', () => socket.destroy())
    socket.setTimeout(tcpIdleMs, () => socket.destroy())
    let held: Buffer = Buffer.alloc(0)
    socket.on('data', (chunk: Buffer) => {
      held = answerFrames(socket, Buffer.concat([held, chunk]), reply)
    })
  })
  return connections
}

/** Messages with two bytes of length before them (RFC 1035 section 4.2.2), several in a row. Returns what is left. */
function answerFrames(socket: Socket, received: Buffer, reply: Reply): Buffer {
  let held = received
  while (held.length >= 2 && held.length >= 2 + held.readUInt16BE(0)) {
    const message = held.subarray(2, 2 + held.readUInt16BE(0))
    held = held.subarray(2 + message.length)
    const bytes = reply(message, () => maxTcpBytes)
    const length = Buffer.alloc(2)
    length.writeUInt16BE(bytes?.length ?? 0)
    if (bytes !== undefined) socket.write(Buffer.concat([length, bytes]))
    // Whoever asks without reading the answers is not worth the memory.
    if (bytes === undefined || socket.writableLength > maxTcpUnread) {
      socket.destroy()
      break
    }
  }
  return held
}

/**
 * A stand-in Pod: a server on a loopback address of its own that answers for one endpoint of one Service port. By
 * default it echoes what it received; what it speaks and says can be changed while it runs.
 */
import { once } from 'node:events'
import type { AddressInfo, Server, Socket } from 'node:net'
import { createServer } from 'node:net'
import type { Exchange } from './stand-in-answer.ts'
import { speechOf } from './stand-in-speech.ts'

/** Which endpoint of which Service port. `port` is the port as the route names it: a number or a name. */
export type StandInIdentity = {
  readonly namespace: string
  readonly service: string
  readonly port: string
  /** Index from 0. */
  readonly endpoint: number
}

/**
 * `any` speaks what a connection begins with: TLS (with HTTP/2 or HTTP/1.1 inside), HTTP/2 or HTTP/1.1. The others speak
 * themselves only. Over HTTP/2, gRPC calls are answered as such.
 */
export type StandInProtocol = 'any' | 'http' | 'https' | 'h2c' | 'websocket-echo'

/** What is `undefined` is as in an echo: status 200, the JSON body. */
export type StandInReply = {
  readonly status: number | undefined
  readonly headers: readonly (readonly [name: string, value: string])[]
  readonly body: string | undefined
  /** Before the head. */
  readonly delayMs: number
  /** Close the connection instead of sending the head, or in the middle of the body. */
  readonly drop: 'head' | 'body' | undefined
}

export type StandInBehaviour = {
  /** HTTP/1.1 echoes WebSockets too; `websocket-echo` does nothing else. */
  readonly protocol: StandInProtocol
  /** `undefined` to echo. */
  readonly reply: StandInReply | undefined
  /** What is said of the stand-in, by itself to gRPC health checks alone: it answers everything else either way. */
  readonly ready: boolean
}

/** A request as it arrived: the JSON body of an echo. A body beyond 1 MiB is cut. */
export type ReceivedRequest = StandInIdentity & {
  readonly method: string
  readonly target: string
  /** Lower-case names; a field that came more than once is a list. */
  readonly headers: Readonly<Record<string, string | readonly string[]>>
  /** Absent for HTTP/1. */
  readonly httpVersion?: '2'
  /** Absent without TLS. */
  readonly tls?: ReceivedTls
  /** Empty for what may go on for ever: WebSockets and gRPC calls. */
  readonly body: string
}

export type ReceivedTls = {
  /** `TLSv1.3` */
  readonly protocol: string
  /** `null` when the client named no server. */
  readonly serverName: string | null
  /** As the client presented it, trusted by nobody. `subject` is one line for each attribute: `CN=genkan`. */
  readonly clientCertificate?: { readonly subject: string; readonly fingerprint256: string }
}

export type StandInInit = StandInIdentity & {
  readonly behaviour?: StandInBehaviour
  /** Default: an address of the endpoint's own below 127.0.0.0/8, or 127.0.0.1 where the system has only that. */
  readonly address?: string
  /** Default: any free port. */
  readonly listenPort?: number
  /** Called once per request when it has been read, before the answer. */
  readonly onRequest?: (received: ReceivedRequest) => void
}

export interface StandIn {
  readonly identity: StandInIdentity
  readonly address: string
  readonly port: number
  behaviour(): StandInBehaviour
  /** From the next request on. Another protocol closes the connections of the one before. */
  set(change: Partial<StandInBehaviour>): Promise<void>
  /** Requests received since the start. */
  requests(): number
  close(): Promise<void>
}

export const echoing: StandInBehaviour = { protocol: 'any', reply: undefined, ready: true }

export async function startStandIn(init: StandInInit): Promise<StandIn> {
  const { namespace, service, port, endpoint, onRequest, behaviour = echoing } = init
  const identity = { namespace, service, port, endpoint }
  let current = behaviour
  let requests = 0
  const exchange: Exchange = {
    identity,
    behaviour: () => current,
    onHead: () => void requests++,
    onRequest: (received) => onRequest?.(received),
  }
  let speak = speechOf(current.protocol, exchange)
  const sockets = new Set<Socket>()
  const accept = (socket: Socket) => {
    sockets.add(socket)
    socket.on('error', () => socket.destroy())
    socket.on('close', () => sockets.delete(socket))
    speak(socket)
  }
  const hangUp = () => sockets.forEach((each) => each.destroy())
  const server = await listen(init, accept)
  const set = async (change: Partial<StandInBehaviour>) => {
    const next = { ...current, ...change }
    if (next.protocol !== current.protocol) {
      speak = speechOf(next.protocol, exchange)
      hangUp()
    }
    current = next
  }
  const close = async () => {
    const closed = new Promise<void>((done) => server.close(() => done()))
    hangUp()
    await closed
  }
  // A listening TCP server has an address object, never a pipe's path.
  const { address, port: bound } = server.address() as AddressInfo
  return { identity, address, port: bound, behaviour: () => current, set, requests: () => requests, close }
}

/**
 * An address below 127.0.0.0/8 for one endpoint: the same every time, another for every endpoint of a Service, and the
 * same for all ports of an endpoint, as a Pod has it. Kept off 127.0.0.0/10, where resolvers and others have theirs.
 */
export function loopbackAddress({ namespace, service, endpoint }: Omit<StandInIdentity, 'port'>): string {
  let hash = 0
  for (const byte of Buffer.from(`${namespace}/${service}`)) hash = (Math.imul(hash, 31) + byte) >>> 0
  return `127.${64 + (hash & 63)}.${(hash >>> 6) & 255}.${1 + (((hash >>> 14) + endpoint) % 254)}`
}

async function listen(init: StandInInit, accept: (socket: Socket) => void): Promise<Server> {
  const { address = loopbackAddress(init), listenPort = 0 } = init
  const server = createServer({ allowHalfOpen: true, noDelay: true }, accept)
  server.listen({ host: address, port: listenPort })
  try {
    await once(server, 'listening')
    return server
  } catch (error) {
    // Only Linux answers for the whole of 127.0.0.0/8 without being told to.
    const isMissing = error instanceof Error && 'code' in error && error.code === 'EADDRNOTAVAIL'
    if (!isMissing || init.address !== undefined) throw error
    return listen({ ...init, address: '127.0.0.1' }, accept)
  }
}

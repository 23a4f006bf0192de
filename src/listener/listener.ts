/**
 * An address and port we accept on. A listener accepts, bounds the number of connections, ends TLS, and gives the clear
 * socket with what is known of it to the lane.
 */
import { createServer as createTcpServer, type AddressInfo, type Server, type Socket } from 'node:net'
import type { Lane } from '#lane/lane.ts'
import type { StreamLane } from '#lane/stream/stream-lane.ts'
import type { Connection, TlsFacts } from '#proxy/connection.ts'
import type { Limits } from '#proxy/limits.ts'
import type { Observer } from '#proxy/observer.ts'
import type { Snapshot } from '#snapshot/snapshot.ts'
import type { Staple } from '#snapshot/staple.ts'
import type { Log } from '#telemetry/log.ts'
import { type Judgement, readFirstBytes } from './first-bytes.ts'
import { type ProxyOrigin, type ProxyReading, readProxyHeader } from './proxy-header.ts'
import type { TlsContexts } from './tls-contexts.ts'
import { TlsEntry } from './tls-entry.ts'

export type ListenerInit = {
  readonly scheme: 'http' | 'https'
  readonly lane: Lane
  /** For connections that are passed on unread. */
  readonly streams: StreamLane
  readonly limits: Limits
  readonly observer: Observer
  /** Open client connections of the whole worker, over all its listeners. */
  readonly open: ConnectionCount
  /** Needed for https. */
  readonly contexts: TlsContexts | undefined
  /** 48 bytes that seal session tickets: listeners that share them resume each other's sessions. Absent: its own. */
  readonly ticketKeys?: Uint8Array | undefined
  /** Whose connections begin with a header of the PROXY protocol, as long as no snapshot says that all of them do. */
  readonly proxyPeers: ProxyPeers
  readonly log: Log
}

export type ProxyPeers = { readonly isNobody: boolean; readonly includes: (address: string) => boolean }

/** Mutable on purpose: the limit is the worker's, not one listener's. */
export type ConnectionCount = { count: number }

export type BindSpec = {
  /** `::` is every address of both families. */
  readonly host: string
  /** 0 picks a free port. */
  readonly port: number
  /** Several listeners, in threads or processes, may share the port; the kernel spreads connections over them. */
  readonly reusePort: boolean
}

/** Why a port cannot be had, in words for people. `code` is the kernel's: EACCES, EADDRINUSE … */
export class BindError extends Error {
  readonly code: string
  readonly port: number

  constructor(code: string, port: number, message: string) {
    super(message)
    this.name = 'BindError'
    this.code = code
    this.port = port
  }
}

export class Listener {
  readonly #init: ListenerInit
  readonly #server: Server
  /** `undefined` where connections are not encrypted. */
  readonly #tls: TlsEntry | undefined
  #port: number
  /** What headers of the PROXY protocol say of open connections that TLS has, which makes sockets of its own. */
  readonly #origins: Map<string, ProxyOrigin>
  #proxy: { readonly isForAll: boolean; readonly timeoutMs: number }
  readonly #refusals: { since: number; count: number }

  constructor(init: ListenerInit) {
    this.#init = init
    this.#tls = init.scheme === 'https' ? this.#tlsEntry() : undefined
    this.#server = createTcpServer({ noDelay: true }, (socket) => this.#accept(socket))
    this.#port = 0
    this.#origins = new Map()
    this.#proxy = { isForAll: false, timeoutMs: defaultProxyHeaderMs }
    this.#refusals = { since: -Infinity, count: 0 }
  }

  /** New connections are made as this snapshot says; yields wherever it may rest. Open ones stay as they are. */
  *replace(snapshot: Snapshot): Generator<void, void> {
    const { proxyProtocol = false, proxyHeaderMs: timeoutMs = defaultProxyHeaderMs } = snapshot.listener ?? {}
    // Where flags name peers, these are the ones.
    this.#proxy = { isForAll: proxyProtocol && this.#init.proxyPeers.isNobody, timeoutMs }
    if (this.#tls !== undefined) yield* this.#tls.replace(snapshot)
  }

  /** Seals session tickets with other keys; those given out before lead to full handshakes. */
  useTicketKeys(keys: Uint8Array): void {
    this.#tls?.useTicketKeys(keys)
  }

  /** In place of all before; stapled where the snapshot wants it. */
  useStaples(staples: readonly Staple[]): void {
    this.#tls?.useStaples(staples)
  }

  /** The port in use; 0 before `listen`. */
  get port(): number {
    return this.#port
  }

  /** Rejects with a BindError. */
  async listen(spec: BindSpec): Promise<number> {
    await bindAddress(this.#server, spec)
    // Nothing to be done about accept errors (out of descriptors): the kernel's queue holds the others.
    this.#server.on('error', () => {})
    // An address of a TCP server is never a path.
    this.#port = (this.#server.address() as AddressInfo).port
    return this.#port
  }

  /** Stops accepting. Connections that were accepted, a moment ago included, live on in their lane. */
  close(): Promise<void> {
    return new Promise((resolve) => {
      if (!this.#server.listening) return resolve()
      // The callback would wait for every connection; the port is free at once.
      this.#server.close(() => {})
      resolve()
    })
  }

  #accept(socket: Socket): void {
    if (!this.#admit(socket)) return
    if (this.#hasHeader(socket)) this.#acceptProxied(socket)
    else if (this.#tls === undefined) this.#init.lane.serve(socket, this.#facts(socket, undefined))
    else this.#tls.serve(socket)
  }

  #hasHeader(socket: Socket): boolean {
    const { proxyPeers } = this.#init
    if (proxyPeers.isNobody || this.#proxy.isForAll) return this.#proxy.isForAll
    return proxyPeers.includes(plainAddress(socket.remoteAddress ?? ''))
  }

  #acceptProxied(socket: Socket): void {
    readFirstBytes<ProxyReading>(socket, {
      judge: judgeHeader,
      timeoutMs: this.#proxy.timeoutMs,
      onDone: (reading) => {
        if (reading.kind === 'header') return this.#proceed(socket, reading.origin)
        this.#refuseHeader(socket, reading.kind === 'malformed' ? reading.reason : '')
        socket.destroy()
      },
      onGone: (reason, bytes) => {
        // Whoever connects and says nothing looks whether we are there.
        if (bytes > 0 || reason === 'timeout') this.#refuseHeader(socket, reason)
      },
    })
  }

  #proceed(socket: Socket, origin: ProxyOrigin | undefined): void {
    if (this.#tls === undefined) {
      this.#init.lane.serve(socket, this.#facts(socket, undefined, origin))
      // It was paused, with what came behind the header in it.
      socket.resume()
      return
    }
    if (origin !== undefined) {
      const key = keyOf(socket)
      this.#origins.set(key, origin)
      socket.once('close', () => this.#origins.delete(key))
    }
    this.#tls.serve(socket)
  }

  /** One line for many: whoever talks to this port by mistake does so again and again. */
  #refuseHeader(socket: Socket, reason: string): void {
    const { observer, scheme, log } = this.#init
    observer.onProxyHeaderRefused(scheme)
    this.#refusals.count++
    const now = performance.now()
    if (now - this.#refusals.since < refusalLogMs) return
    log.warn('a connection does not begin with a header of the PROXY protocol', {
      listener: scheme,
      peer: socket.remoteAddress,
      reason,
      times: this.#refusals.count,
    })
    this.#refusals.since = now
    this.#refusals.count = 0
  }

  #tlsEntry(): TlsEntry {
    const { contexts, limits, lane, streams, ticketKeys, log } = this.#init
    if (contexts === undefined) throw new Error('an https listener needs certificates')
    return new TlsEntry({
      contexts,
      ticketKeys,
      handshakeTimeoutMs: limits.handshakeTimeoutMs,
      log,
      onPassedOn: (socket, to) => {
        streams.serve(socket, { ...to, connection: this.#facts(socket, undefined, this.#originOf(socket)) })
      },
      onSecure: (socket, facts) => lane.serve(socket, this.#facts(socket, facts, this.#originOf(socket))),
    })
  }

  /** Where nobody speaks the PROXY protocol the kernel need not be asked for the addresses of every connection. */
  #originOf(socket: Socket): ProxyOrigin | undefined {
    return this.#origins.size === 0 ? undefined : this.#origins.get(keyOf(socket))
  }

  /** Counts the connection until it is closed, or closes it because there are too many. */
  #admit(socket: Socket): boolean {
    const { open, limits, observer, scheme } = this.#init
    socket.on('error', () => {})
    if (open.count >= limits.connections) {
      observer.onConnectionRefused(scheme)
      socket.destroy()
      return false
    }
    open.count++
    observer.onConnectionOpened(scheme)
    socket.once('close', () => {
      open.count--
      observer.onConnectionClosed(scheme)
    })
    return true
  }

  #facts(socket: Socket, tls: TlsFacts | undefined, origin?: ProxyOrigin): Connection {
    const { scheme } = this.#init
    if (origin !== undefined) {
      // As in ingress-nginx, a client that addressed port 443 of the balancer came encrypted.
      const encrypted = origin.ownPort === 443 ? 'https' : scheme
      return { address: origin.address, remotePort: origin.port, scheme: encrypted, port: origin.ownPort, tls }
    }
    return {
      address: plainAddress(socket.remoteAddress ?? ''),
      remotePort: socket.remotePort ?? 0,
      scheme,
      port: this.#port,
      tls,
    }
  }
}

/** As ingress-nginx has it. */
const defaultProxyHeaderMs = 5_000
const refusalLogMs = 10_000

/** The same for a socket and for that which TLS makes of it. */
function keyOf({ remoteAddress, remotePort, localAddress }: Socket): string {
  return `${remoteAddress} ${remotePort} ${localAddress}`
}

function judgeHeader(bytes: Buffer): Judgement<ProxyReading> {
  const reading = readProxyHeader(bytes)
  return reading.kind === 'more'
    ? reading
    : { kind: 'done', value: reading, used: reading.kind === 'header' ? reading.used : 0 }
}

/**
 * Rejects with a BindError when somebody listens on the port. Ports that are shared would otherwise be shared with
 * another program of the same user, too, and each would get some of the connections.
 */
export async function requireFree(spec: BindSpec): Promise<void> {
  const server = createTcpServer((socket) => socket.destroy())
  await bindAddress(server, spec)
  await new Promise((closed) => server.close(closed))
}

/** A socket that listens on `::` sees IPv4 peers in their mapped form. */
function plainAddress(address: string): string {
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address
}

async function bindAddress(server: Server, spec: BindSpec): Promise<void> {
  try {
    await bind(server, spec)
  } catch (error) {
    // `::` where there is no IPv6 at all still means every address.
    if (spec.host !== '::' || codeOf(error) !== 'EAFNOSUPPORT') throw bindError(error, spec)
    await bind(server, { ...spec, host: '0.0.0.0' }).catch((second: unknown) => {
      throw bindError(second, spec)
    })
  }
}

function bind(server: Server, { host, port, reusePort }: BindSpec): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen({ host, port, reusePort, backlog: 4096 }, () => {
      server.off('error', reject)
      resolve()
    })
  })
}

function bindError(error: unknown, { host, port }: BindSpec): BindError {
  const code = codeOf(error)
  const where = `port ${port}${host === '::' ? '' : ` of ${host}`}`
  return new BindError(code, port, `${where} cannot be bound: ${reasons[code] ?? String(error)}`)
}

const reasons: Readonly<Record<string, string>> = {
  EACCES: 'permission denied; ports below 1024 need root or the capability CAP_NET_BIND_SERVICE',
  EPERM: 'the operation is not permitted here',
  EADDRINUSE: 'another program listens there',
  EADDRNOTAVAIL: 'this machine has no such address',
  ENOTSUP: 'the system cannot share a port between listeners',
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : ''
}

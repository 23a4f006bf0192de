/**
 * HTTP/1 clients, on node:http. The server never listens itself: sockets are handed to it. Its parser is no security
 * boundary for a proxy (it takes any Host, for one), so every head it lets through is judged again by the proxy.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { RequestHead } from '#http/head.ts'
import { admitRequest, versionOf } from '#http/request.ts'
import type { Connection } from '#proxy/connection.ts'
import type { Limits } from '#proxy/limits.ts'
import { H1Connection, type H1Env } from './h1-connection.ts'

export class H1Server {
  readonly #server: Server
  readonly #env: H1Env
  readonly #connections = new Map<Socket, H1Connection>()
  #draining = false

  constructor(env: H1Env) {
    this.#env = env
    this.#server = createServer(optionsOf(env.limits, (request) => this.#mayUpgrade(request)))
    // 0 is no bound: node would drop the fields beyond it in silence. Ours refuses.
    this.#server.maxHeadersCount = 0
    this.#wire()
    // Sockets are handed over, so nothing else starts the timer behind headersTimeout.
    this.#server.emit('listening')
  }

  /** For connections from now on, and for the moments between two requests of those there are. */
  use({ headerBytes, headerTimeoutMs, idleTimeoutMs }: Limits): void {
    // node hands it to the parser of every new connection; its types know the option alone.
    Object.assign(this.#server, { maxHeaderSize: headerBytes })
    this.#server.headersTimeout = headerTimeoutMs
    this.#server.keepAliveTimeout = idleTimeoutMs
  }

  get size(): number {
    return this.#connections.size
  }

  serve(socket: Socket, facts: Connection): void {
    const connection = new H1Connection({ socket, facts, env: this.#env, isDraining: () => this.#draining })
    this.#connections.set(socket, connection)
    socket.once('close', () => this.#connections.delete(socket))
    this.#server.emit('connection', socket)
  }

  /** Connections between requests are closed now, the others after the response they are at. */
  drain(): void {
    this.#draining = true
    for (const connection of this.#connections.values()) connection.drain('new')
    setTimeout(() => {
      for (const connection of this.#connections.values()) connection.drain('gone')
    }, this.#env.limits.lingerMs).unref()
  }

  /** Returns how many connections were cut. */
  cut(): number {
    const cut = this.#connections.size
    for (const socket of this.#connections.keys()) socket.destroy()
    return cut
  }

  /** Stops the timers. */
  close(): void {
    this.cut()
    this.#server.close()
  }

  #wire(): void {
    const onRequest = (request: IncomingMessage, response: ServerResponse): void => {
      this.#connections.get(request.socket)?.onRequest(request, response, headOf(request))
    }
    this.#server.on('request', onRequest)
    // node would answer these two by itself, before anybody has looked at the request.
    this.#server.on('checkContinue', onRequest)
    this.#server.on('checkExpectation', onRequest)
    this.#server.on('upgrade', (request: IncomingMessage, socket: Socket, early: Buffer) => {
      this.#connections.get(socket)?.onUpgrade(request, headOf(request), early)
    })
    this.#server.on('connect', (request: IncomingMessage, socket: Socket) => {
      this.#connections.get(socket)?.onConnect(headOf(request))
    })
    this.#server.on('clientError', (error: Error, socket: Socket) => {
      const connection = this.#connections.get(socket)
      if (connection === undefined) socket.destroy()
      else connection.onBroken(error)
    })
    this.#server.on('timeout', (socket: Socket) => {
      const connection = this.#connections.get(socket)
      if (connection === undefined) socket.destroy()
      else connection.onTimeout()
    })
  }

  /** Other upgrades are ignored and the request is an ordinary one; so is one behind an unfinished response. */
  #mayUpgrade(request: IncomingMessage): boolean {
    const connection = this.#connections.get(request.socket)
    if (connection === undefined) return false
    if (!connection.isBusy && asksForWebSocket(request, this.#env.limits)) return true
    connection.ignoreUpgrade(request)
    return false
  }
}

function optionsOf(
  limits: Limits,
  shouldUpgradeCallback: (request: IncomingMessage) => boolean,
): Parameters<typeof createServer>[0] & object {
  const options: Parameters<typeof createServer>[0] & object = {
    maxHeaderSize: limits.headerBytes,
    headersTimeout: limits.headerTimeoutMs,
    // Bodies are bounded between reads (Upload), not as a whole: an upload may take hours.
    requestTimeout: 0,
    keepAliveTimeout: limits.idleTimeoutMs,
    connectionsCheckingInterval: Math.max(20, Math.min(1_000, limits.headerTimeoutMs / 4)),
    insecureHTTPParser: false,
    // The proxy answers for a missing Host, with a cause.
    requireHostHeader: false,
    shouldUpgradeCallback,
  }
  return options
}

function asksForWebSocket(request: IncomingMessage, limits: Limits): boolean {
  const admitted = admitRequest(headOf(request), limits)
  return !('cause' in admitted) && admitted.upgrade === 'websocket'
}

/** The flat list as received; a version the proxy does not know makes the head one it refuses. */
function headOf(request: IncomingMessage): RequestHead {
  const version = versionOf(request.httpVersion)
  return {
    method: version === undefined ? '' : (request.method ?? ''),
    target: request.url ?? '',
    version: version ?? '1.0',
    fields: request.rawHeaders,
  }
}

/**
 * Ends TLS on accepted sockets. Most hosts share one TLS server, which picks the certificate by server name. A host that
 * asks for client certificates has a server of its own, because node decides for a whole server whether it asks; so as
 * soon as there is one, the server name is read from the client's first message before any server has the socket.
 */
import { constants, createHash } from 'node:crypto'
import type { Socket } from 'node:net'
import { createServer, type Server, type TLSSocket, type TlsOptions } from 'node:tls'
import type { PassedOn } from '#lane/stream/stream-lane.ts'
import type { TlsFacts } from '#proxy/connection.ts'
import type { ClientAuthSpec, Snapshot, TlsSettingsSpec } from '#snapshot/snapshot.ts'
import type { Log } from '#telemetry/log.ts'
import { canonicalName, readClientHello } from './client-hello.ts'
import { clientProof } from './client-proof.ts'
import { type Judgement, readFirstBytes } from './first-bytes.ts'
import { ServerNames } from './server-names.ts'
import { type PemPair, type TlsContexts } from './tls-contexts.ts'

export type TlsEntryInit = {
  readonly contexts: TlsContexts
  /** 48 bytes that seal session tickets. Absent: of its own. */
  readonly ticketKeys: Uint8Array | undefined
  readonly handshakeTimeoutMs: number
  readonly log: Log
  readonly onSecure: (socket: TLSSocket, facts: TlsFacts) => void
  /** The socket is paused, with the client's first message in it. */
  readonly onPassedOn: (socket: Socket, to: Pick<PassedOn, 'serverName' | 'spec'>) => void
}

export class TlsEntry {
  readonly #init: TlsEntryInit
  #ticketKeys: Uint8Array | undefined
  #shared: Server
  #settings: TlsSettingsSpec = {}
  /** What the servers of now were made with. */
  #made: unknown
  #names = new ServerNames([])
  #auths: ReadonlyMap<string, ClientAuthSpec> = new Map()
  /** By authorities and certificate; `undefined` for those that OpenSSL refuses, whose hosts nobody gets in to. */
  #asking = new Map<string, Server | undefined>()
  readonly #digests = new WeakMap<PemPair, string>()

  constructor(init: TlsEntryInit) {
    this.#init = init
    this.#ticketKeys = init.ticketKeys
    this.#made = init.contexts.options
    this.#shared = this.#sharedServer()
  }

  /** Takes an accepted socket that nobody has read from. */
  serve(socket: Socket): void {
    if (this.#names.isEmpty) {
      this.#shared.emit('connection', socket)
      return
    }
    readFirstBytes(socket, {
      judge: nameOf,
      timeoutMs: this.#init.handshakeTimeoutMs,
      onDone: (serverName) => {
        const spec = this.#names.find(serverName)?.passthrough
        if (spec !== undefined && serverName !== undefined) return this.#init.onPassedOn(socket, { serverName, spec })
        const server = this.#serverFor(serverName)
        if (server === undefined) socket.destroy()
        else server.emit('connection', socket)
      },
      onGone: () => {},
    })
  }

  /** Tickets that were sealed with others lead to full handshakes: node knows one set of keys. */
  useTicketKeys(keys: Uint8Array): void {
    this.#ticketKeys = keys
    this.#shared.setTicketKeys(Buffer.from(keys))
  }

  /** For handshakes that have not begun yet. Call it after the certificates were replaced. */
  *replace({ serverNames, clientAuths, listener }: Snapshot): Generator<void, void> {
    this.#settle(listener?.tls ?? {})
    const auths = new Map(clientAuths.map((each) => [each.id, each]))
    const asking = new Map<string, Server | undefined>()
    for (const { host, clientAuth } of serverNames) {
      const auth = clientAuth === undefined ? undefined : auths.get(clientAuth)
      if (auth === undefined) continue
      const pair = this.#init.contexts.pairFor(host.startsWith('*.') ? `x${host.slice(1)}` : host)
      const key = this.#keyOf(auth, pair)
      if (asking.has(key)) continue
      if (!this.#asking.has(key)) yield
      asking.set(key, this.#asking.get(key) ?? this.#askingServer(auth, pair))
    }
    this.#auths = auths
    this.#asking = asking
    this.#names = new ServerNames(serverNames)
  }

  /** Servers of now go on with the connections they have; new connections get new servers. */
  #settle(settings: TlsSettingsSpec): void {
    const { options } = this.#init.contexts
    if (options === this.#made && JSON.stringify(settings) === JSON.stringify(this.#settings)) return
    this.#made = options
    this.#settings = settings
    this.#asking = new Map()
    this.#shared = this.#sharedServer()
  }

  /** What cannot be read, or names nobody we know, goes to the shared server, which asks for no certificate. */
  #serverFor(serverName: string | undefined): Server | undefined {
    const id = this.#names.find(serverName)?.clientAuth
    if (id === undefined) return this.#shared
    const auth = this.#auths.get(id)
    if (auth === undefined) return undefined
    const { contexts } = this.#init
    // Refuses it as a name that has no certificate.
    if (this.#settings.strict === true && contexts.select(serverName ?? '') === undefined) return this.#shared
    const pair = contexts.pairFor(serverName ?? '')
    const key = this.#keyOf(auth, pair)
    // A name below a wildcard may have a certificate of its own.
    if (!this.#asking.has(key)) this.#asking.set(key, this.#askingServer(auth, pair))
    return this.#asking.get(key)
  }

  #keyOf({ id }: ClientAuthSpec, pair: PemPair): string {
    let digest = this.#digests.get(pair)
    if (digest === undefined) {
      digest = createHash('sha256').update(pair.certificate).update('\0').update(pair.key).digest('base64')
      this.#digests.set(pair, digest)
    }
    return `${digest} ${id}`
  }

  #sharedServer(): Server {
    const { contexts } = this.#init
    const ticketKeys = this.#ticketKeys
    const { strict, tickets } = this.#settings
    return this.#server(
      {
        // For clients that name no server; SNICallback is not asked for them, and without a certificate they fail.
        ...(strict === true ? {} : { cert: contexts.fallback.certificate, key: contexts.fallback.key }),
        ...(tickets === false ? { secureOptions: constants.SSL_OP_NO_TICKET } : {}),
        ...(ticketKeys === undefined ? {} : { ticketKeys: Buffer.from(ticketKeys) }),
        // CVE-2026-21637: a callback that throws takes the process down; `select` looks up two maps.
        SNICallback: (serverName, done) => {
          const context = contexts.select(serverName)
          if (strict === true && context === undefined) done(unknownName)
          else done(null, context)
        },
      },
      undefined,
    )
  }

  #askingServer(auth: ClientAuthSpec, { certificate, key }: PemPair): Server | undefined {
    try {
      return this.#server(
        {
          cert: certificate,
          key,
          ca: auth.ca,
          ...(auth.crl === undefined ? {} : { crl: auth.crl }),
          requestCert: true,
          // Whoever shows none, or a bad one, is told so in HTTP.
          rejectUnauthorized: false,
          // Every handshake proves anew whose it is: no ticket, so none that outlives a revocation or another set-up.
          secureOptions: constants.SSL_OP_NO_TICKET,
        },
        auth.id,
      )
    } catch (error) {
      this.#init.log.error('client certificates cannot be asked for, so nobody is let in', {
        authorities: auth.id,
        error: String(error),
      })
      return undefined
    }
  }

  /** It never listens: sockets are handed to it. */
  #server(options: TlsOptions, auth: string | undefined): Server {
    const server = createServer({
      ...this.#init.contexts.options,
      ALPNProtocols: this.#settings.http2 === false ? ['http/1.1'] : ['h2', 'http/1.1'],
      handshakeTimeout: this.#init.handshakeTimeoutMs,
      ...options,
    })
    server.on('secureConnection', (socket) => this.#init.onSecure(socket, factsOf(socket, auth)))
    // Handshakes fail all day long: scanners, old clients, distrust of the default certificate.
    server.on('tlsClientError', (_error, socket) => socket.destroy())
    return server
  }
}

const unknownName = new Error('no certificate for that name')

function nameOf(bytes: Buffer): Judgement<string | undefined> {
  const reading = readClientHello(bytes)
  if (reading.kind === 'more') return reading
  return { kind: 'done', value: reading.kind === 'hello' ? reading.serverName : undefined, used: 0 }
}

function factsOf(socket: TLSSocket, auth: string | undefined): TlsFacts {
  const { alpnProtocol, servername } = socket
  const facts: TlsFacts = {
    version: socket.getProtocol() ?? '',
    alpn: alpnProtocol === 'h2' || alpnProtocol === 'http/1.1' ? alpnProtocol : undefined,
    serverName: typeof servername === 'string' ? canonicalName(servername) : undefined,
  }
  return auth === undefined ? facts : { ...facts, client: clientProof(socket, auth) }
}

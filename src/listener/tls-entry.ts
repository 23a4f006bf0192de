/**
 * Ends TLS on accepted sockets. Most hosts share one TLS server, which picks the certificate by server name. A host that
 * asks for client certificates, or has a list of ciphers of its own, has a server of its own, because node decides both
 * for a whole server; so as soon as there is one, the server name is read from the client's first message before any
 * server has the socket.
 */
import { constants, createHash } from 'node:crypto'
import type { Socket } from 'node:net'
import { createSecureContext, createServer, type Server, type TLSSocket, type TlsOptions } from 'node:tls'
import { fingerprint } from '#lib/fingerprint.ts'
import type { PassedOn } from '#lane/stream/stream-lane.ts'
import type { TlsFacts } from '#proxy/connection.ts'
import type { ClientAuthSpec, HostTlsSpec, Snapshot, TlsSettingsSpec } from '#snapshot/snapshot.ts'
import type { Staple } from '#snapshot/staple.ts'
import type { Log } from '#telemetry/log.ts'
import { canonicalName, readClientHello } from './client-hello.ts'
import { clientProof } from './client-proof.ts'
import { type Judgement, readFirstBytes } from './first-bytes.ts'
import { type Lists, sessionsOf, wantsOwn, type Wish, wishOf } from './host-wish.ts'
import { ServerNames } from './server-names.ts'
import { type PemPair, type TlsContexts, withSuites13 } from './tls-contexts.ts'

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
  /** By certificate and what is asked for. */
  #own = new Map<string, Own>()
  /** By fingerprint of the certificate. */
  #staples: ReadonlyMap<string, Buffer> = new Map()
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
    // Where users have chosen one it stays.
    if (this.#settings.ticketKey !== undefined) return
    this.#shared.setTicketKeys(Buffer.from(keys))
    for (const { server, resumes } of this.#own.values()) if (resumes) server?.setTicketKeys(Buffer.from(keys))
  }

  useStaples(staples: readonly Staple[]): void {
    this.#staples = new Map(staples.map(({ certificate, response }) => [certificate, Buffer.from(response)]))
  }

  /** For handshakes that have not begun yet. Call it after the certificates were replaced. */
  *replace({ serverNames, clientAuths, listener }: Snapshot): Generator<void, void> {
    this.#settle(listener?.tls ?? {})
    const auths = new Map(clientAuths.map((each) => [each.id, each]))
    const own = new Map<string, Own>()
    for (const spec of serverNames) {
      const wish = wantsOwn(spec) ? wishOf(spec, auths) : undefined
      if (wish === undefined) continue
      const pair = this.#init.contexts.pairFor(spec.host.startsWith('*.') ? `x${spec.host.slice(1)}` : spec.host)
      const key = this.#keyOf(wish, pair)
      if (own.has(key)) continue
      if (!this.#own.has(key)) yield
      own.set(key, this.#own.get(key) ?? this.#ownServer(wish, pair))
    }
    this.#auths = auths
    this.#own = own
    this.#names = new ServerNames(serverNames)
  }

  /** Servers of now go on with the connections they have; new connections get new servers. */
  #settle(settings: TlsSettingsSpec): void {
    const { options } = this.#init.contexts
    if (options === this.#made && JSON.stringify(settings) === JSON.stringify(this.#settings)) return
    this.#made = options
    this.#settings = settings
    this.#own = new Map()
    this.#shared = this.#sharedServer()
  }

  /** What cannot be read, or names nobody who wants another, goes to the shared server. */
  #serverFor(serverName: string | undefined): Server | undefined {
    const spec = this.#names.find(serverName)
    if (spec === undefined || !wantsOwn(spec)) return this.#shared
    const wish = wishOf(spec, this.#auths)
    if (wish === undefined) return undefined
    const { contexts } = this.#init
    // Refuses it as a name that has no certificate.
    if (this.#settings.strict === true && contexts.select(serverName ?? '') === undefined) return this.#shared
    const pair = contexts.pairFor(serverName ?? '')
    const key = this.#keyOf(wish, pair)
    // A name below a wildcard may have a certificate of its own.
    const own = this.#own.get(key) ?? this.#ownServer(wish, pair)
    this.#own.set(key, own)
    return own.server
  }

  #keyOf({ auth, tls }: Wish, pair: PemPair): string {
    let digest = this.#digests.get(pair)
    if (digest === undefined) {
      digest = createHash('sha256').update(pair.certificate).update('\0').update(pair.key).digest('base64')
      this.#digests.set(pair, digest)
    }
    return JSON.stringify([digest, auth?.id, tls])
  }

  #sharedServer(): Server {
    const { contexts } = this.#init
    const { strict } = this.#settings
    return this.#server(
      {
        // For clients that name no server; SNICallback is not asked for them, and without a certificate they fail.
        ...(strict === true ? {} : { cert: contexts.fallback.certificate, key: contexts.fallback.key }),
        ...this.#resumption(),
        ...sessionsOf({}),
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

  #resumption(): TlsOptions {
    const { tickets, ticketKey } = this.#settings
    const keys = ticketKey === undefined ? this.#ticketKeys : Buffer.from(ticketKey.secret, 'base64')
    return {
      ...(tickets === false ? { secureOptions: constants.SSL_OP_NO_TICKET } : {}),
      ...(keys === undefined ? {} : { ticketKeys: Buffer.from(keys) }),
    }
  }

  #ownServer({ auth, tls }: Wish, pair: PemPair): Own {
    const lists = tls === undefined ? {} : this.#listsOf(tls)
    if (auth !== undefined) return { server: this.#askingServer(auth, pair, lists), resumes: false }
    const { certificate: cert, key } = pair
    const server = this.#server({ cert, key, ...lists, ...this.#resumption(), ...sessionsOf(lists) }, undefined)
    return { server, resumes: true }
  }

  /** Of a list that OpenSSL refuses only the order is left. */
  #listsOf({ ciphers, ourOrder = false }: HostTlsSpec): Lists {
    const order = { honorCipherOrder: ourOrder }
    if (ciphers === undefined) return order
    const lists = { ...order, ciphers: withSuites13(ciphers) }
    try {
      createSecureContext({ ...this.#init.contexts.options, ...lists })
      return lists
    } catch (error) {
      this.#init.log.error('ciphers of a host cannot be used, those of all hosts are', {
        ciphers,
        error: String(error),
      })
      return order
    }
  }

  #askingServer(auth: ClientAuthSpec, { certificate, key }: PemPair, lists: Lists): Server | undefined {
    try {
      return this.#server(
        {
          cert: certificate,
          key,
          ...lists,
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
    // A listener costs a call for every handshake whose client asks.
    if (this.#settings.ocsp === true)
      server.on('OCSPRequest', (certificate: Buffer, _issuer: Buffer, done: Stapled) => {
        done(null, this.#staples.get(fingerprint(certificate)) ?? null)
      })
    // Handshakes fail all day long: scanners, old clients, distrust of the default certificate.
    server.on('tlsClientError', (_error, socket) => socket.destroy())
    return server
  }
}

type Own = {
  /** `undefined` where OpenSSL refuses the authorities: nobody gets in. */
  readonly server: Server | undefined
  readonly resumes: boolean
}

/** Gets `null` where there is nothing to be stapled; the handshake goes on without. */
type Stapled = (error: Error | null, response: Buffer | null) => void

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

/**
 * One HTTP/2 connection to an endpoint: with prior knowledge in clear text, by ALPN over TLS. It is used only once the
 * endpoint has sent its SETTINGS: it then speaks HTTP/2 for certain, and how many streams it takes is known.
 */
import { type ClientHttp2Session, type ClientHttp2Stream, connect } from 'node:http2'
import { connect as connectTcp, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import type { Failure } from '#proxy/failure.ts'
import type { Limits } from '#proxy/limits.ts'
import type { Target } from './target.ts'
import { failureOf } from './upstream-failure.ts'

export type H2SessionInit = {
  readonly target: Target
  readonly limits: Limits
  /** More streams may be opened than before: it is there, or one has ended. */
  readonly onRoom: () => void
  /** Takes no more streams; those it has go on. `failure` when it never came to be. Once. */
  readonly onRetired: (failure: Failure | undefined) => void
}

/** What may arrive on a connection before its streams are read; each stream has its own 64 KiB besides. */
const windowBytes = 1024 * 1024

export class H2Session {
  readonly #init: H2SessionInit
  readonly #connectTimer: NodeJS.Timeout
  #idleTimer: NodeJS.Timeout | undefined
  readonly #socket: Socket
  #session: ClientHttp2Session | undefined
  #room = 0
  #streams = 0
  #served = 0
  #retired = false
  /** Streams above this one were not looked at by the endpoint. */
  #lastStream = Infinity

  constructor(init: H2SessionInit) {
    this.#init = init
    const { endpoint, tls, connectMs } = init.target
    const { address: host, port } = endpoint.spec
    this.#connectTimer = setTimeout(
      () => this.#fail({ cause: 'connect_timeout', detail: `no HTTP/2 connection within ${connectMs} ms` }),
      connectMs,
    )
    this.#socket =
      tls === undefined
        ? connectTcp({ host, port, noDelay: true })
        : connectTls({ ...tls.options, host, port, ALPNProtocols: ['h2'] })
    this.#socket.on('error', (error) => this.#fail(failureOf(error, 'connecting')))
    this.#socket.on('close', () => this.#fail({ cause: 'connect_failed', detail: 'closed before it spoke HTTP/2' }))
    this.#socket.once(tls === undefined ? 'connect' : 'secureConnect', () => this.#speak())
  }

  /** Streams that may be opened now. */
  get room(): number {
    return this.#retired ? 0 : this.#room - this.#streams
  }

  get isConnecting(): boolean {
    return !this.#retired && this.#room === 0
  }

  /** An earlier request went over it. */
  get isReused(): boolean {
    return this.#served > 1
  }

  /** Throws when the connection broke in this very moment. */
  open(fields: string[], endStream: boolean): ClientHttp2Stream {
    clearTimeout(this.#idleTimer)
    // A flat list is what `request` takes as well as an object; node's type knows it only as mutable.
    const stream = this.#session!.request(fields, { endStream })
    this.#streams++
    this.#served++
    stream.once('close', () => {
      this.#streams--
      if (this.#streams === 0) this.#rest()
      if (this.room > 0) this.#init.onRoom()
    })
    return stream
  }

  /** The endpoint said, in closing the connection, that it did nothing for this stream. */
  isUnseen({ id }: ClientHttp2Stream): boolean {
    return id === undefined || id > this.#lastStream
  }

  /** Once the connection is closed. */
  onceGone(call: () => void): void {
    if (this.#socket.destroyed) call()
    else this.#socket.once('close', call)
  }

  /** No more streams; closed with the last of them. */
  retire(): void {
    this.#retire(undefined)
    if (this.#session === undefined) this.#socket.destroy()
    else if (!this.#session.closed) this.#session.close()
  }

  destroy(): void {
    this.#retire(undefined)
    this.#session?.destroy()
    this.#socket.destroy()
  }

  #speak(): void {
    const { endpoint, tls } = this.#init.target
    if (tls !== undefined && 'alpnProtocol' in this.#socket && this.#socket.alpnProtocol !== 'h2') {
      return this.#fail({
        cause: 'upstream_protocol',
        detail: 'the endpoint does not agree on HTTP/2 (ALPN)',
        unseen: true,
      })
    }
    const { responseHeaderBytes } = this.#init.limits
    const session = connect(`${tls === undefined ? 'http' : 'https'}://${endpoint.id}`, {
      createConnection: () => this.#socket,
      settings: { enablePush: false, maxHeaderListSize: responseHeaderBytes },
    })
    this.#session = session
    session.setLocalWindowSize(windowBytes)
    session.on('remoteSettings', ({ maxConcurrentStreams }) => {
      this.#room = Math.min(this.#init.limits.upstreamStreams, maxConcurrentStreams ?? Infinity)
      // An endpoint may say 0 for a while; it then still counts as connecting.
      if (this.#room === 0) return
      clearTimeout(this.#connectTimer)
      if (this.#streams === 0) this.#rest()
      if (this.room > 0) this.#init.onRoom()
    })
    session.on('goaway', (_code, lastStream) => {
      this.#lastStream = Math.min(this.#lastStream, lastStream)
      this.#retire(undefined)
    })
    session.on('error', (error) =>
      this.#fail({ cause: 'connect_failed', detail: `the endpoint does not speak HTTP/2: ${error.message}` }),
    )
    session.on('close', () => this.#fail({ cause: 'connect_failed', detail: 'closed before it spoke HTTP/2' }))
  }

  /** Nothing is going on; after a while that is a reason to close. */
  #rest(): void {
    clearTimeout(this.#idleTimer)
    if (!this.#retired) this.#idleTimer = setTimeout(() => this.retire(), this.#init.limits.upstreamIdleTimeoutMs)
  }

  /** Of the connection; its streams tell for themselves. */
  #fail(failure: Failure): void {
    const fresh = this.#room === 0
    this.#retire(fresh ? failure : undefined)
    if (fresh) this.#socket.destroy()
  }

  #retire(failure: Failure | undefined): void {
    if (this.#retired) return
    this.#retired = true
    clearTimeout(this.#connectTimer)
    clearTimeout(this.#idleTimer)
    this.#init.onRetired(failure)
  }
}

/** A client on the bare socket, plain or over TLS, that waits for what it expects instead of for time to pass. */
import { connect as connectTcp, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { after } from './closing.ts'

export interface RawClient {
  readonly socket: Socket
  /** Everything so far, one character per byte. */
  readonly received: string
  readonly ended: boolean
  readonly closed: boolean
  write(text: string | Buffer): void
  /** Resolves with everything received once `pattern` is in it. Rejects when the connection is closed before that. */
  until(pattern: RegExp): Promise<string>
  /** Resolves with everything received once the server has sent FIN or the connection is gone. */
  end(): Promise<string>
}

export type RawClientOptions = {
  readonly tls?: {
    readonly serverName?: string
    readonly alpn?: readonly string[]
    /** PEM: certificates and key of the client. */
    readonly client?: string
    readonly session?: Buffer
  }
}

export async function connectRaw(port: number, { tls }: RawClientOptions = {}): Promise<RawClient> {
  const base = { port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true }
  const socket =
    tls === undefined
      ? connectTcp(base)
      : connectTls({
          ...base,
          rejectUnauthorized: false,
          ALPNProtocols: [...(tls.alpn ?? ['http/1.1'])],
          ...(tls.serverName === undefined ? {} : { servername: tls.serverName }),
          ...(tls.client === undefined ? {} : { cert: tls.client, key: tls.client }),
          ...(tls.session === undefined ? {} : { session: tls.session }),
        })
  const client = new Client(socket)
  after(() => void socket.destroy())
  await new Promise<void>((resolve, reject) => {
    socket.once(tls === undefined ? 'connect' : 'secureConnect', resolve)
    socket.once('error', reject)
  })
  return client
}

/** Sends one request on a connection of its own and resolves with everything until the server ends it. */
export async function talk(port: number, text: string): Promise<string> {
  const client = await connectRaw(port)
  client.write(text)
  return client.end()
}

class Client implements RawClient {
  readonly socket: Socket
  received = ''
  ended = false
  closed = false
  #onChange: () => void = () => {}

  constructor(socket: Socket) {
    this.socket = socket
    socket.on('error', () => {})
    socket.on('data', (data) => {
      this.received += data.toString('latin1')
      this.#onChange()
    })
    socket.on('end', () => {
      this.ended = true
      this.#onChange()
    })
    socket.on('close', () => {
      this.closed = true
      this.#onChange()
    })
  }

  write(text: string | Buffer): void {
    this.socket.write(typeof text === 'string' ? Buffer.from(text, 'latin1') : text)
  }

  until(pattern: RegExp): Promise<string> {
    return this.#wait(() => pattern.test(this.received), `${pattern}`)
  }

  end(): Promise<string> {
    return this.#wait(() => this.ended || this.closed, 'the end')
  }

  #wait(isThere: () => boolean, what: string): Promise<string> {
    return new Promise((resolve, reject) => {
      const look = (): void => {
        if (isThere()) resolve(this.received)
        else if (this.ended || this.closed)
          reject(new Error(`closed before ${what}: ${JSON.stringify(this.received.slice(0, 500))}`))
      }
      this.#onChange = look
      look()
    })
  }
}

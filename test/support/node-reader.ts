/** Reads clients' bytes with node's own server, without sockets: the other opinion on what a request is. */
import { createServer, type IncomingMessage, type Server } from 'node:http'
import { Duplex } from 'node:stream'
import { setImmediate as turn } from 'node:timers/promises'
import { defaultLimits } from '#proxy/limits.ts'
import type { Message } from './fast-reader.ts'

/** Turns of the loop after which node has told all it has to tell of bytes that came at once. */
const turns = 4

/** What the server has made of one client's bytes. */
export type NodeReading = { readonly messages: readonly Message[]; readonly error: string | undefined }

export class NodeReader {
  readonly #server: Server
  readonly #readings = new Map<object, { messages: Partial<Message>[]; error: string | undefined }>()

  constructor() {
    this.#server = createServer({
      maxHeaderSize: defaultLimits.headerBytes,
      insecureHTTPParser: false,
      requireHostHeader: false,
      shouldUpgradeCallback: () => false,
    })
    this.#server.maxHeadersCount = 0
    this.#server.on('request', (request: IncomingMessage, response) => {
      this.#collect(request)
      response.end()
    })
    this.#server.on('clientError', (error: Error & { code?: string }, socket) => {
      const reading = this.#readings.get(socket)
      if (reading !== undefined) reading.error ??= error.code ?? error.message
    })
  }

  /** Each of the inputs is a connection of its own. */
  async read(inputs: readonly Buffer[]): Promise<readonly NodeReading[]> {
    const clients = inputs.map((input) => {
      const client = new Client()
      this.#readings.set(client, { messages: [], error: undefined })
      this.#server.emit('connection', client)
      client.push(input)
      client.push(null)
      return client
    })
    for (let count = 0; count < turns; count++) await turn()
    return clients.map((client) => {
      const reading = this.#readings.get(client)!
      this.#readings.delete(client)
      client.destroy()
      // `#collect` sets every member.
      return reading as NodeReading
    })
  }

  close(): void {
    this.#server.close()
  }

  #collect(request: IncomingMessage): void {
    const message = {
      method: request.method ?? '',
      target: request.url ?? '',
      fields: request.rawHeaders,
      body: '',
      complete: false,
    }
    this.#readings.get(request.socket)?.messages.push(message)
    request.on('error', () => {})
    request.on('data', (data: Buffer) => {
      message.body += data.toString('latin1')
    })
    request.on('end', () => {
      message.complete = request.complete
    })
  }
}

/** Enough of a socket for node's server. */
class Client extends Duplex {
  constructor() {
    super({ allowHalfOpen: true })
    this.on('error', () => {})
  }

  override _read(): void {}

  override _write(_chunk: unknown, _encoding: string, done: () => void): void {
    done()
  }

  setTimeout(): this {
    return this
  }
}

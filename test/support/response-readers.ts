/** Two readers of an endpoint's bytes: the fast lane's, without sockets, and node's own client. */
import { request as httpRequest } from 'node:http'
import { Duplex } from 'node:stream'
import { setImmediate as turn } from 'node:timers/promises'
import { admitScannedResponse } from '#http/response.ts'
import { noResponseBlock } from '#lane/wire/block.ts'
import { BodyDecoder } from '#lane/wire/body.ts'
import { asksToClose } from '#lane/wire/keep-alive.ts'
import { HeadParser } from '#lane/wire/parse.ts'
import { defaultLimits } from '#proxy/limits.ts'

/** What stands between the request and the end of the connection. */
export type Input = { readonly method: 'GET' | 'HEAD'; readonly bytes: Buffer }

export type ResponseMessage = {
  readonly status: number
  readonly reason: string
  /** Name, value, name, value. */
  readonly fields: readonly string[]
  readonly trailers: readonly string[]
  /** One character per byte. */
  readonly body: string
}

/** What of a response node refuses, and the fast lane takes since it means one thing and does not travel. */
export type Leniency = 'length repeated' | 'framing in trailers' | 'interim that closes'

export type FastReading = { readonly message: ResponseMessage; readonly lenient: readonly Leniency[] }

const bounds = { bytes: defaultLimits.responseHeaderBytes, fields: 1_024 }

/** Reads one response after the other, each from a connection of its own, as they come from one endpoint. */
export class FastResponseReader {
  readonly #parser = new HeadParser(bounds)
  readonly #body = new BodyDecoder(this.#parser, 'response')
  #block = noResponseBlock

  /** The final response, when all of it is there. */
  read({ method, bytes: given }: Input): FastReading | undefined {
    // Chunked bodies are decoded in place.
    const bytes = Buffer.from(given)
    const parser = this.#parser
    const lenient: Leniency[] = []
    for (let at = 0; ; at = parser.end) {
      if (parser.response(bytes, at, bytes.length, this.#block) !== 'head') return undefined
      const { version, status, reason, responseBlock, end } = parser
      this.#block = responseBlock
      const verdict = admitScannedResponse(status, responseBlock.scan, { method })
      if ('detail' in verdict || (version === '1.0' && verdict.framing.kind === 'chunked')) return undefined
      // RFC 9110 section 8.6: the same length twice may be taken for one, and is one when it is passed on.
      if (responseBlock.scan.lengths > 1) lenient.push('length repeated')
      if (status < 200) {
        if (version === '1.0' || asksToClose(responseBlock.fields)) lenient.push('interim that closes')
        continue
      }
      const body = this.#body
      body.begin(verdict.framing)
      if (!body.done) body.decode(bytes, end, bytes.length)
      if (body.broken !== undefined || !(body.done || body.isUntilClose)) return undefined
      const text = bytes.toString('latin1', end, end + body.length)
      if (hasFraming(body.trailers)) lenient.push('framing in trailers')
      const message = { status, reason, fields: responseBlock.fields, trailers: body.trailers, body: text }
      return { message, lenient }
    }
  }
}

function hasFraming(trailers: readonly string[]): boolean {
  return trailers.some((name, at) => at % 2 === 0 && /^(?:content-length|transfer-encoding)$/i.test(name))
}

/** Turns of the loop after which node has told all it has to tell of bytes that came at once. */
const turns = 6

/** The same by node's client; `undefined` for what it refuses or finds incomplete. */
export async function readResponsesByNode(inputs: readonly Input[]): Promise<(ResponseMessage | undefined)[]> {
  const found: (ResponseMessage | undefined)[] = inputs.map(() => undefined)
  const connections = inputs.map((input, index) => askNode(input, (message) => (found[index] = message)))
  for (let count = 0; count < turns; count++) await turn()
  for (const connection of connections) connection.destroy()
  return found
}

function askNode({ method, bytes }: Input, onMessage: (message: ResponseMessage) => void): Duplex {
  const connection = new Endpoint(bytes)
  const request = httpRequest({
    method,
    host: 'a.test',
    createConnection: () => connection,
    insecureHTTPParser: false,
    maxHeaderSize: bounds.bytes,
  })
  request.maxHeadersCount = 0
  request.on('error', () => {})
  request.on('upgrade', () => {})
  request.on('response', (response) => {
    let body = ''
    response.on('error', () => {})
    response.on('data', (data: Buffer) => (body += data.toString('latin1')))
    response.on('end', () => {
      if (!response.complete) return
      const { statusCode = 0, statusMessage = '', rawHeaders, rawTrailers } = response
      onMessage({ status: statusCode, reason: statusMessage, fields: rawHeaders, trailers: rawTrailers, body })
    })
  })
  request.end()
  return connection
}

/** Answers the first bytes of a request, and closes. */
class Endpoint extends Duplex {
  #answer: Buffer | undefined

  constructor(answer: Buffer) {
    super()
    this.#answer = answer
    this.on('error', () => {})
  }

  override _read(): void {}

  override _write(_chunk: unknown, _encoding: string, done: () => void): void {
    if (this.#answer !== undefined) {
      this.push(this.#answer)
      this.push(null)
    }
    this.#answer = undefined
    done()
  }

  setTimeout(): this {
    return this
  }

  setNoDelay(): this {
    return this
  }

  setKeepAlive(): this {
    return this
  }
}

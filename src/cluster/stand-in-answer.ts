/**
 * One request to a stand-in: read it, then echo it, say what was fixed, or fail the way that was asked for.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2'
import { setTimeout as after } from 'node:timers/promises'
import { TLSSocket } from 'node:tls'
import type { ReceivedRequest, ReceivedTls, StandInBehaviour, StandInIdentity, StandInReply } from './stand-in.ts'
import { pageFields, prefersPage, renderPage } from './stand-in-page.ts'

/** What the stand-in is and who wants to know of its requests. */
export type Exchange = {
  readonly identity: StandInIdentity
  readonly behaviour: () => StandInBehaviour
  readonly onHead: () => void
  readonly onRequest: (received: ReceivedRequest) => void
}

type Request = IncomingMessage | Http2ServerRequest
type Response = ServerResponse | Http2ServerResponse

/** Never rejects: what cannot be answered is cut. */
export async function answer(exchange: Exchange, request: Request, response: Response): Promise<void> {
  try {
    exchange.onHead()
    response.on('error', () => {})
    const body = await readBody(request)
    const received = { ...receivedHead(exchange.identity, request), body }
    exchange.onRequest(received)
    const { protocol, reply } = exchange.behaviour()
    if (protocol === 'websocket-echo') sendWhole(response, refusal)
    else await sendReply(response, received, reply ?? echo)
  } catch {
    cut(response)
  }
}

export function receivedHead(identity: StandInIdentity, request: Request): Omit<ReceivedRequest, 'body'> {
  const { method = '', url: target = '', rawHeaders, httpVersionMajor } = request
  const tls = tlsOf(request)
  const version = httpVersionMajor === 2 ? ({ httpVersion: '2' } as const) : {}
  return { ...identity, method, target, headers: fieldsOf(rawHeaders), ...version, ...(tls && { tls }) }
}

/** Ends the connection, whoever else uses it. */
export function cut(response: Response): void {
  if ('stream' in response) response.stream.session?.destroy()
  else response.socket?.destroy()
}

type Message = {
  readonly status: number
  readonly fields: readonly (readonly [name: string, value: string])[]
  readonly body: string
}

/** Kept of a body, in bytes; the rest is read and dropped. */
const maxBodyBytes = 1 << 20

const echo: StandInReply = { status: undefined, headers: [], body: undefined, delayMs: 0, drop: undefined }

const refusal: Message = {
  status: 426,
  fields: [
    ['upgrade', 'websocket'],
    ['content-type', 'text/plain; charset=utf-8'],
  ],
  body: 'this stand-in speaks WebSocket only\n',
}

async function readBody(request: Request): Promise<string> {
  const kept: Buffer[] = []
  let bytes = 0
  for await (const chunk of request) {
    // Without an encoding set, request bodies are read as buffers.
    const buffer = chunk as Buffer
    if (bytes < maxBodyBytes) kept.push(buffer.subarray(0, maxBodyBytes - bytes))
    bytes += buffer.length
  }
  return Buffer.concat(kept).toString('utf8')
}

/** HTTP/2 has the authority in a pseudo-field: it is told as `host`, so that tests need not care for the version. */
function fieldsOf(raw: readonly string[]): Record<string, string | string[]> {
  const fields = new Map<string, string[]>()
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = raw[i]!.toLowerCase()
    if (name.startsWith(':') && name !== ':authority') continue
    const key = name === ':authority' ? 'host' : name
    fields.set(key, [...(fields.get(key) ?? []), raw[i + 1]!])
  }
  return Object.fromEntries([...fields].map(([name, values]) => [name, values.length === 1 ? values[0]! : values]))
}

function tlsOf({ socket }: Request): ReceivedTls | undefined {
  if (!(socket instanceof TLSSocket)) return undefined
  const { servername } = socket
  const certificate = socket.getPeerX509Certificate()
  return {
    protocol: socket.getProtocol() ?? '',
    serverName: typeof servername === 'string' ? servername : null,
    ...(certificate && {
      clientCertificate: { subject: certificate.subject, fingerprint256: certificate.fingerprint256 },
    }),
  }
}

async function sendReply(response: Response, received: ReceivedRequest, reply: StandInReply): Promise<void> {
  if (reply.delayMs > 0) await after(reply.delayMs, undefined, { ref: false })
  if (reply.drop === 'head') return cut(response)
  const echoed = reply.body === undefined ? echoOf(received) : { fields: [], body: reply.body }
  const named = new Set(reply.headers.map(([name]) => name.toLowerCase()))
  const fields = [...echoed.fields.filter(([name]) => !named.has(name)), ...reply.headers]
  const message = { status: reply.status ?? 200, fields, body: echoed.body }
  if (reply.drop === 'body') sendHalf(response, message)
  else sendWhole(response, message)
}

function echoOf(received: ReceivedRequest): Pick<Message, 'fields' | 'body'> {
  const accept = received.headers['accept']
  const wantsPage = prefersPage(typeof accept === 'string' ? accept : accept?.join(','))
  if (wantsPage) return { fields: pageFields, body: renderPage(received) }
  return { fields: [['content-type', 'application/json']], body: `${JSON.stringify(received, undefined, 2)}\n` }
}

function sendWhole(response: Response, message: Message): void {
  const body = Buffer.from(message.body)
  const hasBody = message.status >= 200 && message.status !== 204 && message.status !== 304
  writeHead(response, message, hasBody ? body.length : undefined)
  response.end(hasBody ? body : '')
}

/** Promises a body and breaks off in its middle; an empty body is given something to break off. */
function sendHalf(response: Response, message: Message): void {
  const body = Buffer.from(message.body === '' ? 'cut' : message.body)
  writeHead(response, message, body.length)
  // Both kinds of response call back once the bytes are on their way.
  const write = response.write.bind(response) as (chunk: Buffer, done: () => void) => boolean
  write(body.subarray(0, body.length >> 1), () => cut(response))
}

function writeHead(response: Response, { status, fields }: Message, length: number | undefined): void {
  response.statusCode = status
  for (const [name, value] of fields) response.appendHeader(name, value)
  const framed = response.hasHeader('content-length') || response.hasHeader('transfer-encoding')
  if (length !== undefined && !framed) response.setHeader('content-length', length)
}

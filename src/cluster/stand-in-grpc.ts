/**
 * A stand-in as a gRPC server (gRPC over HTTP/2): it has every method, unary or streaming, and each says back the
 * messages it is sent, as they come. Only grpc.health.v1.Health/Check has a meaning: whether the stand-in is ready.
 */
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2'
import { constants } from 'node:http2'
import { setTimeout as after } from 'node:timers/promises'
import type { StandInReply } from './stand-in.ts'
import type { Exchange } from './stand-in-answer.ts'
import { cut, receivedHead } from './stand-in-answer.ts'

/** gRPC itself, in whatever encoding; gRPC-Web is another protocol. */
export function asksForGrpc({ headers }: Pick<Http2ServerRequest, 'headers'>): boolean {
  return /^application\/grpc(?:$|[+;])/i.test(headers['content-type'] ?? '')
}

/**
 * What was fixed is said the gRPC way: a status other than 2xx is an error without messages (Trailers-Only), its code
 * the one that the gRPC documents map it to unless a field `grpc-status` names another; a body is one message. Never
 * rejects: what cannot be answered is cut.
 */
export async function answerGrpc(
  exchange: Exchange,
  request: Http2ServerRequest,
  response: Http2ServerResponse,
): Promise<void> {
  try {
    exchange.onHead()
    request.on('error', () => {})
    response.on('error', () => {})
    // A stream of messages may have no end: whoever wants to know of the request is told of its head.
    exchange.onRequest({ ...receivedHead(exchange.identity, request), body: '' })
    const { reply, ready } = exchange.behaviour()
    if (reply !== undefined && reply.delayMs > 0) await after(reply.delayMs, undefined, { ref: false })
    if (reply?.drop === 'head') return cut(response)
    const code = reply === undefined ? undefined : codeOf(reply)
    if (code !== undefined) return refuse(response, reply, code)
    writeHead(request, response, reply)
    if (reply?.drop === 'body') sendHalf(response, reply.body ?? 'cut')
    else if (reply?.body !== undefined) sendOne(request, response, Buffer.from(reply.body))
    else if (request.url === '/grpc.health.v1.Health/Check') sendOne(request, response, health(ready))
    else request.pipe(response)
  } catch {
    cut(response)
  }
}

/** HTTP to gRPC status code mapping; what it does not list is UNKNOWN (2). */
const codes: Readonly<Record<number, string>> = {
  400: '13',
  401: '16',
  403: '7',
  404: '12',
  429: '14',
  502: '14',
  503: '14',
  504: '14',
}

/** `undefined` for a reply that is no error. */
function codeOf({ status = 200, headers }: StandInReply): string | undefined {
  const named = headers.find(([name]) => name.toLowerCase() === 'grpc-status')
  if (named !== undefined) return named[1]
  return status >= 200 && status < 300 ? undefined : (codes[status] ?? '2')
}

/** The request has no more use then, however much of it is still to come (RFC 9113 section 8.1). */
function refuse(response: Http2ServerResponse, reply: StandInReply | undefined, code: string): void {
  const message = encodeURIComponent(reply?.body ?? 'the stand-in was told to say so')
  setFields(response, reply, { 'content-type': 'application/grpc', 'grpc-message': message, 'grpc-status': code })
  response.end(() => response.stream.close(constants.NGHTTP2_NO_ERROR))
}

/** At once, for a client may wait for it before its first message. */
function writeHead(
  { headers }: Http2ServerRequest,
  response: Http2ServerResponse,
  reply: StandInReply | undefined,
): void {
  setFields(response, reply, { 'content-type': headers['content-type'] ?? 'application/grpc' })
  response.addTrailers({ 'grpc-status': '0' })
  response.writeHead(200)
}

function setFields(
  response: Http2ServerResponse,
  reply: StandInReply | undefined,
  defaults: Readonly<Record<string, string>>,
): void {
  for (const [name, value] of reply?.headers ?? []) response.appendHeader(name, value)
  for (const [name, value] of Object.entries(defaults)) if (!response.hasHeader(name)) response.setHeader(name, value)
}

function sendOne(request: Http2ServerRequest, response: Http2ServerResponse, message: Buffer): void {
  request.resume()
  response.end(toFrame(message))
}

function sendHalf(response: Http2ServerResponse, body: string): void {
  const frame = toFrame(Buffer.from(body))
  // An encoding means nothing to bytes; the signature wants one.
  response.write(frame.subarray(0, frame.length >> 1), 'latin1', () => cut(response))
}

/** Not compressed, four bytes of length, the message. */
function toFrame(message: Buffer): Buffer {
  const prefix = Buffer.alloc(5)
  prefix.writeUInt32BE(message.length, 1)
  return Buffer.concat([prefix, message])
}

/** HealthCheckResponse: field 1 is SERVING (1) or NOT_SERVING (2). */
function health(ready: boolean): Buffer {
  return Buffer.from([0x08, ready ? 1 : 2])
}

/**
 * The endpoints where there is no nginx to play them: `server.ts <folder> <port…>`. Answers like nginx.conf beside it,
 * and says back what comes over a WebSocket, which nginx cannot.
 */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:http'
import type { Socket } from 'node:net'
import { join } from 'node:path'

const [folder = '', ...ports] = process.argv.slice(2)
const [small, large, huge] = ['small', 'large', 'huge'].map((name) => readFileSync(join(folder, 'files', name)))
const numbers = new WeakMap<Socket, number>()
let connections = 0

function answer(port: string, request: IncomingMessage, response: ServerResponse): void {
  const body = bodyOf(request)
  if (body === undefined) {
    response.writeHead(404).end()
    return
  }
  const fields = { 'Content-Type': 'text/plain', 'Content-Length': body.length, 'X-Endpoint': port }
  request.on('end', () => response.writeHead(200, fields).end(body)).resume()
}

function bodyOf({ url, headers, socket }: IncomingMessage): Buffer | undefined {
  if (url === '/small' || url === '/post') return small
  if (url === '/large') return large
  if (url === '/huge') return huge
  const [client, scheme] = ['x-forwarded-for', 'x-forwarded-proto'].map((name) =>
    [headers[name] ?? ''].flat().join(', '),
  )
  return url === '/echo'
    ? Buffer.from(`${headers.host ?? ''}|${client}|${scheme}|${numbers.get(socket) ?? 0}`)
    : undefined
}

/** RFC 6455 section 1.3. */
function accept({ headers }: IncomingMessage, socket: Socket): void {
  const key = `${headers['sec-websocket-key'] ?? ''}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`
  const fields = `Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${createHash('sha1').update(key).digest('base64')}`
  socket.setNoDelay(true)
  socket.write(`HTTP/1.1 101 Switching Protocols\r\n${fields}\r\n\r\n`)
  let rest: Buffer = Buffer.alloc(0)
  socket.on('data', (data: Buffer) => {
    const { answers, left } = saidBack(rest.length === 0 ? data : Buffer.concat([rest, data]))
    rest = left
    if (answers.length > 0) socket.write(Buffer.concat(answers))
  })
  socket.on('error', () => socket.destroy())
}

/** Masked frames of less than 126 bytes, as the load sends them, become the same without a mask. */
function saidBack(bytes: Buffer): { readonly answers: readonly Buffer[]; readonly left: Buffer } {
  const answers: Buffer[] = []
  let at = 0
  while (at + 6 <= bytes.length) {
    const length = bytes[at + 1]! & 0x7f
    const end = at + 6 + length
    if (end > bytes.length) break
    const frame = Buffer.allocUnsafe(2 + length)
    frame[0] = bytes[at]!
    frame[1] = length
    for (let i = 0; i < length; i += 1) frame[2 + i] = bytes[at + 6 + i]! ^ bytes[at + 2 + (i & 3)]!
    answers.push(frame)
    at = end
  }
  return { answers, left: bytes.subarray(at) }
}

for (const port of ports) {
  const server = createServer({ keepAliveTimeout: 120_000 }, (request, response) => answer(port, request, response))
  server.on('upgrade', (request: IncomingMessage, socket: Socket) => accept(request, socket))
  server.on('connection', (socket: Socket) => numbers.set(socket, ++connections))
  server.listen(Number(port), '127.0.0.1', 4_096)
}

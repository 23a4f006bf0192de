/**
 * The endpoints where there is no nginx to play them: `server.ts <folder> <port…>`. Answers like nginx.conf beside it.
 */
import { readFileSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:http'
import type { Socket } from 'node:net'
import { join } from 'node:path'

const [folder = '', ...ports] = process.argv.slice(2)
const [small, large] = ['small', 'large'].map((name) => readFileSync(join(folder, 'files', name)))
const numbers = new WeakMap<Socket, number>()
let connections = 0

function answer(port: string, request: IncomingMessage, response: ServerResponse): void {
  const body = bodyOf(request)
  if (body === undefined) {
    response.writeHead(404).end()
    return
  }
  // An unread body would end the connection.
  request.resume()
  const fields = { 'Content-Type': 'text/plain', 'Content-Length': body.length, 'X-Endpoint': port }
  response.writeHead(200, fields).end(body)
}

function bodyOf({ url, headers, socket }: IncomingMessage): Buffer | undefined {
  if (url === '/small' || url === '/post') return small
  if (url === '/large') return large
  const forwarded = [headers['x-forwarded-for'] ?? ''].flat().join(', ')
  return url === '/echo' ? Buffer.from(`${headers.host ?? ''}|${forwarded}|${numbers.get(socket) ?? 0}`) : undefined
}

for (const port of ports) {
  const server = createServer({ keepAliveTimeout: 120_000 }, (request, response) => answer(port, request, response))
  server.on('connection', (socket: Socket) => numbers.set(socket, ++connections))
  server.listen(Number(port), '127.0.0.1', 4_096)
}

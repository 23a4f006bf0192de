/**
 * fast-proxy as the front door, with the faster of its two clients: a host map in front, kept connections behind.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import fastProxy from 'fast-proxy'
import { readSettings } from '../place-file.ts'

const { http, https, tls, targets } = readSettings(process.argv[2])
const door = fastProxy({ base: [...targets.values()][0]!, undici: { connections: 256, pipelining: 1 } })

function handle(request: IncomingMessage, response: ServerResponse): void {
  const target = targets.get((request.headers.host ?? '').replace(/:\d+$/, '').toLowerCase())
  if (target === undefined) {
    response.writeHead(404).end()
    return
  }
  const address = request.socket.remoteAddress ?? ''
  const scheme = tls === undefined ? 'http' : 'https'
  door.proxy(request, response, request.url ?? '/', {
    rewriteRequestHeaders: (_request, headers) => ({
      ...headers,
      host: request.headers.host,
      'x-forwarded-for': address,
      'x-forwarded-proto': scheme,
    }),
  })
}

createServer(handle).listen(http, '127.0.0.1', 4_096)
if (tls !== undefined) createTlsServer(tls, handle).listen(https, '127.0.0.1', 4_096)

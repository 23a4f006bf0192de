/**
 * What http-proxy and its rewrite have in common: all of it.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { Agent, createServer } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { Socket } from 'node:net'
import type { createProxyServer } from 'http-proxy'
import { readSettings } from '../place-file.ts'

export type CreateProxy = typeof createProxyServer

/** Without it, http-proxy opens a connection to the endpoint for every request. */
export function keptConnections(): Agent {
  return new Agent({ keepAlive: true, maxSockets: 256, maxFreeSockets: 256 })
}

export function serveWith(create: CreateProxy, options: { readonly agent?: Agent }, file: string | undefined): void {
  const { http, https, tls, targets } = readSettings(file)
  const proxy = create({ ...options, xfwd: true })
  proxy.on('error', (_error, _request, response) => {
    if ('writeHead' in response && !response.headersSent) response.writeHead(502).end()
    else response.end()
  })
  const handle = (request: IncomingMessage, response: ServerResponse): void => {
    const target = targets.get((request.headers.host ?? '').replace(/:\d+$/, '').toLowerCase())
    if (target === undefined) response.writeHead(404).end()
    else proxy.web(request, response, { target })
  }
  const server = createServer(handle)
  server.on('upgrade', (request, socket: Socket, head: Buffer) => {
    const target = targets.get((request.headers.host ?? '').replace(/:\d+$/, '').toLowerCase())
    if (target === undefined) socket.destroy()
    else proxy.ws(request, socket, head, { target })
  })
  server.listen(http, '127.0.0.1', 4_096)
  if (tls !== undefined) createTlsServer(tls, handle).listen(https, '127.0.0.1', 4_096)
}

/**
 * @fastify/http-proxy as the front door: a host map chooses the upstream, undici keeps the connections behind.
 */
import httpProxy from '@fastify/http-proxy'
import type { FastifyInstance } from 'fastify'
import fastify from 'fastify'
import { readSettings } from '../place-file.ts'

const { http, https, tls, targets, webSockets, accessLog } = readSettings(process.argv[2])
const logger = accessLog === undefined ? false : { level: 'info', file: accessLog }

async function open(server: FastifyInstance, port: number): Promise<void> {
  const targetOf = (host: string): string | undefined => targets.get(host.replace(/:\d+$/, '').toLowerCase())
  server.addHook('onRequest', async (request, reply) => {
    if (targetOf(request.headers.host ?? request.host) === undefined) await reply.code(404).send()
  })
  await server.register(httpProxy, {
    upstream: '',
    websocket: webSockets,
    undici: { connections: 256, pipelining: 1 },
    replyOptions: {
      getUpstream: (request) => targetOf(request.headers.host ?? request.host) ?? '',
      rewriteRequestHeaders: (request, headers) => ({
        ...headers,
        host: request.headers.host ?? request.host,
        'x-forwarded-for': request.ip,
        'x-forwarded-proto': request.protocol,
      }),
    },
  })
  await server.listen({ port, host: '127.0.0.1', backlog: 4_096 })
}

await open(fastify({ logger }), http)
if (tls !== undefined) {
  // A server of another protocol is another type to Fastify; what is asked of it here is the same.
  const server = fastify({ logger, http2: true, https: { ...tls, allowHTTP1: true } }) as unknown as FastifyInstance
  await open(server, https)
}

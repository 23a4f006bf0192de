import { nodePeer } from '../place-file.ts'

export const fastifyHttpProxy = nodePeer({
  name: '@fastify/http-proxy',
  package: '@fastify/http-proxy',
  from: import.meta.url,
  webSockets: true,
})

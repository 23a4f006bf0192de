/**
 * Every proxy this bench knows, in the order of the tables. Adding one is a folder in bench/peers and a line here.
 */
import { caddy } from '../peers/caddy/peer.ts'
import { envoy } from '../peers/envoy/peer.ts'
import { fastProxy } from '../peers/fast-proxy/peer.ts'
import { fastifyHttpProxy } from '../peers/fastify-http-proxy/peer.ts'
import { genkanFast, genkanGeneral } from '../peers/genkan/peer.ts'
import { haproxy } from '../peers/haproxy/peer.ts'
import { httpProxy3 } from '../peers/http-proxy-3/peer.ts'
import { httpProxyDefaults } from '../peers/http-proxy-defaults/peer.ts'
import { httpProxy } from '../peers/http-proxy/peer.ts'
import { nginx } from '../peers/nginx/peer.ts'
import { traefik } from '../peers/traefik/peer.ts'
import type { Peer } from './peer.ts'

export const peers: readonly Peer[] = [
  nginx,
  haproxy,
  envoy,
  traefik,
  caddy,
  genkanFast,
  genkanGeneral,
  httpProxy,
  httpProxyDefaults,
  httpProxy3,
  fastProxy,
  fastifyHttpProxy,
]

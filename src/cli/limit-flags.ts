/**
 * One flag for every bound of `Limits`: `headerTimeoutMs` is `--limit-header-timeout 60s`.
 */
import { printBytes } from '#lib/bytes.ts'
import { printDuration } from '#lib/duration.ts'
import { defaultLimits, type Limits } from '#proxy/limits.ts'
import { bytesFrom, count, durationFrom } from './grammar.ts'
import type { Flag } from './flags.ts'

/** What each bound is for, and the least it may be. The compiler sees to it that none is forgotten. */
const bounds: Readonly<Record<keyof Limits, readonly [help: string, min: number]>> = {
  headerBytes: ['bytes of a request head, all fields together (431)', 1024],
  headerCount: ['fields in a request head (431)', 1],
  headerTimeoutMs: ['until a request head is complete (408)', 1],
  bodyIdleTimeoutMs: ['between two reads of a request body (408)', 1],
  idleTimeoutMs: ['a kept-alive client connection without a request', 1],
  writeIdleTimeoutMs: ['a client that has stopped reading its response', 1],
  tunnelIdleTimeoutMs: ['an upgraded connection (WebSocket) without a byte', 1],
  handshakeTimeoutMs: ['until a TLS handshake is done', 1],
  connections: ['open client connections per worker', 1],
  requestsPerConnection: ['requests on one client connection; 0 for no bound', 0],
  streamsPerConnection: ['concurrent HTTP/2 streams per client connection', 1],
  connectionsPerEndpoint: ['connections to one endpoint', 1],
  upstreamStreams: ['concurrent requests on one HTTP/2 connection to an endpoint', 1],
  pendingRequests: ['requests that wait for a free connection, per upstream (503)', 0],
  pendingTimeoutMs: ['how long they wait (503)', 1],
  replayBytes: ['bytes of a request body kept to send them to another endpoint', 0],
  upstreamIdleTimeoutMs: ['an idle connection to an endpoint', 1],
  upstreamIdleConnections: ['idle connections to endpoints that a worker keeps', 0],
  upstreamLifetimeMs: ['age from which a connection to an endpoint is not kept; 0 for any', 0],
  upstreamRequests: ['requests on one HTTP/1 connection to an endpoint; 0 for no bound', 0],
  interimResponses: ['interim responses (1xx) passed on for one request (502)', 0],
  lingerMs: ['an unread request body is discarded for so long before closing', 0],
  streamResets: ['HTTP/2 streams a client may cancel at once or in ten seconds', 1],
  targetBytes: ['bytes of a request target (414)', 256],
  responseHeaderBytes: ['bytes of a response head from an endpoint (502)', 1024],
}

export const limitFlags: Readonly<Record<keyof Limits, Flag<number>>> = buildFlags()

function buildFlags(): Record<keyof Limits, Flag<number>> {
  const flags = Object.entries(bounds).map(([key, [help, min]]) => [key, limitFlag(key as keyof Limits, help, min)])
  // One entry per key of `bounds`, and those are the keys of Limits, so the cast cannot lie.
  return Object.fromEntries(flags) as Record<keyof Limits, Flag<number>>
}

function limitFlag(key: keyof Limits, help: string, min: number): Flag<number> {
  const name = `limit-${key.replace(/Ms$/, '').replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`
  const value = defaultLimits[key]
  if (key.endsWith('Ms'))
    return { name, group: 'Limits', help, grammar: durationFrom(min), fallback: printDuration(value) }
  if (key.endsWith('Bytes'))
    return { name, group: 'Limits', help, grammar: bytesFrom(min), fallback: printBytes(value) }
  return { name, group: 'Limits', help, grammar: count(min), fallback: String(value) }
}

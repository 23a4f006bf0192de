/** What an exchange speaks to an endpoint, and over which connections. */
import type { Exchange } from '#proxy/exchange.ts'
import type { Limits } from '#proxy/limits.ts'
import type { Endpoint } from '#upstream/endpoint.ts'
import { type UpstreamTls, upstreamTls } from './upstream-tls.ts'

export type Target = {
  readonly endpoint: Endpoint
  readonly protocol: 'h1' | 'h2'
  /** `undefined` for clear text. */
  readonly tls: UpstreamTls | undefined
  readonly connectMs: number
  /** Connections there may be at once. */
  readonly connections: number
  /** Connections that are the same for everybody with the same key. */
  readonly key: string
}

/** Whether the endpoint is spoken to in HTTP/1.1 without encryption. */
export function isClearHttp1({ upstream, connection }: Exchange): boolean {
  const protocol = upstream?.spec.protocol ?? 'http'
  return protocol === 'http' || (protocol === 'auto' && connection.scheme === 'http')
}

/** Throws when the upstream's TLS settings cannot be used. */
export function targetOf({ upstream, connection, timeouts }: Exchange, endpoint: Endpoint, limits: Limits): Target {
  const { protocol = 'http', tls: spec, bounds } = upstream?.spec ?? {}
  const spoken = protocol === 'auto' ? connection.scheme : protocol
  const tls = spoken === 'https' || spoken === 'grpcs' ? upstreamTls(spec) : undefined
  const { connectMs } = timeouts
  const connections = bounds?.connections ?? limits.connectionsPerEndpoint
  return {
    endpoint,
    protocol: spoken === 'grpc' || spoken === 'grpcs' ? 'h2' : 'h1',
    tls,
    connectMs,
    connections,
    key: `${endpoint.id} ${connectMs} ${connections} ${tls?.key ?? ''}`,
  }
}

/** The host of a URL. */
export function hostOf({ spec }: Endpoint): string {
  return spec.address.includes(':') ? `[${spec.address}]` : spec.address
}

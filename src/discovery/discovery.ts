/**
 * Service and port → endpoints, in the background. Requests never wait for anything in this room: it pushes endpoint
 * sets, and whoever routes uses the last one it was given.
 */
import type { ResourceSet } from '#resource/resource-set.ts'
import type { DiscoveryMode, EndpointSet, UpstreamSpec } from '#snapshot/snapshot.ts'

/** What is known about one upstream's discovery, for the admin API, metrics and explain. */
export type DiscoveryReport = EndpointSet & {
  /** One sentence per mode tried, in order: what it said and why it was or was not used. */
  readonly trail: readonly { readonly mode: DiscoveryMode; readonly says: string }[]
  /** Only when DNS was asked. */
  readonly dns: readonly DnsReport[]
}

/** One name the DNS engine keeps fresh. Times are milliseconds since the epoch; 0 for never. */
export type DnsReport = {
  readonly name: string
  readonly type: string
  readonly server: string | undefined
  /** `NOERROR`, `NXDOMAIN`, `SERVFAIL`, `TIMEOUT` … of the last answer. */
  readonly rcode: string | undefined
  readonly records: number
  readonly ttlSeconds: number
  readonly answeredAt: number
  readonly nextRefreshAt: number
  readonly consecutiveFailures: number
}

export interface Discovery {
  /**
   * Follow these upstreams (and no others) as these resources describe them. Returns once every upstream that is new
   * has had a first answer, or after the first-answer bound (1 s by default), whichever is sooner; what is unknown by
   * then is `pending` and arrives through `onChange`.
   */
  follow(resources: ResourceSet, upstreams: readonly UpstreamSpec[]): Promise<void>
  /** The current set of every followed upstream. */
  current(): readonly EndpointSet[]
  reports(): readonly DiscoveryReport[]
  /** An endpoint refused a connection: look again soon (rate-limited). */
  suspect(upstream: string): void
  close(): void
}

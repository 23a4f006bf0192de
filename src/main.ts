/**
 * The composition root: the only file that knows every room. It builds them, wires them, and gives back a handle.
 */
import type { Limits } from '#proxy/limits.ts'
import type { Problem } from '#resource/problem.ts'
import type { DiscoveryMode } from '#snapshot/snapshot.ts'
import type { DocumentState, Source } from '#source/source.ts'
import type { Log } from '#telemetry/log.ts'

/** Process settings: decoded once (cli/flags.ts) and passed as the object they are. Routing settings are resources. */
export type Settings = {
  readonly sources: readonly Source[]
  readonly log: Log
  /** Address to listen on; `::` is every address of both families. */
  readonly bind: string
  /** 0 picks a free port. */
  readonly httpPort: number
  readonly httpsPort: number
  /** When a wanted port cannot be bound: `fail`, or say why and take a free one (`genkan dev`). */
  readonly portConflict: 'fail' | 'free'
  /** `undefined` for no admin listener. */
  readonly admin: { readonly host: string; readonly port: number } | undefined
  /** `address:port` of DNS servers; empty to use those of the system. */
  readonly clusterDns: readonly string[]
  readonly clusterDomain: string
  /** How Service names are asked for: the Kubernetes form, the OpenShift `endpoints` form, or whichever answers. */
  readonly dnsForm: 'auto' | 'svc' | 'endpoints'
  readonly discovery: readonly DiscoveryMode[]
  readonly ingressClasses: readonly string[]
  readonly workers: number | 'auto'
  readonly lane: 'auto' | 'general'
  readonly compat: 'none' | 'ingress-nginx'
  /** `namespace/name` of the ConfigMap with ingress-nginx's global keys. */
  readonly configMap: string | undefined
  /** CIDRs of proxies whose forwarded fields are believed. */
  readonly trustedProxies: readonly string[]
  /** Send the standard `Forwarded` field (RFC 7239) too. */
  readonly forwardedField: boolean
  /** Put the cause code of a failure in the response field `x-genkan-cause`. */
  readonly exposeCause: boolean
  /** `-` is standard output. */
  readonly accessLog: 'off' | '-' | { readonly file: string }
  readonly drainTimeoutMs: number
  readonly limits: Limits
  /** For `externalTrafficPolicy: Local` with node ports. */
  readonly nodeName: string | undefined
  /** For discovery through `<NAME>_SERVICE_HOST`; usually `process.env`. */
  readonly env: Readonly<Record<string, string | undefined>>
}

/** The ports we really listen on; 0 where there is no such listener. */
export type Ports = { readonly http: number; readonly https: number; readonly admin: number }

/** A running front door. */
export interface Genkan {
  readonly ports: Ports
  /** Resolves when everything the sources have said so far is compiled, discovered and applied by every worker. */
  settled(): Promise<void>
  /** Generation that every worker has applied; 0 before the first. */
  generation(): number
  problems(): readonly Problem[]
  documents(): readonly DocumentState[]
  /** Read all sources again now. */
  reload(): void
  /** Stop accepting, finish what is in flight within the drain timeout, then close. Resolves with how many were cut. */
  drain(): Promise<number>
  /** Close everything now. */
  close(): Promise<void>
}

/** STUB: rejects until the rooms exist. Rejects with a clear message when a port cannot be bound. */
export function start(_settings: Settings): Promise<Genkan> {
  return Promise.reject(new Error('not built yet'))
}

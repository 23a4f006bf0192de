/**
 * Everything the two planes say to each other: one closed union each way, plain data only.
 */
import type { Limits } from '#proxy/limits.ts'
import type { PackedTable } from '#proxy/runtime.ts'
import type { EndpointOutcome } from '#snapshot/outcome.ts'
import type { Staple } from '#snapshot/staple.ts'
import type { LogFields } from '#telemetry/log.ts'
import type { MetricFamily } from '#telemetry/metric.ts'
import type { TracingSettings } from '#telemetry/tracing-settings.ts'
import type { Counters } from './counters.ts'
import type { Parcel } from './parcel.ts'

/** What a worker is told once, when it starts. */
export type WorkerSettings = {
  readonly bind: string
  /** 0 picks a free port. */
  readonly httpPort: number
  readonly httpsPort: number
  readonly portConflict: 'fail' | 'free'
  /** CIDRs of proxies whose forwarded fields are believed. */
  readonly trustedProxies: readonly string[]
  /** CIDRs of peers whose connections begin with a header of the PROXY protocol. */
  readonly proxyProtocol: readonly string[] | 'all'
  readonly forwardedField: boolean
  readonly exposeCause: boolean
  readonly lane: 'auto' | 'general'
  /** A file's path, 1 for standard output, `undefined` for none. */
  readonly accessLog: string | 1 | undefined
  /** Absent: no spans are made, whatever routes say. */
  readonly tracing?: TracingSettings | undefined
  readonly limits: Limits
  /** 32 bytes. */
  readonly affinityKey: Uint8Array
  /** 48 bytes that seal TLS session tickets: a client resumes its session at whichever worker it meets. */
  readonly ticketKeys: Uint8Array
  /** What is stapled to handshakes from the start on. */
  readonly staples?: readonly Staple[]
  readonly counters: Counters
  /** This worker's row in the counters. */
  readonly row: number
  /** Several workers listen on the same ports. */
  readonly reusePort: boolean
  /** The first of them: it finds out whether the ports can be had. */
  readonly isFirst: boolean
  /** It listens when it has applied its first change: nobody should get an answer from a worker that knows nothing. */
  readonly listensLater: boolean
  /** PEM; what clients get that name no host with a certificate. */
  readonly defaultCertificate: { readonly certificate: string; readonly key: string }
}

/** `sequence` grows by one with each of these; a worker acknowledges the newest it has applied. */
export type ToWorker =
  /** `snapshot`: the parcel holds a patch to the snapshot sent before, or to none when it is the first. */
  | {
      readonly kind: 'change'
      readonly sequence: number
      readonly parcel: Parcel
      readonly snapshot: { readonly generation: number; readonly table: PackedTable } | undefined
    }
  /** Answered by `tallies` with the same number. */
  | { readonly kind: 'tally'; readonly request: number }
  /** Of `WorkerSettings.ticketKeys`, for handshakes from now on. */
  | { readonly kind: 'ticketKeys'; readonly keys: Uint8Array }
  /** In place of all there were. */
  | { readonly kind: 'staples'; readonly staples: readonly Staple[] }
  | { readonly kind: 'drain'; readonly timeoutMs: number }

/** What one worker has seen of one endpoint. */
export type EndpointUse = {
  readonly upstream: string
  readonly endpoint: string
  /** Attempts under way. */
  readonly inFlight: number
  /** Milliseconds since the epoch. */
  readonly lastUsedAt: number
}

/** A port that could not be had, and the one taken instead. */
export type MovedPort = { readonly wanted: number; readonly taken: number; readonly reason: string }

/** How late its event loop was since it was last asked, in milliseconds. */
export type LoopDelay = {
  readonly p50: number
  readonly p99: number
  readonly max: number
  /** The most CPU time that applying a change took at a stretch. */
  readonly longestSlice: number
}

/** What one worker has counted. */
export type Counted = {
  readonly families: readonly MetricFamily[]
  readonly endpoints: readonly EndpointUse[]
  readonly delay: LoopDelay
}

export type FromWorker =
  | { readonly kind: 'listening'; readonly http: number; readonly https: number; readonly moved: readonly MovedPort[] }
  | { readonly kind: 'applied'; readonly sequence: number; readonly generation: number }
  /** A snapshot that this build cannot run: it goes on with the one it has. */
  | { readonly kind: 'refused'; readonly sequence: number; readonly message: string }
  | { readonly kind: 'tallies'; readonly request: number; readonly counted: Counted }
  /** An endpoint refused a connection: discovery should look again. */
  | { readonly kind: 'suspect'; readonly upstream: string }
  /** How attempts went, gathered over one turn of the event loop; only when endpoints failed, or stopped failing. */
  | { readonly kind: 'outcomes'; readonly outcomes: readonly EndpointOutcome[] }
  /** A line for the operational log. */
  | {
      readonly kind: 'log'
      readonly level: 'debug' | 'info' | 'warn' | 'error'
      readonly message: string
      readonly fields: LogFields
    }
  /** `cut` connections or streams did not finish in time. */
  | { readonly kind: 'drained'; readonly cut: number }
  /** The worker cannot do its work and ends: a port that cannot be bound, a log that cannot be opened. */
  | { readonly kind: 'failed'; readonly code: string | undefined; readonly message: string }

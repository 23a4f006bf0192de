/**
 * Everything the two planes say to each other: one closed union each way, plain data only.
 */
import type { EndpointSet } from '#snapshot/snapshot.ts'

export type ToWorker =
  /** `bytes` is a Snapshot as UTF-8 JSON, encoded once and shared by every worker. */
  | { readonly kind: 'snapshot'; readonly generation: number; readonly bytes: SharedArrayBuffer; readonly endpoints: readonly EndpointSet[] }
  | { readonly kind: 'endpoints'; readonly sets: readonly EndpointSet[] }
  /** Answered by `tallies` with the same number. */
  | { readonly kind: 'tally'; readonly request: number }
  | { readonly kind: 'drain'; readonly timeoutMs: number }

export type FromWorker =
  | { readonly kind: 'listening'; readonly http: number; readonly https: number }
  | { readonly kind: 'applied'; readonly generation: number }
  | { readonly kind: 'tallies'; readonly request: number; readonly metrics: readonly unknown[] }
  /** An endpoint refused a connection: discovery should look again. */
  | { readonly kind: 'suspect'; readonly upstream: string }
  | { readonly kind: 'drained'; readonly cut: number }
  | { readonly kind: 'failed'; readonly message: string; readonly code: string | undefined; readonly port: number | undefined }

/**
 * A place resources come from. Sources give the complete current set each time, never deltas: whoever needs a
 * difference computes it, and no reader has to think about order.
 */
import type { Problem } from '#resource/problem.ts'
import type { Resource } from '#resource/resource.ts'

/** What one document of a source is at this moment. */
export type DocumentState = {
  readonly file: string
  readonly line: number
  /** `undefined` when the document never got as far as having a name. */
  readonly object: string | undefined
  /**
   * `live`: read and served. `stale`: now broken, its last good version is served. `rejected`: broken and never good.
   * `ignored`: a kind we have no use for.
   */
  readonly state: 'live' | 'stale' | 'rejected' | 'ignored'
}

/** Everything a source holds at one moment. */
export type Batch = {
  readonly resources: readonly Resource[]
  readonly problems: readonly Problem[]
  readonly documents: readonly DocumentState[]
}

export interface Source {
  readonly name: string
  /** Calls `emit` with the complete current set, once soon and then after every change, until `signal` aborts. */
  run(emit: (batch: Batch) => void, signal: AbortSignal): Promise<void>
  /** Read everything again now (SIGHUP). */
  reload(): void
}

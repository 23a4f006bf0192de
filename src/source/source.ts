/**
 * A place resources come from. Sources give the complete current set each time, never deltas: whoever needs a
 * difference computes it, and no reader has to think about order.
 */
import type { DocumentState } from '#resource/documents.ts'
import type { Problem } from '#resource/problem.ts'
import type { Resource } from '#resource/resource.ts'

export type { DocumentState } from '#resource/documents.ts'

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

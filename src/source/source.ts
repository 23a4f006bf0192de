/**
 * A place resources come from. Sources give the complete current set each time, never deltas: whoever needs a
 * difference computes it, and no reader has to think about order.
 */
import type { DocumentState } from '#resource/documents.ts'
import type { Problem } from '#resource/problem.ts'
import type { Ingress, Resource } from '#resource/resource.ts'

export type { DocumentState } from '#resource/documents.ts'

/** Everything a source holds at one moment. */
export type Batch = {
  readonly resources: readonly Resource[]
  readonly problems: readonly Problem[]
  readonly documents: readonly DocumentState[]
  /** What is left of Ingresses that are broken; absent for none. */
  readonly remains?: readonly Ingress[]
}

export interface Source {
  readonly name: string
  /** Calls `emit` with the complete current set, once soon and then after every change, until `signal` aborts. */
  run(emit: (batch: Batch) => void, signal: AbortSignal): Promise<void>
  /** Read everything again now (SIGHUP). */
  reload(): void
}

/**
 * One endpoint while it lives: what discovery says of it now, and what this worker has seen of it. The object stays the
 * same over snapshots and endpoint sets for as long as its upstream names it, so counts are never lost to a change.
 */
import type { EndpointSpec } from '#snapshot/snapshot.ts'

export class Endpoint {
  /** `address:port`, its identity within the upstream. */
  readonly id: string
  /** Replaced when discovery says something new; address and port never change under one id. */
  spec: EndpointSpec
  /** Attempts under way in this worker. */
  inFlight: number
  /** Milliseconds since the epoch; 0 for never. */
  lastUsedAt: number
  /** Failures on the upstream side since the last response. */
  consecutiveFailures: number
  /** Running value of the smooth weighted round robin. */
  credit: number

  constructor(spec: EndpointSpec) {
    this.id = spec.id
    this.spec = spec
    this.inFlight = 0
    this.lastUsedAt = 0
    this.consecutiveFailures = 0
    this.credit = 0
  }

  /** An attempt begins here. Pairs with `release`. */
  acquire(now: number): void {
    this.inFlight++
    this.lastUsedAt = now
  }

  release(): void {
    this.inFlight--
  }
}

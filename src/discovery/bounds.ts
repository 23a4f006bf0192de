/**
 * Every number discovery works with, by name. Times are milliseconds.
 */

export type Bounds = {
  /** How long `follow` waits for the first answers of new upstreams. */
  readonly firstAnswerMs: number
  /** A record is asked for again when its TTL ends, but never sooner or later than these. */
  readonly floorMs: number
  readonly ceilingMs: number
  /** The ceiling while a name has nobody: a Service that scales up from zero should not wait long. */
  readonly negativeCeilingMs: number
  /** Share by which every wait varies, so that names learned together do not stay together. */
  readonly jitter: number
  /** An answer that names nobody is believed after so many in a row, or when the first of them is this old. */
  readonly emptyAnswers: number
  readonly emptyHoldMs: number
  /** After so long without a good answer the last one is no longer used. */
  readonly staleCapMs: number
  /** First and longest wait after a failed answer; doubled in between. */
  readonly backoffMs: number
  readonly backoffCeilingMs: number
  /** When more than this share of the endpoints vanish at once, a second answer must agree. */
  readonly shrinkShare: number
  /** Least time between two early refreshes of one name. */
  readonly suspectMs: number
  /** How long an endpoint that DNS no longer names still serves the sessions bound to it; 0 for not at all. */
  readonly drainMs: number
  /** Questions on the wire at the same time, over all names. */
  readonly concurrency: number
  /** First questions of many new names are spread over this time. */
  readonly spreadMs: number
  /** A server that is silent for so long is joined by the next one. */
  readonly hedgeMs: number
  /** A question nobody answered by then has failed. */
  readonly timeoutMs: number
}

export const defaultBounds: Bounds = {
  firstAnswerMs: 1_000,
  floorMs: 1_000,
  ceilingMs: 60_000,
  negativeCeilingMs: 10_000,
  jitter: 0.15,
  emptyAnswers: 2,
  emptyHoldMs: 5_000,
  staleCapMs: 3_600_000,
  backoffMs: 1_000,
  backoffCeilingMs: 30_000,
  shrinkShare: 0.5,
  suspectMs: 1_000,
  drainMs: 30_000,
  concurrency: 64,
  spreadMs: 500,
  hedgeMs: 250,
  timeoutMs: 2_000,
}

/**
 * What workers tell of the attempts they made, so that the main thread can judge endpoints. Success is the rule and is
 * told only when failures came before it.
 */
export type EndpointOutcome = {
  /** Id of the `UpstreamSpec`. */
  readonly upstream: string
  readonly endpoint: string
  /** A success came first: failures before it do not count any more. */
  readonly recovered: boolean
  /** Failures in a row since, or since the last message about this endpoint. */
  readonly failures: number
}

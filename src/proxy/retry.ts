/** The retry decision, the only place where it is made. */
import type { RetryReason, RetrySpec } from '#snapshot/snapshot.ts'
import type { Exchange } from './exchange.ts'
import { type Cause, type Failure, failures } from './failure.ts'

/** Of routes that say nothing, as in ingress-nginx. */
export const defaultRetry: RetrySpec = { on: ['error', 'timeout'], tries: 3, withinMs: 0 }

export type RetryVerdict = {
  /**
   * At an endpoint not tried yet; or at the same one too, over another connection, since this one was on its way out
   * when it was used: a kept-alive one that the endpoint closed as the request crossed on the wire (RFC 9112 section
   * 9.3.1), or a stream of HTTP/2 that it did not take any more (RFC 9113 section 8.7).
   */
  readonly where: 'elsewhere' | 'anywhere'
  /** Counts against the upstream's budget: the endpoint was asked for nothing, or for more than it could do. */
  readonly charged: boolean
}

/** Connections on their way out, of one exchange, before they count as failures. */
const mostRaces = 2

/** RFC 9110 section 9.2.2. */
const idempotent = new Set(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE', 'TRACE'])

/** Failures that a reason of `RetrySpec` covers. */
const reasons: { readonly [cause in Cause]?: RetryReason } = {
  connect_failed: 'error',
  upstream_tls: 'error',
  upstream_reset: 'error',
  connect_timeout: 'timeout',
  upstream_timeout: 'timeout',
  upstream_protocol: 'invalid_header',
}

/**
 * Whether the exchange may be sent again after this failure. Never once the client was told anything, and never when
 * the endpoint may have begun to act on a request that must not be acted on twice. `tick` is now, on the monotonic
 * clock.
 */
export function mayRetry(exchange: Exchange, failure: Failure, tick: number): RetryVerdict | undefined {
  if (!isRepeatableNow(exchange)) return undefined
  const { reusedConnection = false, unseen = false } = failure
  if (failure.cause === 'upstream_busy') return { where: 'elsewhere', charged: false }
  const raced = unseen || (reusedConnection && idempotent.has(exchange.sent.method))
  if (raced && exchange.races < mostRaces) return { where: 'anywhere', charged: unseen }
  const reason = reasons[failure.cause]
  if (reason === undefined || !permits(exchange, reason, tick)) return undefined
  const repeatable = unseen || failures[failure.cause].unsent || mayRunTwice(exchange)
  return repeatable ? { where: 'elsewhere', charged: true } : undefined
}

/** The same for a response whose status is a reason to ask another endpoint. */
export function mayRetryStatus(exchange: Exchange, status: number, tick: number): boolean {
  // A status that is no reason is in no list of reasons, so the cast cannot lie.
  return isRepeatableNow(exchange) && permits(exchange, `http_${status}` as RetryReason, tick) && mayRunTwice(exchange)
}

/** Whether the request could be sent twice under any circumstances: only then is its body worth keeping. */
export function mayRunTwice({ sent, route }: Exchange): boolean {
  return idempotent.has(sent.method) || (route?.spec.retry ?? defaultRetry).on.includes('non_idempotent')
}

/** Nothing went downstream, interim responses included, and what went upstream of the body is still there. */
function isRepeatableNow({ responding, interims, requestBytes, replayable }: Exchange): boolean {
  return !responding && interims === 0 && (requestBytes === 0 || replayable)
}

function permits({ route, attempts, firstAttemptTick }: Exchange, reason: RetryReason, tick: number): boolean {
  const { on, tries, withinMs } = route?.spec.retry ?? defaultRetry
  if (!on.includes(reason) || (tries > 0 && attempts >= tries)) return false
  return withinMs === 0 || tick - firstAttemptTick < withinMs
}

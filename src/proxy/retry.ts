/** The retry decision, the only place where it is made. */
import type { Exchange } from './exchange.ts'
import { type Failure, failures } from './failure.ts'

const maxAttempts = 3

/** RFC 9110 section 9.2.1, those that have no body in practice; anything else might be done twice. */
const safe = new Set(['GET', 'HEAD', 'OPTIONS'])

/**
 * Whether the exchange may be sent again, and where: to an endpoint not tried yet when this one provably saw nothing,
 * or also to this one when a kept-alive connection turned out to be dead as it was used again (an endpoint closing it
 * and a request crossing on the wire, RFC 9112 section 9.3.1). Never once a byte of the response or of the body moved.
 */
export function mayRetry(exchange: Exchange, failure: Failure): 'elsewhere' | 'anywhere' | undefined {
  if (exchange.attempts >= maxAttempts || exchange.responding || exchange.requestBytes > 0 || exchange.interims > 0) return undefined
  const { unsent, side } = failures[failure.cause]
  if (side !== 'upstream') return undefined
  if (unsent) return 'elsewhere'
  const repeatable = safe.has(exchange.sent.method) && !exchange.hasBody
  return failure.reusedConnection === true && repeatable ? 'anywhere' : undefined
}

/**
 * What the proxy asks of a lane: four verbs down. The proxy never touches a socket; a lane never makes a decision.
 */
import type { ResponseHead } from '#http/head.ts'
import type { Reply } from '#policy/policy.ts'
import type { Endpoint } from '#upstream/endpoint.ts'
import type { Exchange } from './exchange.ts'

/** Lanes know replies, but no policies. */
export type { Reply }

export interface Transport {
  /**
   * Send `exchange.sent` to this endpoint, then report onResponse (for interim heads too) or onFailure. When the client
   * waits for 100, it is told to go on once the endpoint is connected.
   *
   * May be called again after onFailure, and also after onResponse told of a final head that was not relayed: that
   * response is then dropped, whatever of it is still to come. A further attempt sends what `exchange.sent` says at that
   * moment, and the request body again from its start, which is why the lane keeps the first `Limits.replayBytes` of it
   * (when retry.ts says that it may be of use) and sets `exchange.replayable` for as long as all of it that was read is
   * kept. A lane that keeps nothing never sets it. The body is left out when `exchange.sendsBody` is false.
   */
  send(exchange: Exchange, endpoint: Endpoint): void
  /**
   * A head below 200: pass it on and go on waiting. Any other: start the client's response, stream the endpoint's body
   * into it, encoded as `exchange.coding` says, then report onFinish.
   */
  relay(exchange: Exchange, head: ResponseHead): void
  /** Drop the attempt under way, if any, write a response made here, then report onFinish. */
  reply(exchange: Exchange, reply: Reply): void
  /**
   * Drop the attempt under way, break the client's connection or stream, then report onFinish: bytes were already sent,
   * or nobody listens any more, so no other answer is honest.
   */
  abort(exchange: Exchange): void
}

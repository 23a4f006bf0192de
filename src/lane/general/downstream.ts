/**
 * The client's side of one exchange, the part in which HTTP/1 and HTTP/2 differ. Nothing here decides; every call after
 * the client is gone does nothing.
 *
 * Every buffer between client and endpoint, with the mark above which its source is paused:
 *
 * | buffer                                    | mark                                            |
 * |-------------------------------------------|-------------------------------------------------|
 * | request body in IncomingMessage           | 64 KiB (one read of the socket)                 |
 * | request body in an Http2Stream            | 256 KiB (stream window)                         |
 * | request body in Upload                    | 64 KiB                                          |
 * | request body in the endpoint's socket     | 64 KiB (writableHighWaterMark of net)           |
 * | response body in the endpoint's socket    | 64 KiB, then the endpoint's TCP window closes   |
 * | response body in ServerResponse           | 64 KiB (writableHighWaterMark of its socket)    |
 * | response body in an Http2Stream           | 64 KiB, and `maxSessionMemory` per connection   |
 * | pipelined requests of one connection      | those of one read of 64 KiB                     |
 */
import type { Readable } from 'node:stream'
import type { ResponseHead } from '#http/head.ts'
import type { Reply } from '#proxy/transport.ts'

export interface DownstreamEvents {
  /** The client takes more again, after `write` said no; what was written then is out. */
  onDrain(): void
  /** It has not taken anything for `Limits.writeIdleTimeoutMs`. */
  onStalled(): void
  /** The response was handed over in full (`true`), or the connection or stream is gone before that. Once, and last. */
  onClosed(complete: boolean): void
}

/**
 * `close`: nothing more may come on this connection. `unread`: the request body was not taken in full. `empty`: no body
 * follows, and the head shall say so.
 */
export type Ending = { readonly close: boolean; readonly unread: boolean; readonly empty?: boolean }

export interface Downstream {
  readonly events: DownstreamEvents
  /** The request body. */
  readonly source: Readable
  /** It never has more than its length, so that its last byte is as good as its end. */
  readonly isExact: boolean
  /** Whether the request was received to its end. */
  isComplete(): boolean
  /** 100 (Continue). */
  proceed(): void
  inform(head: ResponseHead): void
  start(head: ResponseHead, ending: Ending): void
  /** Whether it takes more at once. */
  write(chunk: Buffer): boolean
  /** `bytes`: the last of the body; only there until this returns. */
  end(trailers: readonly string[], bytes?: Buffer): void
  reply(reply: Reply, ending: Ending): void
  /** Breaks off so that the client can tell. */
  abort(): void
}

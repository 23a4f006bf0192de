/** Bounds on the time of a whole exchange, the same in every lane: they look at the exchange, never at a socket. */
import type { Exchange } from './exchange.ts'
import type { Failure } from './failure.ts'

export type DeadlineEnv = {
  /** Calls back once, after so many milliseconds, unless the result is called before. */
  readonly later: (ms: number, run: () => void) => () => void
  readonly onExpired: (exchange: Exchange, failure: Failure) => void
}

/** How often a period without bytes is looked at; it ends late by at most one such part. */
const idleParts = 4

/** From now to the end of the exchange. */
export function boundRequest(exchange: Exchange, ms: number, { later, onExpired }: DeadlineEnv): void {
  const expire = (): void => onExpired(exchange, { cause: 'request_timeout', detail: `not done within ${ms} ms` })
  exchange.cancels = [...exchange.cancels, later(ms, expire)]
}

/** From now on bytes must move in one direction or the other. */
export function boundIdleness(exchange: Exchange, ms: number, { later, onExpired }: DeadlineEnv): void {
  const part = Math.max(1, Math.ceil(ms / idleParts))
  let moved = exchange.requestBytes + exchange.responseBytes
  let quiet = 0
  let cancel = (): void => {}
  const look = (): void => {
    const now = exchange.requestBytes + exchange.responseBytes
    quiet = now === moved ? quiet + part : 0
    moved = now
    if (quiet >= ms) onExpired(exchange, { cause: 'stream_idle', detail: `no byte for ${ms} ms` })
    else cancel = later(part, look)
  }
  cancel = later(part, look)
  exchange.cancels = [...exchange.cancels, () => cancel()]
}

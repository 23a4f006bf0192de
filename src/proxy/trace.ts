/**
 * The trace that a request belongs to, as far as it is ours: one span for the exchange, one for each attempt. Made only
 * where a route is traced; what becomes of the spans is somebody else's (`Tracer`).
 */
import { remove, set } from '#http/fields.ts'
import { printTraceParent } from '#http/trace-context.ts'
import type { Endpoint } from '#upstream/endpoint.ts'
import type { Upstream } from '#upstream/upstream.ts'
import type { Exchange } from './exchange.ts'

export interface Tracer {
  /** The exchange has just got a route that is traced. `undefined`: nobody wants its spans. */
  begin(exchange: Exchange): Trace | undefined
}

/** One attempt: a span of its own. Ticks are milliseconds on the monotonic clock. */
export type AttemptTrace = {
  readonly spanId: string
  readonly endpoint: Endpoint
  readonly upstream: Upstream | undefined
  readonly method: string
  readonly target: string
  readonly startTick: number
  /** 0 for one that ended with its exchange. */
  endTick: number
  /** What the endpoint answered with; 0 for nothing. */
  status: number
  /** Cause code of its failure; empty for none. */
  cause: string
}

export type TraceInit = {
  readonly traceId: string
  /** Of the exchange. */
  readonly spanId: string
  /** Of whoever sent the request; `undefined` where the trace begins here. */
  readonly parentId: string | undefined
  /** Passed on as it came. */
  readonly state: string | undefined
  readonly sampled: boolean
  readonly newSpanId: () => string
}

export class Trace {
  readonly traceId: string
  readonly spanId: string
  readonly parentId: string | undefined
  readonly state: string | undefined
  readonly sampled: boolean
  readonly attempts: AttemptTrace[]
  readonly #newSpanId: () => string

  constructor({ traceId, spanId, parentId, state, sampled, newSpanId }: TraceInit) {
    this.traceId = traceId
    this.spanId = spanId
    this.parentId = parentId
    this.state = state
    this.sampled = sampled
    this.attempts = []
    this.#newSpanId = newSpanId
  }

  /** Whoever gets these fields continues the trace below `spanId`. */
  mark(fields: string[], spanId: string): void {
    set(fields, 'traceparent', printTraceParent(this.traceId, spanId, this.sampled))
    if (this.state === undefined) remove(fields, 'tracestate')
    else set(fields, 'tracestate', this.state)
  }

  /** `exchange.sent` is about to be sent to this endpoint. */
  attemptBegins({ sent, upstream }: Exchange, endpoint: Endpoint, startTick: number): void {
    const spanId = this.#newSpanId()
    this.mark(sent.fields, spanId)
    if (!this.sampled) return
    const before = this.attempts.at(-1)
    // Its answer was not wanted.
    if (before !== undefined && before.endTick === 0) before.endTick = startTick
    const { method, target } = sent
    this.attempts.push({ spanId, endpoint, upstream, method, target, startTick, endTick: 0, status: 0, cause: '' })
  }

  attemptAnswered(status: number): void {
    const last = this.attempts.at(-1)
    if (last !== undefined) last.status = status
  }

  attemptFailed(cause: string, tick: number): void {
    const last = this.attempts.at(-1)
    if (last === undefined || last.endTick !== 0) return
    last.cause = cause
    last.endTick = tick
  }
}

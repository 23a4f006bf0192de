/**
 * Spans on their way to a collector: gathered into batches, sent one batch at a time. Bounded: what does not fit is
 * dropped and counted, so that a collector that is slow or gone costs nothing but its spans.
 */
import type { Span } from './otlp.ts'

export type SpanQueueInit = {
  /** Most spans that wait. */
  readonly mostSpans: number
  /** Most spans of one batch. */
  readonly batchSpans: number
  /** Milliseconds that a span waits for others. */
  readonly delayMs: number
  /** Resolves with how many the collector has not taken. Never rejects. `signal`: give up trying again. */
  readonly send: (spans: readonly Span[], signal: AbortSignal) => Promise<{ readonly refused: number }>
  readonly onSent: (spans: number) => void
  readonly onDropped: (reason: 'queue_full' | 'failed', spans: number) => void
}

export class SpanQueue {
  readonly #init: SpanQueueInit
  readonly #closing = new AbortController()
  #waiting: Span[] = []
  #timer: NodeJS.Timeout | undefined
  #sending: Promise<void> | undefined

  constructor(init: SpanQueueInit) {
    this.#init = init
  }

  /** All spans of one exchange, or none of them. */
  push(spans: readonly Span[]): void {
    const { mostSpans, batchSpans, delayMs, onDropped } = this.#init
    if (this.#closing.signal.aborted || this.#waiting.length + spans.length > mostSpans)
      return onDropped('queue_full', spans.length)
    for (const span of spans) this.#waiting.push(span)
    if (this.#sending !== undefined) return
    if (this.#waiting.length >= batchSpans) this.#start()
    else if (this.#timer === undefined) this.#timer = setTimeout(() => this.#start(), delayMs).unref()
  }

  /** Sends what waits, each batch once, for at most so many milliseconds; the rest is dropped. */
  async close(ms: number): Promise<void> {
    this.#closing.abort()
    const { promise: late, resolve } = Promise.withResolvers<void>()
    const limit = setTimeout(resolve, ms)
    const done = (async () => {
      await this.#sending
      this.#start()
      await this.#sending
    })()
    await Promise.race([done, late])
    clearTimeout(limit)
    const left = this.#waiting.length
    this.#waiting = []
    if (left > 0) this.#init.onDropped('failed', left)
  }

  #start(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#sending ??= this.#drain().finally(() => (this.#sending = undefined))
  }

  /** Until nothing waits: spans that came meanwhile have waited long enough. */
  async #drain(): Promise<void> {
    const { batchSpans, send, onSent, onDropped } = this.#init
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0, batchSpans)
      const { refused } = await send(batch, this.#closing.signal)
      if (batch.length > refused) onSent(batch.length - refused)
      if (refused > 0) onDropped('failed', refused)
    }
  }
}

import { describe, expect, test } from 'vitest'
import type { Span } from '#telemetry/otlp.ts'
import { SpanQueue, type SpanQueueInit } from '#telemetry/span-queue.ts'
import { until } from '../support/until.ts'

const span = (name: string): Span => ({
  traceId: '1'.repeat(32),
  spanId: '2'.repeat(16),
  name,
  kind: 2,
  startTimeUnixNano: '1',
  endTimeUnixNano: '2',
  attributes: [],
})

type Bench = {
  readonly queue: SpanQueue
  readonly batches: string[][]
  readonly counts: { sent: number; queue_full: number; failed: number }
  /** Ends the send under way. */
  readonly answer: (refused?: number) => void
}

function bench(change: Partial<SpanQueueInit> = {}): Bench {
  const batches: string[][] = []
  const counts = { sent: 0, queue_full: 0, failed: 0 }
  const waiting: ((outcome: { refused: number }) => void)[] = []
  const queue = new SpanQueue({
    mostSpans: 4,
    batchSpans: 2,
    delayMs: 1,
    send: (spans) => {
      batches.push(spans.map(({ name }) => name))
      return new Promise((resolve) => waiting.push(resolve))
    },
    onSent: (spans) => void (counts.sent += spans),
    onDropped: (reason, spans) => void (counts[reason] += spans),
    ...change,
  })
  return { queue, batches, counts, answer: (refused = 0) => waiting.shift()?.({ refused }) }
}

describe('spans on their way', () => {
  test('wait for others, and go when they have waited long enough', async () => {
    const { queue, batches, counts, answer } = bench()
    queue.push([span('a')])
    expect(batches).toEqual([])
    await until(() => batches.length === 1)
    answer()
    await until(() => counts.sent === 1)
    expect(batches).toEqual([['a']])
  })

  test('go at once when they are a batch, one batch after the other', async () => {
    const { queue, batches, answer } = bench({ delayMs: 1_000_000 })
    queue.push([span('a'), span('b')])
    queue.push([span('c'), span('d')])
    queue.push([span('e')])
    expect(batches).toEqual([['a', 'b']])
    answer()
    await until(() => batches.length === 2)
    answer()
    await until(() => batches.length === 3)
    expect(batches).toEqual([['a', 'b'], ['c', 'd'], ['e']])
  })

  test('are dropped and counted when too many wait, all of an exchange or none', () => {
    const { queue, batches, counts } = bench({ delayMs: 1_000_000, batchSpans: 1 })
    queue.push([span('under way')])
    queue.push([span('a'), span('b'), span('c')])
    queue.push([span('d'), span('e')])
    expect(batches).toEqual([['under way']])
    expect(counts).toEqual({ sent: 0, queue_full: 2, failed: 0 })
  })

  test('that were not taken are counted, and the next ones go all the same', async () => {
    const { queue, batches, counts, answer } = bench({ delayMs: 1_000_000 })
    queue.push([span('a'), span('b')])
    answer(1)
    await until(() => counts.sent === 1)
    expect(counts).toEqual({ sent: 1, queue_full: 0, failed: 1 })
    queue.push([span('c'), span('d')])
    await until(() => batches.length === 2)
  })

  test('that wait at the end are sent, and later ones dropped', async () => {
    const { queue, batches, counts, answer } = bench({ delayMs: 1_000_000 })
    queue.push([span('a')])
    const closed = queue.close(1_000_000)
    await until(() => batches.length === 1)
    queue.push([span('late')])
    answer()
    await closed
    expect(counts).toEqual({ sent: 1, queue_full: 1, failed: 0 })
  })

  test('are given up when nobody takes them in time', async () => {
    const { queue, counts } = bench({ delayMs: 1_000_000 })
    queue.push([span('a'), span('b')])
    queue.push([span('c')])
    await queue.close(1)
    expect(counts).toEqual({ sent: 0, queue_full: 0, failed: 1 })
  })
})

/**
 * What a worker counts. Plain numbers kept per route and turned into metric families only when somebody asks, so that
 * a request costs one look-up and a few additions. Labels come from configuration and from closed lists, never from
 * requests: a client cannot make the metrics grow.
 */
import type { MetricFamily, Sample } from './metric.ts'
import { family } from './metric.ts'
import { bounds, type Counted, RouteCounts, RouteRows } from './route-counts.ts'

/** Facts about one finished exchange. */
export type Finished = Counted & {
  /** Id of the route; empty when none matched. */
  readonly route: string
  /** Number of the route: where its counts are looked for first. Routes may share one; then all but one cost more. */
  readonly routeNumber?: number
  /** Id of the upstream; empty when none was chosen. */
  readonly backend: string
  /** Why each further attempt was made: words of closed lists. */
  readonly retried?: readonly string[]
  /** One more was due, but the retry budget was spent. */
  readonly overBudget?: boolean
}

/** A power of two. More routes than that find some of their counts by name. */
const quickPlaces = 16_384

/** A connection that was passed on unread. `cause` is empty when it ended well. */
export type EndedStream = {
  readonly backend: string
  readonly cause: string
  readonly sentBytes: number
  readonly receivedBytes: number
}

export class Tally {
  /** By route, then by backend: both are strings that live on, so that a look-up makes and hashes none. */
  readonly #routes = new Map<string, Map<string, RouteCounts>>()
  readonly #rows = new RouteRows()
  /** By the numbers of routes. */
  readonly #quick = Array.from<RouteCounts | undefined>({ length: quickPlaces }).fill(undefined)
  readonly #opened = { http: 0, https: 0 }
  readonly #refused = { http: 0, https: 0 }
  readonly #proxyHeadersRefused = { http: 0, https: 0 }
  readonly #open = { http: 0, https: 0 }
  /** Connections left to the general lane, by reason; a closed list. */
  readonly #handedOver = new Map<string, number>()
  /** By backend and cause. */
  readonly #retries = new Map<string, number>()
  readonly #exhausted = new Map<string, number>()
  #inFlight = 0
  #tunnels = 0
  #streams = 0
  /** By backend and cause. */
  readonly #endedStreams = new Map<string, number>()
  readonly #streamBytes = { sent: 0, received: 0 }
  #droppedLogLines = 0
  #sentSpans = 0
  readonly #droppedSpans = { queue_full: 0, failed: 0 }

  started(): void {
    this.#inFlight++
  }

  finished(facts: Finished): void {
    this.#inFlight--
    this.#of(facts).add(facts)
    for (const cause of facts.retried ?? []) bump(this.#retries, `${facts.backend} ${cause}`)
    if (facts.overBudget === true) bump(this.#exhausted, facts.backend)
  }

  connectionOpened(listener: 'http' | 'https'): void {
    this.#opened[listener]++
    this.#open[listener]++
  }

  connectionClosed(listener: 'http' | 'https'): void {
    this.#open[listener]--
  }

  /** Closed at once because the connection limit was reached. */
  connectionRefused(listener: 'http' | 'https'): void {
    this.#refused[listener]++
  }

  /** Closed because it did not begin with the header that it should. */
  proxyHeaderRefused(listener: 'http' | 'https'): void {
    this.#proxyHeadersRefused[listener]++
  }

  handedOver(reason: string): void {
    this.#handedOver.set(reason, (this.#handedOver.get(reason) ?? 0) + 1)
  }

  streamBegun(): void {
    this.#streams++
  }

  streamEnded({ backend, cause, sentBytes, receivedBytes }: EndedStream): void {
    this.#streams--
    bump(this.#endedStreams, `${backend} ${cause}`)
    this.#streamBytes.sent += sentBytes
    this.#streamBytes.received += receivedBytes
  }

  tunnel(delta: 1 | -1): void {
    this.#tunnels += delta
  }

  spansSent(spans: number): void {
    this.#sentSpans += spans
  }

  spansDropped(reason: 'queue_full' | 'failed', spans: number): void {
    this.#droppedSpans[reason] += spans
  }

  logLinesDropped(lines: number): void {
    this.#droppedLogLines += lines
  }

  /** Forgets routes that are gone, so that years of changes do not grow the process. */
  keep(routes: ReadonlySet<string>): void {
    this.#quick.fill(undefined)
    for (const [route, backends] of this.#routes) {
      if (route === '' || routes.has(route)) continue
      this.#routes.delete(route)
      for (const counts of backends.values()) this.#rows.give(counts.row)
    }
    const backends = new Set(this.#all().map(({ backend }) => backend))
    for (const key of this.#retries.keys()) if (!backends.has(key.slice(0, key.indexOf(' ')))) this.#retries.delete(key)
    for (const key of this.#exhausted.keys()) if (!backends.has(key)) this.#exhausted.delete(key)
  }

  families(): readonly MetricFamily[] {
    const tallies = this.#all()
    const perRoute = (value: (tally: RouteCounts) => number): Sample[] =>
      tallies.map((tally) => ({ value: value(tally), labels: { route: tally.route, backend: tally.backend } }))
    return [
      family(
        'counter',
        'genkan_requests_total',
        'Requests finished, by route, backend, status class and cause of failure.',
        tallies.flatMap(outcomeSamples),
      ),
      family(
        'histogram',
        'genkan_request_duration_seconds',
        'From the end of the request head to the last byte of the response.',
        tallies.flatMap(durationSamples),
      ),
      family(
        'counter',
        'genkan_request_body_bytes_total',
        'Request body bytes received from clients.',
        perRoute((tally) => tally.requestBytes),
      ),
      family(
        'counter',
        'genkan_response_body_bytes_total',
        'Response body bytes sent to clients.',
        perRoute((tally) => tally.responseBytes),
      ),
      family(
        'counter',
        'genkan_retries_total',
        'Further attempts at endpoints, by backend and why.',
        [...this.#retries].map(retrySample),
      ),
      family(
        'counter',
        'genkan_retry_budget_exhausted_total',
        'Retries not made because the budget of the backend was spent.',
        [...this.#exhausted].map(([backend, value]) => ({ value, labels: { backend } })),
      ),
      family('gauge', 'genkan_requests_in_flight', 'Requests begun and not finished.', [
        { value: this.#inFlight, labels: {} },
      ]),
      family('gauge', 'genkan_tunnels', 'Upgraded connections (WebSocket) now open.', [
        { value: this.#tunnels, labels: {} },
      ]),
      family('gauge', 'genkan_streams', 'Connections passed on unread (ssl-passthrough) now open.', [
        { value: this.#streams, labels: {} },
      ]),
      family(
        'counter',
        'genkan_streams_total',
        'Connections passed on unread that have ended, by backend and cause of failure.',
        [...this.#endedStreams].map(retrySample),
      ),
      family(
        'counter',
        'genkan_stream_bytes_total',
        'Bytes of connections passed on unread, towards endpoints (sent) and from them (received).',
        [
          { value: this.#streamBytes.sent, labels: { direction: 'sent' } },
          { value: this.#streamBytes.received, labels: { direction: 'received' } },
        ],
      ),
      family('gauge', 'genkan_connections', 'Client connections now open.', perListener(this.#open)),
      family('counter', 'genkan_connections_total', 'Client connections accepted.', perListener(this.#opened)),
      family(
        'counter',
        'genkan_connections_refused_total',
        'Client connections closed at once because of the connection limit.',
        perListener(this.#refused),
      ),
      family(
        'counter',
        'genkan_proxy_protocol_refused_total',
        'Client connections closed for want of a good header of the PROXY protocol.',
        perListener(this.#proxyHeadersRefused),
      ),
      family(
        'counter',
        'genkan_handovers_total',
        'Client connections the fast lane left to the general one, by reason.',
        [...this.#handedOver].map(([reason, value]) => ({ value, labels: { reason } })),
      ),
      family(
        'counter',
        'genkan_access_log_dropped_total',
        'Access log lines dropped because their destination was too slow.',
        [{ value: this.#droppedLogLines, labels: {} }],
      ),
      family('counter', 'genkan_trace_spans_sent_total', 'Spans that the collector has taken.', [
        { value: this.#sentSpans, labels: {} },
      ]),
      family(
        'counter',
        'genkan_trace_spans_dropped_total',
        'Spans dropped because too many waited, or because the collector did not take them.',
        Object.entries(this.#droppedSpans).map(([reason, value]) => ({ value, labels: { reason } })),
      ),
    ]
  }

  #of({ route, routeNumber = 0, backend }: Finished): RouteCounts {
    const place = routeNumber & (quickPlaces - 1)
    const quick = this.#quick[place]
    if (quick !== undefined && quick.route === route && quick.backend === backend) return quick
    let backends = this.#routes.get(route)
    if (backends === undefined) this.#routes.set(route, (backends = new Map()))
    let counts = backends.get(backend)
    if (counts === undefined) backends.set(backend, (counts = new RouteCounts(route, backend, this.#rows.take())))
    this.#quick[place] = counts
    return counts
  }

  #all(): RouteCounts[] {
    return [...this.#routes.values()].flatMap((backends) => [...backends.values()])
  }
}

function outcomeSamples({ route, backend, outcomes }: RouteCounts): Sample[] {
  return outcomes.map(({ status, cause, count }) => ({ value: count, labels: { route, backend, status, cause } }))
}

function bump(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1)
}

/** No id of a backend has a blank in it. */
function retrySample([key, value]: readonly [string, number]): Sample {
  const [backend = '', cause = ''] = key.split(' ')
  return { value, labels: { backend, cause } }
}

function perListener(counts: { readonly http: number; readonly https: number }): Sample[] {
  return [
    { value: counts.http, labels: { listener: 'http' } },
    { value: counts.https, labels: { listener: 'https' } },
  ]
}

function durationSamples({ route, backend, buckets, seconds }: RouteCounts): Sample[] {
  const name = 'genkan_request_duration_seconds'
  let count = 0
  const samples: Sample[] = []
  for (const [index, value] of buckets.entries()) {
    count += value
    samples.push({
      metricName: `${name}_bucket`,
      value: count,
      labels: { le: bounds[index] ?? '+Inf', route, backend },
    })
  }
  samples.push({ metricName: `${name}_sum`, value: seconds, labels: { route, backend } })
  samples.push({ metricName: `${name}_count`, value: count, labels: { route, backend } })
  return samples
}

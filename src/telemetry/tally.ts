/**
 * What a worker counts. Plain numbers kept per route and turned into metric families only when somebody asks, so that
 * a request costs one look-up and a few additions. Labels come from configuration and from closed lists, never from
 * requests: a client cannot make the metrics grow.
 */
import type { MetricFamily, Sample } from './metric.ts'
import { family } from './metric.ts'

/** Facts about one finished exchange. */
export type Finished = {
  /** Id of the route; empty when none matched. */
  readonly route: string
  /** Id of the upstream; empty when none was chosen. */
  readonly backend: string
  /** Status sent to the client; 0 when there was nobody to send it to. */
  readonly status: number
  /** Cause code of the failure; empty for success. */
  readonly cause: string
  readonly durationMs: number
  readonly requestBytes: number
  readonly responseBytes: number
  /** Why each further attempt was made: words of closed lists. */
  readonly retried?: readonly string[]
  /** One more was due, but the retry budget was spent. */
  readonly overBudget?: boolean
}

/** Upper bounds in seconds; from a cache hit's time to a long poll's. */
const bounds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60]

class RouteTally {
  readonly route: string
  readonly backend: string
  /** Keyed by status class and cause: `2xx`, `5xx connect_failed`. */
  readonly outcomes = new Map<string, number>()
  readonly buckets = new Float64Array(bounds.length + 1)
  seconds = 0
  requestBytes = 0
  responseBytes = 0

  constructor(route: string, backend: string) {
    this.route = route
    this.backend = backend
  }
}

export class Tally {
  /** By route, then by backend: both are strings that live on, so that a look-up makes and hashes none. */
  readonly #routes = new Map<string, Map<string, RouteTally>>()
  /** The next exchange is often of the same route. */
  #last: RouteTally | undefined
  readonly #opened = { http: 0, https: 0 }
  readonly #refused = { http: 0, https: 0 }
  readonly #open = { http: 0, https: 0 }
  /** Connections left to the general lane, by reason; a closed list. */
  readonly #handedOver = new Map<string, number>()
  /** By backend and cause. */
  readonly #retries = new Map<string, number>()
  readonly #exhausted = new Map<string, number>()
  #inFlight = 0
  #tunnels = 0
  #droppedLogLines = 0
  #sentSpans = 0
  readonly #droppedSpans = { queue_full: 0, failed: 0 }

  started(): void {
    this.#inFlight++
  }

  finished(facts: Finished): void {
    this.#inFlight--
    const tally = this.#of(facts.route, facts.backend)
    const outcome = outcomeOf(facts.status, facts.cause)
    tally.outcomes.set(outcome, (tally.outcomes.get(outcome) ?? 0) + 1)
    const seconds = facts.durationMs / 1000
    tally.seconds += seconds
    tally.buckets[bucketOf(seconds)]! += 1
    tally.requestBytes += facts.requestBytes
    tally.responseBytes += facts.responseBytes
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

  handedOver(reason: string): void {
    this.#handedOver.set(reason, (this.#handedOver.get(reason) ?? 0) + 1)
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
    this.#last = undefined
    for (const route of this.#routes.keys()) if (route !== '' && !routes.has(route)) this.#routes.delete(route)
    const backends = new Set(this.#all().map(({ backend }) => backend))
    for (const key of this.#retries.keys()) if (!backends.has(key.slice(0, key.indexOf(' ')))) this.#retries.delete(key)
    for (const key of this.#exhausted.keys()) if (!backends.has(key)) this.#exhausted.delete(key)
  }

  families(): readonly MetricFamily[] {
    const tallies = this.#all()
    const perRoute = (value: (tally: RouteTally) => number): Sample[] =>
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

  #of(route: string, backend: string): RouteTally {
    const last = this.#last
    if (last !== undefined && last.route === route && last.backend === backend) return last
    let backends = this.#routes.get(route)
    if (backends === undefined) this.#routes.set(route, (backends = new Map()))
    let tally = backends.get(backend)
    if (tally === undefined) backends.set(backend, (tally = new RouteTally(route, backend)))
    this.#last = tally
    return tally
  }

  #all(): RouteTally[] {
    return [...this.#routes.values()].flatMap((backends) => [...backends.values()])
  }
}

const classes = ['none', '1xx', '2xx', '3xx', '4xx', '5xx']

function outcomeOf(status: number, cause: string): string {
  const statusClass = classes[Math.floor(status / 100)] ?? 'none'
  return cause === '' ? statusClass : `${statusClass} ${cause}`
}

function bucketOf(seconds: number): number {
  let bucket = 0
  while (bucket < bounds.length && seconds > bounds[bucket]!) bucket++
  return bucket
}

function outcomeSamples({ route, backend, outcomes }: RouteTally): Sample[] {
  return [...outcomes].map(([outcome, value]) => {
    const [status = '', cause = ''] = outcome.split(' ')
    return { value, labels: { route, backend, status, cause } }
  })
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

function durationSamples({ route, backend, buckets, seconds }: RouteTally): Sample[] {
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

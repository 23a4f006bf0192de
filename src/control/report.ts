/**
 * What the main thread knows, as metric families: configuration, certificates, endpoints and their health, DNS, workers.
 */
import type { HealthCounts } from '#health/gated-upstream.ts'
import { endpointState, endpointStates } from '#snapshot/endpoint-state.ts'
import type { OwnFamily, Sample } from '#telemetry/metric.ts'
import type { EndpointUse } from '#worker/message.ts'
import type { Tallies, WorkerPool } from '#worker/pool.ts'
import type { BackendFigures } from './backend.ts'
import type { StapleCounts } from './stapler.ts'
import type { Turn } from './loop.ts'

export type Known = {
  readonly turn: Turn | undefined
  readonly backends: readonly BackendFigures[]
  readonly uses: readonly EndpointUse[]
  readonly delays: Tallies['delays']
  readonly pool: WorkerPool
  readonly staples: StapleCounts | undefined
}

export function controlFamilies({ turn, backends, uses, delays, pool, staples }: Known): readonly OwnFamily[] {
  return [
    ...configFamilies(turn),
    ...endpointFamilies(backends),
    ...healthFamilies(backends),
    ...useFamilies(uses),
    ...dnsFamilies(backends),
    ...workerFamilies(pool, delays),
    ...stapleFamilies(staples),
  ]
}

function configFamilies(turn: Turn | undefined): OwnFamily[] {
  const severities = ['error', 'warning', 'info'] as const
  const states = ['live', 'stale', 'rejected', 'ignored'] as const
  const problems = severities.map((severity) =>
    one(
      count(turn?.problems ?? [], (each) => each.severity === severity),
      { severity },
    ),
  )
  const documents = states.map((state) =>
    one(
      count(turn?.documents ?? [], (each) => each.state === state),
      { state },
    ),
  )
  const certificates = (turn?.snapshot.certificates ?? []).map((each) =>
    one(each.notAfter / 1000, { certificate: each.id }),
  )
  return [
    family('gauge', 'genkan_config_generation', 'Generation of the newest snapshot.', [
      one(turn?.snapshot.generation ?? 0),
    ]),
    family('gauge', 'genkan_config_routes', 'Routes in the newest snapshot.', [one(turn?.snapshot.routes.length ?? 0)]),
    family('gauge', 'genkan_config_problems', 'Problems in the folder now.', problems),
    family('gauge', 'genkan_config_documents', 'YAML documents by what became of them.', documents),
    family('gauge', 'genkan_config_last_success_timestamp_seconds', 'When a change was last applied.', [
      one((turn?.finishedAt ?? 0) / 1000),
    ]),
    family('gauge', 'genkan_certificate_expiry_timestamp_seconds', 'When a certificate in use expires.', certificates),
  ]
}

function endpointFamilies(backends: readonly BackendFigures[]): OwnFamily[] {
  return [
    family('gauge', 'genkan_endpoints', 'Endpoints of a backend by state.', endpointSamples(backends)),
    family(
      'gauge',
      'genkan_discovery_state',
      'How a backend is found now: 1 for the current state and mode.',
      perItem(backends, ({ upstream: backend, state, mode = 'none' }) => one(1, { backend, state, mode })),
    ),
  ]
}

function* endpointSamples(backends: readonly BackendFigures[]): Generator<Sample, void> {
  for (const { upstream: backend, endpoints } of backends)
    for (const state of endpointStates)
      yield one(
        count(endpoints, (each) => endpointState(each) === state),
        { backend, state },
      )
}

function healthFamilies(backends: readonly BackendFigures[]): OwnFamily[] {
  const counted = backends.flatMap(({ health }) => health ?? [])
  return [
    family(
      'counter',
      'genkan_endpoint_probes_total',
      'Readiness probes of endpoints, by result.',
      probeSamples(counted),
    ),
    family(
      'counter',
      'genkan_endpoint_ejections_total',
      'Endpoints left out for a while because they failed in a row.',
      perItem(counted, ({ upstream: backend, ejections }) => one(ejections, { backend })),
    ),
  ]
}

function* probeSamples(counted: readonly HealthCounts[]): Generator<Sample, void> {
  for (const { upstream: backend, probes } of counted) {
    yield one(probes.succeeded, { backend, result: 'success' })
    yield one(probes.failed, { backend, result: 'failure' })
  }
}

/** Several workers may use one endpoint. */
function useFamilies(uses: readonly EndpointUse[]): OwnFamily[] {
  const known = [...Map.groupBy(uses, ({ upstream, endpoint }) => `${upstream} ${endpoint}`).values()]
  const per = (value: (group: readonly EndpointUse[]) => number): Sample[] =>
    known.map((group) => one(value(group), { backend: group[0]!.upstream, endpoint: group[0]!.endpoint }))
  return [
    family(
      'gauge',
      'genkan_endpoint_requests_in_flight',
      'Requests an endpoint is busy with.',
      per((group) => group.reduce((sum, each) => sum + each.inFlight, 0)),
    ),
    family(
      'gauge',
      'genkan_endpoint_last_used_timestamp_seconds',
      'When an endpoint was last sent a request.',
      per((group) => Math.max(...group.map((each) => each.lastUsedAt)) / 1000),
    ),
  ]
}

function dnsFamilies(backends: readonly BackendFigures[]): OwnFamily[] {
  // Several backends can follow one name: it is one name all the same.
  const names = new Map(backends.flatMap(({ dns }) => dns).map((each) => [`${each.type} ${each.name}`, each]))
  const perName = (value: (each: BackendFigures['dns'][number]) => number): Sample[] =>
    [...names.values()].map((each) => one(value(each), { name: each.name, type: each.type }))
  return [
    family(
      'gauge',
      'genkan_dns_consecutive_failures',
      'Failed look-ups since the last good answer.',
      perName((each) => each.consecutiveFailures),
    ),
    family(
      'gauge',
      'genkan_dns_ttl_seconds',
      'TTL of the last answer.',
      perName((each) => each.ttlSeconds),
    ),
    family(
      'gauge',
      'genkan_dns_last_answer_timestamp_seconds',
      'When the last good answer came.',
      perName((each) => each.answeredAt / 1000),
    ),
  ]
}

function stapleFamilies(counts: StapleCounts | undefined): OwnFamily[] {
  if (counts === undefined) return []
  return [
    family('gauge', 'genkan_ocsp_certificates', 'Certificates whose responders are asked.', [one(counts.asked)]),
    family('gauge', 'genkan_ocsp_stapled', 'Certificates with an answer that is stapled.', [one(counts.stapled)]),
    family('counter', 'genkan_ocsp_failures_total', 'Questions to responders that gave nothing to be stapled.', [
      one(counts.failures),
    ]),
  ]
}

function workerFamilies(pool: WorkerPool, delays: Tallies['delays']): OwnFamily[] {
  const states = Object.entries(pool.states()).map(([state, value]) => one(value, { state }))
  const late = delays.flatMap(({ worker, delay }) => [
    one(delay.p50 / 1000, { worker: String(worker), quantile: '0.5' }),
    one(delay.p99 / 1000, { worker: String(worker), quantile: '0.99' }),
    one(delay.max / 1000, { worker: String(worker), quantile: '1' }),
  ])
  return [
    family('gauge', 'genkan_workers', 'Workers by state.', states),
    family('gauge', 'genkan_workers_generation', 'Generation that every worker that serves has applied.', [
      one(pool.generation()),
    ]),
    family('counter', 'genkan_worker_restarts_total', 'Workers that died; each is replaced.', [one(pool.restarts())]),
    family(
      'gauge',
      'genkan_worker_loop_delay_seconds',
      "How late a worker's event loop was since the last scrape.",
      late,
    ),
    family(
      'gauge',
      'genkan_worker_longest_slice_seconds',
      'Most CPU time at a stretch that a change took from requests since the last scrape.',
      delays.map(({ worker, delay }) => one(delay.longestSlice / 1000, { worker: String(worker) })),
    ),
  ]
}

function family(type: OwnFamily['type'], name: string, help: string, values: Iterable<Sample>): OwnFamily {
  return { name, help, type, values }
}

/** One sample for each, made when it is asked for. */
function* perItem<T>(items: readonly T[], sample: (item: T) => Sample): Generator<Sample, void> {
  for (const item of items) yield sample(item)
}

function one(value: number, labels: Record<string, string> = {}): Sample {
  return { value, labels }
}

function count<T>(items: readonly T[], test: (item: T) => boolean): number {
  return items.reduce((sum, item) => sum + (test(item) ? 1 : 0), 0)
}

/**
 * What the main thread knows, as metric families: configuration, certificates, endpoints, DNS, workers.
 */
import type { DiscoveryReport } from '#discovery/discovery.ts'
import type { EndpointSpec } from '#snapshot/snapshot.ts'
import type { MetricFamily, Sample } from '#telemetry/metric.ts'
import { family } from '#telemetry/metric.ts'
import type { WorkerPool } from '#worker/pool.ts'
import type { Turn } from './loop.ts'

export function controlFamilies(turn: Turn | undefined, reports: readonly DiscoveryReport[], pool: WorkerPool): readonly MetricFamily[] {
  return [...configFamilies(turn), ...endpointFamilies(reports), ...dnsFamilies(reports), ...workerFamilies(pool)]
}

function configFamilies(turn: Turn | undefined): MetricFamily[] {
  const severities = ['error', 'warning', 'info'] as const
  const states = ['live', 'stale', 'rejected', 'ignored'] as const
  const problems = severities.map((severity) => one(count(turn?.problems ?? [], (each) => each.severity === severity), { severity }))
  const documents = states.map((state) => one(count(turn?.documents ?? [], (each) => each.state === state), { state }))
  const certificates = (turn?.snapshot.certificates ?? []).map((each) => one(each.notAfter / 1000, { certificate: each.id }))
  return [
    family('gauge', 'genkan_config_generation', 'Generation of the newest snapshot.', [one(turn?.snapshot.generation ?? 0)]),
    family('gauge', 'genkan_config_routes', 'Routes in the newest snapshot.', [one(turn?.snapshot.routes.length ?? 0)]),
    family('gauge', 'genkan_config_problems', 'Problems in the folder now.', problems),
    family('gauge', 'genkan_config_documents', 'YAML documents by what became of them.', documents),
    family('gauge', 'genkan_config_last_success_timestamp_seconds', 'When a change was last applied.', [one((turn?.finishedAt ?? 0) / 1000)]),
    family('gauge', 'genkan_certificate_expiry_timestamp_seconds', 'When a certificate in use expires.', certificates),
  ]
}

function endpointFamilies(reports: readonly DiscoveryReport[]): MetricFamily[] {
  const endpoints = reports.flatMap((report) =>
    (['ready', 'draining', 'unready'] as const).map((state) => one(count(report.endpoints, (each) => stateOf(each) === state), { backend: report.upstream, state })),
  )
  const states = reports.map((report) => one(1, { backend: report.upstream, state: report.state, mode: report.mode ?? 'none' }))
  return [
    family('gauge', 'genkan_endpoints', 'Endpoints of a backend by state.', endpoints),
    family('gauge', 'genkan_discovery_state', 'How a backend is found now: 1 for the current state and mode.', states),
  ]
}

function dnsFamilies(reports: readonly DiscoveryReport[]): MetricFamily[] {
  // Several backends can follow one name: it is one name all the same.
  const names = new Map(reports.flatMap((report) => report.dns).map((each) => [`${each.type} ${each.name}`, each]))
  const perName = (value: (each: DiscoveryReport['dns'][number]) => number): Sample[] =>
    [...names.values()].map((each) => one(value(each), { name: each.name, type: each.type }))
  return [
    family('gauge', 'genkan_dns_consecutive_failures', 'Failed look-ups since the last good answer.', perName((each) => each.consecutiveFailures)),
    family('gauge', 'genkan_dns_ttl_seconds', 'TTL of the last answer.', perName((each) => each.ttlSeconds)),
    family('gauge', 'genkan_dns_last_answer_timestamp_seconds', 'When the last good answer came.', perName((each) => each.answeredAt / 1000)),
  ]
}

function workerFamilies(pool: WorkerPool): MetricFamily[] {
  return [
    family('gauge', 'genkan_workers_generation', 'Generation that every worker has applied.', [one(pool.generation())]),
    family('counter', 'genkan_worker_restarts_total', 'Workers that died and were replaced.', [one(pool.restarts())]),
  ]
}

export function stateOf(endpoint: EndpointSpec): 'ready' | 'draining' | 'unready' {
  if (endpoint.ready && !endpoint.terminating) return 'ready'
  return endpoint.serving && endpoint.terminating ? 'draining' : 'unready'
}

function one(value: number, labels: Record<string, string> = {}): Sample {
  return { value, labels }
}

function count<T>(items: readonly T[], test: (item: T) => boolean): number {
  return items.reduce((sum, item) => sum + (test(item) ? 1 : 0), 0)
}

/**
 * Everything the main thread knows of one backend: how discovery found its endpoints, and what health makes of them.
 */
import type { Discovery, DiscoveryReport } from '#discovery/discovery.ts'
import type { HealthGate } from '#health/gate.ts'
import type { HealthCounts, HealthReport } from '#health/gated-upstream.ts'

/** The endpoints are those that workers have, each with a sentence why it is (not) ready. */
export type BackendReport = DiscoveryReport & {
  /** `undefined` for a moment, while a backend is new. */
  readonly health: HealthReport | undefined
}

/** What metrics need of one backend, and no more: there may be ten thousand, every few seconds. */
export type BackendFigures = Pick<DiscoveryReport, 'upstream' | 'state' | 'mode' | 'dns' | 'endpoints'> & {
  readonly health: HealthCounts | undefined
}

export function backendFigures(discovery: Discovery, health: HealthGate): readonly BackendFigures[] {
  return discovery.reports().map(({ upstream, state, mode, dns, endpoints }) => {
    const gated = health.setOf(upstream)?.endpoints ?? endpoints
    return { upstream, state, mode, dns, endpoints: gated, health: health.counts(upstream) }
  })
}

export function backendReports(discovery: Discovery, health: HealthGate): readonly BackendReport[] {
  const sets = new Map(health.described().map((set) => [set.upstream, set]))
  const reports = new Map(health.reports().map((report) => [report.upstream, report]))
  return discovery
    .reports()
    .map((report) => ({
      ...report,
      endpoints: sets.get(report.upstream)?.endpoints ?? report.endpoints,
      health: reports.get(report.upstream),
    }))
}

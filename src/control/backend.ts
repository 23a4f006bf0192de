/**
 * Everything the main thread knows of one backend: how discovery found its endpoints, and what health makes of them.
 */
import type { Discovery, DiscoveryReport } from '#discovery/discovery.ts'
import type { HealthGate } from '#health/gate.ts'
import type { HealthReport } from '#health/gated-upstream.ts'

/** The endpoints are those that workers have, each with a sentence why it is (not) ready. */
export type BackendReport = DiscoveryReport & {
  /** `undefined` for a moment, while a backend is new. */
  readonly health: HealthReport | undefined
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

/**
 * What the JSON API says: plain data made from the last turn of the control loop and what is known of backends. The
 * shapes are public (docs/admin.md): add fields, never rename them.
 */
import type { EndpointReport } from '#health/gated-upstream.ts'
import { endpointState } from '#snapshot/endpoint-state.ts'
import { shownPolicy } from '#snapshot/print.ts'
import type { EndpointSpec, RouteSpec } from '#snapshot/snapshot.ts'
import type { EndpointUse } from '#worker/message.ts'
import type { WorkerPool } from '#worker/pool.ts'
import type { BackendReport } from './backend.ts'
import type { Turn } from './loop.ts'

/** The one-glance page: is it up, is it current, is anything wrong. */
export function overviewView(turn: Turn | undefined, reports: readonly BackendReport[], pool: WorkerPool): unknown {
  const problems = turn?.problems ?? []
  return {
    generation: turn?.snapshot.generation ?? 0,
    appliedGeneration: pool.generation(),
    lastChange: turn === undefined ? undefined : new Date(turn.finishedAt).toISOString(),
    routes: turn?.snapshot.routes.length ?? 0,
    backends: reports.length,
    backendsWithoutEndpoints: reports.filter(
      (report) => !report.endpoints.some((each) => endpointState(each) === 'ready'),
    ).length,
    certificates: turn?.snapshot.certificates.length ?? 0,
    errors: problems.filter((each) => each.severity === 'error').length,
    warnings: problems.filter((each) => each.severity === 'warning').length,
    workers: pool.states(),
    workerRestarts: pool.restarts(),
    uptimeSeconds: Math.round(process.uptime()),
  }
}

export function routesView(turn: Turn | undefined): unknown {
  const snapshot = turn?.snapshot
  return {
    generation: snapshot?.generation ?? 0,
    routes: (snapshot?.routes ?? []).map(routeView),
    /** Of requests that none of them takes. */
    unmatched: snapshot?.unmatched && routeView(snapshot.unmatched),
    shadowed: turn?.compiled.shadowed ?? [],
    objects: turn?.compiled.statuses ?? [],
  }
}

function routeView(route: RouteSpec): unknown {
  return {
    id: route.id,
    host: route.host === '' ? '*' : route.host,
    path: route.path.value,
    pathType: route.path.kind,
    backend: route.upstream,
    policies: route.policies.map(shownPolicy),
    timeouts: route.timeouts,
    maxBodyBytes: route.maxBodyBytes,
    writtenIn: { object: route.origin.object, file: route.origin.file, line: route.origin.line },
  }
}

export function backendsView(reports: readonly BackendReport[], uses: readonly EndpointUse[]): unknown {
  const used = Map.groupBy(uses, ({ upstream, endpoint }) => `${upstream} ${endpoint}`)
  return {
    backends: reports.map((report) => ({
      id: report.upstream,
      state: report.state,
      mode: report.mode,
      trail: report.trail,
      endpoints: report.endpoints.map((endpoint) =>
        endpointView(
          endpoint,
          report.health?.endpoints.get(endpoint.id),
          used.get(`${report.upstream} ${endpoint.id}`) ?? [],
        ),
      ),
      ejections: report.health?.ejections ?? 0,
      probes: report.health?.probes,
      dns: report.dns,
    })),
  }
}

function endpointView(
  { health, ...endpoint }: EndpointSpec,
  report: EndpointReport | undefined,
  uses: readonly EndpointUse[],
): unknown {
  const { probe, outlier } = report ?? {}
  return {
    ...endpoint,
    state: endpointState({ ...endpoint, ...(health && { health }) }),
    because: health?.says,
    probe: probe && { ...probe, lastAt: timeOf(probe.lastAt) },
    consecutiveFailures: outlier?.consecutiveFailures ?? 0,
    ejections: outlier?.ejections ?? 0,
    ejectedUntil: timeOf(health?.ejectedUntil),
    readySince: timeOf(health?.readySince),
    inFlight: uses.reduce((sum, each) => sum + each.inFlight, 0),
    lastUsed: timeOf(Math.max(0, ...uses.map((each) => each.lastUsedAt))),
  }
}

/** Milliseconds since the epoch; 0 is never. */
function timeOf(ms: number | undefined): string | undefined {
  return ms === undefined || ms === 0 ? undefined : new Date(ms).toISOString()
}

export function problemsView(turn: Turn | undefined): unknown {
  return {
    generation: turn?.snapshot.generation ?? 0,
    lastSuccess: turn === undefined ? undefined : new Date(turn.finishedAt).toISOString(),
    problems: turn?.problems ?? [],
    documents: turn?.documents ?? [],
  }
}

/** Certificates without their keys. */
export function certificatesView(turn: Turn | undefined): unknown {
  const snapshot = turn?.snapshot
  return {
    certificates: (snapshot?.certificates ?? []).map((each) => ({
      id: each.id,
      names: each.names,
      notAfter: new Date(each.notAfter).toISOString(),
      hosts: snapshot?.tlsHosts.filter((host) => host.certificate === each.id).map((host) => host.host) ?? [],
    })),
  }
}

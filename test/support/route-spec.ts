/**
 * Routes for tests that care about hosts and paths only.
 */
import type { PathMatch, RouteSpec } from '#snapshot/snapshot.ts'

export function routeSpec(
  host: string,
  kind: PathMatch['kind'],
  value: string,
  changes: Partial<RouteSpec> = {},
): RouteSpec {
  return {
    id: `default/web ${host} ${kind} ${value}`,
    host,
    path: { kind, value },
    origin: { object: 'Ingress default/web', namespace: 'default', name: 'web', file: 'web.yaml', line: 1 },
    upstream: 'default/web:80',
    policies: [],
    timeouts: { connectMs: 5_000, sendMs: 60_000, readMs: 60_000 },
    maxBodyBytes: 1_048_576,
    ...changes,
  }
}

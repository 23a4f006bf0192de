/**
 * The process's default backend (`--default-backend-service`): it gets the requests that no rule takes, and the errors
 * that `custom-http-errors` names where the Ingress has no `default-backend` of its own.
 */
import { inOrder } from '#policy/registry.ts'
import type { Problem } from '#resource/problem.ts'
import type { ResourceSet } from '#resource/resource-set.ts'
import type { RouteSpec } from '#snapshot/snapshot.ts'
import { admission, globalPolicies } from './route-policies.ts'
import type { Surroundings } from './route-spec.ts'
import type { UpstreamList } from './upstream-list.ts'

/** `port`: `undefined` for the Service's first. */
export type DefaultBackend = { readonly namespace: string; readonly name: string; readonly port: number | undefined }

type World = { readonly upstreams: UpstreamList; readonly resources: ResourceSet; readonly problems: Problem[] }

/** Id of its upstream; `undefined` when there is none, which is reported. */
export function placeDefaultBackend(
  wish: DefaultBackend | undefined,
  { upstreams, resources, problems }: World,
): string | undefined {
  if (wish === undefined) return undefined
  const { namespace, name } = wish
  const known = resources.get('Service', namespace, name)
  const port = wish.port ?? upstreams.firstPort(namespace, name)
  if (port === undefined) {
    problems.push(unknownPort(`no file describes the Service ${namespace}/${name}, so nobody knows its first port`))
    return undefined
  }
  const ports = known?.spec.ports.filter(({ protocol }) => protocol === 'TCP') ?? []
  if (ports.length > 0 && !ports.some((each) => each.port === port)) {
    problems.push(unknownPort(`Service ${namespace}/${name} has no port ${port}`))
    return undefined
  }
  return upstreams.want({ namespace, name, port })
}

/** The route of requests that no rule takes. */
export function unmatchedRoute(upstream: string, { globals, upstreams, networkPolicies }: Surroundings): RouteSpec {
  // Whoever asked for it had it settled.
  const { spec } = upstreams.get(upstream)!
  const { namespace, service } = spec
  const { timeouts, maxBodyBytes, retry } = globals.settings
  return {
    id: `default backend ${upstream}`,
    host: '',
    path: { kind: 'prefix', value: '/' },
    origin: { object: `Service ${namespace}/${service}`, namespace, name: service, ...commandLine },
    // What closes every rule closes what no rule takes.
    upstream: globals.closed === undefined ? upstream : undefined,
    policies: inOrder([
      ...globalPolicies(globals),
      ...globals.shaping.headers.policies,
      ...admission(spec, networkPolicies),
    ]),
    timeouts,
    maxBodyBytes,
    ...(retry === undefined ? {} : { retry }),
  }
}

const commandLine = { file: '(command line)', line: 1 } as const

function unknownPort(message: string): Problem {
  return {
    ...commandLine,
    column: 1,
    severity: 'warning',
    code: 'default-backend-unknown',
    object: undefined,
    path: '',
    message,
    instead: 'there is no default backend; --default-backend-service takes NAMESPACE/NAME:PORT, too',
  }
}

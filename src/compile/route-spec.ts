/**
 * A claim that won → the route that serves it: its policies in the order they run, its bounds, its upstream.
 */
import { hsts } from '#policy/hsts.ts'
import { httpsRedirect } from '#policy/https-redirect.ts'
import { objectName } from '#resource/resource.ts'
import type { PathMatch, PolicySpec, RouteOrigin, RouteSpec } from '#snapshot/snapshot.ts'
import type { Claim } from './claim.ts'
import type { Globals } from './ingress-nginx/config-map.ts'
import type { Plan } from './plan.ts'
import type { Resolved, UpstreamList } from './upstream-list.ts'

export type Surroundings = {
  readonly globals: Globals
  /** Hosts that some `spec.tls` names. */
  readonly tlsHosts: ReadonlySet<string>
  readonly upstreams: UpstreamList
}

export type Routing = {
  readonly route: RouteSpec
  /** Why it answers 503 for as long as it is like this; `undefined` when it has an upstream. */
  readonly unreachable: string | undefined
}

export function routeOf(claim: Claim, plan: Plan, surroundings: Surroundings): Routing {
  const { settings } = plan
  const resolved = resolve(claim, plan, surroundings.upstreams)
  const route: RouteSpec = {
    id: routeId(claim),
    host: claim.host,
    path: claim.path,
    origin: originOf(claim),
    upstream: resolved.kind === 'upstream' ? resolved.id : undefined,
    policies: policiesOf(claim, plan, surroundings),
    timeouts: settings.timeouts,
    maxBodyBytes: settings.maxBodyBytes,
  }
  return { route, unreachable: resolved.kind === 'upstream' ? undefined : resolved.reason }
}

/** `default/web shop.test Prefix /cart`; `*` stands for every host. */
export function routeId({ ingress, host, path }: Claim): string {
  const { namespace, name } = ingress.metadata
  return `${namespace}/${name} ${host === '' ? '*' : host} ${kindNames[path.kind]} ${path.value}`
}

export function originOf({ ingress, at }: Pick<Claim, 'ingress' | 'at'>): RouteOrigin {
  const { namespace, name } = ingress.metadata
  const { file, line } = ingress.origin.locate(at)
  return { object: objectName(ingress), namespace, name, file, line }
}

const kindNames = { exact: 'Exact', prefix: 'Prefix', regex: 'Regex' } as const satisfies Record<PathMatch['kind'], string>

function resolve({ ingress, at, backend, standing }: Claim, { closed }: Plan, upstreams: UpstreamList): Resolved {
  // Resolved even when closed, so that every mistake in a backend is reported at once.
  const resolved = backend && upstreams.resolve(ingress, backend, standing === 'fallback' ? at : [...at, 'backend'])
  if (closed !== undefined) return { kind: 'unreachable', reason: closed }
  return resolved ?? { kind: 'unreachable', reason: 'regular expressions in paths are not honoured yet' }
}

function policiesOf({ host, path }: Claim, { settings }: Plan, { globals, tlsHosts }: Surroundings): readonly PolicySpec[] {
  const policies: PolicySpec[] = []
  const encrypted = hasTls(host, tlsHosts)
  const exempt = globals.noRedirectPaths.some((prefix) => path.value.startsWith(prefix))
  if (!exempt && (settings.forceSslRedirect || (settings.sslRedirect && encrypted))) {
    policies.push(httpsRedirect.spec({ status: globals.redirectCode }))
  }
  if (encrypted && globals.hsts !== undefined) policies.push(hsts.spec(globals.hsts))
  return policies
}

/** Named itself or through a wildcard of one label. */
function hasTls(host: string, tlsHosts: ReadonlySet<string>): boolean {
  const dot = host.indexOf('.')
  return tlsHosts.has(host) || (dot > 0 && tlsHosts.has(`*${host.slice(dot)}`))
}

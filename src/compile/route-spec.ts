/**
 * A claim that won → the route that serves it: its policies in the order they run, its bounds, its upstream.
 */
import { hsts } from '#policy/hsts.ts'
import { httpsRedirect } from '#policy/https-redirect.ts'
import { inOrder } from '#policy/registry.ts'
import type { AffinityCookieSpec, PolicySpec, RouteSpec } from '#snapshot/snapshot.ts'
import type { Attachment } from './canary.ts'
import type { ClientAuths } from './client-auth.ts'
import type { Claim } from './claim.ts'
import { guardPolicies } from './guards.ts'
import type { HostRefusals } from './host-refusals.ts'
import type { Ingress } from '#resource/resource.ts'
import type { Globals } from './ingress-nginx/config-map.ts'
import { paceSpec } from './ingress-nginx/pace.ts'
import { rewritePolicies } from './ingress-nginx/rewriting.ts'
import type { Shaping } from './ingress-nginx/shaping.ts'
import { routeTracing } from './ingress-nginx/tracing.ts'
import type { CompileMemo } from './memo.ts'
import type { NetworkPolicies } from './network-policy.ts'
import type { Plan } from './plan.ts'
import { admission, globalPolicies } from './route-policies.ts'
import type { Resolved } from './upstream-list.ts'
import { printPort } from './upstream-list.ts'
import type { Settled } from './upstream-spec.ts'

/** Whatever a route takes from here has its place in the comparison of `routeOf`. */
export type Surroundings = {
  readonly globals: Globals
  /** Hosts that some `spec.tls` names. */
  readonly tlsHosts: ReadonlySet<string>
  readonly upstreams: ReadonlyMap<string, Settled>
  readonly networkPolicies: NetworkPolicies
  readonly clientAuths: ClientAuths
  readonly hostRefusals: HostRefusals
  readonly memo: CompileMemo
}

/** A claim that won, and where it leads as far as its own Ingress decides. */
export type Placement = {
  readonly claim: Claim
  readonly plan: Plan
  readonly resolved: Resolved
  readonly canary: Attachment | undefined
  /** Its guards cannot be kept, so it answers 503 to everybody, before any of them. */
  readonly isClosed: boolean
  /** The authentication service, when its URL names a Service. */
  readonly auth: string | undefined
  /** The upstream that answers for errors. */
  readonly errors: string | undefined
}

export type Routing = {
  readonly route: RouteSpec
  /** Whose rule it is. */
  readonly owner: Ingress
  /** Who takes a part of its requests. */
  readonly canary: Ingress | undefined
  /** Why it answers 503 for as long as it is like this; `undefined` when it has an upstream. */
  readonly unreachable: string | undefined
}

/** Again as it was, when all that has a say in it is the same. */
export function routeOf(placement: Placement, surroundings: Surroundings): Routing {
  const { claim, plan, resolved, canary, isClosed, auth, errors } = placement
  const { globals, tlsHosts, upstreams, networkPolicies, clientAuths, hostRefusals, memo } = surroundings
  const settled = resolved.kind === 'upstream' ? upstreams.get(resolved.id) : undefined
  const settledErrors = errors === undefined ? undefined : upstreams.get(errors)
  const asked = [settled, settledErrors].filter((each) => each !== undefined)
  const varies = canary !== undefined || asked.some(({ spec }) => networkPolicies.concern(spec.namespace))
  if (varies) return routingOf(placement, surroundings)
  const given = [
    globals,
    plan,
    settled ?? (resolved.kind === 'unreachable' ? resolved.reason : undefined),
    isClosed,
    auth,
    settledErrors,
    hasTls(claim.host, tlsHosts),
    clientAuths.wishOf(claim.host),
    hostRefusals(claim),
  ]
  return memo.routes.find(claim, given) ?? memo.routes.keep(claim, given, routingOf(placement, surroundings))
}

function routingOf(
  { claim, plan, resolved, canary, isClosed, auth, errors }: Placement,
  surroundings: Surroundings,
): Routing {
  const { settings, shaping, timeouts } = plan
  const pace = paceSpec(plan.pace)
  const settled = resolved.kind === 'upstream' ? surroundings.upstreams.get(resolved.id) : undefined
  const unreachable = resolved.kind === 'unreachable' ? resolved.reason : settled?.denied.get(plan.ingress)
  const policies = policiesOf(claim, plan, surroundings)
  const base: RouteSpec = {
    id: claim.id,
    host: claim.host,
    path: claim.path,
    origin: claim.origin,
    upstream: undefined,
    policies: inOrder([
      ...policies,
      ...(isClosed ? [] : surroundings.clientAuths.policies(claim, { redirects: policies.some(isHttpsRedirect) })),
      ...(isClosed ? [] : guardPolicies(plan.guards, { id: claim.id, path: claim.path, timeouts, authUpstream: auth })),
    ]),
    timeouts,
    maxBodyBytes: settings.maxBodyBytes,
    ...(pace === undefined ? {} : { pace }),
    ...(shaping.logged ? {} : { logged: false }),
    ...tracingOf(claim, plan),
    ...(settings.retry === undefined ? {} : { retry: settings.retry }),
    ...errorsOf({ claim, plan, errors }, surroundings),
  }
  const owner = claim.ingress
  if (claim.answer !== undefined) return { route: base, owner, canary: undefined, unreachable: undefined }
  if (settled === undefined || unreachable !== undefined)
    return { route: base, owner, canary: undefined, unreachable: unreachable ?? 'its backend is unknown' }
  const route: RouteSpec = {
    ...base,
    upstream: settled.spec.id,
    ...canaryOf(canary, surroundings),
    ...cookieOf(claim, plan, settled),
  }
  return {
    route: { ...route, policies: inOrder([...route.policies, ...networkPoliciesOf(route, surroundings)]) },
    owner,
    canary: route.canary && canary?.claim.ingress,
    unreachable: undefined,
  }
}

function tracingOf({ ingress, backend, path }: Claim, { shaping }: Plan): Pick<RouteSpec, 'tracing'> {
  if (shaping.tracing === undefined) return {}
  const { namespace, name } = ingress.metadata
  const constants = new Map([
    ['namespace', namespace],
    ['ingress_name', name],
    ['service_name', backend?.kind === 'service' ? backend.name : ''],
    ['location_path', path.value],
  ] as const)
  return { tracing: routeTracing(shaping.tracing, constants) }
}

function isHttpsRedirect({ kind }: PolicySpec): boolean {
  return kind === httpsRedirect.kind
}

/** Whoever may not reach the canary may not reach the route: nobody knows beforehand where a request will go. */
function networkPoliciesOf(
  { upstream, canary }: RouteSpec,
  { upstreams, networkPolicies }: Surroundings,
): readonly PolicySpec[] {
  return [upstream, canary?.upstream].flatMap((id) => {
    const target = id === undefined ? undefined : upstreams.get(id)?.spec
    return target === undefined ? [] : admission(target, networkPolicies)
  })
}

function errorsOf(
  { claim, plan, errors }: Pick<Placement, 'claim' | 'plan' | 'errors'>,
  { upstreams, networkPolicies }: Surroundings,
): Pick<RouteSpec, 'errors'> {
  const settled = errors === undefined ? undefined : upstreams.get(errors)
  if (settled === undefined || settled.denied.has(plan.ingress)) return {}
  const { service: own, statuses, passEndpoints } = plan.shaping.errors
  const policies = admission(settled.spec, networkPolicies)
  const { namespace, name } = plan.ingress.metadata
  const { backend } = claim
  const [service, port] = backend?.kind === 'service' ? [backend.name, printPort(backend.port)] : ['', '']
  return {
    errors: {
      upstream: settled.spec.id,
      statuses,
      passEndpoints,
      // Only a default backend of its own stands in for a route's backend.
      whenEmpty: own !== undefined,
      ...(policies.length === 0 ? {} : { policies }),
      namespace,
      ingress: name,
      service,
      port,
    },
  }
}

/** A canary whose own upstream may not be reached takes nothing. */
function canaryOf(attachment: Attachment | undefined, { upstreams }: Surroundings): Pick<RouteSpec, 'canary'> {
  if (attachment === undefined) return {}
  const { claim, rules, upstream, affinity } = attachment
  const denied = upstreams.get(upstream)?.denied.has(claim.ingress) ?? true
  return denied ? {} : { canary: { upstream, origin: claim.origin, ...rules, affinity } }
}

/** Its name is the one that the upstream looks for, even if another Ingress chose it. */
function cookieOf({ path }: Claim, { cookie }: Plan, { spec }: Settled): Pick<RouteSpec, 'affinityCookie'> {
  if (cookie === undefined || spec.affinity?.kind !== 'cookie') return {}
  const affinityCookie: AffinityCookieSpec = {
    name: spec.affinity.cookieName,
    ...cookie,
    path: cookie.path ?? (path.kind === 'regex' ? '/' : path.value),
  }
  return { affinityCookie }
}

function policiesOf(
  claim: Claim,
  { settings, shaping, portInRedirects }: Plan,
  { globals, tlsHosts, hostRefusals }: Surroundings,
): readonly PolicySpec[] {
  const { host, path } = claim
  const policies = claim.answer === undefined ? shapingOf(claim, shaping) : [claim.answer]
  const encrypted = hasTls(host, tlsHosts)
  const exempt = globals.noRedirectPaths.some((prefix) => path.value.startsWith(prefix))
  if (!exempt && (settings.forceSslRedirect || (settings.sslRedirect && encrypted))) {
    const named = portInRedirects ? ({ namesPort: true } as const) : {}
    policies.push(httpsRedirect.spec({ status: globals.redirectCode, ...named }))
  }
  if (encrypted && globals.hsts !== undefined) policies.push(hsts.spec(globals.hsts))
  policies.push(...(hostRefusals(claim) ?? []), ...globalPolicies(globals))
  return inOrder(policies)
}

function shapingOf({ path, written, standing }: Claim, { policies, redirects, rewriting }: Shaping): PolicySpec[] {
  const root = redirects.appRoot === undefined || path.value !== '/' ? [] : [redirects.appRoot]
  // A default backend has no path that a rewrite could belong to.
  return [...root, ...policies, ...(standing === 'fallback' ? [] : rewritePolicies(rewriting, path, written))]
}

/** Named itself or through a wildcard of one label. */
function hasTls(host: string, tlsHosts: ReadonlySet<string>): boolean {
  if (tlsHosts.size === 0) return false
  const dot = host.indexOf('.')
  return tlsHosts.has(host) || (dot > 0 && tlsHosts.has(`*${host.slice(dot)}`))
}

/**
 * Which hosts have their TLS connections passed on unread (`ssl-passthrough`). As in ingress-nginx it is a matter of the
 * whole host, its oldest Ingress decides, and connections go to the backend of the path /. What protects that rule and
 * needs no request is kept; with anything else nobody gets through.
 */
import { access } from '#policy/access.ts'
import { basicAuth } from '#policy/basic-auth.ts'
import { blocklist, type BlocklistConfig } from '#policy/blocklist.ts'
import { clientCertificate } from '#policy/client-certificate.ts'
import { concurrencyLimit } from '#policy/concurrency-limit.ts'
import { turnsAway } from '#policy/conditional-return.ts'
import { externalAuth } from '#policy/external-auth.ts'
import { networkPolicy } from '#policy/network-policy.ts'
import { rateLimit } from '#policy/rate-limit.ts'
import { satisfyAny } from '#policy/satisfy-any.ts'
import type { Problem, ProblemInit } from '#resource/problem.ts'
import { problemOf } from '#resource/problem.ts'
import { objectName } from '#resource/resource.ts'
import type { PassthroughSpec, PolicySpec, RouteSpec } from '#snapshot/snapshot.ts'
import type { Aliases } from './alias.ts'
import type { Claim } from './claim.ts'
import { ingressNginx } from './ingress-nginx/dialect.ts'
import type { Plan } from './plan.ts'

export type Passthroughs = {
  /** Why the claim answers 503; `undefined` when nothing stands against it. */
  readonly closed: (claim: Claim) => string | undefined
  /** By host. */
  readonly specs: (routes: readonly RouteSpec[]) => ReadonlyMap<string, PassthroughSpec>
}

export type PassthroughOptions = {
  readonly aliases: Aliases
  /** Ingresses that take a part of the requests of others. */
  readonly canaries: readonly Plan[]
  readonly idleMs: number
  readonly problems: Problem[]
}

/** `plans` in order of age. */
export function passthroughsOf(
  plans: readonly Plan[],
  { aliases, canaries, idleMs, problems }: PassthroughOptions,
): Passthroughs {
  const { passed, closed } = contestHosts(plans, problems)
  if (passed.size > 0) reportUnseen([...plans, ...canaries], passed, problems)
  return {
    closed: ({ ingress, host }) => closed.get(ingress)?.get(host),
    specs: (routes) => {
      const specs = new Map<string, PassthroughSpec>()
      if (passed.size === 0) return specs
      const hosts = new Map([...passed.keys()].map((host) => [host, host]))
      for (const [alias, host] of aliases) if (passed.has(host)) hosts.set(alias, host)
      const byHost = Map.groupBy(routes, (route) => route.host)
      for (const [name, host] of hosts) {
        const root = rootOf(byHost.get(name) ?? [])
        if (root === undefined) continue
        const unkept = root.policies.find((each) => needsRequest.has(each.kind) || turnsAway(each))
        if (unkept !== undefined && name === host)
          say(passed.get(host)!, problems, {
            code: 'protection-not-possible',
            message: `${host} is passed on unread, so nobody can ask for ${unkept.kind} there`,
            instead: 'its TLS connections are closed',
          })
        specs.set(name, specOf(root, { idleMs, isKept: unkept === undefined }))
      }
      return specs
    },
  }
}

const needsRequest: ReadonlySet<string> = new Set(
  [basicAuth, clientCertificate, concurrencyLimit, externalAuth, rateLimit, satisfyAny].map(({ kind }) => kind),
)
const needsAddress: ReadonlySet<string> = new Set([access.kind, blocklist.kind, networkPolicy.kind])

type Contest = {
  readonly passed: ReadonlyMap<string, Plan>
  readonly closed: ReadonlyMap<Plan['ingress'], ReadonlyMap<string, string>>
}

function contestHosts(plans: readonly Plan[], problems: Problem[]): Contest {
  const owners = new Map<string, Plan>()
  const closed = new Map<Plan['ingress'], Map<string, string>>()
  if (!plans.some(({ passthrough }) => passthrough)) return { passed: owners, closed }
  const close = (plan: Plan, host: string, message: string): void => {
    say(plan, problems, { code: 'protection-not-possible', message, instead: 'these routes answer 503' })
    closed.set(plan.ingress, (closed.get(plan.ingress) ?? new Map<string, string>()).set(host, message))
  }
  for (const plan of plans) {
    for (const host of new Set(plan.claims.map((claim) => claim.host))) {
      const owner = owners.get(host) ?? plan
      owners.set(host, owner)
      if (!plan.passthrough) continue
      if (host === '') close(plan, host, 'a rule without a host has no server name by which to pass connections on')
      else if (!owner.passthrough)
        close(plan, host, `${objectName(owner.ingress)} has TLS of ${host} end here, so it is not passed on`)
      else if (owner === plan && !hasRoot(plan, host))
        close(plan, host, `${host} has no rule for the path /, whose backend would get its connections`)
    }
  }
  const passed = new Map(
    [...owners].filter(([host, plan]) => plan.passthrough && closed.get(plan.ingress)?.has(host) !== true),
  )
  return { passed, closed }
}

/** Rules that no connection comes to which is passed on: whoever wrote them may not know. */
function reportUnseen(plans: readonly Plan[], passed: ReadonlyMap<string, Plan>, problems: Problem[]): void {
  for (const { ingress, canary, claims } of plans) {
    for (const { host, path, standing, at } of claims) {
      const owner = passed.get(host)
      const leads = canary === undefined && path.kind !== 'regex' && path.value === '/'
      if (owner === undefined || leads || standing !== 'rule') continue
      const message = `${objectName(owner.ingress)} has TLS of ${host} passed on unread, to the backend of its path /`
      const instead = `this ${canary === undefined ? 'rule' : 'canary'} counts over plain http only`
      problems.push(problemOf(ingress, { severity: 'warning', code: 'passed-on-unread', at, message, instead }))
    }
  }
}

function hasRoot({ claims }: Plan, host: string): boolean {
  return claims.some((claim) => claim.host === host && claim.path.kind !== 'regex' && claim.path.value === '/')
}

/** The rule for everything, else the one for exactly /. */
function rootOf(routes: readonly RouteSpec[]): RouteSpec | undefined {
  const roots = routes.filter(({ path }) => path.kind !== 'regex' && path.value === '/')
  return roots.find(({ path }) => path.kind === 'prefix') ?? roots[0]
}

type SpecOptions = { readonly idleMs: number; readonly isKept: boolean }

function specOf(
  { id, upstream, policies, timeouts, logged }: RouteSpec,
  { idleMs, isKept }: SpecOptions,
): PassthroughSpec {
  return {
    route: id,
    ...(upstream === undefined || !isKept ? {} : { upstream }),
    policies: policies.filter(({ kind }) => needsAddress.has(kind)).map(byAddress),
    connectMs: timeouts.connectMs,
    idleMs,
    ...(logged === undefined ? {} : { logged }),
  }
}

/** A connection says neither what its client is called nor where it comes from. */
function byAddress(spec: PolicySpec): PolicySpec {
  if (spec.kind !== blocklist.kind) return spec
  // Only `spec` of this policy makes configs of its kind, so the cast cannot lie.
  const { addresses } = spec.config as BlocklistConfig
  return blocklist.spec({ addresses, userAgents: [], referers: [] })
}

function say({ ingress }: Plan, problems: Problem[], init: Pick<ProblemInit, 'code' | 'message' | 'instead'>): void {
  const at = ['metadata', 'annotations', `${ingressNginx.prefix}ssl-passthrough`]
  problems.push(problemOf(ingress, { severity: 'error', at, part: 'key', ...init }))
}

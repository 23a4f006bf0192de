/**
 * The rule that wins a request, every rule that does not and why, and what becomes of the request behind the winner.
 */
import { explainMatch } from '#route/explain.ts'
import type { EndpointSet, RouteSpec } from '#snapshot/snapshot.ts'
import type { Compiled } from './compile.ts'
import { backendView } from './explained-backend.ts'
import { canaryView, describeShare } from './explained-canary.ts'
import type { BackendView, CanaryView, Contender, Explanation } from './explanation.ts'
import type { ExplainedRequest, PolicyEffect } from './policy-effect.ts'
import { effectsOf } from './policy-effect.ts'

export type RouteExplanation = Omit<Explanation, 'method' | 'url' | 'listener' | 'host' | 'path' | 'certificate'>

export const noRoute: RouteExplanation = {
  outcome: '',
  answer: undefined,
  winner: undefined,
  losers: [],
  unrelated: 0,
  policies: [],
  timeouts: undefined,
  retry: undefined,
  affinityCookie: undefined,
  canary: undefined,
  maxBodyBytes: undefined,
  pace: undefined,
  errors: undefined,
  backend: undefined,
  problems: [],
}

type World = { readonly compiled: Compiled; readonly endpoints: readonly EndpointSet[] }

export function explainRoute({ compiled, endpoints }: World, request: ExplainedRequest): RouteExplanation {
  const { snapshot, problems } = compiled
  const match = explainMatch(snapshot.routes, request.host, request.path)
  const contenders = match.candidates.map(({ route, because }) => contenderOf(route.id, route.origin, because))
  const matched = snapshot.routes[match.winner]
  const route = matched ?? snapshot.unmatched
  const winner =
    matched === undefined ? route && contenderOf(route.id, route.origin, 'no rule takes the request') : contenders[0]
  const losers = [...contenders.slice(matched === undefined ? 0 : 1), ...passedBy(compiled, request.host)]
  const common = { ...noRoute, winner, losers, unrelated: match.others.routes }
  if (route === undefined) {
    const why =
      match.owner === undefined
        ? `no rule is for host ${request.host}`
        : `no rule of ${hostName(match.owner)} matches the path`
    return { ...common, answer: { status: 404, cause: 'no_route' }, outcome: `answered with 404 (no_route): ${why}` }
  }
  const policies = effectsOf(route.policies, request)
  const canary = canaryOf({ compiled, endpoints }, route, request)
  const backend = backendOf({ compiled, endpoints }, canary?.share === 1 ? canary.upstream : route.upstream)
  return {
    ...common,
    policies,
    timeouts: route.timeouts,
    retry: route.retry,
    affinityCookie: route.affinityCookie,
    maxBodyBytes: route.maxBodyBytes,
    pace: route.pace,
    errors: route.errors,
    canary,
    backend,
    problems: problems.filter((problem) => problem.object === route.origin.object && problem.severity !== 'info'),
    ...decide(policies, {
      backend,
      canary,
      reason: compiled.unreachable.find((each) => each.route === route.id)?.reason,
    }),
  }
}

/** Rules that never came into the table: those that lost their place, and those of other controllers. */
function passedBy({ shadowed, foreign }: Compiled, host: string): readonly Contender[] {
  const lost = shadowed
    .filter((each) => mayOwn(each.host, host))
    .map((each) => {
      return contenderOf(each.id, each.origin, `${each.winner} has its place: ${each.reason}`)
    })
  const others = foreign
    .filter((each) => each.host !== '' && mayOwn(each.host, host))
    .map((each) => {
      const { namespace, name } = each.origin
      return contenderOf(`${namespace}/${name} ${each.host}`, each.origin, `not served here: ${each.reason}`)
    })
  return [...lost, ...others]
}

function mayOwn(rule: string, host: string): boolean {
  return rule === host || rule === '' || (rule.startsWith('*.') && rule.slice(1) === host.slice(host.indexOf('.')))
}

function hostName(host: string): string {
  return host === '' ? 'the rules for every host' : `host ${host}`
}

export function contenderOf(rule: string, { object, file, line }: RouteSpec['origin'], because: string): Contender {
  return { rule, object, file, line, because }
}

export function backendOf({ compiled, endpoints }: World, id: string | undefined): BackendView | undefined {
  const upstream = compiled.snapshot.upstreams.find((each) => each.id === id)
  return (
    upstream &&
    backendView(
      upstream,
      endpoints.find((each) => each.upstream === id),
    )
  )
}

function canaryOf({ compiled }: World, route: RouteSpec, { fields }: ExplainedRequest): CanaryView | undefined {
  const main = compiled.snapshot.upstreams.find((each) => each.id === route.upstream)
  return route.canary && canaryView(route.canary, { affinity: main?.affinity, fields })
}

type Decision = Pick<Explanation, 'outcome' | 'answer'>

type Target = {
  readonly backend: BackendView | undefined
  readonly canary: CanaryView | undefined
  readonly reason: string | undefined
}

function decide(policies: readonly PolicyEffect[], { backend, canary, reason }: Target): Decision {
  const answering = policies.find((policy) => policy.reply !== undefined)
  if (answering?.reply !== undefined) {
    const { status } = answering.reply
    return { outcome: `answered with ${status} by ${answering.kind}`, answer: { status, cause: undefined } }
  }
  if (backend === undefined) return unavailable('no_backend', reason ?? 'its backend can never be reached')
  const where = whereTo(backend)
  if (!where.ready) return unavailable(where.cause, where.text)
  const odds =
    canary === undefined || canary.share === 0 || canary.share === 1 ? '' : `, or with ${describeShare(canary)}`
  return { outcome: `forwarded ${where.text}${odds}`, answer: undefined }
}

export type WhereTo =
  | { readonly ready: true; readonly text: string }
  | { readonly ready: false; readonly cause: string; readonly text: string }

/** What a backend's endpoints let somebody expect. */
export function whereTo({ upstream, state, endpoints }: BackendView): WhereTo {
  const ready = endpoints.filter((endpoint) => endpoint.state === 'ready').length
  if (ready === 1) return { ready: true, text: `to the one ready endpoint of ${upstream}` }
  if (ready > 1) return { ready: true, text: `to one of the ${ready} ready endpoints of ${upstream}` }
  if (state === 'unknown') return { ready: true, text: `to ${upstream}, whose endpoints are not known here` }
  if (state === 'pending')
    return { ready: false, cause: 'dns_pending', text: `discovery of ${upstream} has not answered yet` }
  if (state === 'failed')
    return { ready: false, cause: 'dns_failed', text: `discovery of ${upstream} has failed so far` }
  return { ready: false, cause: 'no_ready_endpoints', text: `${upstream} has no ready endpoint` }
}

function unavailable(cause: string, why: string): Decision {
  return { outcome: `answered with 503 (${cause}): ${why}`, answer: { status: 503, cause } }
}

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

function contenderOf(rule: string, { object, file, line }: RouteSpec['origin'], because: string): Contender {
  return { rule, object, file, line, because }
}

function backendOf({ compiled, endpoints }: World, id: string | undefined): BackendView | undefined {
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
  const ready = backend.endpoints.filter((endpoint) => endpoint.state === 'ready').length
  const odds =
    canary === undefined || canary.share === 0 || canary.share === 1 ? '' : `, or with ${describeShare(canary)}`
  if (ready === 1) return forwarded(`to the one ready endpoint of ${backend.upstream}${odds}`)
  if (ready > 1) return forwarded(`to one of the ${ready} ready endpoints of ${backend.upstream}${odds}`)
  if (backend.state === 'unknown') return forwarded(`to ${backend.upstream}, whose endpoints are not known here${odds}`)
  if (backend.state === 'pending')
    return unavailable('dns_pending', `discovery of ${backend.upstream} has not answered yet`)
  if (backend.state === 'failed') return unavailable('dns_failed', `discovery of ${backend.upstream} has failed so far`)
  return unavailable('no_ready_endpoints', `${backend.upstream} has no ready endpoint`)
}

function forwarded(where: string): Decision {
  return { outcome: `forwarded ${where}`, answer: undefined }
}

function unavailable(cause: string, why: string): Decision {
  return { outcome: `answered with 503 (${cause}): ${why}`, answer: { status: 503, cause } }
}

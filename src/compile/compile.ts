/**
 * Resources → snapshot, pure: the same resources always give the same snapshot. Never throws for user input: a bad
 * object costs only itself and is reported.
 */
import { toAscii } from '#http/authority.ts'
import type { Problem } from '#resource/problem.ts'
import { problemOf } from '#resource/problem.ts'
import type { ResourceSet } from '#resource/resource-set.ts'
import type { Ingress, Resource } from '#resource/resource.ts'
import { objectName } from '#resource/resource.ts'
import { byAge, bySpecificity } from '#route/precedence.ts'
import type { DiscoveryMode, PathMatch, RouteOrigin, RouteSpec, Snapshot, UpstreamSpec } from '#snapshot/snapshot.ts'
import { aliasesOf, withAliases, withOtherNames } from './alias.ts'
import { answerClaims, otherNames } from './answer-claims.ts'
import { attachCanaries } from './canary.ts'
import type { Claim } from './claim.ts'
import { ClassSelection } from './class-selection.ts'
import type { Loss } from './contest.ts'
import { contest } from './contest.ts'
import { clientAuthsOf, type ClientAuths } from './client-auth.ts'
import { asksForCredentials } from './guards.ts'
import { readGlobals } from './ingress-nginx/config-map.ts'
import { ingressNginx } from './ingress-nginx/dialect.ts'
import { patternHosts, withinBudget } from './pattern-paths.ts'
import { NetworkPolicies } from './network-policy.ts'
import { CompileMemo } from './memo.ts'
import type { Plan } from './plan.ts'
import { planOf } from './plan.ts'
import type { Placement } from './route-spec.ts'
import { PodTemplates } from './pod-templates.ts'
import { originOf, routeId, routeOf } from './route-spec.ts'
import { selectTls } from './tls-selection.ts'
import type { Resolved } from './upstream-list.ts'
import { UpstreamList } from './upstream-list.ts'
import type { Settled } from './upstream-spec.ts'
import { judgeAnnotations } from './verdict.ts'

export type CompileOptions = {
  /** Class names we serve; Ingresses without any class are ours too. */
  readonly ingressClasses: readonly string[]
  readonly compat: 'none' | 'ingress-nginx'
  /** Order of discovery where no annotation says otherwise. */
  readonly discovery: readonly DiscoveryMode[]
  /** `namespace/name` of the ConfigMap with ingress-nginx's global keys. */
  readonly configMap: string | undefined
  /** The environment names a collector: every route is traced that does not say otherwise. */
  readonly collector?: boolean
  /** Names of process flags that somebody has given: they count before global keys of the same meaning. */
  readonly givenFlags?: ReadonlySet<string>
  /** Milliseconds since the epoch: certificates are judged by it. */
  readonly now: number
}

/** One per Ingress we looked at. */
export type ResourceStatus = {
  /** `Ingress default/web` */
  readonly object: string
  /** `served`, `partly` (some of it is not), `rejected` (none of it is), `foreign` (another controller's class). */
  readonly state: 'served' | 'partly' | 'rejected' | 'foreign'
  readonly reason: string
  readonly routes: number
}

/** A rule that lost to another with the same host, path and type: explain names it with its reason. */
export type Shadowed = {
  /** The id the route would have had. */
  readonly id: string
  readonly host: string
  readonly path: PathMatch
  readonly origin: RouteOrigin
  /** Id of the route that won. */
  readonly winner: string
  readonly reason: string
}

/** A rule of an Ingress that another controller serves: explain names it when it could have had a request. */
export type ForeignRule = {
  readonly host: string
  readonly origin: RouteOrigin
  /** Whose class it has. */
  readonly reason: string
}

export type Compiled = {
  /** `generation` is 0 here: whoever publishes the snapshot numbers it. */
  readonly snapshot: Snapshot
  readonly statuses: readonly ResourceStatus[]
  readonly problems: readonly Problem[]
  readonly shadowed: readonly Shadowed[]
  /** Routes without an upstream: they answer 503. */
  readonly unreachable: readonly { readonly route: string; readonly reason: string }[]
  readonly foreign: readonly ForeignRule[]
}

/**
 * Problems are sorted by place; everything else is independent of the order in which the objects are given. `memo` spares
 * work on what has not changed since it was used last; what comes out is the same without.
 */
export function compile(
  resources: ResourceSet,
  options: CompileOptions,
  memo: CompileMemo = new CompileMemo(),
): Compiled {
  const problems: Problem[] = []
  const { configMap, compat, collector = false, givenFlags = noFlags } = options
  const global = memo.globals(resources, [configMap, compat, collector, givenFlags], (watched, found) =>
    readGlobals(watched, { reference: configMap, compat, collector, givenFlags }, found),
  )
  problems.push(...global.problems)
  const globals = global.value
  const { ours, foreign } = selectIngresses(resources, options, problems)
  const hosts = memo.hosts(patternHosts(ours, compat))
  const plans = ours.map((ingress) => {
    const planned = memo.plans.of(ingress, { resources, given: [globals, compat, hosts] }, (watched, found) =>
      planOf(ingress, { globals, resources: watched, compat, patternHosts: hosts, problems: found }),
    )
    problems.push(...planned.problems)
    return planned.value
  })
  const mains = plans.filter((plan) => plan.canary === undefined)
  const answers = answerClaims(mains, { redirectCode: globals.redirectCode, problems })
  const aliases = aliasesOf(mains, problems)
  const named = selectTls(
    mains.map((plan) => plan.ingress),
    resources,
    { now: options.now, problems },
  )
  const clientAuths = clientAuthsOf(mains, aliases, problems)
  const tls = withOtherNames(named, new Map([...aliases, ...otherNames(answers)]))
  const { winners, losses } = contest([...withinBudget(mains, problems), ...answers], problems)
  const upstreams = new UpstreamList({ resources, discovery: options.discovery, balance: globals.balance, problems })
  const placements = placeClaims(winners, plans, { upstreams, clientAuths, problems })
  const attachments = attachCanaries(plans, placements, { upstreams, problems })
  const settled = upstreams.settle()
  const networkPolicies = new NetworkPolicies({ resources, templates: new PodTemplates(resources), problems })
  const surroundings = { globals, tlsHosts: tls.named, upstreams: settled, networkPolicies, clientAuths }
  const complete = placements.map((each) => ({ ...each, canary: attachments.get(each.claim) }))
  const routings = withAliases(complete, aliases).map((each) => routeOf(each, surroundings))
  const routes = routings.map(({ route }) => route).toSorted(bySpecificity)
  const dead = new Set(routings.flatMap(({ route, unreachable }) => (unreachable === undefined ? [] : [route.id])))
  for (const each of [...resources.list('Service'), ...resources.list('NetworkPolicy')])
    reportAnnotations(each, problems)
  return {
    snapshot: {
      generation: 0,
      routes,
      upstreams: followed(routes, placements, settled),
      certificates: tls.certificates,
      tlsHosts: tls.hosts,
      ...(globals.shaping.tracing.spec === undefined ? {} : { tracing: globals.shaping.tracing.spec }),
      ...clientAuths.handshakes(routes),
      ...(globals.door === undefined ? {} : { door: globals.door }),
    },
    statuses: [...statusesOf(plans, { routes, losses, dead }), ...foreign.map(foreignStatus)].toSorted((a, b) =>
      compareText(a.object, b.object),
    ),
    problems: problems.toSorted(byPlace),
    shadowed: losses.map(shadowedOf),
    unreachable: routings.flatMap(({ route, unreachable }) =>
      unreachable === undefined ? [] : [{ route: route.id, reason: unreachable }],
    ),
    foreign: foreign.flatMap(foreignRules),
  }
}

const noFlags: ReadonlySet<string> = new Set()

type PlaceWorld = { readonly upstreams: UpstreamList; readonly clientAuths: ClientAuths; readonly problems: Problem[] }

/** Resolved even when closed, so that every mistake in a backend is reported at once; but nothing is asked of it then. */
function placeClaims(
  claims: readonly Claim[],
  plans: readonly Plan[],
  { upstreams, clientAuths, problems }: PlaceWorld,
): readonly Placement[] {
  const askers = new Map(
    plans.map((plan, rank) => [plan.ingress, { plan, asker: { ingress: plan.ingress, wish: plan.wish, rank } }]),
  )
  return claims.map((claim) => {
    const { ingress, at, backend, standing } = claim
    // Every claim comes out of a plan, so the look-up cannot fail.
    const { plan, asker } = askers.get(ingress)!
    const place = { at: standing === 'fallback' ? at : [...at, 'backend'], asked: plan.wish.discovery?.value }
    const found: Resolved = backend === undefined ? noPatterns : upstreams.resolve(ingress, backend, place)
    const auth = placeAuth(claim, plan, { upstreams, problems })
    const reason = plan.closed ?? clientAuths.closed(claim) ?? (auth?.kind === 'unreachable' ? auth.reason : undefined)
    const resolved: Resolved = reason === undefined ? found : { kind: 'unreachable', reason }
    if (resolved.kind === 'upstream') upstreams.ask(resolved.id, asker)
    const isClosed = reason !== undefined
    const errors = isClosed || claim.answer !== undefined ? undefined : placeErrors(plan, upstreams, problems)
    const authId = isClosed || auth?.kind !== 'upstream' ? undefined : auth.id
    for (const id of [errors, authId]) if (id !== undefined) upstreams.ask(id, { ...asker, wish: {} })
    return { claim, plan, resolved, canary: undefined, isClosed, auth: authId, errors }
  })
}

/** Id of the upstream that answers for errors; a default backend that no file describes is reported and left out. */
function placeErrors({ ingress, shaping }: Plan, upstreams: UpstreamList, problems: Problem[]): string | undefined {
  const name = shaping.errors.service
  if (name === undefined) return undefined
  const { namespace } = ingress.metadata
  const port = upstreams.firstPort(namespace, name)
  if (
    port === undefined &&
    !problems.some((each) => each.code === 'default-backend-unknown' && each.object === objectName(ingress))
  ) {
    const message = `no file describes the Service ${namespace}/${name}, so nobody knows its first port`
    const at = ['metadata', 'annotations', `${ingressNginx.prefix}default-backend`]
    problems.push(
      problemOf(ingress, {
        severity: 'warning',
        code: 'default-backend-unknown',
        at,
        message,
        instead: 'errors are passed on as they are',
      }),
    )
  }
  const resolved =
    port === undefined ? undefined : upstreams.resolveService({ namespace, name, port }, { resource: ingress, at: [] })
  return resolved?.kind === 'upstream' ? resolved.id : undefined
}

/** Whom the rule asks for permission, when that is a Service; unreachable when asking would not be safe. */
function placeAuth(
  { host, path }: Claim,
  { guards }: Plan,
  { upstreams, problems }: { readonly upstreams: UpstreamList; readonly problems: Problem[] },
): Resolved | undefined {
  const wish = guards.externalAuth
  if (wish === undefined || !asksForCredentials(guards, path)) return undefined
  const { resource, at } = wish.scope
  if (wish.asksHost && host === '') {
    const message = 'auth-url asks the host that the client names, and a rule without a host lets it name any'
    problems.push(
      problemOf(resource, {
        severity: 'error',
        code: 'protection-not-possible',
        at: at('auth-url'),
        message,
        instead: 'the rule answers 503',
      }),
    )
    return { kind: 'unreachable', reason: message }
  }
  return wish.service && upstreams.resolveService(wish.service, { resource, at: at('auth-url') })
}

const noPatterns: Resolved = { kind: 'unreachable', reason: 'its regular expression cannot be matched' }

/** Those that a route leads to or asks, in order of their ids. */
function followed(
  routes: readonly RouteSpec[],
  placements: readonly Placement[],
  settled: ReadonlyMap<string, Settled>,
): readonly UpstreamSpec[] {
  const ids = new Set([
    ...routes.flatMap(({ upstream, canary, errors }) => [upstream, canary?.upstream, errors?.upstream]),
    ...placements.map(({ auth }) => auth),
  ])
  return [...settled.values()].map(({ spec }) => spec).filter(({ id }) => ids.has(id))
}

type Foreign = { readonly ingress: Ingress; readonly reason: string }
type Selected = { readonly ours: readonly Ingress[]; readonly foreign: readonly Foreign[] }

/** Both in order of age. */
function selectIngresses(resources: ResourceSet, options: CompileOptions, problems: Problem[]): Selected {
  const classes = new ClassSelection(resources, options.ingressClasses, problems)
  const ours: Ingress[] = []
  const foreign: Foreign[] = []
  const aged = resources.list('Ingress').map((ingress, position) => ({ ingress, position, ...ingress.metadata }))
  for (const { ingress } of aged.toSorted(byAge)) {
    const verdict = classes.judge(ingress)
    if (verdict.ours) ours.push(ingress)
    else foreign.push({ ingress, reason: verdict.reason })
  }
  return { ours, foreign }
}

function foreignStatus({ ingress, reason }: Foreign): ResourceStatus {
  return { object: objectName(ingress), state: 'foreign', reason, routes: 0 }
}

function foreignRules({ ingress, reason }: Foreign): readonly ForeignRule[] {
  return ingress.spec.rules.map((rule, index) => {
    return {
      host: toAscii(rule.host) ?? rule.host,
      origin: originOf({ ingress, at: ['spec', 'rules', index] }),
      reason,
    }
  })
}

type Outcomes = {
  readonly routes: readonly RouteSpec[]
  readonly losses: readonly Loss[]
  readonly dead: ReadonlySet<string>
}

function statusesOf(plans: readonly Plan[], { routes, losses, dead }: Outcomes): readonly ResourceStatus[] {
  const routesOf = Map.groupBy(routes, (route) => route.origin.object)
  const canariesOf = Map.groupBy(routes, (route) => route.canary?.origin.object)
  const lossesOf = Map.groupBy(losses, (loss) => loss.claim.ingress)
  return plans.map((plan) => {
    const object = objectName(plan.ingress)
    if (plan.canary !== undefined) return { object, ...judgeCanary(plan, canariesOf.get(object)?.length ?? 0) }
    const own = routesOf.get(object) ?? []
    // Giving way as a default backend or as what an expression could mean is no loss.
    const lost = (lossesOf.get(plan.ingress) ?? []).filter(
      ({ claim, winner }) => claim.standing === winner.standing,
    ).length
    return {
      object,
      routes: own.length,
      ...judgePlan(plan, { routes: own.length, dead: own.filter(({ id }) => dead.has(id)).length, lost }),
    }
  })
}

/** `routes`: those of other Ingresses of which it takes a part. */
function judgeCanary({ ingress, closed }: Plan, routes: number): Pick<ResourceStatus, 'state' | 'reason' | 'routes'> {
  if (closed !== undefined) return { state: 'rejected', reason: `${closed}: it gets no traffic`, routes }
  if (routes === 0) return { state: 'rejected', reason: 'it is the canary of no route', routes }
  const missing = countPaths(ingress) - routes
  return missing > 0
    ? { state: 'partly', reason: counted(missing, 'rule without a main one', 'rules without a main one'), routes }
    : { state: 'served', reason: '', routes }
}

type Counts = { readonly routes: number; readonly dead: number; readonly lost: number }

function judgePlan(plan: Plan, { routes, dead, lost }: Counts): Pick<ResourceStatus, 'state' | 'reason'> {
  if (plan.closed !== undefined) return { state: 'rejected', reason: `${plan.closed}: its routes answer 503` }
  const missing = countPaths(plan.ingress) - plan.claims.filter((claim) => claim.standing !== 'fallback').length
  if (routes === 0)
    return {
      state: 'rejected',
      reason: lost > 0 ? 'other Ingresses have all its hosts and paths' : 'it has no rule that can be served',
    }
  if (dead === routes) return { state: 'rejected', reason: 'none of its backends can be reached' }
  if (dead + lost + missing === 0) return { state: 'served', reason: '' }
  const parts = [
    counted(dead, 'route answers 503', 'routes answer 503'),
    counted(lost, 'lost to another rule', 'lost to other rules'),
    counted(missing, 'left out', 'left out'),
  ]
  return { state: 'partly', reason: parts.filter((part) => part !== '').join(', ') }
}

function countPaths(ingress: Ingress): number {
  return ingress.spec.rules.reduce((sum, rule) => sum + rule.paths.length, 0)
}

function counted(count: number, one: string, many: string): string {
  return count === 0 ? '' : `${count} ${count === 1 ? one : many}`
}

function shadowedOf({ claim, winner, reason }: Loss): Shadowed {
  return {
    id: routeId(claim),
    host: claim.host,
    path: claim.path,
    origin: originOf(claim),
    winner: routeId(winner),
    reason,
  }
}

function reportAnnotations(resource: Resource, problems: Problem[]): void {
  for (const { problem } of judgeAnnotations(resource)) if (problem !== undefined) problems.push(problem)
}

const byPlace = (a: Problem, b: Problem): number =>
  compareText(a.file, b.file) ||
  a.line - b.line ||
  a.column - b.column ||
  compareText(a.code, b.code) ||
  compareText(a.message, b.message)

function compareText(a: string, b: string): number {
  if (a === b) return 0
  return a < b ? -1 : 1
}

/**
 * Resources → snapshot, pure: the same resources always give the same snapshot. Never throws for user input: a bad
 * object costs only itself and is reported.
 */
import { toAscii } from '#http/authority.ts'
import { finish, mapped, type Steps } from '#lib/slices.ts'
import type { Problem } from '#resource/problem.ts'
import type { ResourceSet } from '#resource/resource-set.ts'
import type { Ingress, Resource } from '#resource/resource.ts'
import { objectName } from '#resource/resource.ts'
import { byAge, bySpecificity } from '#route/precedence.ts'
import type { DiscoveryMode, PathMatch, RouteOrigin, RouteSpec, Snapshot, UpstreamSpec } from '#snapshot/snapshot.ts'
import type { Snippets } from './annotation.ts'
import { aliasesOf, withAliases, withOtherNames } from './alias.ts'
import { answerClaims, otherNames } from './answer-claims.ts'
import type { Attachment } from './canary.ts'
import { attachCanaries } from './canary.ts'
import type { Claim } from './claim.ts'
import { originOf } from './claim.ts'
import { ClassSelection } from './class-selection.ts'
import type { Loss } from './contest.ts'
import { contest } from './contest.ts'
import { clientAuthsOf } from './client-auth.ts'
import { handshakesOf } from './handshake.ts'
import { hostTlsOf } from './host-tls.ts'
import { readGlobals } from './ingress-nginx/config-map.ts'
import { hostRefusalsOf, reportUnguarded } from './host-refusals.ts'
import type { DefaultBackend } from './default-backend.ts'
import { placeDefaultBackend, unmatchedRoute } from './default-backend.ts'
import { patternHosts, withinBudget } from './pattern-paths.ts'
import { NetworkPolicies } from './network-policy.ts'
import { CompileMemo } from './memo.ts'
import { planOf } from './plan.ts'
import type { Placement } from './route-spec.ts'
import { passthroughsOf } from './passthrough.ts'
import { PodTemplates } from './pod-templates.ts'
import { routeOf } from './route-spec.ts'
import { placeClaims } from './placement.ts'
import type { ResourceStatus } from './statuses.ts'
import { statusesOf } from './statuses.ts'
import { selectTls } from './tls-selection.ts'
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
  /** Who gets what no rule takes; absent for nobody: 404. */
  readonly defaultBackend?: DefaultBackend | undefined
  /** What becomes of snippets where neither an annotation nor the ConfigMap says it; absent for `none`. */
  readonly snippets?: Snippets
  /** Milliseconds since the epoch: certificates are judged by it. */
  readonly now: number
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
  /** What became of snippets whose Ingress does not say it. */
  readonly snippets: Snippets
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
  return finish(compiling(resources, options, memo))
}

/** The same in steps, for a thread that must not keep its core for long. One at a time with each memo. */
export function* compiling(resources: ResourceSet, options: CompileOptions, memo: CompileMemo): Steps<Compiled> {
  const problems: Problem[] = []
  const { configMap, compat, collector = false, givenFlags = noFlags } = options
  const global = memo.globals(resources, [configMap, compat, collector, givenFlags], (watched, found) =>
    readGlobals(watched, { reference: configMap, compat, collector, givenFlags }, found),
  )
  problems.push(...global.problems)
  const globals = global.value
  const snippets = globals.routes.snippets ?? options.snippets ?? 'none'
  const { ours, foreign } = selectIngresses(resources, options, problems)
  const hosts = memo.hosts(patternHosts(ours, compat))
  yield
  const plans = yield* mapped(ours, (ingress) => {
    const planned = memo.plans.of(ingress, { resources, given: [globals, compat, snippets, hosts] }, (watched, found) =>
      planOf(ingress, { globals, resources: watched, compat, snippets, patternHosts: hosts, problems: found }),
    )
    problems.push(...planned.problems)
    return planned.value
  })
  yield
  const mains = plans.filter((plan) => plan.canary === undefined)
  const answers = answerClaims(mains, { redirectCode: globals.redirectCode, problems })
  const aliases = aliasesOf(mains, problems)
  reportUnguarded(mains, problems)
  yield
  const named = selectTls(
    mains.map((plan) => plan.ingress),
    resources,
    { now: options.now, problems },
  )
  yield
  const clientAuths = clientAuthsOf(mains, aliases, problems)
  const hostTls = hostTlsOf(mains, aliases, problems)
  const canaries = plans.filter((plan) => plan.canary !== undefined)
  const passthroughs = passthroughsOf(mains, { aliases, canaries, idleMs: globals.streamIdleMs, problems })
  yield
  const tls = withOtherNames(named, new Map([...aliases, ...otherNames(answers)]))
  const { winners, losses } = contest([...withinBudget(mains, problems), ...answers], problems)
  yield
  const { discovery } = options
  const {
    balance,
    routes: { serviceAddress },
  } = globals
  const upstreams = new UpstreamList({ resources, discovery, balance, serviceAddress, problems, memo })
  const defaultErrors = placeDefaultBackend(options.defaultBackend, { upstreams, resources, problems })
  const placements = yield* placeClaims(winners, plans, {
    upstreams,
    defaultErrors,
    clientAuths,
    passthroughs,
    problems,
  })
  const attachments = attachCanaries(plans, placements, { upstreams, problems })
  const settled = yield* upstreams.settle()
  const networkPolicies = new NetworkPolicies({ resources, templates: new PodTemplates(resources), problems })
  const surroundings = {
    globals,
    tlsHosts: tls.named,
    upstreams: settled,
    networkPolicies,
    clientAuths,
    hostRefusals: hostRefusalsOf(mains, aliases),
    memo,
  }
  const unmatched = defaultErrors === undefined ? undefined : unmatchedRoute(defaultErrors, surroundings)
  yield
  const routings = yield* mapped(withAliases(withCanaries(placements, attachments), aliases), (each) =>
    routeOf(each, surroundings),
  )
  yield
  const routes = routings.map(({ route }) => route).toSorted(bySpecificity)
  yield
  const statuses = [...(yield* statusesOf(plans, { routings, losses, memo })), ...foreign.map(foreignStatus)].toSorted(
    (a, b) => compareText(a.object, b.object),
  )
  yield
  for (const each of resources.list('NetworkPolicy')) reportAnnotations(each, problems)
  return {
    snapshot: {
      generation: 0,
      routes,
      upstreams: followed(unmatched === undefined ? routes : [...routes, unmatched], placements, settled),
      certificates: tls.certificates,
      tlsHosts: tls.hosts,
      ...(globals.shaping.tracing.spec === undefined ? {} : { tracing: globals.shaping.tracing.spec }),
      ...handshakesOf(routes, { clientAuths, tls: hostTls, passed: passthroughs.specs(routes) }),
      ...(globals.door === undefined ? {} : { door: globals.door }),
      ...(globals.listener === undefined ? {} : { listener: globals.listener }),
      ...(unmatched === undefined ? {} : { unmatched }),
      ...(globals.accessLog === undefined ? {} : { accessLog: globals.accessLog }),
    },
    statuses,
    problems: problems.toSorted(byPlace),
    shadowed: losses.map(shadowedOf),
    unreachable: routings
      .filter(({ unreachable }) => unreachable !== undefined)
      .map(({ route, unreachable }) => ({ route: route.id, reason: unreachable! })),
    foreign: foreign.flatMap(foreignRules),
    snippets,
  }
}

const noFlags: ReadonlySet<string> = new Set()

function withCanaries(
  placements: readonly Placement[],
  attachments: ReadonlyMap<Claim, Attachment>,
): readonly Placement[] {
  if (attachments.size === 0) return placements
  return placements.map((each) => ({ ...each, canary: attachments.get(each.claim) }))
}

/** Those that a route leads to or asks, in order of their ids. */
function followed(
  routes: readonly RouteSpec[],
  placements: readonly Placement[],
  settled: ReadonlyMap<string, Settled>,
): readonly UpstreamSpec[] {
  const ids = new Set<string | undefined>()
  for (const { upstream, canary, errors } of routes) {
    ids.add(upstream)
    if (canary !== undefined) ids.add(canary.upstream)
    if (errors !== undefined) ids.add(errors.upstream)
  }
  for (const { auth } of placements) ids.add(auth)
  return [...settled.values()].map(({ spec }) => spec).filter(({ id }) => ids.has(id))
}

type Foreign = { readonly ingress: Ingress; readonly reason: string }
type Selected = { readonly ours: readonly Ingress[]; readonly foreign: readonly Foreign[] }

/** Both in order of age. */
function selectIngresses(resources: ResourceSet, options: CompileOptions, problems: Problem[]): Selected {
  const classes = new ClassSelection(resources, options.ingressClasses, problems)
  const ours: Ingress[] = []
  const foreign: Foreign[] = []
  const aged = resources.list('Ingress').map((ingress, position) => {
    const { creationTimestamp, namespace, name } = ingress.metadata
    return { ingress, position, creationTimestamp, namespace, name }
  })
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

function shadowedOf({ claim, winner, reason }: Loss): Shadowed {
  return { id: claim.id, host: claim.host, path: claim.path, origin: claim.origin, winner: winner.id, reason }
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

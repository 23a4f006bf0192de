/**
 * What one of our Ingresses asks for, before it is set beside the others: its settings, its claims, what it wishes of
 * its upstreams, and whether it may be served at all.
 */
import type { Problem } from '#resource/problem.ts'
import { problemOf } from '#resource/problem.ts'
import type { ResourceSet } from '#resource/resource-set.ts'
import type { Ingress } from '#resource/resource.ts'
import type { CanarySpec, HostTlsSpec, TimeoutSpec } from '#snapshot/snapshot.ts'
import type { Snippets } from './annotation.ts'
import type { Claim } from './claim.ts'
import { claimsOf } from './claim.ts'
import { genkanPrefix } from './genkan/dialect.ts'
import { ownLimits } from './genkan/limits.ts'
import { attempts, readOwnTimeouts, readOwnWish } from './genkan/upstream-settings.ts'
import type { Guards } from './guards.ts'
import { isGuarded, noGuards, readGuards } from './guards.ts'
import { authentication } from './ingress-nginx/access.ts'
import type { ReadClientAuth } from './ingress-nginx/client-certificates.ts'
import { clientCertificates, noClientAuth, readClientAuth } from './ingress-nginx/client-certificates.ts'
import type { CookieSettings } from './ingress-nginx/affinity.ts'
import { readAffinity, readCookie } from './ingress-nginx/affinity.ts'
import { readProtocol } from './ingress-nginx/backend-protocol.ts'
import { readBalance } from './ingress-nginx/balancing.ts'
import type { CanaryRules } from './ingress-nginx/canary.ts'
import { readCanary, readCanaryBehavior } from './ingress-nginx/canary.ts'
import type { Globals } from './ingress-nginx/config-map.ts'
import { ingressNginx } from './ingress-nginx/dialect.ts'
import { noPassthrough, readHostTls, readPassthrough } from './ingress-nginx/encryption.ts'
import type { Pace } from './ingress-nginx/pace.ts'
import { noPace, paceNames, readPace } from './ingress-nginx/pace.ts'
import { missingGroup } from './ingress-nginx/rewriting.ts'
import type { Shaping } from './ingress-nginx/shaping.ts'
import { readShaping, shapingNames } from './ingress-nginx/shaping.ts'
import { limits } from './ingress-nginx/limits.ts'
import type { Settings } from './ingress-nginx/settings.ts'
import { readSettings, settingNames } from './ingress-nginx/settings.ts'
import { sourceRanges } from './ingress-nginx/source-ranges.ts'
import { readUpstreamTls } from './ingress-nginx/upstream-tls.ts'
import { patternTest } from './pattern-paths.ts'
import type { Scope } from './setting.ts'
import { annotationScope, readBoolean, readText } from './setting.ts'
import type { UpstreamWish } from './upstream-wish.ts'
import { judgeAnnotations } from './verdict.ts'

export type Plan = {
  readonly ingress: Ingress
  readonly settings: Settings
  readonly timeouts: TimeoutSpec
  readonly pace: Pace
  /** The redirect to https always names its port. */
  readonly portInRedirects: boolean
  readonly shaping: Shaping
  readonly claims: readonly Claim[]
  /** Of its upstreams. */
  readonly wish: UpstreamWish
  /** `undefined` when its routes set no affinity cookie. */
  readonly cookie: CookieSettings | undefined
  /** `undefined` for an ordinary Ingress. A canary's claims become no routes. */
  readonly canary: CanaryRules | undefined
  /** What it says about sessions and canaries. */
  readonly canaryBehavior: CanarySpec['affinity'] | undefined
  readonly guards: Guards
  /** What it asks of clients of its hosts, whoever has the rules there. */
  readonly clientAuth: ReadClientAuth
  /** How TLS is to be spoken on its hosts. */
  readonly hostTls: HostTlsSpec
  /** TLS of its hosts is to be passed on unread. */
  readonly passthrough: boolean
  /** Its `server-snippet`, which may have guarded every rule of its hosts, is refused. */
  readonly losesHostSnippet: boolean
  /** It asks for a protection, so nothing of it may be passed by. */
  readonly guarded: boolean
  /** Why its routes answer 503; `undefined` when they are served. */
  readonly closed: string | undefined
}

export type PlanOptions = {
  readonly globals: Globals
  readonly resources: ResourceSet
  readonly compat: 'none' | 'ingress-nginx'
  /** Where no annotation says otherwise. */
  readonly snippets: Snippets
  /** Hosts all of whose paths are regular expressions. */
  readonly patternHosts: ReadonlySet<string>
  readonly problems: Problem[]
}

export function planOf(ingress: Ingress, options: PlanOptions): Plan {
  const { globals, resources, compat, snippets, patternHosts, problems } = options
  const { crossNamespace, plainPaths } = globals.routes
  const verdicts = judgeAnnotations(ingress, snippets)
  for (const { problem } of verdicts) if (problem !== undefined) problems.push(problem)
  const closings = verdicts.filter(({ meanwhile, problem }) => meanwhile === 'closed' && problem !== undefined)
  const closing = closings[0]
  const scope = { ...annotationScope(ingress, ingressNginx.prefix, problems), crossNamespace }
  const own = annotationScope(ingress, genkanPrefix, problems)
  const { wish, refusal } = readWish({ scope, own }, resources)
  const canary = readCanary(scope)
  if (canary !== undefined) reportIdle(ingress, problems)
  const settings = canary === undefined ? readSettings(scope, globals.settings) : globals.settings
  const timeouts = canary === undefined ? { ...settings.timeouts, ...readOwnTimeouts(own) } : settings.timeouts
  const shaping = readShaping(scope, { own, resources, globals: globals.shaping, timeouts, compat, snippets })
  // What stands before the main route stands before its canary.
  const guards =
    canary === undefined
      ? readGuards({ scope, own, defaults: globals.guards, limitKey: globals.routes.limitKey, compat, resources })
      : noGuards
  const passthrough = canary === undefined ? readPassthrough(scope) : noPassthrough
  const clientAuth = canary === undefined ? readClientAuth(scope, resources) : noClientAuth
  const closed =
    globals.closed ??
    (closing && `${closing.annotation} is not honoured`) ??
    forbidden(ingress, globals.routes.forbiddenWords, problems) ??
    refusal ??
    shaping.closed ??
    guards.closed ??
    clientAuth.closed ??
    passthrough.closed
  // What stands in for an expression must not let by what the expression would have guarded.
  const guarded = closed !== undefined || isGuarded(guards) || clientAuth.wish !== undefined
  const claims = claimsOf(ingress, {
    closed: guarded,
    isPattern: patternTest(shaping.rewriting, patternHosts),
    plainPaths,
    problems,
  })
  reportMissingGroups(claims, shaping, problems)
  return {
    ingress,
    settings,
    timeouts,
    pace: canary === undefined ? readPace(scope, globals.routes.pace) : noPace,
    portInRedirects: readBoolean(scope, 'use-port-in-redirects', globals.routes.portInRedirects),
    shaping,
    claims,
    guarded,
    wish,
    cookie: readCookie(scope),
    canary,
    canaryBehavior: readCanaryBehavior(scope),
    guards,
    clientAuth,
    hostTls: canary === undefined ? readHostTls(scope) : {},
    passthrough: passthrough.passes,
    losesHostSnippet: closings.some(({ annotation }) => annotation === `${ingressNginx.prefix}server-snippet`),
    closed,
  }
}

/** The reason, where one of its annotations holds a word that the global ConfigMap forbids. */
function forbidden(ingress: Ingress, words: readonly string[], problems: Problem[]): string | undefined {
  for (const [annotation, value] of Object.entries(ingress.metadata.annotations)) {
    const word = annotation.startsWith(ingressNginx.prefix) ? words.find((each) => value.includes(each)) : undefined
    if (word === undefined) continue
    const message = `${annotation} has ${JSON.stringify(word)} in it, which annotation-value-word-blocklist forbids`
    const at = ['metadata', 'annotations', annotation]
    const instead = 'the routes answer 503'
    problems.push(problemOf(ingress, { severity: 'error', code: 'forbidden-word', at, message, instead }))
    return message
  }
  return undefined
}

/** Those that guard the routes of an Ingress. */
const guardNames = [authentication, clientCertificates, sourceRanges, limits].flatMap(({ rows }) =>
  rows.filter(({ verdict }) => verdict === 'honoured').map(({ name }) => name),
)

function reportMissingGroups(claims: readonly Claim[], { rewriting }: Shaping, problems: Problem[]): void {
  for (const { ingress, path, at, standing, written } of claims) {
    const missing = standing === 'rule' && written !== rewriting.target ? missingGroup(rewriting, path) : undefined
    if (missing === undefined) continue
    problems.push(
      problemOf(ingress, {
        severity: 'warning',
        code: 'missing-group',
        at: [...at, 'path'],
        message: missing,
        instead: 'it is empty, as in ingress-nginx',
      }),
    )
  }
}

type Scopes = { readonly scope: Scope; readonly own: Scope }

function readWish(
  { scope, own }: Scopes,
  resources: ResourceSet,
): { readonly wish: UpstreamWish; readonly refusal: string | undefined } {
  const protocol = readProtocol(scope)
  const tls = readUpstreamTls(scope, resources)
  const ours = readOwnWish(own)
  const theirs = readBalance(scope)
  const balance = theirs?.value.kind === 'ringHash' ? theirs : (ours.balance ?? theirs)
  const serviceAddress = readServiceAddress(scope)
  const wish = {
    ...ours,
    serviceAddress,
    protocol: protocol.wish,
    tls: tls.wish,
    balance,
    affinity: readAffinity(scope),
  }
  return { wish, refusal: protocol.closed ?? tls.closed }
}

function readServiceAddress(scope: Scope): UpstreamWish['serviceAddress'] {
  const key = 'service-upstream'
  const isWritten = readText(scope, key) !== undefined
  const value = readBoolean(scope, key, false)
  return isWritten ? { value, key, at: scope.at(key) } : undefined
}

/** Annotations that only an Ingress with routes of its own could mean. */
function reportIdle(ingress: Ingress, problems: Problem[]): void {
  const idle = [
    ...[...settingNames, ...paceNames, 'use-port-in-redirects', 'ssl-passthrough', ...shapingNames, ...guardNames].map(
      (name) => ingressNginx.prefix + name,
    ),
    ...ownLimits.rows.map(({ name }) => genkanPrefix + name),
    ...attempts.rows.map(({ name }) => genkanPrefix + name),
  ]
  for (const annotation of idle) {
    if (ingress.metadata.annotations[annotation] === undefined) continue
    const message = `${annotation} has no effect on a canary`
    const at = ['metadata', 'annotations', annotation]
    problems.push(
      problemOf(ingress, {
        severity: 'info',
        code: 'canary-annotation',
        at,
        part: 'key',
        message,
        instead: 'that of the main Ingress counts',
      }),
    )
  }
}

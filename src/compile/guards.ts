/**
 * What stands before the routes of one Ingress: limits, address lists, authentication. What cannot be read closes the
 * routes; nothing that was asked for is ever left out.
 */
import { type AccessConfig } from '#policy/access.ts'
import { access } from '#policy/access.ts'
import type { BasicAuthConfig } from '#policy/basic-auth.ts'
import { basicAuth } from '#policy/basic-auth.ts'
import type { ConcurrencyLimitConfig } from '#policy/concurrency-limit.ts'
import { concurrencyLimit } from '#policy/concurrency-limit.ts'
import type { ExternalAuthConfig } from '#policy/external-auth.ts'
import { externalAuth } from '#policy/external-auth.ts'
import type { LimitKey } from '#policy/limit-key.ts'
import type { RateLimitConfig } from '#policy/rate-limit.ts'
import { rateLimit } from '#policy/rate-limit.ts'
import { satisfyAny } from '#policy/satisfy-any.ts'
import type { ResourceSet } from '#resource/resource-set.ts'
import type { PathMatch, PolicySpec, TimeoutSpec } from '#snapshot/snapshot.ts'
import { readOwnLimits } from './genkan/limits.ts'
import { readBasicAuth } from './ingress-nginx/basic-auth.ts'
import type { ExternalAuthWish } from './ingress-nginx/external-auth.ts'
import { readExternalAuth } from './ingress-nginx/external-auth.ts'
import type { GuardDefaults } from './ingress-nginx/guard-defaults.ts'
import { readLimits } from './ingress-nginx/limits.ts'
import { accessOf, readRanges } from './ingress-nginx/source-ranges.ts'
import type { Scope } from './setting.ts'
import { readBoolean, report } from './setting.ts'

export type LimitWishes = {
  readonly rates: readonly RateLimitConfig[]
  readonly concurrency: readonly ConcurrencyLimitConfig[]
  /** Why the routes are closed; `undefined` when all could be read. */
  readonly closed: string | undefined
}

export type Guards = {
  readonly limits: readonly LimitWishes[]
  readonly access: AccessConfig | undefined
  readonly basicAuth: BasicAuthConfig | undefined
  readonly externalAuth: ExternalAuthWish | undefined
  readonly satisfy: 'all' | 'any'
  /** Rules at or below these paths ask nobody for credentials. */
  readonly openPaths: readonly string[]
  readonly closed: string | undefined
}

export const noGuards: Guards = {
  limits: [],
  access: undefined,
  basicAuth: undefined,
  externalAuth: undefined,
  satisfy: 'all',
  openPaths: [],
  closed: undefined,
}

export type GuardInit = {
  /** Of ingress-nginx's prefix and of ours. */
  readonly scope: Scope
  readonly own: Scope
  readonly defaults: GuardDefaults
  /** What ingress-nginx's limits count by. */
  readonly limitKey: LimitKey
  readonly compat: 'none' | 'ingress-nginx'
  readonly resources: ResourceSet
}

export function readGuards({ scope, own, defaults, limitKey, compat, resources }: GuardInit): Guards {
  const limits = [readLimits(scope, { ...defaults, key: limitKey, compat }), readOwnLimits(own)]
  const ranges = readRanges(scope, defaults.ranges)
  const basic = readBasicAuth(scope, resources)
  const external = readExternalAuth(scope, resources)
  // Read even when it has no use, so that a mistake is reported.
  const isGlobalAsked = readBoolean(scope, 'enable-global-auth', true)
  const wish =
    external.wish ?? (external.closed === undefined && isGlobalAsked ? defaults.externalAuth.wish : undefined)
  const closedByGlobal = external.wish === undefined && isGlobalAsked ? defaults.externalAuth.closed : undefined
  return {
    limits,
    access: accessOf(ranges),
    basicAuth: basic.config,
    externalAuth: wish,
    satisfy: readSatisfy(scope),
    openPaths: defaults.openPaths,
    closed:
      limits.find(({ closed }) => closed !== undefined)?.closed ??
      ranges.closed ??
      basic.closed ??
      external.closed ??
      closedByGlobal,
  }
}

/** Whether somebody may be turned away. */
export function isGuarded({ limits, access: ranges, basicAuth: basic, externalAuth: external }: Guards): boolean {
  return (
    ranges !== undefined ||
    basic !== undefined ||
    external !== undefined ||
    limits.some(({ rates, concurrency }) => rates.length + concurrency.length > 0)
  )
}

export type GuardedRoute = {
  readonly id: string
  readonly path: PathMatch
  readonly timeouts: TimeoutSpec
  /** Id of the upstream that the authentication service is; `undefined` when the URL names it otherwise. */
  readonly authUpstream: string | undefined
}

/** In no particular order: the registry has it. */
export function guardPolicies(guards: Guards, route: GuardedRoute): readonly PolicySpec[] {
  return [...limitPolicies(guards, route.id), ...accessPolicies(guards, route)]
}

/** Whether the rule asks for credentials at all. */
export function asksForCredentials({ openPaths }: Guards, { kind, value }: PathMatch): boolean {
  if (kind === 'regex') return true
  return !openPaths.some((open) => value === open || value.startsWith(open.endsWith('/') ? open : `${open}/`))
}

function limitPolicies({ limits }: Guards, routeId: string): readonly PolicySpec[] {
  const idOf = ({ id, key }: RateLimitConfig | ConcurrencyLimitConfig): string =>
    key.kind === 'route' ? `${id} ${routeId}` : id
  return limits.flatMap(({ rates, concurrency }) => [
    ...rates.map((config) => rateLimit.spec({ ...config, id: idOf(config) })),
    ...concurrency.map((config) => concurrencyLimit.spec({ ...config, id: idOf(config) })),
  ])
}

function accessPolicies(guards: Guards, route: GuardedRoute): readonly PolicySpec[] {
  const isAsked = asksForCredentials(guards, route.path)
  const basic = isAsked ? guards.basicAuth : undefined
  const external = isAsked && guards.externalAuth !== undefined ? externalConfig(guards.externalAuth, route) : undefined
  const checks = [guards.access, basic, external].filter((each) => each !== undefined).length
  if (guards.satisfy === 'any' && checks > 1)
    return [satisfyAny.spec({ access: guards.access, basicAuth: basic, externalAuth: external })]
  return [
    ...(guards.access === undefined ? [] : [access.spec(guards.access)]),
    ...(basic === undefined ? [] : [basicAuth.spec(basic)]),
    ...(external === undefined ? [] : [externalAuth.spec(external)]),
  ]
}

function externalConfig(
  { config, scheme, authority }: ExternalAuthWish,
  { id, timeouts, authUpstream }: GuardedRoute,
): ExternalAuthConfig {
  const to =
    authUpstream === undefined
      ? ({ kind: 'origin', scheme, authority } as const)
      : ({ kind: 'upstream', id: authUpstream, scheme } as const)
  return { ...config, id, to, connectMs: timeouts.connectMs, readMs: timeouts.readMs }
}

function readSatisfy(scope: Scope): 'all' | 'any' {
  const text = scope.value('satisfy')?.trim() ?? ''
  if (text !== '' && text !== 'all' && text !== 'any')
    report(scope, 'satisfy', { expected: 'all or any', instead: 'all is used' })
  return text === 'any' ? 'any' : 'all'
}

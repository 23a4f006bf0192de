/** Annotations about rates and numbers of requests, shared by all hosts and paths of their Ingress. */
import { parseCidr } from '#lib/cidr.ts'
import type { ConcurrencyLimitConfig } from '#policy/concurrency-limit.ts'
import type { LimitKey } from '#policy/limit-key.ts'
import type { RateLimitConfig, RateWindow } from '#policy/rate-limit.ts'
import type { AnnotationGroup } from '../annotation.ts'
import { honoured, never, noEffect } from '../annotation.ts'
import type { LimitWishes } from '../guards.ts'
import type { Scope } from '../setting.ts'
import { report } from '../setting.ts'
import { paceRows } from './pace.ts'

const removed =
  'ingress-nginx has given it up: it counted over all replicas, in a memcached. The routes answer 503 rather than be served without it; `genkan.dev/rate-limit: 100/1m` says the same for one front door, with keys and exceptions.'
const ofRemoved = 'Belongs to `global-rate-limit`, which is refused.'
const zero: readonly string[] = ['', '0']

export const limits: AnnotationGroup = {
  title: 'Rate and connection limits',
  rows: [
    honoured(
      'limit-rps',
      'requests per second, a whole number; 0 for no limit (0)',
      'Per client address, IPv6 by its /64; 429 with Retry-After, and 503 with `--compat ingress-nginx`. A value that cannot be read closes the routes.',
      { guards: true },
    ),
    honoured(
      'limit-rpm',
      'requests per minute, a whole number; 0 for no limit (0)',
      'The same per minute. With both, each must have room.',
      { guards: true },
    ),
    honoured(
      'limit-burst-multiplier',
      'a whole number of at least 1 (5)',
      'So many times the rate may come at once; with `--compat ingress-nginx` one more.',
    ),
    honoured(
      'limit-connections',
      'requests at once, a whole number; 0 for no limit (0)',
      'Per client address, requests and not connections, over all workers; 429, and 503 with `--compat ingress-nginx`.',
      { guards: true },
    ),
    ...paceRows,
    honoured(
      'limit-allowlist',
      'addresses and CIDRs, with commas between',
      'Clients that the limits above do not count. Parts that cannot be read are left out.',
    ),
    honoured(
      'limit-whitelist',
      'addresses and CIDRs, with commas between',
      'The older name of `limit-allowlist`, which goes before it.',
    ),
    never('global-rate-limit', removed, { idle: zero }),
    noEffect('global-rate-limit-window', ofRemoved),
    noEffect('global-rate-limit-key', ofRemoved),
    noEffect('global-rate-limit-ignored-cidrs', ofRemoved),
  ],
}

export type LimitDefaults = {
  /** Statuses of the ConfigMap; `undefined` for 429, and 503 in compatibility. */
  readonly rateStatus: number | undefined
  readonly concurrencyStatus: number | undefined
  /** What is counted. */
  readonly key: LimitKey
  readonly compat: 'none' | 'ingress-nginx'
}

const defaultMultiplier = 5

export function readLimits(scope: Scope, { rateStatus, concurrencyStatus, key, compat }: LimitDefaults): LimitWishes {
  const refused = compat === 'ingress-nginx' ? 503 : 429
  const rps = readCount(scope, 'limit-rps')
  const rpm = readCount(scope, 'limit-rpm')
  const connections = readCount(scope, 'limit-connections')
  const bad = [
    ['limit-rps', rps],
    ['limit-rpm', rpm],
    ['limit-connections', connections],
  ].find(([, value]) => value === undefined)
  if (rps === undefined || rpm === undefined || connections === undefined)
    return { rates: [], concurrency: [], closed: `${String(bad?.[0])} cannot be read` }
  const exempt = readExempt(scope)
  const multiplier = readMultiplier(scope)
  const window = (count: number, windowMs: number): readonly RateWindow[] =>
    count === 0 ? [] : [{ count, windowMs, burst: count * multiplier + (compat === 'ingress-nginx' ? 1 : 0) }]
  const windows = [...window(rps, 1_000), ...window(rpm, 60_000)]
  const { namespace, name } = scope.resource.metadata
  const id = `${namespace}/${name}`
  const common = { key, exempt, shadow: false }
  const rate: RateLimitConfig = { id, windows, status: rateStatus ?? refused, advertise: false, ...common }
  const concurrency: ConcurrencyLimitConfig = {
    id,
    limit: connections,
    queue: 0,
    waitMs: 0,
    status: concurrencyStatus ?? refused,
    ...common,
  }
  return {
    rates: windows.length === 0 ? [] : [rate],
    concurrency: connections === 0 ? [] : [concurrency],
    closed: undefined,
  }
}

const mostRequests = 1_000_000

/** 0 for no limit; `undefined`, and an error, when it cannot be read. */
function readCount(scope: Scope, name: string): number | undefined {
  const text = scope.value(name)
  if (text === undefined || text.trim() === '') return 0
  const count = /^\+?\d{1,7}$/.test(text) ? Number(text) : Number.NaN
  if (count <= mostRequests) return count
  report(scope, name, {
    severity: 'error',
    expected: `a whole number from 0 to ${mostRequests}`,
    instead: 'the routes answer 503 rather than be served without the limit',
  })
  return undefined
}

function readMultiplier(scope: Scope): number {
  const name = 'limit-burst-multiplier'
  const text = scope.value(name)
  if (text === undefined || text.trim() === '') return defaultMultiplier
  const value = /^\+?\d{1,4}$/.test(text) ? Number(text) : 0
  if (value === 0)
    report(scope, name, { expected: 'a whole number from 1 to 9999', instead: `${defaultMultiplier} is used` })
  return value === 0 ? defaultMultiplier : value
}

/** A part that cannot be read makes no exception: its clients are limited like all others. */
function readExempt(scope: Scope): readonly string[] {
  const name = (scope.value('limit-whitelist')?.trim() ?? '') === '' ? 'limit-allowlist' : 'limit-whitelist'
  const parts = (scope.value(name) ?? '')
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
  const wrong = parts.find((part) => parseCidr(part) === undefined)
  if (wrong !== undefined)
    report(scope, name, {
      expected: 'addresses and CIDRs such as 10.0.0.0/8',
      because: JSON.stringify(wrong),
      instead: 'the limits count its clients too',
    })
  return parts.filter((part) => parseCidr(part) !== undefined)
}

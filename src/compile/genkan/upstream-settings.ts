/**
 * What our own annotations say about upstreams, on a Service or on an Ingress that leads to it, and about the time a
 * request may take.
 */
import { printDuration } from '#lib/duration.ts'
import { didYouMean } from '#lib/nearest.ts'
import type { BalanceSpec, DiscoveryMode, OutlierSpec } from '#snapshot/snapshot.ts'
import type { AnnotationGroup, Annotated } from '../annotation.ts'
import { honoured } from '../annotation.ts'
import type { Scope } from '../setting.ts'
import { readDuration, readInteger, readText, readWord, report } from '../setting.ts'
import type { UpstreamWish, Wish } from '../upstream-wish.ts'
import { outlierGrammar, parseOutlier } from './outlier.ts'

const discoveryModes: readonly DiscoveryMode[] = ['slices', 'pods', 'dns', 'nodeport', 'env']

const both: { readonly on: readonly Annotated[] } = { on: ['Service', 'Ingress'] }
const where =
  'On a Service it counts for that Service, on an Ingress for all its backends; the Service wins, then the oldest Ingress.'

export const discovery: AnnotationGroup = {
  title: 'Discovery',
  rows: [
    honoured(
      'discovery',
      'slices, pods, dns, nodeport, env: one or more, in order, with commas between',
      `Where the endpoints of a Service are looked for; the first that has an answer wins. ${where}`,
      both,
    ),
  ],
}

export const balancing: AnnotationGroup = {
  title: 'Load balancing',
  rows: [
    honoured(
      'load-balance',
      'round-robin, least-request, ewma (round-robin)',
      `How an endpoint is chosen; it counts before ingress-nginx's \`load-balance\`, and behind \`upstream-hash-by\`. ${where}`,
      both,
    ),
    honoured(
      'slow-start',
      'a duration (none)',
      `The share of a new endpoint grows from a little to its full weight for so long. ${where}`,
      both,
    ),
  ],
}

export const bounds: AnnotationGroup = {
  title: 'Limits and ejection',
  rows: [
    honoured(
      'max-connections',
      'a whole number of at least 1 (--limit-connections-per-endpoint)',
      `Connections to one endpoint, per worker. ${where}`,
      both,
    ),
    honoured(
      'max-pending',
      "a whole number of at least 0 (the process's)",
      `Requests that wait for one of them, per worker; those above it are answered with 503. ${where}`,
      both,
    ),
    honoured('pending-timeout', "a duration of at least 1ms (the process's)", `How long they wait. ${where}`, both),
    honoured(
      'outlier-detection',
      outlierGrammar,
      `After so many failures in a row (connect failures, resets, timeouts, 5xx) an endpoint is ejected for \`base\`, each time that much longer, up to \`max\`, and never more than \`percent\` of the endpoints. Parts that are left out keep their defaults. ${where}`,
      both,
    ),
  ],
}

export const attempts: AnnotationGroup = {
  title: 'Time',
  rows: [
    honoured(
      'request-timeout',
      'a duration; 0 for no bound (none)',
      'From the head of a request to the last byte of its response. WebSockets and other streams end with it, so long ones want none.',
    ),
    honoured(
      'stream-idle-timeout',
      'a duration; 0 for no bound (none)',
      'Without a byte in either direction once the response has begun.',
    ),
  ],
}

type OwnWish = Pick<
  UpstreamWish,
  'discovery' | 'balance' | 'slowStartMs' | 'connections' | 'pending' | 'pendingMs' | 'outlier'
>

export function readOwnWish(scope: Scope): OwnWish {
  const wish = <Value>(key: string, value: Value | undefined): Wish<Value> | undefined =>
    value === undefined ? undefined : { value, key, at: scope.at(key) }
  return {
    discovery: wish('discovery', readDiscovery(scope)),
    balance: wish('load-balance', readBalance(scope)),
    slowStartMs: wish('slow-start', readDuration(scope, 'slow-start', 0)),
    connections: wish('max-connections', readInteger(scope, 'max-connections', undefined, { min: 1, max: 1_000_000 })),
    pending: wish('max-pending', readInteger(scope, 'max-pending', undefined, { min: 0, max: 1_000_000 })),
    pendingMs: wish('pending-timeout', readDuration(scope, 'pending-timeout', 1)),
    outlier: wish('outlier-detection', readOutlier(scope)),
  }
}

/** In milliseconds; absent for no bound. */
export function readOwnTimeouts(scope: Scope): { readonly requestMs?: number; readonly streamIdleMs?: number } {
  const requestMs = readDuration(scope, 'request-timeout', 0) ?? 0
  const streamIdleMs = readDuration(scope, 'stream-idle-timeout', 0) ?? 0
  return { ...(requestMs === 0 ? {} : { requestMs }), ...(streamIdleMs === 0 ? {} : { streamIdleMs }) }
}

function readDiscovery(scope: Scope): readonly DiscoveryMode[] | undefined {
  const text = scope.value('discovery')
  if (text === undefined) return undefined
  const words = text
    .split(',')
    .map((word) => word.trim().toLowerCase())
    .filter((word) => word !== '')
  const modes = discoveryModes
    .filter((mode) => words.includes(mode))
    .toSorted((a, b) => words.indexOf(a) - words.indexOf(b))
  const wrong = words.find((word) => !discoveryModes.some((mode) => mode === word))
  if (wrong === undefined && modes.length > 0) return modes
  const instead = `it is ignored${wrong === undefined ? '' : didYouMean(wrong, discoveryModes)}`
  report(scope, 'discovery', { expected: `one or more of ${discoveryModes.join(', ')}`, instead })
  return undefined
}

function readBalance(scope: Scope): BalanceSpec | undefined {
  const word = readWord(scope, 'load-balance', ['round-robin', 'least-request', 'ewma'])
  if (word === undefined) return undefined
  return { kind: ({ 'round-robin': 'roundRobin', 'least-request': 'leastRequest', ewma: 'ewma' } as const)[word] }
}

function readOutlier(scope: Scope): OutlierSpec | 'off' | undefined {
  const text = readText(scope, 'outlier-detection')
  if (text === undefined) return undefined
  const value = parseOutlier(text)
  if (value.kind === 'outlier') return value.spec
  report(scope, 'outlier-detection', { expected: outlierGrammar, because: value.because, instead: 'it is ignored' })
  return undefined
}

/** `5 failures in a row, for 30s up to 5m, at most 50 % at once`: for people. */
export function describeOutlier({
  consecutiveFailures,
  baseEjectionMs,
  maxEjectionMs,
  maxEjectedPercent,
}: OutlierSpec): string {
  return `${consecutiveFailures} failures in a row, for ${printDuration(baseEjectionMs)} up to ${printDuration(maxEjectionMs)}, at most ${maxEjectedPercent} % at once`
}

/** Keys of the global ConfigMap about limits, addresses and authentication. */
import type { ResourceSet } from '#resource/resource-set.ts'
import type { AnnotationRow } from '../annotation.ts'
import { honoured, refused } from '../annotation.ts'
import type { Scope } from '../setting.ts'
import { readInteger } from '../setting.ts'
import type { ReadExternalAuth } from './external-auth.ts'
import { readExternalAuth } from './external-auth.ts'
import type { Ranges } from './source-ranges.ts'
import { noRanges, readRanges } from './source-ranges.ts'

const fallback = 'The default of the annotation of that name'

export const guardKeys: readonly AnnotationRow[] = [
  honoured(
    'whitelist-source-range',
    'addresses and CIDRs, with commas between',
    `${fallback}. A part that cannot be read closes every route.`,
    { guards: true },
  ),
  honoured(
    'denylist-source-range',
    'addresses and CIDRs, with commas between',
    `${fallback}. A part that cannot be read closes every route.`,
    { guards: true },
  ),
  honoured(
    'limit-req-status-code',
    'a status from 400 to 599 (429; 503 with `--compat ingress-nginx`)',
    'For requests above `limit-rps` and `limit-rpm`.',
  ),
  honoured(
    'limit-conn-status-code',
    'a status from 400 to 599 (429; 503 with `--compat ingress-nginx`)',
    'For requests above `limit-connections`.',
  ),
  honoured(
    'global-auth-url',
    'as `auth-url`',
    'Asked before every request to a rule without `auth-url`, unless `enable-global-auth` is false there.',
    { guards: true },
  ),
  ...[
    'method',
    'signin',
    'signin-redirect-param',
    'response-headers',
    'request-redirect',
    'cache-key',
    'cache-duration',
    'always-set-cookie',
  ].map((name) => honoured(`global-auth-${name}`, `as \`auth-${name}\``, 'Belongs to `global-auth-url`.')),
  refused('global-auth-snippet', 'nginx configuration text is never run.', { judge: () => 'closed' }),
  honoured(
    'no-auth-locations',
    'paths, with commas between (/.well-known/acme-challenge)',
    'Rules at or below these paths ask nobody for credentials; address lists and limits count there too.',
  ),
]

export type GuardDefaults = {
  readonly rateStatus: number | undefined
  readonly concurrencyStatus: number | undefined
  readonly ranges: Ranges
  readonly externalAuth: ReadExternalAuth
  readonly openPaths: readonly string[]
}

export const defaultGuards: GuardDefaults = {
  rateStatus: undefined,
  concurrencyStatus: undefined,
  ranges: noRanges,
  externalAuth: { wish: undefined, closed: undefined },
  openPaths: ['/.well-known/acme-challenge'],
}

export function readGuardDefaults(scope: Scope, resources: ResourceSet): GuardDefaults {
  // The names are those of the annotations, with a prefix.
  const auth: Scope = {
    ...scope,
    value: (name) => (name.startsWith('auth-') ? scope.value(`global-${name}`) : undefined),
    at: (name) => scope.at(`global-${name}`),
  }
  return {
    rateStatus: readStatus(scope, 'limit-req-status-code'),
    concurrencyStatus: readStatus(scope, 'limit-conn-status-code'),
    // Only one of the two names of the list is a global key.
    ranges: readRanges(
      { ...scope, value: (name) => (name === 'allowlist-source-range' ? undefined : scope.value(name)) },
      noRanges,
    ),
    externalAuth: readExternalAuth(auth, resources),
    openPaths:
      scope
        .value('no-auth-locations')
        ?.split(',')
        .map((path) => path.trim())
        .filter((path) => path !== '') ?? defaultGuards.openPaths,
  }
}

function readStatus(scope: Scope, name: string): number | undefined {
  return readInteger(scope, name, undefined, { min: 400, max: 599 })
}

/**
 * ingress-nginx's global ConfigMap: the defaults of every Ingress, and the few settings that no annotation has. Keys
 * that would protect every route and are not honoured yet close every route, as their annotations do for one Ingress.
 */
import { didYouMean, editDistance } from '#lib/nearest.ts'
import type { FieldPath } from '#resource/origin.ts'
import type { Problem, ProblemInit } from '#resource/problem.ts'
import { problemOf } from '#resource/problem.ts'
import type { ResourceSet } from '#resource/resource-set.ts'
import type { ConfigMap } from '#resource/resource.ts'
import type { AccessLogSpec, BalanceSpec, DoorSpec, ListenerSpec, PolicySpec } from '#snapshot/snapshot.ts'
import type { AnnotationGroup } from '../annotation.ts'
import { asClause, honoured, never, noEffect, off, refused } from '../annotation.ts'
import type { Scope } from '../setting.ts'
import { readBoolean, readDuration, readInteger, report } from '../setting.ts'
import { readLoadBalance } from './balancing.ts'
import { blockKeys, readBlocks } from './block-keys.ts'
import { compressionKeys } from './compression.ts'
import { connectionKeys } from './connection-keys.ts'
import type { DoorOptions } from './door.ts'
import { readDoor } from './door.ts'
import { forwardingKeys } from './forwarding-keys.ts'
import type { GuardDefaults } from './guard-defaults.ts'
import { defaultGuards, guardKeys, readGuardDefaults } from './guard-defaults.ts'
import { listenerKeys, readListener } from './listener-keys.ts'
import { logKeys, readAccessLog } from './log-keys.ts'
import { machineryKeys } from './machinery-keys.ts'
import { withNonIdempotent } from './retry.ts'
import type { RouteGlobals } from './route-keys.ts'
import { defaultRouteGlobals, readRouteGlobals, routeKeys } from './route-keys.ts'
import type { Settings } from './settings.ts'
import { defaultSettings, readSettings } from './settings.ts'
import type { ShapingGlobals } from './shaping.ts'
import { defaultShapingGlobals, readShapingGlobals } from './shaping.ts'
import { tracingKeys } from './tracing-keys.ts'

export type Hsts = { readonly maxAge: number; readonly includeSubDomains: boolean; readonly preload: boolean }

export type Globals = {
  readonly settings: Settings
  /** Where neither a Service nor an Ingress says otherwise. */
  readonly balance: BalanceSpec | undefined
  readonly redirectCode: 301 | 302 | 307 | 308
  /** Rules at or below these paths are never redirected to https: certificate authorities ask there, over http. */
  readonly noRedirectPaths: readonly string[]
  /** `undefined` when it is switched off. */
  readonly hsts: Hsts | undefined
  readonly shaping: ShapingGlobals
  readonly guards: GuardDefaults
  /** Of the front door as a whole; `undefined` where the process's settings stay. */
  readonly door: DoorSpec | undefined
  readonly listener: ListenerSpec | undefined
  readonly routes: RouteGlobals
  /** On every route, before everything else. */
  readonly blocks: PolicySpec | undefined
  readonly accessLog: AccessLogSpec | undefined
  /** A connection that is passed on unread, without a byte. */
  readonly streamIdleMs: number
  /** Why no route at all may be served openly; `undefined` when nothing stands against it. */
  readonly closed: string | undefined
}

const defaultGlobals: Omit<Globals, 'shaping'> = {
  settings: defaultSettings,
  balance: undefined,
  redirectCode: 308,
  noRedirectPaths: ['/.well-known/acme-challenge'],
  hsts: { maxAge: 31_536_000, includeSubDomains: true, preload: false },
  guards: defaultGuards,
  door: undefined,
  listener: undefined,
  routes: defaultRouteGlobals,
  blocks: undefined,
  accessLog: undefined,
  streamIdleMs: 600_000,
  closed: undefined,
}

const shut =
  'No firewall runs here; every route answers 503 rather than be served without it. Let a firewall of its own stand in front, and take the key away.'
export const configMapKeys: AnnotationGroup = {
  title: 'Keys of the global ConfigMap',
  rows: [
    honoured('ssl-redirect', 'true, false (true)', 'The default of the annotation of that name.'),
    honoured('force-ssl-redirect', 'true, false (false)', 'The default of the annotation of that name.'),
    honoured('http-redirect-code', '301, 302, 307, 308 (308)', 'The status of the redirect to https.'),
    honoured(
      'no-tls-redirect-locations',
      'paths, with commas between (/.well-known/acme-challenge)',
      'Rules at or below these paths are not redirected to https.',
    ),
    honoured('preserve-trailing-slash', 'true, false', 'The trailing slash is always kept.'),
    honoured('hsts', 'true, false (true)', 'Strict-Transport-Security on responses over https of hosts with TLS.'),
    honoured('hsts-max-age', 'seconds (31536000)', 'Its max-age.'),
    honoured('hsts-include-subdomains', 'true, false (true)', 'Its includeSubDomains.'),
    honoured('hsts-preload', 'true, false (false)', 'Its preload.'),
    honoured('proxy-connect-timeout', 'seconds (5)', 'The default of the annotation of that name.'),
    honoured('proxy-send-timeout', 'seconds (60)', 'The default of the annotation of that name.'),
    honoured('proxy-read-timeout', 'seconds (60)', 'The default of the annotation of that name.'),
    honoured('proxy-body-size', 'a size (1m)', 'The default of the annotation of that name.'),
    honoured('proxy-next-upstream', 'as the annotation (error timeout)', 'The default of the annotation of that name.'),
    honoured(
      'proxy-next-upstream-tries',
      'a whole number of at least 0 (3)',
      'The default of the annotation of that name.',
    ),
    honoured(
      'proxy-next-upstream-timeout',
      'seconds, a whole number of at least 0 (0)',
      'The default of the annotation of that name.',
    ),
    honoured(
      'retry-non-idempotent',
      'true, false (false)',
      'Adds `non_idempotent` to the default of `proxy-next-upstream`; an annotation replaces it.',
    ),
    honoured('load-balance', 'round_robin, ewma (round_robin)', 'The default of the annotation of that name.'),
    honoured('relative-redirects', 'true, false (false)', 'The default of the annotation of that name.'),
    honoured(
      'custom-http-errors',
      'as the annotation',
      'The default of the annotation of that name; it needs a `default-backend`, or `--default-backend-service`.',
    ),
    honoured('disable-proxy-intercept-errors', 'true, false (false)', 'The default of the annotation of that name.'),
    honoured('add-headers', 'namespace/name of a ConfigMap', 'Its data are fields of every response of a route.'),
    honoured(
      'proxy-set-headers',
      'namespace/name of a ConfigMap',
      'Its data are fields of every request to an endpoint.',
    ),
    honoured('hide-headers', 'names of fields with commas between', 'They are taken away from responses of endpoints.'),
    honoured(
      'server-tokens',
      'true, false (true)',
      "`false` takes the Server field away from every response of a route. Otherwise it is the endpoint's, or `genkan` where the endpoint says nothing, never with a version.",
      { difference: 'In ingress-nginx the default is `false`.' },
    ),
    honoured(
      'allow-backend-server-header',
      'true, false (false)',
      'With `server-tokens: "false"`: the Server field of endpoints is passed on.',
    ),
    honoured(
      'global-allowed-response-headers',
      'names of fields with commas between',
      'What `custom-headers` may set.',
    ),
    ...tracingKeys,
    ...['proxy-buffering', 'proxy-request-buffering', 'proxy-buffer-size', 'proxy-buffers-number'].map((name) =>
      noEffect(name, 'Bodies are streamed, with a small bounded buffer.'),
    ),
    ...guardKeys,
    ...forwardingKeys,
    ...connectionKeys,
    ...listenerKeys,
    ...compressionKeys,
    ...machineryKeys,
    ...blockKeys,
    ...routeKeys,
    ...logKeys,
    ...['enable-modsecurity', 'enable-owasp-modsecurity-crs'].map((name) => never(name, shut, { idle: off })),
    ...[
      'main-snippet',
      'http-snippet',
      'server-snippet',
      'location-snippet',
      'stream-snippet',
      'modsecurity-snippet',
    ].map((name) => refused(name, 'nginx configuration text is never run.')),
  ],
}

const rows = new Map(configMapKeys.rows.map((row) => [row.name, row]))

export type GlobalsOptions = DoorOptions & {
  /** `namespace/name`, or `undefined` when no ConfigMap is to be read. */
  readonly reference: string | undefined
  /** The environment names one to send spans to. */
  readonly collector: boolean
}

export function readGlobals(
  resources: ResourceSet,
  { reference, collector, compat, givenFlags }: GlobalsOptions,
  problems: Problem[],
): Globals {
  const defaults: Globals = { ...defaultGlobals, shaping: defaultShapingGlobals(collector) }
  if (reference === undefined) return defaults
  const [namespace = '', name = ''] = reference.split('/')
  const map = resources.get('ConfigMap', namespace, name)
  if (map === undefined) {
    const place = { file: '(command line)', line: 1, column: 1 }
    const message = `the ConfigMap ${reference} is in no file`
    problems.push({
      ...place,
      severity: 'warning',
      code: 'config-map-missing',
      object: undefined,
      path: '',
      message,
      instead: 'the defaults are used',
    })
    return defaults
  }
  const scope: Scope = { resource: map, problems, value: (key) => map.data.get(key), at: pathOf }
  const settings = readSettings(scope, defaultGlobals.settings)
  const blocks = readBlocks(scope)
  return {
    settings: readBoolean(scope, 'retry-non-idempotent', false)
      ? { ...settings, retry: withNonIdempotent(settings.retry) }
      : settings,
    balance: readLoadBalance(scope, false)?.value,
    redirectCode: readCode(scope),
    noRedirectPaths:
      scope
        .value('no-tls-redirect-locations')
        ?.split(',')
        .map((path) => path.trim())
        .filter((path) => path !== '') ?? defaultGlobals.noRedirectPaths,
    hsts: readHsts(scope),
    shaping: readShapingGlobals(scope, resources, collector),
    guards: readGuardDefaults(scope, resources),
    door: readDoor(scope, { compat, givenFlags }),
    listener: readListener(scope),
    routes: readRouteGlobals(scope, givenFlags),
    blocks: blocks.policy,
    accessLog: readAccessLog(scope),
    streamIdleMs: readDuration(scope, 'proxy-stream-timeout', 1) ?? defaultGlobals.streamIdleMs,
    closed: judgeKeys(map, problems) ?? blocks.closed,
  }
}

function readCode(scope: Scope): Globals['redirectCode'] {
  const text = scope.value('http-redirect-code')
  const code = ([301, 302, 307, 308] as const).find((each) => String(each) === text)
  if (code === undefined && text !== undefined)
    report(scope, 'http-redirect-code', { expected: '301, 302, 307 or 308', instead: '308 is used' })
  return code ?? defaultGlobals.redirectCode
}

function readHsts(scope: Scope): Hsts | undefined {
  const hsts = {
    maxAge: readInteger(scope, 'hsts-max-age', 31_536_000, { min: 0, max: 10 ** 10, unit: 'seconds' }),
    includeSubDomains: readBoolean(scope, 'hsts-include-subdomains', true),
    preload: readBoolean(scope, 'hsts-preload', false),
  }
  return readBoolean(scope, 'hsts', true) ? hsts : undefined
}

/** Reports every key that does not do what it says; the reason to close everything, if one asks for protection. */
function judgeKeys(map: ConfigMap, problems: Problem[]): string | undefined {
  let reason: string | undefined
  const say = (key: string, init: Omit<ProblemInit, 'at' | 'part'>): void => {
    problems.push(problemOf(map, { ...init, at: pathOf(key), part: 'key' }))
  }
  for (const [key, value] of map.data) {
    const row = rows.get(key)
    if (row === undefined) {
      const message = `ingress-nginx has no key ${key} that we know`
      const closes = isSlip(key, value)
      if (closes) reason ??= `${key} of the global ConfigMap looks like a protection`
      const what = closes ? 'it looks like a protection, so every route answers 503' : 'it is ignored'
      const instead = what + didYouMean(key, rows.keys())
      say(key, { severity: closes ? 'error' : 'warning', code: 'unknown-key', message, instead })
    } else if (row.verdict === 'honoured' || row.idle(value)) continue
    else if (row.meanwhile === 'closed') {
      reason ??= `${key} of the global ConfigMap is not honoured`
      say(key, {
        severity: 'error',
        code: 'protection-not-honoured',
        message: `${key} is refused`,
        instead: asClause(row.note),
      })
    } else if (row.verdict === 'refused') {
      say(key, { severity: 'error', code: 'annotation-refused', message: `${key} is refused`, instead: row.note })
    } else {
      say(key, {
        severity: 'info',
        code: 'annotation-no-effect',
        message: `${key} has no effect here`,
        instead: asClause(row.note),
      })
    }
  }
  return reason
}

/** A slip in the name of a protection must not take it away; as it would close everything, it must be a small one. */
function isSlip(key: string, value: string): boolean {
  return [...rows.values()].some(
    ({ name, meanwhile, idle }) => meanwhile === 'closed' && !idle(value) && editDistance(key, name, 3) < 3,
  )
}

function pathOf(key: string): FieldPath {
  return ['data', key]
}

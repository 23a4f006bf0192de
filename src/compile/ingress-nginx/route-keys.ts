/** Keys of the global ConfigMap that shape single routes and no annotation has, or that are the default of one. */
import { originalUri } from '#policy/original-uri.ts'
import { ownRequestId } from '#policy/own-request-id.ts'
import type { LimitKey } from '#policy/limit-key.ts'
import type { PolicySpec } from '#snapshot/snapshot.ts'
import type { AnnotationRow } from '../annotation.ts'
import { honoured, noEffect, refused } from '../annotation.ts'
import type { Scope } from '../setting.ts'
import { readBoolean, readText, readWords, report } from '../setting.ts'
import { givesWay } from './flag-rule.ts'
import type { Pace } from './pace.ts'
import { noPace, readPace } from './pace.ts'

const fallback = 'The default of the annotation of that name.'

export const routeKeys: readonly AnnotationRow[] = [
  honoured('service-upstream', 'true, false (false)', fallback),
  honoured('use-port-in-redirects', 'true, false (false)', fallback),
  honoured('limit-rate', 'KiB per second (0)', fallback),
  honoured('limit-rate-after', 'KiB (0)', fallback),
  honoured(
    'limit-conn-zone-variable',
    '$binary_remote_addr, $remote_addr, $the_real_ip, $http_NAME, $cookie_NAME, $uri ($binary_remote_addr)',
    'What `limit-rps`, `limit-rpm` and `limit-connections` count by. Who leaves the header or cookie out is counted by address. Any other variable is a warning, and addresses count.',
    { difference: 'In ingress-nginx requests without the header or cookie are not limited at all.' },
  ),
  honoured(
    'proxy-add-original-uri-header',
    'true, false (false)',
    'X-Original-URI tells endpoints the path and query that the client asked for.',
  ),
  honoured(
    'generate-request-id',
    'true, false (true)',
    'With `false`, endpoints get only the X-Request-ID that the client sent. The access log names every request by an id of ours.',
  ),
  honoured(
    'allow-snippet-annotations',
    'true, false (false)',
    'With `true`, as with `--allow-snippets safe`, snippets of every Ingress are interpreted where all of their statements can be. `genkan.dev/allow-snippets` counts before it, and so does `--allow-snippets` where it is given.',
    { difference: 'Nothing is ever run: what cannot be interpreted is refused.' },
  ),
  honoured(
    'allow-cross-namespace-resources',
    'true, false (false)',
    'With `true`, `auth-secret`, `auth-tls-secret`, `auth-proxy-set-headers` and `proxy-ssl-secret` may name objects of other namespaces.',
  ),
  honoured(
    'strict-validate-path-type',
    'true, false (false)',
    'With `true`, a path of type Exact or Prefix with other characters than letters, digits and `/ . _ -` is an error and answers 503.',
    {
      difference:
        'In ingress-nginx the default is `true`, and its webhook refuses the whole Ingress. A path is never configuration text here, so it needs no such guard.',
    },
  ),
  honoured(
    'annotation-value-word-blocklist',
    'words, with commas between',
    'An Ingress with one of them in an annotation of ingress-nginx answers 503 on all its routes; ingress-nginx leaves it out.',
    { guards: true },
  ),
  refused(
    'annotations-risk-level',
    'Annotations have no levels: no value can become configuration text, and snippets are never run. To keep people from single annotations, check their manifests with `genkan check --output json`.',
    { idle: ['', 'high', 'critical'] },
  ),
  noEffect('default-type', 'Pages of the front door itself are `text/plain`; endpoints say what theirs are.'),
]

export type RouteGlobals = {
  /** Services are asked for at their own address. */
  readonly serviceAddress: boolean
  /** The redirect to https always names its port. */
  readonly portInRedirects: boolean
  readonly pace: Pace
  /** What limits count by. */
  readonly limitKey: LimitKey
  /** On every route. */
  readonly policies: readonly PolicySpec[]
  /** Snippets are interpreted; `undefined` where the key does not say. */
  readonly snippets: 'safe' | 'none' | undefined
  /** Secrets and ConfigMaps of other namespaces may be named. */
  readonly crossNamespace: boolean
  /** Exact and prefix paths have plain characters only. */
  readonly plainPaths: boolean
  /** No annotation may hold one of these. */
  readonly forbiddenWords: readonly string[]
}

export const defaultRouteGlobals: RouteGlobals = {
  serviceAddress: false,
  portInRedirects: false,
  pace: noPace,
  limitKey: { kind: 'client' },
  policies: [],
  snippets: undefined,
  crossNamespace: false,
  plainPaths: false,
  forbiddenWords: [],
}

export function readRouteGlobals(scope: Scope, givenFlags: ReadonlySet<string>): RouteGlobals {
  const snippetKey = 'allow-snippet-annotations'
  const isSnippet =
    readText(scope, snippetKey) !== undefined && !givesWay(scope, snippetKey, 'allow-snippets', givenFlags)
  const snippets = readBoolean(scope, snippetKey, false) ? 'safe' : 'none'
  return {
    serviceAddress: readBoolean(scope, 'service-upstream', false),
    portInRedirects: readBoolean(scope, 'use-port-in-redirects', false),
    pace: readPace(scope, noPace),
    limitKey: readLimitKey(scope),
    policies: [
      ...(readBoolean(scope, 'proxy-add-original-uri-header', false) ? [originalUri.spec({})] : []),
      ...(readBoolean(scope, 'generate-request-id', true) ? [] : [ownRequestId.spec({})]),
    ],
    snippets: isSnippet ? snippets : undefined,
    crossNamespace: readBoolean(scope, 'allow-cross-namespace-resources', false),
    plainPaths: readBoolean(scope, 'strict-validate-path-type', false),
    forbiddenWords: readWords(scope, 'annotation-value-word-blocklist'),
  }
}

const addresses: ReadonlySet<string> = new Set(['binary_remote_addr', 'remote_addr', 'the_real_ip'])

function readLimitKey(scope: Scope): LimitKey {
  const key = 'limit-conn-zone-variable'
  const variable = /^\$\{?(\w+)\}?$/.exec(readText(scope, key) ?? '$remote_addr')?.[1] ?? ''
  const [, kind, name = ''] = /^(http|cookie)_(\w+)$/i.exec(variable) ?? []
  if (kind?.toLowerCase() === 'http') return { kind: 'header', name: name.toLowerCase().replaceAll('_', '-') }
  if (kind?.toLowerCase() === 'cookie') return { kind: 'cookie', name }
  if (variable === 'uri') return { kind: 'path' }
  if (!addresses.has(variable))
    report(scope, key, {
      expected: '$binary_remote_addr, $http_NAME, $cookie_NAME or $uri',
      instead: 'the address of the client is used',
    })
  return { kind: 'client' }
}

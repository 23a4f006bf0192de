/**
 * What ingress-nginx's dialect says about the shape of requests and responses: paths, redirects, fields, copies. Most of
 * it becomes policies that every route of the Ingress has.
 */
import type { ResourceSet } from '#resource/resource-set.ts'
import type { PolicySpec, TimeoutSpec } from '#snapshot/snapshot.ts'
import { allowSnippets } from '../allow-snippets.ts'
import type { Snippets } from '../annotation.ts'
import type { Scope } from '../setting.ts'
import { readBoolean, readWord } from '../setting.ts'
import type { Compression } from './compression.ts'
import { noCompression, readCompression, readCompressionGlobals } from './compression.ts'
import { corsNames, readCors } from './cors.ts'
import type { ErrorPages } from './error-pages.ts'
import { errorPageNames, noErrorPages, readErrorPages } from './error-pages.ts'
import type { HeaderGlobals } from './header-fields.ts'
import { defaultHeaderGlobals, headerNames, readHeaderGlobals, readHeaders } from './header-fields.ts'
import { mirrorNames, readMirror } from './mirroring.ts'
import type { Redirects } from './redirects.ts'
import { readRedirects, redirectNames } from './redirects.ts'
import type { Rewriting } from './rewriting.ts'
import { readRewriting, rewritingNames } from './rewriting.ts'
import { readSnippets } from './snippets.ts'
import type { TracingGlobals, TracingWish } from './tracing.ts'
import { defaultTracing, readTracing, readTracingGlobals, tracingNames } from './tracing.ts'

export type Shaping = {
  readonly rewriting: Rewriting
  readonly redirects: Omit<Redirects, 'policies'>
  /** Of every route of the Ingress, in any order. */
  readonly policies: readonly PolicySpec[]
  /** Of every route of its hosts, whoever wrote it; those of its own have them already. */
  readonly hostRefusals: readonly PolicySpec[]
  readonly errors: ErrorPages
  /** Its requests are in the access log. */
  readonly logged: boolean
  /** `undefined` when its requests are not traced. */
  readonly tracing: TracingWish | undefined
  /** Why its routes answer 503. */
  readonly closed: string | undefined
}

export type ShapingGlobals = {
  readonly headers: HeaderGlobals
  readonly relativeRedirects: boolean
  readonly errors: ErrorPages
  readonly tracing: TracingGlobals
  readonly compression: Compression
}

/** `collector`: the environment names one to send spans to. */
export function defaultShapingGlobals(collector: boolean): ShapingGlobals {
  return {
    headers: defaultHeaderGlobals,
    relativeRedirects: false,
    errors: noErrorPages,
    tracing: defaultTracing(collector),
    compression: noCompression,
  }
}

/** Annotations that are read here. */
export const shapingNames: readonly string[] = [
  ...rewritingNames,
  ...redirectNames,
  ...corsNames,
  ...headerNames,
  ...mirrorNames,
  ...errorPageNames,
  'enable-access-log',
  ...tracingNames,
]

export type ShapingOptions = {
  /** Our own annotations. */
  readonly own: Scope
  readonly resources: ResourceSet
  readonly globals: ShapingGlobals
  readonly timeouts: TimeoutSpec
  readonly compat: 'none' | 'ingress-nginx'
  /** Where no annotation says otherwise. */
  readonly snippets: Snippets
}

export function readShaping(
  scope: Scope,
  { own: ours, resources, globals, timeouts, compat, snippets }: ShapingOptions,
): Shaping {
  readWord(ours, allowSnippets, ['safe', 'none'])
  const { policies: redirecting, ...redirects } = readRedirects(scope, globals.relativeRedirects)
  const headers = readHeaders(scope, resources, globals.headers)
  const own = [
    readCors(scope, compat === 'ingress-nginx'),
    readMirror(scope, timeouts),
    readCompression(ours, globals.compression),
  ].filter((each) => each !== undefined)
  const { policies: ofSnippets, hostRefusals } = readSnippets(scope, ours, snippets)
  return {
    rewriting: readRewriting(scope),
    redirects,
    policies: [...redirecting, ...own, ...ofSnippets, ...headers.policies],
    hostRefusals,
    errors: readErrorPages(scope, globals.errors),
    logged: readBoolean(scope, 'enable-access-log', true),
    tracing: readTracing(scope, globals.tracing),
    closed: headers.closed,
  }
}

/** Of the global ConfigMap. */
export function readShapingGlobals(scope: Scope, resources: ResourceSet, collector: boolean): ShapingGlobals {
  return {
    errors: readErrorPages(scope, noErrorPages),
    headers: readHeaderGlobals(scope, resources),
    relativeRedirects: readBoolean(scope, 'relative-redirects', false),
    tracing: readTracingGlobals(scope, collector),
    compression: readCompressionGlobals(scope),
  }
}

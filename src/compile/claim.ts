/**
 * One Ingress → the host and path pairs it claims. A claim becomes a route unless another claim of the same pair goes
 * first (contest.ts).
 */
import { toAscii } from '#http/authority.ts'
import { normalizePath } from '#http/path.ts'
import type { FieldPath } from '#resource/origin.ts'
import type { Problem, ProblemInit } from '#resource/problem.ts'
import { problemOf } from '#resource/problem.ts'
import type { Ingress, IngressBackend, IngressPath } from '#resource/resource.ts'
import { objectName } from '#resource/resource.ts'
import { compilePathPattern } from '#route/path-pattern.ts'
import type { PathMatch, PolicySpec, RouteOrigin } from '#snapshot/snapshot.ts'
import { literalPart } from './ingress-nginx/pattern.ts'

/** What makes a claim; `claimFrom` knows the rest. */
export type ClaimInit = {
  readonly ingress: Ingress
  /** Where it was written. */
  readonly at: FieldPath
  readonly host: string
  readonly path: PathMatch
  /** The path as the rule has it. */
  readonly written: string
  /**
   * `guard`: stands in for a protected expression that was refused, and may not be passed by. `rule`: as written.
   * `pattern`: stands in for an expression that was refused. `answer`: answered by a policy alone, without a rule.
   * `fallback`: a default backend.
   */
  readonly standing: 'guard' | 'rule' | 'pattern' | 'answer' | 'fallback'
  /** `undefined` for a path that is not served: it answers 503. */
  readonly backend: IngressBackend | undefined
  /** Why its path is not served, where that is not because of its expression. */
  readonly refusal?: string
  /** What answers instead of a backend. */
  readonly answer?: PolicySpec
}

export type Claim = ClaimInit & {
  /** The same for claims of the same host and path. A prefix and an expression of the same text are one path. */
  readonly key: string
  /** Of its route: `default/web shop.test Prefix /cart`; `*` stands for every host. */
  readonly id: string
  readonly origin: RouteOrigin
}

export type ClaimOptions = {
  /** Its routes answer 503, because something that was to protect them is missing. */
  readonly closed: boolean
  /** Whether a path is a regular expression (`use-regex`, `rewrite-target`). */
  readonly isPattern: (host: string, path: IngressPath) => boolean
  /** Exact and prefix paths have plain characters only. */
  readonly plainPaths: boolean
  readonly problems: Problem[]
}

/** Everybody who changes a claim makes another one with this, so that its names always fit. */
export function claimFrom(init: ClaimInit): Claim {
  const { ingress, host, path } = init
  const { namespace, name } = ingress.metadata
  return {
    ...init,
    key: `${host} ${path.kind === 'exact' ? 'exact' : 'below'} ${path.value}`,
    id: `${namespace}/${name} ${host === '' ? '*' : host} ${kindNames[path.kind]} ${path.value}`,
    origin: originOf(init),
  }
}

export function originOf({ ingress, at }: Pick<ClaimInit, 'ingress' | 'at'>): RouteOrigin {
  const { namespace, name } = ingress.metadata
  const { file, line } = ingress.origin.locate(at)
  return { object: objectName(ingress), namespace, name, file, line }
}

const kindNames = { exact: 'Exact', prefix: 'Prefix', regex: 'Regex' } as const satisfies Record<
  PathMatch['kind'],
  string
>

export function claimsOf(ingress: Ingress, options: ClaimOptions): readonly Claim[] {
  const claims: Claim[] = []
  const fallback = ingress.spec.defaultBackend
  const hosts = new Set<string>()
  for (const [index, rule] of ingress.spec.rules.entries()) {
    const at = ['spec', 'rules', index]
    const host = rule.host === '' ? '' : toAscii(rule.host)
    if (host === undefined) {
      report(ingress, options, {
        code: 'invalid-host',
        at: [...at, 'host'],
        message: `${JSON.stringify(rule.host)} is no host name`,
        instead: 'the rule is left out',
      })
      continue
    }
    hosts.add(host)
    for (const [number, path] of rule.paths.entries()) {
      const claim = claimOf(ingress, { host, path, at: [...at, 'http', 'paths', number] }, options)
      if (claim !== undefined) claims.push(claim)
    }
    if (rule.paths.length === 0 && fallback === undefined) {
      const problem = {
        severity: 'warning',
        code: 'rule-without-paths',
        at,
        message: 'the rule has no paths and the Ingress no defaultBackend',
        instead: 'it does nothing',
      } as const
      options.problems.push(problemOf(ingress, problem))
    }
  }
  if (fallback === undefined) return claims
  // Without rules it is for every host; with rules only for theirs, as in ingress-nginx.
  if (ingress.spec.rules.length === 0) hosts.add('')
  const at = ['spec', 'defaultBackend']
  const path: PathMatch = { kind: 'prefix', value: '/' }
  return [
    ...claims,
    ...[...hosts].map((host) =>
      claimFrom({ ingress, at, host, path, written: '/', standing: 'fallback', backend: fallback }),
    ),
  ]
}

type Written = { readonly host: string; readonly path: IngressPath; readonly at: FieldPath }

function claimOf(ingress: Ingress, { host, path, at }: Written, options: ClaimOptions): Claim | undefined {
  const written = path.path === '' ? '/' : path.path
  if (options.plainPaths && path.pathType !== 'ImplementationSpecific' && !plain.test(written))
    return strangeClaim(ingress, { host, path: { ...path, path: written }, at }, options)
  if (options.isPattern(host, { ...path, path: written }))
    return patternClaim(ingress, { host, path: { ...path, path: written }, at }, options)
  const value = normalizePath(escape(written))
  if (value === undefined) {
    const message = `${JSON.stringify(written)} is no path that a request could have`
    report(ingress, options, { code: 'invalid-path', at: [...at, 'path'], message, instead: 'the rule is left out' })
    return undefined
  }
  const match: PathMatch =
    path.pathType === 'Exact' ? { kind: 'exact', value } : { kind: 'prefix', value: withoutTrailingSlash(value) }
  return claimFrom({ ingress, at, host, path: match, written, standing: 'rule', backend: path.backend })
}

/** What the webhook of ingress-nginx takes for the path of a type that is no expression. */
const plain = /^\/[A-Za-z0-9._/-]*$/

/** It keeps its place, so that no wider rule gets what was meant for this one. */
function strangeClaim(ingress: Ingress, { host, path, at }: Written, options: ClaimOptions): Claim | undefined {
  const { path: written, pathType } = path
  const literal = options.isPattern(host, path) ? literalPart(written, options.closed ? 'superset' : 'likely') : written
  const value = normalizePath(escape(literal))
  const message = `${JSON.stringify(written)} has characters that strict-validate-path-type forbids in a path of type ${pathType}`
  const instead =
    value === undefined ? 'the rule is left out' : `requests below ${value} that no other rule wants answer 503`
  report(ingress, options, { code: 'path-not-plain', at: [...at, 'path'], message, instead })
  if (value === undefined) return undefined
  const match: PathMatch = { kind: 'prefix', value: withoutTrailingSlash(value) }
  const standing = options.closed ? 'guard' : 'pattern'
  const claim = claimFrom({ ingress, at, host, path: match, written, standing, backend: undefined })
  return { ...claim, refusal: message }
}

function patternClaim(ingress: Ingress, { host, path, at }: Written, options: ClaimOptions): Claim {
  const { path: written, backend } = path
  const expression = escapeInPattern(written)
  const compiled =
    expression === undefined
      ? ({
          ok: false,
          problem: 'characters beyond ASCII cannot stand in brackets; write them one by one, with | between',
        } as const)
      : compilePathPattern(expression)
  if (compiled.ok)
    return claimFrom({
      ingress,
      at,
      host,
      path: { kind: 'regex', value: expression! },
      written,
      standing: 'rule',
      backend,
    })
  const value = literalPart(written, options.closed ? 'superset' : 'likely')
  const message = `${JSON.stringify(written)} is no regular expression that can be matched: ${compiled.problem}`
  const instead = options.closed
    ? `every request below ${value} without a longer rule answers 503`
    : `requests below ${value} that no other rule wants answer 503`
  report(ingress, options, { code: 'pattern-refused', at: [...at, 'path'], message, instead })
  return claimFrom({
    ingress,
    at,
    host,
    path: { kind: 'prefix', value },
    written,
    standing: options.closed ? 'guard' : 'pattern',
    backend: undefined,
  })
}

/** An expression is matched with the path as it travels, so what can only travel escaped is looked for escaped. */
function escapeInPattern(pattern: string): string | undefined {
  if (/^[\x21-\x7e]*$/.test(pattern)) return pattern
  if (!pattern.isWellFormed() || /\[[^\]]*[^\x21-\x7e]/.test(pattern)) return undefined
  return pattern.replace(/[^\x21-\x7e]/gu, (char) => `(?:${encodeURIComponent(char)})`)
}

/** Characters that a request can only carry escaped, as a browser would escape them. */
function escape(path: string): string {
  return path.isWellFormed() ? path.replace(/[^\x21-\x7e]+/g, encodeURIComponent) : path
}

function withoutTrailingSlash(path: string): string {
  return path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path
}

function report(ingress: Ingress, { problems }: ClaimOptions, init: Omit<ProblemInit, 'severity'>): void {
  problems.push(problemOf(ingress, { ...init, severity: 'error' }))
}

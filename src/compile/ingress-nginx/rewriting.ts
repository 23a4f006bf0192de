/** Annotations that give the endpoint another path or Host than the client sent. */
import { forwardedPrefix } from '#policy/forwarded-prefix.ts'
import { rewrite } from '#policy/rewrite.ts'
import { upstreamVhost } from '#policy/upstream-vhost.ts'
import { anchored, compilePathPattern } from '#route/path-pattern.ts'
import { quotePattern } from '#lib/pattern.ts'
import type { PathMatch, PolicySpec } from '#snapshot/snapshot.ts'
import type { Scope } from '../setting.ts'
import { readBoolean, readMatching } from '../setting.ts'

export const rewritingNames = ['use-regex', 'rewrite-target', 'x-forwarded-prefix', 'upstream-vhost'] as const

export type Rewriting = {
  readonly useRegex: boolean
  /** `undefined` for none. */
  readonly target: string | undefined
  readonly prefix: string | undefined
  readonly vhost: string | undefined
}

export function readRewriting(scope: Scope): Rewriting {
  return {
    useRegex: readBoolean(scope, 'use-regex', false),
    target: readMatching(scope, 'rewrite-target', {
      test: isTargetOrUrl,
      expected: 'a path such as /$2 or a URL, with no variables but $1 to $9, and none of them in the host',
    }),
    prefix: readMatching(scope, 'x-forwarded-prefix', {
      test: isTarget,
      expected: 'a path such as /shop, with no variables but $1 to $9',
    }),
    vhost: readMatching(scope, 'upstream-vhost', { test: isAuthority, expected: 'a host name, perhaps with a port' }),
  }
}

/** Whether a path of this Ingress is an expression. A target that is the path itself rewrites nothing. */
export function isPattern({ useRegex, target }: Rewriting, path: string): boolean {
  return useRegex || (target !== undefined && target !== path)
}

/** `written` is the path as in the rule. */
export function rewritePolicies(
  { target, prefix, vhost }: Rewriting,
  path: PathMatch,
  written: string,
): readonly PolicySpec[] {
  const policies: PolicySpec[] = vhost === undefined ? [] : [upstreamVhost.spec({ host: vhost })]
  if (target === undefined || target === written) return policies
  const pattern = anchored(path.kind === 'regex' ? path.value : quotePattern(path.value))
  if (prefix !== undefined) policies.push(forwardedPrefix.spec({ pattern, prefix }))
  return [...policies, rewrite.spec({ pattern, target })]
}

/** A group that the expression does not have, where the author surely thinks that it does; for `problems`. */
export function missingGroup({ target }: Rewriting, path: PathMatch): string | undefined {
  const used = Math.max(0, ...[...(target ?? '').matchAll(/\$([1-9])/g)].map(([, group]) => Number(group)))
  if (used === 0) return undefined
  const compiled = path.kind === 'regex' ? compilePathPattern(path.value) : undefined
  const groups = compiled?.ok === true ? compiled.pattern.groups : 0
  return used > groups
    ? `rewrite-target uses $${used}, but ${JSON.stringify(path.value)} has ${groups === 0 ? 'no groups' : groups === 1 ? 'one group' : `${groups} groups`}`
    : undefined
}

/** Visible ASCII, no fragment, no variables but captures; what it begins with decides that it is a path. */
function isTarget(text: string): boolean {
  return /^(?:\/|\$[1-9])[\x21-\x22\x24-\x7e]*$/.test(text) && !/\$(?![1-9])/.test(text) && !text.includes('\\')
}

/** Groups come from the client: in the host of a redirect they would let it choose where people are sent. */
function isTargetOrUrl(text: string): boolean {
  const path = text.replace(/^https?:\/\/[A-Za-z0-9.-]+(?::\d{1,5})?(?=\/|$)/, '')
  return path === '' || isTarget(path)
}

function isAuthority(text: string): boolean {
  return /^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?(:\d{1,5})?$/.test(text)
}

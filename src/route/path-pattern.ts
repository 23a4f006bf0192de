/**
 * Paths that are regular expressions, as ingress-nginx reads them: upper and lower case do not count, the beginning of
 * the path does, and what comes behind the match does not matter.
 */
import type { Pattern, PatternResult } from '#lib/pattern.ts'
import { compilePattern } from '#lib/pattern.ts'

/** The whole expression for a path as a rule writes it. All of its alternatives begin where the path does. */
export function anchored(value: string): string {
  return `^(?:${value})`
}

export function compilePathPattern(value: string): PatternResult {
  // By itself first: `a)|(b` would close the group around it, and mistakes are told in the author's own text.
  const alone = compilePattern(value, { ignoreCase: true })
  return alone.ok ? compilePattern(anchored(value), { ignoreCase: true }) : alone
}

/** Throws a `TypeError` for what compile should have refused. */
export function pathPattern(value: string): Pattern {
  const result = compilePathPattern(value)
  if (!result.ok) throw new TypeError(`${value} is no expression that can be matched: ${result.problem}`)
  return result.pattern
}

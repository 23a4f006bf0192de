/**
 * Regular expressions that users write, on an engine whose time is bounded by the length of the text times the size of
 * the expression (RE2's automata, in JavaScript): neither a hostile expression nor a hostile text can stall a worker.
 * What needs backtracking (lookaround, backreferences, possessive and atomic groups) is refused with an explanation.
 */
import { RE2JS, RE2JSException } from 're2js'

export type Pattern = {
  readonly source: string
  /** Capturing groups, the whole match not counted. */
  readonly groups: number
  /** Steps that one character of text may cost at worst. */
  readonly size: number
  /** Whether it matches anywhere in the text: anchor it to say where. */
  readonly test: (text: string) => boolean
  /** The leftmost match: whole match first, then the groups, `undefined` for those that took no part. */
  readonly match: (text: string) => readonly (string | undefined)[] | undefined
}

export type PatternResult =
  { readonly ok: true; readonly pattern: Pattern } | { readonly ok: false; readonly problem: string }

/** Characters of an expression. */
export const longestSource = 2_048
/** The largest `size`: counted repetitions such as `(a{50}){50}` grow beyond it. */
export const largestSize = 1_000
/** Characters of a text; a longer one matches nothing. No path this long means anything to nginx either. */
export const longestText = 8_192

/** Never throws. `problem` is half a sentence for the person who wrote the expression. */
export function compilePattern(
  source: string,
  { ignoreCase = false }: { readonly ignoreCase?: boolean } = {},
): PatternResult {
  const key = `${ignoreCase ? 'i' : '-'}${source}`
  const known = compiled.get(key)
  if (known !== undefined) return known
  const result = compileAnew(source, ignoreCase)
  // The oldest goes: snapshots ask for the same few again and again.
  if (compiled.size >= mostKept) compiled.delete(compiled.keys().next().value!)
  compiled.set(key, result)
  return result
}

/** The text as an expression that matches exactly it. */
export function quotePattern(text: string): string {
  return text.replace(/[\\^$.|?*+()[\]{}]/g, '\\$&')
}

const mostKept = 4_096
const compiled = new Map<string, PatternResult>()

function compileAnew(source: string, ignoreCase: boolean): PatternResult {
  if (source.length > longestSource) return { ok: false, problem: `it is longer than ${longestSource} characters` }
  try {
    const engine = RE2JS.compile(source, ignoreCase ? RE2JS.CASE_INSENSITIVE : 0)
    const size = engine.programSize()
    if (size > largestSize)
      return { ok: false, problem: 'its counted repetitions make it too large; repeat fewer times, or use * or +' }
    return { ok: true, pattern: patternOf(engine, { source, size }) }
  } catch (error) {
    if (error instanceof RE2JSException) return { ok: false, problem: explain(source, error.message) }
    throw error
  }
}

function patternOf(engine: RE2JS, { source, size }: { readonly source: string; readonly size: number }): Pattern {
  const groups = engine.groupCount()
  return {
    source,
    groups,
    size,
    test: (text) => text.length <= longestText && engine.test(text),
    match: (text) => {
      if (text.length > longestText) return undefined
      const matcher = engine.matcher(text)
      if (!matcher.find()) return undefined
      return Array.from({ length: groups + 1 }, (_, group) => matcher.group(group) ?? undefined)
    },
  }
}

/** What people bring along from PCRE, and what to do instead. */
const foreign: readonly (readonly [RegExp, string])[] = [
  [
    /\(\?<?[=!]/,
    'lookaround ((?=, (?!, (?<=, (?<!) needs backtracking, which is never done; write rules for the paths that should differ instead',
  ],
  [/\\[1-9]|\(\?P=|\\k[<{']/, 'backreferences need backtracking, which is never done'],
  [/\(\?>|[*+?}]\+/, 'possessive and atomic groups mean nothing without backtracking; leave out the extra + or the ?>'],
  [/\(\?#/, 'comments within expressions are not supported'],
]

function explain(source: string, message: string): string {
  // Escaped backslashes would look like the beginning of what follows them.
  const text = source.replaceAll('\\\\', '')
  const known = foreign.find(([sign]) => sign.test(text))
  return (
    known?.[1] ??
    message
      .replace(/^error parsing regexp: /, '')
      .replaceAll('`', "'")
      .replace("'(?i)", "'")
  )
}

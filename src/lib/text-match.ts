/**
 * Lists of texts and regular expressions in the form of nginx's `map`: a plain text is compared without regard to case,
 * `~` begins an expression, `~*` one that does not mind case. An expression matches anywhere in the text.
 */
import { compilePattern, longestText } from './pattern.ts'

export type TextMatch =
  /** In lower case. */
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'pattern'; readonly source: string; readonly ignoreCase: boolean }

export type ParsedTextMatch =
  { readonly ok: true; readonly match: TextMatch } | { readonly ok: false; readonly problem: string }

/** `written` may stand in quotes. `problem` is half a sentence for the person who wrote it. */
export function parseTextMatch(written: string): ParsedTextMatch {
  const quoted = /^(["'])(.*)\1$/s.exec(written)
  const text = quoted === null ? written : quoted[2]!
  if (!text.startsWith('~')) return { ok: true, match: { kind: 'text', text: text.toLowerCase() } }
  const ignoreCase = text.startsWith('~*')
  const source = text.slice(ignoreCase ? 2 : 1)
  const compiled = compilePattern(source, { ignoreCase })
  return compiled.ok ? { ok: true, match: { kind: 'pattern', source, ignoreCase } } : compiled
}

/** `unknown`: it is too long for an expression to be tried, and no plain text is equal to it. */
export type TextVerdict = boolean | 'unknown'

/** Throws for an expression that `parseTextMatch` would refuse. */
export function textMatcher(list: readonly TextMatch[]): (text: string) => TextVerdict {
  const texts = new Set(list.flatMap((each) => (each.kind === 'text' ? [each.text] : [])))
  const tests = list.flatMap((each) => (each.kind === 'pattern' ? [testOf(each)] : []))
  return (text) => {
    if (texts.size > 0 && texts.has(text.toLowerCase())) return true
    if (tests.length > 0 && text.length > longestText) return 'unknown'
    return tests.some((test) => test(text))
  }
}

function testOf({ source, ignoreCase }: Extract<TextMatch, { kind: 'pattern' }>): (text: string) => boolean {
  const compiled = compilePattern(source, { ignoreCase })
  if (!compiled.ok) throw new TypeError(`${source} is no expression that can be matched: ${compiled.problem}`)
  return compiled.pattern.test
}

/** nginx configuration text, taken apart into statements. It is read, never run. */

export type Statement = {
  /** Lines are counted from 1. */
  readonly line: number
  readonly name: string
  /** Without their quotes. */
  readonly words: readonly string[]
  /** It ends with a block rather than with a semicolon. */
  readonly block: boolean
  /** In how many blocks it stands. */
  readonly depth: number
}

/** `undefined` for text that nginx would not read either: an unfinished quote, block or statement. */
export function statementsOf(text: string): readonly Statement[] | undefined {
  const statements: Statement[] = []
  let words: string[] = []
  let started = 1
  let line = 1
  let depth = 0
  // A quoted text, a comment, a mark, blanks, or a run of anything else.
  for (const [token] of text.matchAll(
    /"(?:[^"\\]|\\[^])*"|'(?:[^'\\]|\\[^])*'|#[^\n]*|[;{}]|\s+|(?:[^\s;{}"'#\\]|\\[^])+|[^]/g,
  )) {
    if (token === '"' || token === "'" || token === '\\') return undefined
    if (token === ';' || token === '{') {
      const [name, ...rest] = words
      if (name === undefined) return undefined
      statements.push({ line: started, name, words: rest, block: token === '{', depth })
      words = []
      depth += token === '{' ? 1 : 0
    } else if (token === '}') {
      if (words.length > 0 || depth === 0) return undefined
      depth -= 1
    } else if (!token.startsWith('#') && token.trim() !== '') {
      if (words.length === 0) started = line
      words.push(unquote(token))
    }
    line += token.split('\n').length - 1
  }
  return words.length === 0 && depth === 0 ? statements : undefined
}

function unquote(token: string): string {
  return /^["']/.test(token) ? token.slice(1, -1).replace(/\\(["'\\])/g, '$1') : token
}

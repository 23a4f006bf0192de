/** The target of a request line, taken apart. */
import { startsWithLower } from './grammar.ts'
import { isQuery, normalizePath } from './path.ts'

export type Target = {
  /** Of an absolute target, as sent. */
  readonly authority: string | undefined
  /** Normalised; `/` when an absolute target has none. */
  readonly path: string
  /** With its question mark; empty when there is none. */
  readonly query: string
}

/**
 * Reads origin-form and absolute-form (RFC 9112 section 3.2); the other forms belong to methods that are not served.
 * `scheme` is that of the client's connection: when given, an absolute target must name the same one. A string says why
 * the target must be refused.
 */
export function parseTarget(target: string, scheme: 'http' | 'https' | undefined): Target | string {
  if (target.charCodeAt(0) === 0x2f) return splitTarget(target, 0, undefined)
  const named = startsWithLower(target, 'http://') ? 'http' : startsWithLower(target, 'https://') ? 'https' : undefined
  if (named === undefined) return 'target is not a path'
  if (scheme !== undefined && scheme !== named) return 'target names the other scheme'
  const start = named.length + 3
  let end = start
  while (end < target.length && !isDelimiter(target.charCodeAt(end))) end++
  return splitTarget(target, end, target.slice(start, end))
}

function splitTarget(target: string, start: number, authority: string | undefined): Target | string {
  const mark = target.indexOf('?', start)
  const end = mark < 0 ? target.length : mark
  const path = start === end ? '/' : normalizePath(start === 0 && mark < 0 ? target : target.slice(start, end))
  if (path === undefined) return 'path has no single reading'
  if (mark < 0) return { authority, path, query: '' }
  if (!isQuery(target, mark)) return 'query has a character that must be escaped'
  return { authority, path, query: mark + 1 === target.length ? '?' : target.slice(mark) }
}

/** `/`, `?` or `#`: the end of an authority. */
function isDelimiter(code: number): boolean {
  return code === 0x2f || code === 0x3f || code === 0x23
}

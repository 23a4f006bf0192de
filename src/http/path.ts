/**
 * One spelling per path (RFC 3986 section 6.2.2), decided once: the same string is matched, logged and forwarded, so no
 * two readers of it can disagree. What has no single reading is refused.
 */
import { tableOf } from './grammar.ts'

/** Visible ASCII that may stand in a path as it is; `%` too, which the slow path looks at. */
const pathByte = tableOf((code) => code > 0x20 && code < 0x7f && !'#?\\'.includes(String.fromCharCode(code)))
const queryByte = tableOf((code) => code > 0x20 && code < 0x7f && code !== 0x23)
const unreserved = tableOf((code) => /^[A-Za-z0-9\-._~]$/.test(String.fromCharCode(code)))

/**
 * The normal form of an absolute path, or `undefined` when the request must be refused:
 *
 * - escapes of unreserved characters are decoded, others get upper-case digits; nothing is decoded twice;
 * - an encoded slash (`%2F`) stays encoded and never separates; duplicate slashes become one;
 * - dot segments, plain or encoded, are removed; climbing above the root is refused;
 * - refused: malformed escapes, `%00`, backslashes plain or encoded, controls, spaces, raw non-ASCII;
 * - refused: dot segments that some readers see and others do not: with a path parameter (`/a/..;x/`, which Tomcat
 *   strips before it resolves dots) or beside an encoded slash (`/a/..%2Fb`, for readers that decode it first). Other
 *   path parameters are opaque and kept.
 *
 * Normalising twice changes nothing. A path that is normal already is returned as it is, without allocation.
 */
export function normalizePath(rawPath: string): string | undefined {
  if (rawPath.charCodeAt(0) !== 0x2f) return undefined
  let normal = true
  for (let index = 0; index < rawPath.length; index++) {
    const code = rawPath.charCodeAt(index)
    if (pathByte[code] !== 1) return undefined
    if (code === 0x25) normal = false
    else if (code === 0x2f && normal) normal = !startsOddly(rawPath, index + 1)
  }
  return normal ? rawPath : rebuild(rawPath)
}

/** Whether every character may stand in a query as sent: visible ASCII but `#`. Escapes are the endpoint's business. */
export function isQuery(text: string, from: number): boolean {
  for (let index = from; index < text.length; index++) if (queryByte[text.charCodeAt(index)] !== 1) return false
  return true
}

/** Whether a segment that begins here is empty before the end, or may be a dot segment. */
function startsOddly(path: string, at: number): boolean {
  const code = path.charCodeAt(at)
  if (code === 0x2f) return true
  if (code !== 0x2e) return false
  const next = path.charCodeAt(at + 1)
  return at + 1 === path.length || next === 0x2f || next === 0x2e || next === 0x3b
}

function rebuild(rawPath: string): string | undefined {
  const path = rawPath.includes('%') ? unescapeUnreserved(rawPath) : rawPath
  if (path === undefined) return undefined
  const kept: string[] = []
  let open = false
  for (const segment of path.slice(1).split('/')) {
    open = true
    if (segment === '' || segment === '.') continue
    if (segment === '..') {
      if (kept.pop() === undefined) return undefined
      continue
    }
    if (hidesDots(segment)) return undefined
    kept.push(segment)
    open = false
  }
  if (kept.length === 0) return '/'
  return `/${kept.join('/')}${open ? '/' : ''}`
}

/** Decodes escapes of unreserved characters and upper-cases the others; `undefined` for what must not be escaped. */
function unescapeUnreserved(path: string): string | undefined {
  let out = ''
  let copied = 0
  for (let index = path.indexOf('%'); index >= 0; index = path.indexOf('%', index + 3)) {
    const byte = hexPair(path, index + 1)
    if (byte === undefined || byte === 0x00 || byte === 0x5c) return undefined
    const escape = unreserved[byte] === 1 ? String.fromCharCode(byte) : path.slice(index, index + 3).toUpperCase()
    out += path.slice(copied, index) + escape
    copied = index + 3
  }
  return out + path.slice(copied)
}

function hexPair(text: string, at: number): number | undefined {
  const high = hexDigit(text.charCodeAt(at))
  const low = hexDigit(text.charCodeAt(at + 1))
  return high < 0 || low < 0 ? undefined : high * 16 + low
}

/** -1 for anything else, the NaN behind the end included. */
function hexDigit(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30
  const lower = code | 0x20
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1
}

/** Whether a reader that drops parameters or decodes slashes first would find a dot segment in this segment. */
function hidesDots(segment: string): boolean {
  if (!segment.includes('.') || !/[;%]/.test(segment)) return false
  return segment.split('%2F').some((part) => /^\.\.?$/.test(part.split(/;|%3B/, 1)[0]!))
}

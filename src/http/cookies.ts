/** Reading Cookie fields and writing Set-Cookie (RFC 6265). */
import { equalsLower, trimOws } from './grammar.ts'

/**
 * The values of every cookie of that name, in the order they came: browsers send the one with the longest Path first
 * (RFC 6265 section 5.4). Names are compared as they are; quotes around a value are taken off.
 */
export function cookieValues(fields: readonly string[], name: string): readonly string[] {
  if (name === '') return none
  let values: string[] | undefined
  for (let at = 0; at < fields.length; at += 2) {
    if (!equalsLower(fields[at]!, 'cookie')) continue
    const line = fields[at + 1]!
    // Most pairs are somebody else's: only where the name stands is looked closer.
    for (let found = line.indexOf(name); found >= 0; found = line.indexOf(name, found + 1)) {
      const value = valueAt(line, found, name.length)
      if (value !== undefined) (values ??= []).push(value)
    }
  }
  return values ?? none
}

const none: readonly string[] = []

/** The value of the pair whose name is these characters; `undefined` when they are only a part of something. */
function valueAt(line: string, start: number, length: number): string | undefined {
  const before = pastBlanks(line, start - 1, -1)
  const equals = pastBlanks(line, start + length, 1)
  if (line.charCodeAt(equals) !== 0x3d || (before >= 0 && line.charCodeAt(before) !== 0x3b)) return undefined
  const end = line.indexOf(';', equals)
  return unquoted(trimOws(line.slice(equals + 1, end < 0 ? line.length : end)))
}

/** The first place from there that holds neither a space nor a tab. */
function pastBlanks(line: string, from: number, step: 1 | -1): number {
  let at = from
  while (line.charCodeAt(at) === 0x20 || line.charCodeAt(at) === 0x09) at += step
  return at
}

export type CookieAttributes = {
  readonly path: string
  readonly domain?: string
  /** Seconds. */
  readonly maxAge?: number
  /** Milliseconds since the epoch. */
  readonly expiresAt?: number
  readonly sameSite?: 'None' | 'Lax' | 'Strict'
  readonly secure: boolean
}

/** The value of a Set-Cookie line; always HttpOnly. */
export function printSetCookie(name: string, value: string, attributes: CookieAttributes): string {
  const { path, domain, maxAge, expiresAt, sameSite, secure } = attributes
  let line = `${name}=${value}; Path=${path}`
  if (domain !== undefined) line += `; Domain=${domain}`
  if (expiresAt !== undefined) line += `; Expires=${new Date(expiresAt).toUTCString()}`
  if (maxAge !== undefined) line += `; Max-Age=${maxAge}`
  if (secure) line += '; Secure'
  line += '; HttpOnly'
  return sameSite === undefined ? line : `${line}; SameSite=${sameSite}`
}

/**
 * Browsers that treat `SameSite=None` as `Strict`, or drop the cookie: Chrome 51 to 66 and what is built on it, every
 * browser of iOS 12, and Safari and embedded browsers of macOS 10.14.
 */
export function misreadsSameSiteNone(userAgent: string): boolean {
  const chrome = /Chrom(?:e|ium)\/(\d+)/.exec(userAgent)
  if (chrome !== null) return Number(chrome[1]) >= 51 && Number(chrome[1]) <= 66
  if (/\((?:iPhone|iPad|iPod)[^)]*OS 12_/.test(userAgent)) return true
  return (
    /\(Macintosh;[^)]*Mac OS X 10_14/.test(userAgent) &&
    /Version\/.* Safari\/|AppleWebKit\/[\d.]+ \(KHTML, like Gecko\)$/.test(userAgent)
  )
}

function unquoted(value: string): string {
  return value.length >= 2 && value.startsWith('"') && value.endsWith('"') ? value.slice(1, -1) : value
}

/** Reading Cookie fields and writing Set-Cookie (RFC 6265). */
import { all } from './fields.ts'
import { trimOws } from './grammar.ts'

/**
 * The values of every cookie of that name, in the order they came: browsers send the one with the longest Path first
 * (RFC 6265 section 5.4). Names are compared as they are; quotes around a value are taken off.
 */
export function cookieValues(fields: readonly string[], name: string): string[] {
  const values: string[] = []
  for (const line of all(fields, 'cookie')) {
    if (!line.includes(name)) continue
    for (const pair of line.split(';')) {
      const equals = pair.indexOf('=')
      if (equals > 0 && trimOws(pair.slice(0, equals)) === name) values.push(unquoted(trimOws(pair.slice(equals + 1))))
    }
  }
  return values
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

/**
 * A user's cookies: kept and sent as a browser would, in the small (RFC 6265 section 5).
 */

type Cookie = {
  readonly name: string
  readonly value: string
  readonly domain: string
  readonly isHostOnly: boolean
  readonly path: string
  readonly isSecure: boolean
  /** Milliseconds since the epoch; `Infinity` for the end of the session. */
  readonly expires: number
}

/** Where a request goes. */
export type CookieScope = {
  readonly host: string
  readonly path: string
  readonly isSecure: boolean
  readonly now: number
}

export class CookieJar {
  #cookies: readonly Cookie[] = []

  /** The value of the Cookie field; `undefined` when there is nothing to send. */
  header(scope: CookieScope): string | undefined {
    const fitting = this.#cookies.filter((cookie) => cookie.expires > scope.now && fits(cookie, scope))
    // Longer paths first (RFC 6265 section 5.4).
    const ordered = fitting.toSorted((a, b) => b.path.length - a.path.length)
    return ordered.length === 0 ? undefined : ordered.map(({ name, value }) => `${name}=${value}`).join('; ')
  }

  keep(setCookies: readonly string[], scope: CookieScope): void {
    for (const text of setCookies) {
      const cookie = parseCookie(text, scope)
      if (cookie === undefined) continue
      const others = this.#cookies.filter(
        (each) => each.name !== cookie.name || each.domain !== cookie.domain || each.path !== cookie.path,
      )
      this.#cookies = cookie.expires > scope.now ? [...others, cookie] : others
    }
  }
}

function fits({ domain, isHostOnly, path, isSecure }: Cookie, scope: CookieScope): boolean {
  const isHost = scope.host === domain || (!isHostOnly && scope.host.endsWith(`.${domain}`))
  const isPath =
    scope.path === path || (scope.path.startsWith(path) && (path.endsWith('/') || scope.path[path.length] === '/'))
  return isHost && isPath && (!isSecure || scope.isSecure)
}

function parseCookie(text: string, scope: CookieScope): Cookie | undefined {
  const [pair = '', ...attributes] = text.split(';').map((part) => part.trim())
  const equals = pair.indexOf('=')
  if (equals < 1) return undefined
  const given = new Map(
    attributes.map((each) => [each.split('=')[0]!.toLowerCase(), each.slice(each.indexOf('=') + 1)]),
  )
  const domain = given.get('domain')?.toLowerCase().replace(/^\./, '')
  if (domain !== undefined && scope.host !== domain && !scope.host.endsWith(`.${domain}`)) return undefined
  const path = given.get('path')
  return {
    name: pair.slice(0, equals),
    value: pair.slice(equals + 1),
    domain: domain ?? scope.host,
    isHostOnly: domain === undefined,
    path: path?.startsWith('/') === true ? path : defaultPath(scope.path),
    isSecure: given.has('secure'),
    expires: expiryOf(given, scope.now),
  }
}

/** Max-Age goes before Expires (RFC 6265 section 5.3). */
function expiryOf(given: ReadonlyMap<string, string>, now: number): number {
  const maxAge = given.get('max-age')
  if (maxAge !== undefined && /^-?\d+$/.test(maxAge)) return Number(maxAge) <= 0 ? 0 : now + Number(maxAge) * 1000
  const expires = Date.parse(given.get('expires') ?? '')
  return Number.isNaN(expires) ? Infinity : expires
}

function defaultPath(path: string): string {
  const slash = path.lastIndexOf('/')
  return slash <= 0 ? '/' : path.slice(0, slash)
}

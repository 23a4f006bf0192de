/** Annotations about sessions that stay with their endpoint. */
import { isToken } from '#http/grammar.ts'
import type { AffinityCookieSpec, AffinitySpec } from '#snapshot/snapshot.ts'
import type { AnnotationGroup } from '../annotation.ts'
import { honoured, noEffect } from '../annotation.ts'
import type { Scope } from '../setting.ts'
import { readBoolean, readInteger, readMatching, readText, readWord, report } from '../setting.ts'
import type { Wish } from '../upstream-wish.ts'

const ofUpstream = 'The oldest Ingress that says it counts for all routes of a Service port.'
const seconds = 'seconds, a whole number of at least 0'

export const affinity: AnnotationGroup = {
  title: 'Session affinity',
  rows: [
    honoured(
      'affinity',
      'cookie (none)',
      `Requests of one session go to one endpoint. The cookie is set by routes of this Ingress, and honoured by every route that leads to the same Service port. It is signed and names no address. ${ofUpstream} It counts before \`sessionAffinity: ClientIP\` of the Service.`,
    ),
    honoured(
      'affinity-mode',
      'balanced, persistent (balanced)',
      `\`balanced\`: a consistent hash of the session chooses; when endpoints come and go, a few sessions move. \`persistent\`: a session moves only when its endpoint is gone. ${ofUpstream}`,
    ),
    honoured(
      'session-cookie-name',
      'a cookie name, RFC 6265 section 4.1.1 (INGRESSCOOKIE)',
      `${ofUpstream} Slash and colon, which ingress-nginx admits, are no characters of such a name.`,
    ),
    honoured(
      'session-cookie-path',
      "a path that begins with a slash (the rule's path)",
      'The Path of the cookie. ingress-nginx also takes texts without a slash, which browsers replace by a default of their own.',
    ),
    honoured('session-cookie-domain', 'a host name (none)', 'The Domain of the cookie.'),
    honoured(
      'session-cookie-max-age',
      `${seconds} (none)`,
      'The Max-Age of the cookie; without it and `session-cookie-expires` the cookie ends with the browser.',
    ),
    honoured('session-cookie-expires', `${seconds} (none)`, 'The Expires of the cookie, from now.'),
    honoured(
      'session-cookie-samesite',
      'None, Lax, Strict, in upper or lower case (none)',
      'The SameSite of the cookie.',
    ),
    honoured(
      'session-cookie-conditional-samesite-none',
      'true, false (false)',
      'Leaves out `SameSite=None` for browsers known to misread it.',
    ),
    honoured(
      'session-cookie-secure',
      'true, false (false)',
      '`true`: always Secure. Otherwise exactly when the connection of the client is encrypted.',
    ),
    honoured(
      'session-cookie-change-on-failure',
      'true, false (false)',
      'A session whose endpoint failed is bound to the one that answered instead.',
    ),
    noEffect('session-cookie-hash', 'ingress-nginx itself gave it up long ago.'),
  ],
}

const longestSeconds = 2 ** 31 - 1

/** What an Ingress asks of its upstreams; `undefined` when it asks for no affinity. */
export function readAffinity(scope: Scope): Wish<AffinitySpec> | undefined {
  const kind = readWord(scope, 'affinity', ['cookie'])
  const mode = readWord(scope, 'affinity-mode', ['balanced', 'persistent'], 'balanced is used') ?? 'balanced'
  const name = readMatching(scope, 'session-cookie-name', {
    test: isToken,
    expected: 'a cookie name',
    instead: 'INGRESSCOOKIE is used',
  })
  if (kind === undefined) return undefined
  return { value: { kind, mode, cookieName: name ?? 'INGRESSCOOKIE' }, key: 'affinity', at: scope.at('affinity') }
}

/** The cookie that routes of an Ingress set, but for its name and default path, which their upstream and they know. */
export type CookieSettings = Omit<AffinityCookieSpec, 'name' | 'path'> & { readonly path?: string }

/** `undefined` when the Ingress asks for no affinity. */
export function readCookie(scope: Scope): CookieSettings | undefined {
  if (readText(scope, 'affinity') !== 'cookie') {
    reportUnused(scope)
    return undefined
  }
  const path = readMatching(scope, 'session-cookie-path', {
    test: isCookiePath,
    expected: 'a path such as /shop',
    instead: "the rule's path is used",
  })
  const domain = readMatching(scope, 'session-cookie-domain', {
    test: isDomain,
    expected: 'a host name',
    instead: 'the cookie has no Domain',
  })
  const maxAge = readInteger(scope, 'session-cookie-max-age', undefined, {
    min: 0,
    max: longestSeconds,
    unit: 'seconds',
  })
  const expires = readInteger(scope, 'session-cookie-expires', undefined, {
    min: 0,
    max: longestSeconds,
    unit: 'seconds',
  })
  const sameSite = readSameSite(scope)
  return {
    ...(path === undefined ? {} : { path }),
    ...(domain === undefined ? {} : { domain }),
    ...(maxAge === undefined ? {} : { maxAge }),
    ...(expires === undefined ? {} : { expires }),
    ...(sameSite === undefined ? {} : { sameSite }),
    ...(readBoolean(scope, 'session-cookie-conditional-samesite-none', false) ? { conditionalSameSiteNone: true } : {}),
    secure: readBoolean(scope, 'session-cookie-secure', false) ? 'always' : 'auto',
    changeOnFailure: readBoolean(scope, 'session-cookie-change-on-failure', false),
  }
}

function readSameSite(scope: Scope): 'None' | 'Lax' | 'Strict' | undefined {
  const text = readText(scope, 'session-cookie-samesite')?.toLowerCase()
  const value = (['None', 'Lax', 'Strict'] as const).find((each) => each.toLowerCase() === text)
  if (value === undefined && text !== undefined)
    report(scope, 'session-cookie-samesite', { expected: 'None, Lax or Strict', instead: 'the cookie has no SameSite' })
  return value
}

function reportUnused(scope: Scope): void {
  for (const { name } of affinity.rows) {
    if (name === 'affinity' || name === 'session-cookie-hash' || readText(scope, name) === undefined) continue
    report(scope, name, { expected: 'affinity: cookie beside it', instead: 'it is ignored' })
  }
}

/** What the dialect takes in a URL, with a slash in front: no semicolon could begin another attribute. */
function isCookiePath(text: string): boolean {
  return /^\/[A-Za-z0-9/\-._~:,?&=]*$/.test(text)
}

function isDomain(text: string): boolean {
  return text.length <= 253 && /^\.?[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*$/.test(text)
}

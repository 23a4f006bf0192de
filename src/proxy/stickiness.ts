/**
 * Which endpoint an exchange is sent to next, its session minded, and which cookie tells the client of a new session.
 */
import { get } from '#http/fields.ts'
import { misreadsSameSiteNone, printSetCookie } from '#http/cookies.ts'
import type { AffinityCookieSpec } from '#snapshot/snapshot.ts'
import type { Endpoint } from '#upstream/endpoint.ts'
import type { Session, SessionSeal } from '#upstream/session.ts'
import type { Upstream } from '#upstream/upstream.ts'
import type { Exchange } from './exchange.ts'

export type CookieEnv = {
  readonly seal: SessionSeal
  /** Milliseconds since the epoch. */
  readonly now: () => number
}

/** `full`: somebody is there, and will have room later. `undefined`: nobody is. */
export type Choice = Endpoint | 'full' | undefined

/**
 * The next endpoint that has not been tried. A session goes to the endpoint it is bound to while that serves sessions,
 * even on its way out; otherwise, or when there is none, to one that takes new requests, and is bound to that if the
 * route sets cookies.
 */
export function chooseEndpoint(exchange: Exchange, upstream: Upstream): Choice {
  const { affinity } = upstream.spec
  exchange.minted = undefined
  if (affinity?.kind !== 'cookie') return orFull(exchange, upstream, upstream.pick(exchange, exchange.tried))
  const cookie = exchange.route?.spec.affinityCookie
  const session =
    exchange.session?.upstream === upstream.id && exchange.session.mode === affinity.mode ? exchange.session : undefined
  const bound = session === undefined ? undefined : upstream.bound(session)
  if (bound !== undefined && !exchange.tried.includes(bound)) return bound.isFull ? 'full' : bound
  if (session !== undefined && bound !== undefined && cookie?.changeOnFailure !== true) {
    return orFull(exchange, upstream, forOnce(exchange, upstream, session))
  }
  if (cookie === undefined) return orFull(exchange, upstream, upstream.pick(exchange, exchange.tried))
  const bind = upstream.bind(exchange, exchange.tried, affinity.mode)
  exchange.minted = bind?.session
  return orFull(exchange, upstream, bind?.endpoint)
}

/** The value of Set-Cookie when the exchange began a session or was bound anew. */
export function sessionCookie(exchange: Exchange, { seal, now }: CookieEnv): string | undefined {
  const cookie = exchange.route?.spec.affinityCookie
  if (cookie === undefined || exchange.minted === undefined) return undefined
  const { name, path, domain, maxAge, expires } = cookie
  const sameSite = sameSiteOf(cookie, exchange)
  return printSetCookie(name, seal.seal(exchange.minted), {
    path,
    secure: cookie.secure === 'always' || exchange.client.scheme === 'https',
    ...(domain === undefined ? {} : { domain }),
    ...(maxAge === undefined ? {} : { maxAge }),
    ...(expires === undefined ? {} : { expiresAt: now() + expires * 1000 }),
    ...(sameSite === undefined ? {} : { sameSite }),
  })
}

/** The session's endpoint failed this request, but the session stays bound to it. */
function forOnce(exchange: Exchange, upstream: Upstream, session: Session): Endpoint | undefined {
  if (session.mode === 'balanced') return upstream.boundElsewhere(session, exchange.tried)
  return upstream.pick(exchange, exchange.tried)
}

function orFull(exchange: Exchange, upstream: Upstream, endpoint: Endpoint | undefined): Choice {
  return endpoint ?? (upstream.hasRoomLater(exchange.tried) ? 'full' : undefined)
}

function sameSiteOf(
  { sameSite, conditionalSameSiteNone }: AffinityCookieSpec,
  { received }: Exchange,
): AffinityCookieSpec['sameSite'] {
  if (sameSite !== 'None' || conditionalSameSiteNone !== true) return sameSite
  return misreadsSameSiteNone(get(received.fields, 'user-agent') ?? '') ? undefined : sameSite
}

/**
 * Which upstream a request goes to: the route's own, or its canary. Judged in this order: the session's cookie (when
 * the canary is `sticky`), a header, a cookie, chance. A canary without ready endpoints gets what asked for it by name,
 * which then fails, but nothing by chance and no sessions.
 */
import { cookieValues } from '#http/cookies.ts'
import { get } from '#http/fields.ts'
import { trimOws } from '#http/grammar.ts'
import type { Pattern } from '#lib/pattern.ts'
import type { CanarySpec } from '#snapshot/snapshot.ts'
import type { SessionSeal } from '#upstream/session.ts'
import type { Upstream } from '#upstream/upstream.ts'
import type { Exchange } from './exchange.ts'
import type { SessionRead } from './request-memory.ts'
import type { Route } from './route.ts'

export type Canary = {
  readonly spec: CanarySpec
  readonly upstream: Upstream
  /** Of `spec.header.pattern`; `undefined` for one that cannot be compiled, which matches nothing. */
  readonly pattern: Pattern | undefined
}

export type CanaryEnv = { readonly random: () => number; readonly seal: SessionSeal }

/** `undefined` when the route leads nowhere. Reads the session that the request carries on the way. */
export function chooseUpstream(exchange: Exchange, route: Route, env: CanaryEnv): Upstream | undefined {
  const { canary, upstream } = route
  exchange.session = readSession(exchange, route, env.seal)
  if (upstream === undefined || canary === undefined) return upstream
  return isForCanary(exchange, canary, env) ? canary.upstream : upstream
}

/** One that names the main upstream, or the canary. */
function readSession(exchange: Exchange, { upstream, canary }: Route, seal: SessionSeal): Exchange['session'] {
  const affinity = upstream?.spec.affinity ?? canary?.upstream.spec.affinity
  if (affinity?.kind !== 'cookie') return undefined
  const one = (upstream ?? canary!.upstream).id
  return openSession(
    exchange,
    { cookieName: affinity.cookieName, upstream: one, other: canary?.upstream.id ?? one },
    seal,
  )
}

type Wanted = Omit<SessionRead, 'session'>

/** A client that repeats its cookies has them read once. */
function openSession({ received, look }: Exchange, wanted: Wanted, seal: SessionSeal): Exchange['session'] {
  const known = look?.memory.sessionRead(received)
  if (known !== undefined && isOf(known, wanted)) return known.session
  const { cookieName, upstream, other } = wanted
  const session = seal.open(received.fields, cookieName, upstream, other)
  look?.memory.keepSession(received, { cookieName, upstream, other, session })
  return session
}

function isOf(read: SessionRead, { cookieName, upstream, other }: Wanted): boolean {
  return read.cookieName === cookieName && read.upstream === upstream && read.other === other
}

function isForCanary(exchange: Exchange, canary: Canary, { random }: CanaryEnv): boolean {
  const { spec, upstream } = canary
  const { session } = exchange
  if (spec.affinity === 'sticky' && session !== undefined)
    return session.upstream === upstream.id && upstream.isAvailable
  const named = byHeader(exchange, canary) ?? byCookie(exchange, spec)
  return named ?? (upstream.isAvailable && random() * spec.total < spec.weight)
}

function byHeader({ received }: Exchange, { spec, pattern }: Canary): boolean | undefined {
  if (spec.header === undefined) return undefined
  const value = get(received.fields, spec.header.name.toLowerCase())
  if (value === undefined) return undefined
  const text = trimOws(value)
  if (spec.header.value !== undefined) return text === spec.header.value ? true : undefined
  if (spec.header.pattern !== undefined) return pattern?.test(text) === true ? true : undefined
  return alwaysOrNever(text)
}

function byCookie({ received }: Exchange, { cookie }: CanarySpec): boolean | undefined {
  return cookie === undefined ? undefined : alwaysOrNever(cookieValues(received.fields, cookie)[0])
}

function alwaysOrNever(text: string | undefined): boolean | undefined {
  if (text === 'always') return true
  return text === 'never' ? false : undefined
}

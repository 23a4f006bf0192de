/**
 * Rate limits: so many requests in so much time, each window a bucket that drains evenly (lib/gcra.ts). A request must
 * find room in all of them; one that is refused uses up none.
 */
import { matcher, parseCidr } from '#lib/cidr.ts'
import type { Rate, RateCells, RateMeter, Taken } from '#lib/gcra.ts'
import type { LimitKey } from './limit-key.ts'
import { keyReader } from './limit-key.ts'
import type { Filter, FilterContext } from './policy.ts'
import { definePolicy } from './policy.ts'
import { refuse } from './refusal.ts'

export type RateWindow = {
  /** Requests that drain in one window. */
  readonly count: number
  readonly windowMs: number
  /** Requests that may come at once. */
  readonly burst: number
}

export type RateLimitConfig = {
  /** Limits of the same id count together. */
  readonly id: string
  readonly windows: readonly RateWindow[]
  readonly key: LimitKey
  /** CIDRs of clients that are not counted. */
  readonly exempt: readonly string[]
  readonly status: number
  /** Tell clients where they stand on every response, not only when they are refused. */
  readonly advertise: boolean
  /** Only say in the log who would have been refused. */
  readonly shadow: boolean
}

export const rateLimit = definePolicy<RateLimitConfig>({
  kind: 'rate-limit',
  create: (config, env) => {
    const isExempt = matcher(config.exempt.flatMap((text) => parseCidr(text) ?? []))
    const keyOf = keyReader(config.key)
    const meters = config.windows.map((window) => meterOf(window, config.id, env.rates))
    const policy = meters
      .map(({ name, window }) => `${name};q=${window.count};w=${seconds(window.windowMs)}`)
      .join(', ')
    const standings = new WeakMap<FilterContext, readonly string[]>()
    const filter: Filter = {
      onRequest: (context) => {
        if (isExempt(context.client.address)) return undefined
        const { taken, meter } = takeAll(meters, keyOf(context))
        if (taken.allowed && !config.advertise) return undefined
        const fields =
          config.advertise || !taken.allowed ? ['RateLimit-Policy', policy, 'RateLimit', standing(meter, taken)] : []
        if (taken.allowed || config.shadow) {
          if (!taken.allowed) env.note('a rate limit in shadow mode would have refused', config.id)
          if (config.advertise) standings.set(context, fields)
          return undefined
        }
        const retry = Math.max(1, seconds(taken.fullMs - meter.rate.toleranceMs))
        return refuse(config.status, 'rate_limited', ['Retry-After', String(retry), ...fields])
      },
    }
    if (!config.advertise) return filter
    return { ...filter, onResponse: (context, head) => void head.fields.push(...(standings.get(context) ?? [])) }
  },
})

type Meter = { readonly window: RateWindow; readonly rate: Rate; readonly counts: RateMeter; readonly name: string }
type Place = { readonly taken: Taken; readonly meter: Meter }

function meterOf(window: RateWindow, id: string, cells: RateCells): Meter {
  const intervalMs = window.windowMs / window.count
  const name = `"${window.count}-per-${seconds(window.windowMs)}s"`
  const rate = { intervalMs, toleranceMs: (window.burst - 1) * intervalMs }
  return { window, name, rate, counts: cells.meter(`${id}\0${name}`, rate) }
}

/** The meter that refused, or else the one with the least room left. */
function takeAll(meters: readonly Meter[], key: string): Place {
  // Compile makes no limit without a window.
  const first = meters[0]!
  let nearest: Place = { taken: first.counts.take(key), meter: first }
  for (let at = 1; at < meters.length && nearest.taken.allowed; at++) {
    const meter = meters[at]!
    const taken = meter.counts.take(key)
    if (!taken.allowed) for (let earlier = 0; earlier < at; earlier++) meters[earlier]!.counts.refund(key)
    if (!taken.allowed || remaining(meter, taken) < remaining(nearest.meter, nearest.taken)) nearest = { taken, meter }
  }
  return nearest
}

function remaining({ rate }: Meter, { allowed, fullMs }: Taken): number {
  return allowed ? Math.max(0, Math.floor((rate.toleranceMs + rate.intervalMs - fullMs) / rate.intervalMs)) : 0
}

/** draft-ietf-httpapi-ratelimit-headers: requests left now, seconds until all are there again. */
function standing(meter: Meter, taken: Taken): string {
  return `${meter.name};r=${remaining(meter, taken)};t=${seconds(taken.fullMs)}`
}

function seconds(ms: number): number {
  return Math.ceil(ms / 1_000)
}

/**
 * Cross-origin requests (Fetch standard, section "CORS protocol"): answers preflights, and tells browsers on every
 * other response, refusals included, whether the page may read it. What the endpoint says about it is replaced.
 */
import { get, listMembers, remove, set } from '#http/fields.ts'
import { equalsLower, startsWithLower } from '#http/grammar.ts'
import type { FilterContext } from './policy.ts'
import { definePolicy } from './policy.ts'

export type CorsConfig = {
  /** `*`, or origins in lower case; one label of a host may be `*`: `https://*.shop.test:8443`. */
  readonly origins: '*' | readonly string[]
  readonly methods: string
  readonly headers: string
  readonly credentials: boolean
  /** Empty for none. */
  readonly expose: string
  /** Seconds. */
  readonly maxAge: number
  /** Every OPTIONS counts as a preflight, even one that asks for no method: ingress-nginx's reading. */
  readonly anyOptions: boolean
}

export const cors = definePolicy<CorsConfig>({
  kind: 'cors',
  create: (config) => {
    const allowed = originMatcher(config.origins)
    return {
      onRequest: (context) => {
        if (!isPreflight(context, config.anyOptions) || allowed(originOf(context)) === undefined) return undefined
        return { status: 204, fields: [], body: '' }
      },
      onResponse: (context, head) => {
        removeCors(head.fields)
        if (config.origins !== '*') varyByOrigin(head.fields)
        const origin = allowed(originOf(context))
        if (origin !== undefined) addCors(head.fields, origin, config)
      },
    }
  },
})

/** What to answer for an origin; `undefined` for one that is not allowed. */
function originMatcher(origins: CorsConfig['origins']): (origin: string | undefined) => string | undefined {
  if (origins === '*') return () => '*'
  const exact = new Set(origins.filter((each) => !each.includes('*')))
  const wild = origins.filter((each) => each.includes('*')).map((each) => each.split('*'))
  return (origin) => {
    const lower = origin?.toLowerCase()
    if (lower === undefined) return undefined
    return exact.has(lower) || wild.some(([before = '', after = '']) => isOneLabel(lower, before, after))
      ? origin
      : undefined
  }
}

/** Whether there is exactly one label, and nothing else, between the two ends. */
function isOneLabel(origin: string, before: string, after: string): boolean {
  if (origin.length <= before.length + after.length || !origin.startsWith(before) || !origin.endsWith(after))
    return false
  return /^[a-z0-9_-]+$/.test(origin.slice(before.length, origin.length - after.length))
}

function originOf({ received }: FilterContext): string | undefined {
  return get(received.fields, 'origin')?.trim()
}

function isPreflight({ received }: FilterContext, anyOptions: boolean): boolean {
  if (received.method !== 'OPTIONS') return false
  if (anyOptions) return true
  return (
    get(received.fields, 'origin') !== undefined && get(received.fields, 'access-control-request-method') !== undefined
  )
}

function removeCors(fields: string[]): void {
  for (let at = 0; at < fields.length;) {
    if (startsWithLower(fields[at]!, 'access-control-')) remove(fields, fields[at]!.toLowerCase())
    else at += 2
  }
}

/** Caches must not give the answer for one origin to another (RFC 9110 section 12.5.5). */
function varyByOrigin(fields: string[]): void {
  const vary = get(fields, 'vary')
  if (vary === undefined) fields.push('Vary', 'Origin')
  else if (!listMembers(vary).some((member) => member === '*' || equalsLower(member, 'origin')))
    set(fields, 'Vary', `${vary}, Origin`)
}

function addCors(
  fields: string[],
  origin: string,
  { methods, headers, credentials, expose, maxAge }: CorsConfig,
): void {
  fields.push('Access-Control-Allow-Origin', origin)
  if (credentials) fields.push('Access-Control-Allow-Credentials', 'true')
  fields.push('Access-Control-Allow-Methods', methods, 'Access-Control-Allow-Headers', headers)
  if (expose !== '') fields.push('Access-Control-Expose-Headers', expose)
  fields.push('Access-Control-Max-Age', String(maxAge))
}

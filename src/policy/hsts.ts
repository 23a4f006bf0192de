/** Strict-Transport-Security (RFC 6797) on every response to a client that came over HTTPS, replacing an endpoint's own. */
import { set } from '#http/fields.ts'
import { definePolicy } from './policy.ts'

export type HstsConfig = {
  /** Seconds. */
  readonly maxAge: number
  readonly includeSubDomains: boolean
  readonly preload: boolean
}

export const hsts = definePolicy<HstsConfig>({
  kind: 'hsts',
  create: ({ maxAge, includeSubDomains, preload }) => {
    const value = `max-age=${maxAge}${includeSubDomains ? '; includeSubDomains' : ''}${preload ? '; preload' : ''}`
    return {
      onResponse: ({ client }, head) => {
        // Section 7.2: never over plain transport, where anybody could have added it.
        if (client.scheme === 'https') set(head.fields, 'Strict-Transport-Security', value)
      },
    }
  },
})

/**
 * Basic authentication (RFC 7617) against password hashes. The credentials are for us: the endpoint does not get them.
 */
import { get } from '#http/fields.ts'
import { type Check, filterOf } from './check.ts'
import type { FilterContext, FilterEnv, Reply } from './policy.ts'
import { definePolicy } from './policy.ts'
import { refuse } from './refusal.ts'

export type BasicAuthConfig = {
  readonly realm: string
  /** `secret` is the hash as htpasswd writes it. The first of a name counts. */
  readonly users: readonly { readonly name: string; readonly secret: string }[]
}

export const basicAuth = definePolicy<BasicAuthConfig>({
  kind: 'basic-auth',
  create: (config, env) => filterOf(basicAuthCheck(config, env)),
})

export function basicAuthCheck({ realm, users }: BasicAuthConfig, { passwords }: FilterEnv): Check {
  const hashes = new Map(users.toReversed().map(({ name, secret }) => [name, secret]))
  const challenge = refuse(401, 'unauthenticated', [
    'WWW-Authenticate',
    `Basic realm="${realm.replaceAll(/["\\]/g, '\\$&')}", charset="UTF-8"`,
  ])
  const busy = refuse(503, 'auth_failed', ['Retry-After', '1'])
  const stranger = users[0]?.secret
  return {
    strip: ({ sent }) => {
      sent.fields = withoutAuthorization(sent.fields)
    },
    ask: (context) => {
      const credentials = credentialsOf(context)
      if (credentials === undefined || stranger === undefined) return challenge
      const hash = hashes.get(credentials.name)
      const verdict = passwords.check(credentials.password, hash ?? stranger)
      // An unknown name takes as long as a known one, and what its password is does not matter.
      const judge = (matches: boolean | 'busy'): Reply | undefined =>
        matches === 'busy' ? busy : matches && hash !== undefined ? undefined : challenge
      return verdict instanceof Promise ? verdict.then(judge) : judge(verdict)
    },
  }
}

function credentialsOf({ received }: FilterContext): { readonly name: string; readonly password: string } | undefined {
  const encoded = /^basic +([A-Za-z0-9+/]+={0,2}) *$/i.exec(get(received.fields, 'authorization') ?? '')?.[1]
  if (encoded === undefined) return undefined
  const text = Buffer.from(encoded, 'base64').toString('utf8')
  const colon = text.indexOf(':')
  return colon < 0 ? undefined : { name: text.slice(0, colon), password: text.slice(colon + 1) }
}

function withoutAuthorization(fields: readonly string[]): string[] {
  return fields.filter((_, index) => fields[index - (index % 2)]!.toLowerCase() !== 'authorization')
}

/**
 * Asks an authentication service whether a request may pass: 2xx lets it, 401 and 403 do not, and anything else, no
 * answer included, is 500. What the service says of the user travels to the endpoint in fields that no client can write.
 */
import { all, get, remove, set } from '#http/fields.ts'
import { isHopByHop } from '#http/hop-by-hop.ts'
import { type Check, filterOf } from './check.ts'
import type { Answer, FilterContext, FilterEnv, Question, Reply } from './policy.ts'
import { definePolicy } from './policy.ts'
import { refuse } from './refusal.ts'
import { fillIn, publicAuthority, type VariableText } from './variables.ts'

export type ExternalAuthConfig = {
  /** Answers are remembered for this use of the service only. */
  readonly id: string
  readonly to:
    | { readonly kind: 'upstream'; readonly id: string; readonly scheme: AskedScheme }
    | { readonly kind: 'origin'; readonly scheme: AskedScheme; readonly authority: VariableText }
  /** Sent as Host. */
  readonly host: VariableText
  /** Path and query. */
  readonly target: VariableText
  readonly method: string
  /** Added to the question; they replace the client's. */
  readonly fields: readonly { readonly name: string; readonly value: VariableText }[]
  /** Fields of the answer that the endpoint gets, in lower case. */
  readonly responseFields: readonly string[]
  /** Where to send clients that get 401; `undefined` for nowhere. */
  readonly signIn: { readonly url: VariableText; readonly parameter: string } | undefined
  /** Value of X-Auth-Request-Redirect. */
  readonly redirect: VariableText
  readonly cache: AuthCache | undefined
  /** Give the client the service's cookies with error responses too. */
  readonly alwaysSetCookie: boolean
  readonly connectMs: number
  readonly readMs: number
}

/** `client`: that of the client's own connection. */
export type AskedScheme = 'http' | 'https' | 'client'

export type AuthCache = {
  readonly key: VariableText
  /** How long which answers count; without `status` all of them. The first that fits. */
  readonly durations: readonly { readonly status: number | undefined; readonly ms: number }[]
}

export const externalAuth = definePolicy<ExternalAuthConfig>({
  kind: 'external-auth',
  create: (config, env) => filterOf(externalAuthCheck(config, env)),
})

export function externalAuthCheck(config: ExternalAuthConfig, env: FilterEnv): Check {
  const cookies = new WeakMap<FilterContext, readonly string[]>()
  const judge = (context: FilterContext, answer: Answer | undefined): Reply | undefined => {
    if (answer === undefined) return refuse(500, 'auth_failed')
    const setCookies = all(answer.fields, 'set-cookie')
    if (setCookies.length > 0) cookies.set(context, setCookies)
    if (answer.status < 200 || answer.status > 299) return refusalOf(config, context, answer)
    for (const name of config.responseFields) {
      const value = get(answer.fields, name)
      if (value !== undefined && value !== '') set(context.sent.fields, name, value)
    }
    return undefined
  }
  return {
    strip: ({ sent }) => {
      for (const name of config.responseFields) remove(sent.fields, name)
    },
    ask: (context) => {
      const { cache } = config
      const key = cache && `${config.id}\0${fillIn(cache.key, context)}`
      const known = key === undefined ? undefined : env.answers.get(key, env.now())
      if (known !== undefined) return judge(context, known)
      return env.ask(questionOf(config, context)).then((answer) => {
        if (cache !== undefined && key !== undefined && answer !== undefined)
          remember(config, { key, answer, durations: cache.durations }, env)
        return judge(context, answer)
      })
    },
    onResponse: (context, head) => {
      const own = cookies.get(context)
      if (own === undefined || (!config.alwaysSetCookie && !friendly.has(head.status))) return
      for (const cookie of own) head.fields.push('Set-Cookie', cookie)
    },
  }
}

/** With these statuses the client gets the service's cookies in any case. */
const friendly: ReadonlySet<number> = new Set([200, 201, 204, 206, 301, 302, 303, 304, 307, 308])

/** Written anew, about the body, or not for the service to see. */
const omitted: ReadonlySet<string> = new Set([
  'host',
  'content-length',
  'expect',
  'x-forwarded-proto',
  'content-type',
  'content-encoding',
])

function questionOf(config: ExternalAuthConfig, asking: FilterContext): Question {
  const { to } = config
  const context = asRouted(asking)
  const scheme = to.scheme === 'client' ? context.client.scheme : to.scheme
  return {
    to:
      to.kind === 'upstream'
        ? { ...to, scheme }
        : { kind: 'origin', origin: `${scheme}://${fillIn(to.authority, context)}` },
    method: config.method,
    target: fillIn(config.target, context).replace(/[^\x21-\x7e]+/g, encodeURIComponent),
    fields: questionFields(config, context),
    connectMs: config.connectMs,
    readMs: config.readMs,
  }
}

/**
 * The service judges what the endpoint would get: a client that writes `/public/../admin` must not be let in to `/admin`
 * for the beginning of what it wrote.
 */
function asRouted(context: FilterContext): FilterContext {
  const { received, path, query } = context
  const target = path + query
  return received.target === target ? context : { ...context, received: { ...received, target } }
}

/** The client's fields as they would travel on, its credentials included, and what the service needs to know of it. */
function questionFields(config: ExternalAuthConfig, context: FilterContext): string[] {
  const { sent, received, client } = context
  const fields = ['Host', fillIn(config.host, context)]
  for (let at = 0; at < sent.fields.length; at += 2) {
    const name = sent.fields[at]!
    if (!isHopByHop(name) && !omitted.has(name.toLowerCase())) fields.push(name, sent.fields[at + 1]!)
  }
  // Another check, or the list of fields that the service fills, may have taken it out.
  const authorization = get(received.fields, 'authorization')
  if (authorization !== undefined) set(fields, 'Authorization', authorization)
  set(fields, 'X-Original-URL', `${client.scheme}://${publicAuthority(context)}${received.target}`)
  set(fields, 'X-Original-URI', received.target)
  set(fields, 'X-Original-Method', received.method)
  set(fields, 'X-Auth-Request-Redirect', fillIn(config.redirect, context))
  set(fields, 'X-Sent-From', 'genkan')
  for (const { name, value } of config.fields) set(fields, name, fillIn(value, context))
  return fields
}

function refusalOf({ signIn }: ExternalAuthConfig, context: FilterContext, { status, fields }: Answer): Reply {
  if (status === 403) return refuse(403, 'access_denied')
  if (status !== 401) return refuse(500, 'auth_failed')
  if (signIn !== undefined) {
    return {
      status: 302,
      fields: ['Location', locationOf(signIn, context), 'Cache-Control', 'no-store'],
      body: '',
      cause: 'unauthenticated',
    }
  }
  const challenges = all(fields, 'www-authenticate').flatMap((value) => ['WWW-Authenticate', value])
  return refuse(401, 'unauthenticated', challenges)
}

/** The address of the page with the way back, unless it has one already. */
function locationOf({ url, parameter }: NonNullable<ExternalAuthConfig['signIn']>, context: FilterContext): string {
  const location = fillIn(url, context).replace(/[^\x21-\x7e]+/g, encodeURIComponent)
  const query = location.split('?')[1]
  if (query?.split('&').some((pair) => pair.startsWith(`${parameter}=`))) return location
  const { scheme } = context.client
  const back = `${scheme}://${publicAuthority(context)}${fillIn([{ variable: 'escaped_request_uri' }], context)}`
  return `${location}${query === undefined ? '?' : '&'}${parameter}=${back}`
}

type Memory = { readonly key: string; readonly answer: Answer; readonly durations: AuthCache['durations'] }

/** Answers that set cookies, or that say so themselves, are for one client and one moment. */
function remember(
  { responseFields }: ExternalAuthConfig,
  { key, answer, durations }: Memory,
  { answers, now }: FilterEnv,
): void {
  const duration = durations.find(({ status }) => status === undefined || status === answer.status)
  const control = all(answer.fields, 'cache-control').join(',')
  if (
    duration === undefined ||
    get(answer.fields, 'set-cookie') !== undefined ||
    /no-store|no-cache|private/i.test(control)
  )
    return
  const names = new Set([...responseFields, 'www-authenticate'])
  const fields = answer.fields.filter((_, index) => names.has(answer.fields[index - (index % 2)]!.toLowerCase()))
  // A cache must not fill with what a service says at length.
  if (fields.join('').length <= 8_192) answers.set(key, { status: answer.status, fields }, now() + duration.ms)
}

/** Annotations about authentication services, and the same settings as global keys. */
import { parseAuthority } from '#http/authority.ts'
import type { AuthCache, ExternalAuthConfig } from '#policy/external-auth.ts'
import { parseVariables, type VariableText } from '#policy/variables.ts'
import { problemOf } from '#resource/problem.ts'
import type { ResourceSet } from '#resource/resource-set.ts'
import type { AnnotationRow } from '../annotation.ts'
import { honoured, noEffect, refused } from '../annotation.ts'
import type { Scope } from '../setting.ts'
import { mayName, readBoolean, report } from '../setting.ts'

const kept = 'Connections are always kept and reused.'

export const externalAuthRows: readonly AnnotationRow[] = [
  honoured(
    'auth-url',
    'an http or https URL, with variables such as `$request_uri` in its path; `$host` may be its host',
    'Asked before every request: 2xx lets it pass, 401 and 403 do not, anything else and no answer is 500. The certificate is verified. A Service in the URL is found as every backend is. A URL that cannot be read closes the routes; `$host` does so for rules without a host, where a client could choose whom we ask.',
    { guards: true },
  ),
  honoured(
    'auth-method',
    'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS (GET)',
    'The method of that question, which never has a body.',
  ),
  honoured(
    'auth-signin',
    'a URL with variables',
    'Clients that get 401 are redirected there with 302 and `rd=` their address, unless the URL has that parameter. Without `auth-url` the routes answer 503.',
    { guards: true },
  ),
  honoured('auth-signin-redirect-param', 'a name (rd)', 'The parameter that carries the way back.'),
  honoured(
    'auth-response-headers',
    'names of fields, with commas between',
    'Copied from the answer to the request; what a client sends under these names is never passed on.',
  ),
  honoured(
    'auth-proxy-set-headers',
    '`name` or `namespace/name` of a ConfigMap of the same namespace',
    'Fields added to the question.',
  ),
  honoured(
    'auth-request-redirect',
    'text with variables ($request_uri)',
    'The value of X-Auth-Request-Redirect. With a variable that does not exist the routes answer 503; ingress-nginx serves them without authentication.',
  ),
  honoured(
    'auth-cache-key',
    'text with variables',
    'Answers are remembered under it, per rule. Answers with cookies, or that say no-store, no-cache or private, are not.',
  ),
  honoured(
    'auth-cache-duration',
    'a list such as `200 202 10m, 401 5s` (200 202 401 5m)',
    'How long which answers are remembered. One that cannot be read means that nothing is.',
  ),
  honoured(
    'auth-always-set-cookie',
    'true, false (false)',
    'Cookies of the answer reach the client with any status, not only with 2xx and 3xx.',
  ),
  noEffect('auth-keepalive', kept),
  noEffect('auth-keepalive-requests', kept),
  noEffect('auth-keepalive-timeout', kept),
  noEffect('auth-keepalive-share-vars', 'There are no nginx variables to share.'),
  refused(
    'auth-snippet',
    'nginx configuration text is never run; it belongs to an authentication, so the routes answer 503.',
    { judge: () => 'closed' },
  ),
  honoured('enable-global-auth', 'true, false (true)', "With `false` the ConfigMap's `global-auth-url` is not asked."),
]

/** A Service that the URL names. */
export type AuthService = { readonly namespace: string; readonly name: string; readonly port: number }

/** All but what depends on the rule it protects. */
export type ExternalAuthWish = {
  readonly config: Omit<ExternalAuthConfig, 'id' | 'to' | 'connectMs' | 'readMs'>
  readonly scheme: 'http' | 'https' | 'client'
  readonly authority: VariableText
  /** The client's host is the host of the URL. */
  readonly asksHost: boolean
  readonly service: AuthService | undefined
  /** Where it is written. */
  readonly scope: Scope
}

export type ReadExternalAuth = { readonly wish: ExternalAuthWish | undefined; readonly closed: string | undefined }

const methods: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])
const shut = 'the routes answer 503 rather than be served without it'
const defaultDuration = '200 202 401 5m'

/** `scope` yields the settings under the names of the annotations. */
export function readExternalAuth(scope: Scope, resources: ResourceSet): ReadExternalAuth {
  const url = scope.value('auth-url')?.trim() ?? ''
  if (url === '' && (scope.value('auth-signin')?.trim() ?? '') === '') return { wish: undefined, closed: undefined }
  const reader = new Reader(scope, resources)
  const wish = url === '' ? reader.refuse('auth-signin', 'auth-signin does nothing without auth-url') : reader.read(url)
  return { wish, closed: reader.closed }
}

class Reader {
  closed: string | undefined
  readonly #scope: Scope
  readonly #resources: ResourceSet
  readonly #constants: ReadonlyMap<string, string>

  constructor(scope: Scope, resources: ResourceSet) {
    this.#scope = scope
    this.#resources = resources
    const { namespace, name } = scope.resource.metadata
    this.#constants = new Map([
      ['namespace', namespace],
      ['ingress_name', name],
    ])
  }

  refuse(name: string, message: string): undefined {
    const problem = {
      severity: 'error',
      code: 'protection-not-possible',
      at: this.#scope.at(name),
      message,
      instead: shut,
    } as const
    this.#scope.problems.push(problemOf(this.#scope.resource, problem))
    this.closed ??= message
  }

  read(url: string): ExternalAuthWish | undefined {
    const parts = /^(https?|\$(?:pass_access_)?scheme):\/\/([^/?#\s]+)((?:\/|\?)[^#\s]*)?$/.exec(url)
    if (parts === null)
      return this.refuse('auth-url', `auth-url: expected an http or https URL, found ${JSON.stringify(url)}`)
    const [, scheme = '', host = '', rest = '/'] = parts
    const place = this.#authority(host)
    const target = this.#text('auth-url', rest.startsWith('/') ? rest : `/${rest}`)
    const method = this.#value('auth-method', 'GET').toUpperCase()
    if (!methods.has(method))
      this.refuse(
        'auth-method',
        `auth-method: expected one of ${[...methods].join(', ')}, found ${JSON.stringify(method)}`,
      )
    const redirect = this.#text('auth-request-redirect', this.#value('auth-request-redirect', '$request_uri'))
    const responseFields = this.#responseFields()
    const fields = this.#fields()
    if (place === undefined || target === undefined || redirect === undefined || this.closed !== undefined)
      return undefined
    const config = {
      host: place.authority,
      target,
      method,
      fields,
      responseFields,
      redirect,
      signIn: this.#signIn(),
      cache: this.#cache(),
      alwaysSetCookie: readBoolean(this.#scope, 'auth-always-set-cookie', false),
    }
    const plain = scheme === 'http' || scheme === 'https' ? scheme : 'client'
    return { config, scheme: plain, ...place, service: this.#service(host, plain), scope: this.#scope }
  }

  #value(name: string, fallback: string): string {
    return this.#scope.value(name)?.trim() || fallback
  }

  /** `undefined`, and closed, for a variable that does not exist. */
  #text(name: string, written: string): VariableText | undefined {
    const parsed = parseVariables(written, this.#constants)
    if ('text' in parsed) return parsed.text
    return this.refuse(name, `${name}: there is no variable ${parsed.unknown}`)
  }

  /** A client may choose among our own hosts at most, so of all variables only its host may stand here. */
  #authority(written: string): { readonly authority: VariableText; readonly asksHost: boolean } | undefined {
    const asked = /^\$(?:\{(?:best_http_host|http_host|host)\}|(?:best_http_host|http_host|host))(:\d+)?$/.exec(written)
    if (asked !== null)
      return { asksHost: true, authority: [{ variable: 'host' }, ...(asked[1] === undefined ? [] : [asked[1]])] }
    if (written.includes('$'))
      return this.refuse(
        'auth-url',
        `auth-url: of all variables only $host may be its host, found ${JSON.stringify(written)}`,
      )
    if (parseAuthority(written) === undefined)
      return this.refuse('auth-url', `auth-url: expected a host, found ${JSON.stringify(written)}`)
    return { asksHost: false, authority: [written] }
  }

  /** `name.namespace.svc` and longer, and shorter names where a file describes the Service. */
  #service(host: string, scheme: ExternalAuthWish['scheme']): AuthService | undefined {
    const { host: name = '', port } = parseAuthority(host) ?? {}
    const [service = '', namespace = this.#scope.resource.metadata.namespace, third] = name.split('.')
    const isKnown = this.#resources.get('Service', namespace, service) !== undefined && name.split('.').length <= 2
    if (third !== 'svc' && !isKnown) return undefined
    return { namespace, name: service, port: port ?? (scheme === 'https' ? 443 : 80) }
  }

  #responseFields(): readonly string[] {
    const names = this.#value('auth-response-headers', '')
      .split(',')
      .map((name) => name.trim())
      .filter((name) => name !== '')
    const wrong = names.find((name) => !isFieldName(name))
    if (wrong !== undefined)
      this.refuse(
        'auth-response-headers',
        `auth-response-headers: ${JSON.stringify(wrong)} is no name of a field that may be set`,
      )
    return names.map((name) => name.toLowerCase())
  }

  #fields(): ExternalAuthConfig['fields'] {
    const key = 'auth-proxy-set-headers'
    const reference = this.#value(key, '')
    if (reference === '') return []
    const own = this.#scope.resource.metadata.namespace
    const [first = '', second] = reference.split('/')
    const [namespace, name] = second === undefined ? [own, first] : [first, second]
    const isAllowed = mayName(this.#scope, namespace)
    const map = isAllowed ? this.#resources.get('ConfigMap', namespace, name) : undefined
    if (map === undefined) {
      this.refuse(
        key,
        `${key}: the ConfigMap ${namespace}/${name} is ${isAllowed ? 'in no file' : 'in another namespace'}`,
      )
      return []
    }
    return [...map.data].flatMap(([field, written]) => {
      const value = this.#text(key, written)
      if (!isFieldName(field) || /[^\t\x20-\x7e\x80-\xff]/.test(written))
        this.refuse(key, `${key}: ${JSON.stringify(field)} of ${namespace}/${name} is no field that may be set`)
      return value === undefined ? [] : [{ name: field, value }]
    })
  }

  /** Without the page the answer is 401, which is as closed. */
  #signIn(): ExternalAuthConfig['signIn'] {
    const written = this.#value('auth-signin', '')
    if (written === '') return undefined
    const parsed = parseVariables(written, this.#constants)
    const isUrl = /^(?:https?|\$(?:pass_access_)?scheme):\/\/[^\s]+$|^\/[^\s]*$/.test(written)
    if (!('text' in parsed) || !isUrl) {
      report(this.#scope, 'auth-signin', {
        expected: 'a URL with variables that exist',
        instead: 'clients that are not signed in get 401',
      })
      return undefined
    }
    const parameter = this.#value('auth-signin-redirect-param', 'rd')
    if (/^[\w.~-]+$/.test(parameter)) return { url: parsed.text, parameter }
    report(this.#scope, 'auth-signin-redirect-param', { expected: 'the name of a parameter', instead: 'rd is used' })
    return { url: parsed.text, parameter: 'rd' }
  }

  #cache(): AuthCache | undefined {
    const written = this.#value('auth-cache-key', '')
    if (written === '') return undefined
    const parsed = parseVariables(written, this.#constants)
    if (!('text' in parsed)) {
      report(this.#scope, 'auth-cache-key', {
        expected: 'text with variables that exist',
        instead: 'no answer is remembered',
      })
      return undefined
    }
    if (!parsed.text.some((part) => typeof part !== 'string')) {
      report(this.#scope, 'auth-cache-key', {
        expected: 'a variable that tells clients apart, such as $http_authorization or $cookie_session',
        instead: 'all clients share one answer, as in ingress-nginx',
      })
    }
    const durations = readDurations(this.#value('auth-cache-duration', defaultDuration))
    if (durations !== undefined) return { key: parsed.text, durations }
    report(this.#scope, 'auth-cache-duration', {
      expected: `a list such as ${defaultDuration}`,
      instead: 'no answer is remembered',
    })
    return undefined
  }
}

/** Names with underscores would be dropped on their way, and framing is nobody's to set. */
function isFieldName(name: string): boolean {
  return (
    /^[A-Za-z0-9-]+$/.test(name) &&
    !/^(?:host|content-length|transfer-encoding|connection|keep-alive|te|trailer|upgrade|expect)$/i.test(name)
  )
}

const unitMs: Readonly<Record<string, number>> = { '': 1_000, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }
const longestMs = 24 * 3_600_000

/** As nginx's `proxy_cache_valid`: statuses, then a time; a time alone is for 200, 301 and 302, `any` for all. */
function readDurations(written: string): AuthCache['durations'] | undefined {
  const durations: { status: number | undefined; ms: number }[] = []
  for (const part of written
    .split(',')
    .map((each) => each.trim())
    .filter((each) => each !== '')) {
    const words = part.split(/\s+/)
    const time = /^(\d{1,9})([smhd]?)$/.exec(words.pop() ?? '')
    if (time === null || words.some((word) => word !== 'any' && !/^[1-5]\d\d$/.test(word))) return undefined
    const ms = Math.min(Number(time[1]) * unitMs[time[2]!]!, longestMs)
    for (const word of words.length === 0 ? ['200', '301', '302'] : words)
      durations.push({ status: word === 'any' ? undefined : Number(word), ms })
  }
  return durations.length === 0 ? undefined : durations
}

/** Annotations about cross-origin requests. Without them browsers refuse, so nothing is opened by their absence. */
import { cors as corsPolicy } from '#policy/cors.ts'
import type { PolicySpec } from '#snapshot/snapshot.ts'
import type { AnnotationGroup } from '../annotation.ts'
import { honoured } from '../annotation.ts'
import type { Scope } from '../setting.ts'
import { readBoolean, readInteger, readMatching, readText, report } from '../setting.ts'

const methods = 'GET, PUT, POST, DELETE, PATCH, OPTIONS'
const headers =
  'DNT,Keep-Alive,User-Agent,X-Requested-With,If-Modified-Since,Cache-Control,Content-Type,Range,Authorization'

export const cors: AnnotationGroup = {
  title: 'CORS',
  rows: [
    honoured(
      'enable-cors',
      'true, false (false)',
      "CORS fields on every response, refusals included, in place of the endpoint's; preflights are answered with 204 before limits and authentication.",
      {
        difference:
          "A preflight is an OPTIONS request with `Origin` and `Access-Control-Request-Method`; ingress-nginx answers every OPTIONS, as `--compat ingress-nginx` does. `Vary: Origin` is added, and for an origin that is not allowed the endpoint's own CORS fields are removed too.",
      },
    ),
    honoured(
      'cors-allow-origin',
      '*, or origins such as https://*.shop.test:8443 with commas between (*)',
      'One label of a host may be `*`; the port must be the same. Entries without a scheme are left out and reported.',
    ),
    honoured('cors-allow-methods', `names with commas between (${methods})`, 'Access-Control-Allow-Methods.'),
    honoured('cors-allow-headers', `names with commas between (${headers})`, 'Access-Control-Allow-Headers.'),
    honoured('cors-allow-credentials', 'true, false (true)', 'Access-Control-Allow-Credentials.'),
    honoured('cors-expose-headers', 'names with commas between, or *', 'Access-Control-Expose-Headers.'),
    honoured('cors-max-age', 'seconds (1728000)', 'Access-Control-Max-Age.'),
  ],
}

export const corsNames: readonly string[] = cors.rows.map(({ name }) => name)

/** `undefined` when it is not switched on. */
export function readCors(scope: Scope, anyOptions: boolean): PolicySpec | undefined {
  if (!readBoolean(scope, 'enable-cors', false)) return undefined
  const names = {
    test: (text: string) => /^[A-Za-z0-9_, -]+$/.test(text),
    expected: 'names of fields with commas between',
    instead: 'the default is used',
  }
  return corsPolicy.spec({
    origins: readOrigins(scope),
    methods:
      readMatching(scope, 'cors-allow-methods', {
        test: (text) => /^[A-Za-z, ]+$/.test(text),
        expected: 'methods with commas between',
        instead: 'the default is used',
      }) ?? methods,
    headers: readMatching(scope, 'cors-allow-headers', names) ?? headers,
    credentials: readBoolean(scope, 'cors-allow-credentials', true),
    expose:
      readMatching(scope, 'cors-expose-headers', {
        ...names,
        test: (text) => text === '*' || names.test(text),
        instead: 'none are exposed',
      }) ?? '',
    maxAge: readInteger(scope, 'cors-max-age', 1_728_000, { min: -1, max: 2 ** 31 - 1, unit: 'seconds' }),
    anyOptions,
  })
}

/** A list of which nothing can be read allows nobody: it was meant to allow few. */
function readOrigins(scope: Scope): '*' | readonly string[] {
  const entries =
    readText(scope, 'cors-allow-origin')
      ?.split(',')
      .map((each) => each.trim())
      .filter((each) => each !== '') ?? []
  if (entries.length === 0 || entries.includes('*')) return '*'
  const wrong = entries.filter((each) => !isOrigin(each))
  for (const each of wrong) {
    report(scope, 'cors-allow-origin', {
      expected: 'origins such as https://shop.test or https://*.shop.test',
      because: JSON.stringify(each),
      instead: 'that entry allows nobody',
    })
  }
  return entries.filter(isOrigin).map((each) => each.toLowerCase())
}

function isOrigin(text: string): boolean {
  return /^[a-z][a-z0-9+.-]*:\/\/(?:\*\.)?[a-z0-9._-]+(?::\d{1,5})?$/i.test(text) || text === 'null'
}

/** Annotations and global keys about single fields of requests and responses. */
import { isFieldValue, isToken, nameSet } from '#http/grammar.ts'
import { isHopByHop } from '#http/hop-by-hop.ts'
import { cookieAttributes } from '#policy/cookie-attributes.ts'
import type { Replacement } from '#policy/cookie-attributes.ts'
import { locationPrefix } from '#policy/location-prefix.ts'
import { requestHeaders } from '#policy/request-headers.ts'
import { serverField } from '#policy/server-field.ts'
import { responseHeaders } from '#policy/response-headers.ts'
import type { ResponseHeader } from '#policy/response-headers.ts'
import type { ResourceSet } from '#resource/resource-set.ts'
import type { ConfigMap } from '#resource/resource.ts'
import type { PolicySpec } from '#snapshot/snapshot.ts'
import type { Scope } from '../setting.ts'
import { readBoolean, readText, report } from '../setting.ts'

export const headerNames = [
  'custom-headers',
  'proxy-cookie-domain',
  'proxy-cookie-path',
  'proxy-redirect-from',
  'proxy-redirect-to',
] as const

export type HeaderGlobals = {
  /** On every route. */
  readonly policies: readonly PolicySpec[]
  /** In lower case: what `custom-headers` may set. */
  readonly allowed: ReadonlySet<string>
}

export const defaultHeaderGlobals: HeaderGlobals = { policies: [], allowed: new Set() }

export type HeaderSettings = {
  readonly policies: readonly PolicySpec[]
  /** Why the routes answer 503. */
  readonly closed: string | undefined
}

export function readHeaders(
  scope: Scope,
  resources: ResourceSet,
  { policies, allowed }: HeaderGlobals,
): HeaderSettings {
  const custom = readCustomHeaders(scope, resources, allowed)
  const own = [custom.policy, readCookieAttributes(scope), readLocationPrefix(scope)].filter(
    (each) => each !== undefined,
  )
  return { policies: [...own, ...policies], closed: custom.closed }
}

/** Of the global ConfigMap. */
export function readHeaderGlobals(scope: Scope, resources: ResourceSet): HeaderGlobals {
  const added = readFieldMap(scope, 'add-headers', resources)
  const sent = readFieldMap(scope, 'proxy-set-headers', resources)
  const hidden = readNames(scope, 'hide-headers')
  const keepEndpoints = readBoolean(scope, 'allow-backend-server-header', false)
  // Responses pass policies in reverse: what is hidden goes first, then ours are added.
  return {
    policies: [
      ...(sent.length === 0 ? [] : [requestHeaders.spec({ fields: sent.flat() })]),
      ...(added.length === 0
        ? []
        : [
            responseHeaders.spec({
              headers: added.map(([name, value]): ResponseHeader => ({ name, value, mode: 'set' })),
            }),
          ]),
      ...(readBoolean(scope, 'server-tokens', true) ? [] : [serverField.spec({ keepEndpoints })]),
      ...(hidden.length === 0
        ? []
        : [
            responseHeaders.spec({
              headers: hidden.map((name): ResponseHeader => ({ name, value: '', mode: 'remove' })),
            }),
          ]),
    ],
    allowed: new Set(readNames(scope, 'global-allowed-response-headers').map((name) => name.toLowerCase())),
  }
}

/** A field may carry anything but what frames messages or belongs to a connection. */
export function isField(name: string, value: string): boolean {
  return isToken(name) && isFieldValue(value) && !isHopByHop(name) && !fixed(name)
}

const fixed = nameSet(['date', 'content-length', 'proxy-authenticate'])

type Custom = { readonly policy: PolicySpec | undefined; readonly closed: string | undefined }

function readCustomHeaders(scope: Scope, resources: ResourceSet, allowed: ReadonlySet<string>): Custom {
  const reference = readText(scope, 'custom-headers')
  if (reference === undefined) return { policy: undefined, closed: undefined }
  const map = findMap(reference, scope, resources)
  const wrong = map === undefined ? undefined : [...map.data].find(([name, value]) => !isField(name, value))?.[0]
  const strange = map === undefined ? undefined : [...map.data.keys()].find((name) => !allowed.has(name.toLowerCase()))
  const because =
    map === undefined
      ? 'a name that no ConfigMap has'
      : wrong !== undefined
        ? `${wrong}, which is no field that could be set`
        : strange !== undefined
          ? `${strange}, which global-allowed-response-headers does not allow`
          : undefined
  if (because === undefined) {
    const headers = [...map!.data].map(([name, value]): ResponseHeader => ({ name, value, mode: 'set' }))
    return { policy: responseHeaders.spec({ headers }), closed: undefined }
  }
  report(scope, 'custom-headers', {
    expected: 'namespace/name of a ConfigMap with allowed fields',
    because,
    instead: 'the routes answer 503, as in ingress-nginx',
    severity: 'error',
  })
  return { policy: undefined, closed: `custom-headers cannot be read` }
}

function readFieldMap(scope: Scope, key: string, resources: ResourceSet): (readonly [string, string])[] {
  const reference = readText(scope, key)
  if (reference === undefined) return []
  const map = findMap(reference, scope, resources)
  if (map === undefined) {
    report(scope, key, {
      expected: 'namespace/name of a ConfigMap',
      because: 'a name that no ConfigMap has',
      instead: 'no fields are added',
    })
    return []
  }
  const fields = [...map.data]
  for (const [name, value] of fields) {
    if (!isField(name, value))
      report(scope, key, {
        expected: 'a ConfigMap of fields',
        because: `${JSON.stringify(name)}, which is no field that could be set`,
        instead: 'that field is left out',
      })
  }
  return fields.filter(([name, value]) => isField(name, value))
}

/** ConfigMaps of other namespaces are for the global keys only. */
function findMap(reference: string, { resource }: Scope, resources: ResourceSet): ConfigMap | undefined {
  const own = resource.metadata.namespace
  const [namespace = '', name = ''] = reference.includes('/') ? reference.split('/') : [own, reference]
  if (resource.kind === 'Ingress' && namespace !== own) return undefined
  return resources.get('ConfigMap', namespace, name)
}

function readNames(scope: Scope, key: string): readonly string[] {
  const names =
    readText(scope, key)
      ?.split(/[\s,]+/)
      .filter((name) => name !== '') ?? []
  for (const name of names.filter((each) => !isToken(each))) {
    report(scope, key, {
      expected: 'names of fields with commas between',
      because: JSON.stringify(name),
      instead: 'that name is left out',
    })
  }
  return names.filter(isToken)
}

function readCookieAttributes(scope: Scope): PolicySpec | undefined {
  const domain = readPair(scope, 'proxy-cookie-domain')
  const path = readPair(scope, 'proxy-cookie-path')
  if (domain === undefined && path === undefined) return undefined
  return cookieAttributes.spec({ ...(domain === undefined ? {} : { domain }), ...(path === undefined ? {} : { path }) })
}

function readPair(scope: Scope, name: string): Replacement | undefined {
  const text = readText(scope, name)
  if (text === undefined || text === 'off') return undefined
  const [from = '', to = '', ...rest] = text.split(/\s+/)
  if (rest.length === 0 && to !== '' && /^[A-Za-z0-9._/~:-]+$/.test(from + to) && !from.startsWith('~'))
    return { from, to }
  report(scope, name, {
    expected: 'two words, from and to, or off; no regular expressions',
    instead: 'cookies are passed on as they are',
  })
  return undefined
}

function readLocationPrefix(scope: Scope): PolicySpec | undefined {
  const from = readText(scope, 'proxy-redirect-from')
  const to = readText(scope, 'proxy-redirect-to')
  // `default` is the address of the endpoint, which no application knows itself by.
  if (from === undefined || from === 'off' || from === 'default' || to === 'off') return undefined
  if (to !== undefined && /^[\x21-\x7e]+$/.test(from + to) && !/[$~]/.test(from + to))
    return locationPrefix.spec({ from, to })
  report(scope, 'proxy-redirect-from', {
    expected: 'a URL, with proxy-redirect-to beside it, or off',
    instead: 'Location is passed on as it is',
  })
  return undefined
}

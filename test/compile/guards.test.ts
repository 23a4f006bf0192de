import { describe, expect, test } from 'vitest'
import { compile } from '#compile/compile.ts'
import { genkan } from '#compile/genkan/dialect.ts'
import { ingressNginx } from '#compile/ingress-nginx/dialect.ts'
import type { Problem } from '#resource/problem.ts'
import type { PolicySpec, RouteSpec } from '#snapshot/snapshot.ts'
import { compileOptions } from '../support/compile-options.ts'
import { clientFile } from '../support/client-files.ts'
import { type GuardRow, guardRows, ownGuardRows } from '../support/guard-rows.ts'
import { resourcesFrom } from '../support/resources.ts'

type Annotations = Readonly<Record<string, string>>

const surroundings = `
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {ports: [{port: 80}]}
---
apiVersion: v1
kind: Secret
metadata: {name: users}
stringData: {auth: "ann:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ="}
---
apiVersion: v1
kind: Secret
metadata: {name: clients}
stringData: {ca.crt: ${JSON.stringify(clientFile('root.crt'))}}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: asked}
data: {X-Asked: by $host}
`

type Outcome = { readonly route: RouteSpec; readonly problems: readonly Problem[] }

function outcomeOf(
  annotations: Annotations,
  {
    more = '',
    host = 'a.test',
    ...options
  }: { more?: string; host?: string; compat?: 'ingress-nginx'; configMap?: string } = {},
): Outcome {
  const ingress = `
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web, annotations: ${JSON.stringify(annotations)}}
spec: {rules: [{host: "${host}", http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}]}}]}
`
  const { snapshot, problems } = compile(
    resourcesFrom([surroundings, ingress, more].filter((text) => text !== '').join('\n---\n')),
    { ...compileOptions, ...options },
  )
  return { route: snapshot.routes[0]!, problems: problems.filter(({ code }) => code !== 'service-unknown') }
}

function prefixed(prefix: string, annotations: Annotations): Annotations {
  return Object.fromEntries(Object.entries(annotations).map(([name, value]) => [prefix + name, value]))
}

/** `auth-secret-type: auth-map` reads the file as the hash of a user, which is no hash. */
const noted: ReadonlySet<string> = new Set(['auth-secret-type'])

describe.each([
  [ingressNginx.prefix, guardRows],
  [genkan.prefix, ownGuardRows],
] as const)('annotations of %s', (prefix, rows) => {
  test.each(rows.map((row) => [row.name, row.value, row] as const))(
    '%s: %s does what its row says',
    (_, __, { name, value, beside = {}, effect }: GuardRow) => {
      const { route, problems } = outcomeOf(prefixed(prefix, { ...beside, [name]: value }))
      if (noted.has(name)) expect(problems.map(({ severity }) => severity)).toEqual(['warning', 'warning'])
      else expect(problems).toEqual([])
      if (name === 'auth-secret-type') return
      expect(route.policies).toMatchObject(effect)
      expect(route.policies).toHaveLength(effect.length)
      expect(route.upstream).toBe('default/web:80')
    },
  )

  test.each(rows.filter(({ bad }) => bad !== undefined).map((row) => [row.name, row.bad, row] as const))(
    '%s: %s is reported, and opens nothing',
    (_, __, { name, bad, beside = {}, outcome }: GuardRow) => {
      const { route, problems } = outcomeOf(prefixed(prefix, { ...beside, [name]: bad! }))
      const own = problems.filter(({ message }) => message.includes(name.replace('auth-secret-type', 'auth-')))
      expect(own.map(({ severity }) => severity)).toContain(outcome === 'closes' ? 'error' : 'warning')
      expect(route.upstream).toBe(outcome === 'closes' ? undefined : 'default/web:80')
      // What stands beside it stays where it was.
      if (outcome === 'closes') expect(route.policies).toEqual([])
      else expect(kinds(route.policies)).toEqual(kinds(outcomeOf(prefixed(prefix, beside)).route.policies))
    },
  )
})

function kinds(policies: readonly PolicySpec[]): readonly string[] {
  return policies.map(({ kind }) => kind)
}

describe('guards', () => {
  const limited = prefixed(ingressNginx.prefix, { 'limit-rps': '2', 'limit-rpm': '9', 'limit-connections': '4' })

  test('with compatibility answer 503 and let one more through at once', () => {
    const { route } = outcomeOf(limited, { compat: 'ingress-nginx' })
    expect(route.policies).toMatchObject([
      { kind: 'rate-limit', config: { status: 503, windows: [{ burst: 11 }, { burst: 46 }] } },
      { kind: 'concurrency-limit', config: { status: 503 } },
    ])
  })

  test('have the statuses of the ConfigMap in either case', () => {
    const more =
      '\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: c, namespace: n}\ndata: {limit-req-status-code: "420", limit-conn-status-code: "430"}'
    for (const compat of [{}, { compat: 'ingress-nginx' }] as const) {
      const { route } = outcomeOf(limited, { more, configMap: 'n/c', ...compat })
      expect(route.policies).toMatchObject([{ config: { status: 420 } }, { config: { status: 430 } }])
    }
  })

  test('ask no host that a client could choose', () => {
    const url = prefixed(ingressNginx.prefix, { 'auth-url': 'https://$host/check' })
    expect(outcomeOf(url, { host: '' })).toMatchObject({
      route: { upstream: undefined, policies: [] },
      problems: [{ severity: 'error' }],
    })
    expect(outcomeOf(url, { host: '*.shop.test' }).route.upstream).toBe('default/web:80')
  })

  test('of a service in a file need a port that it has', () => {
    const url = prefixed(ingressNginx.prefix, { 'auth-url': 'http://web:81/' })
    const { route, problems } = outcomeOf(url)
    expect(route).toMatchObject({ upstream: undefined, policies: [] })
    expect(problems).toMatchObject([{ severity: 'error', code: 'unknown-port' }])
    expect(outcomeOf(prefixed(ingressNginx.prefix, { 'auth-url': 'http://web/' })).route.policies).toMatchObject([
      { config: { to: { kind: 'upstream', id: 'default/web:80' } } },
    ])
  })

  test("hold for an expression that cannot be matched, too: nobody else's rule takes its requests", () => {
    const path = (name: string, annotations: string, written: string): string => `
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: ${name}, annotations: ${annotations}}
spec: {rules: [{host: a.test, http: {paths: [{path: "${written}", pathType: ImplementationSpecific, backend: {service: {name: web, port: {number: 80}}}}]}}]}`
    const guarded = (guard: string): string =>
      path('a', `{${ingressNginx.prefix}use-regex: "true"${guard}}`, '/admin(?!x)')
    const upstreamOf = (guard: string): string | undefined => {
      const { snapshot } = compile(
        resourcesFrom([guarded(guard), path('b', '{}', '/')].join('\n---\n')),
        compileOptions,
      )
      return snapshot.routes.find((route) => route.path.value === '/')?.upstream
    }
    expect(upstreamOf('')).toBe('default/web:80')
    expect(upstreamOf(`, ${ingressNginx.prefix}whitelist-source-range: 10.0.0.0/8`)).toBeUndefined()
  })

  test('leave only rules at or below an open path without authentication', () => {
    const more =
      '\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: c, namespace: n}\ndata: {no-auth-locations: /shop}'
    const rules = (value: string): string => `
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: x, annotations: {${ingressNginx.prefix}auth-type: basic, ${ingressNginx.prefix}auth-secret: users, ${ingressNginx.prefix}denylist-source-range: 10.0.0.1}}
spec: {rules: [{host: b.test, http: {paths: [{path: ${value}, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}]}}]}`
    const kindsOf = (value: string): readonly string[] => {
      const { snapshot } = compile(resourcesFrom([surroundings, rules(value), more].join('\n---\n')), {
        ...compileOptions,
        configMap: 'n/c',
      })
      return kinds(snapshot.routes[0]!.policies)
    }
    expect([kindsOf('/shop'), kindsOf('/shop/a'), kindsOf('/shopping'), kindsOf('/')]).toEqual([
      ['access'],
      ['access'],
      ['access', 'basic-auth'],
      ['access', 'basic-auth'],
    ])
  })

  test('read users from no other namespace, even where the Secret is there', () => {
    const more =
      '\napiVersion: v1\nkind: Secret\nmetadata: {name: users, namespace: other}\nstringData: {auth: "eve:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ="}'
    const { route } = outcomeOf(prefixed(ingressNginx.prefix, { 'auth-type': 'basic', 'auth-secret': 'other/users' }), {
      more,
    })
    expect(route).toMatchObject({ upstream: undefined, policies: [] })
  })

  test('never show a hash', () => {
    const broken = surroundings.replace('ann:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=', 'ann:hunter2')
    const { problems } = compile(
      resourcesFrom(`${broken}\n---\n
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web, annotations: {nginx.ingress.kubernetes.io/auth-type: basic, nginx.ingress.kubernetes.io/auth-secret: users}}
spec: {defaultBackend: {service: {name: web, port: {number: 80}}}}
`),
      compileOptions,
    )
    expect(problems.map(({ code }) => code)).toContain('unusable-password')
    expect(JSON.stringify(problems)).not.toContain('hunter2')
  })
})

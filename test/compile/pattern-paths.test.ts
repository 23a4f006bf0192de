import { describe, expect, test } from 'vitest'
import { compile } from '#compile/compile.ts'
import type { Compiled } from '#compile/compile.ts'
import { RouteTable } from '#route/table.ts'
import { compileOptions } from '../support/compile-options.ts'
import { resourcesFrom } from '../support/resources.ts'

type Written = {
  readonly paths: readonly string[]
  readonly annotations?: Readonly<Record<string, string>>
  readonly host?: string
}

function compiled(ingresses: Readonly<Record<string, Written>>, compat: 'none' | 'ingress-nginx' = 'none'): Compiled {
  const documents = Object.entries(ingresses).map(([name, { paths, annotations = {}, host = 'a.test' }]) => {
    const prefixed = Object.fromEntries(
      Object.entries(annotations).map(([key, value]) => [`nginx.ingress.kubernetes.io/${key}`, value]),
    )
    const rules = paths.map((path) => ({
      path,
      pathType: 'ImplementationSpecific',
      backend: { service: { name: 'web', port: { number: 80 } } },
    }))
    return JSON.stringify({
      apiVersion: 'networking.k8s.io/v1',
      kind: 'Ingress',
      metadata: { name, annotations: prefixed },
      spec: { rules: [{ host, http: { paths: rules } }] },
    })
  })
  return compile(resourcesFrom(documents.join('\n---\n')), { ...compileOptions, compat })
}

const codes = ({ problems }: Compiled): string[] =>
  problems.map(({ code }) => code).filter((code) => code !== 'service-unknown')

describe('expressions in paths', () => {
  test('have a budget for each host, so that no path stalls a worker', () => {
    const many = Array.from({ length: 60 }, (_, index) => `/p${index}/(a{400}|b{400})`)
    const result = compiled({
      greedy: { paths: many, annotations: { 'use-regex': 'true' } },
      other: { paths: ['/x[0-9]'], annotations: { 'use-regex': 'true' }, host: 'b.test' },
    })
    const expressions = result.snapshot.routes.filter(({ host, path }) => host === 'a.test' && path.kind === 'regex')
    expect(expressions.length).toBeGreaterThan(10)
    expect(expressions.length).toBeLessThan(40)
    expect(codes(result).filter((code) => code === 'pattern-refused').length).toBe(60 - expressions.length)
    const table = new RouteTable(result.snapshot.routes)
    expect(result.snapshot.routes[table.match('a.test', '/p59/x')]).toMatchObject({
      path: { kind: 'prefix', value: '/p59' },
      upstream: undefined,
    })
    expect(result.snapshot.routes[table.match('b.test', '/x1')]).toMatchObject({
      path: { kind: 'regex' },
      upstream: 'default/web:80',
    })
  })

  test('that are refused under a protection close everything they could mean', () => {
    const result = compiled({
      guarded: { paths: ['/(?=a)x'], annotations: { 'use-regex': 'true', 'denylist-source-range': '10.0.0.0/8' } },
      open: { paths: ['/'] },
    })
    expect(result.snapshot.routes).toMatchObject([
      { path: { kind: 'prefix', value: '/' }, upstream: undefined, origin: { name: 'guarded' } },
    ])
  })

  test('are told about groups that a target uses and they do not have', () => {
    expect(codes(compiled({ a: { paths: ['/api(.*)'], annotations: { 'rewrite-target': '/$2' } } }))).toEqual([
      'missing-group',
    ])
    expect(codes(compiled({ a: { paths: ['/api'], annotations: { 'rewrite-target': '/$1' } } }))).toEqual([
      'missing-group',
    ])
    expect(codes(compiled({ a: { paths: ['/api(/|$)(.*)'], annotations: { 'rewrite-target': '/$2' } } }))).toEqual([])
  })

  test('take over all paths of their host only in compat', () => {
    const ingresses = {
      a: { paths: ['/plain'] },
      b: { paths: ['/x[0-9]'], annotations: { 'use-regex': 'true' } },
      c: { paths: ['/plain'], host: 'c.test' },
    }
    const kinds = (compat: 'none' | 'ingress-nginx'): string[] =>
      compiled(ingresses, compat).snapshot.routes.map(({ host, path }) => `${host} ${path.kind} ${path.value}`)
    expect(kinds('none')).toEqual(['a.test regex /x[0-9]', 'a.test prefix /plain', 'c.test prefix /plain'])
    expect(kinds('ingress-nginx')).toEqual(['a.test regex /x[0-9]', 'a.test regex /plain', 'c.test prefix /plain'])
  })
})

import { readFileSync, globSync } from 'node:fs'
import { basename, join } from 'node:path'
import { assert, property, shuffledSubarray } from 'fast-check'
import { describe, expect, test } from 'vitest'
import { compile } from '#compile/compile.ts'
import { readDocuments } from '#resource/documents.ts'
import type { Resource } from '#resource/resource.ts'
import { ResourceSet } from '#resource/resource-set.ts'
import { RouteTable } from '#route/table.ts'
import { compileOptions } from '../support/compile-options.ts'
import { withCertificates } from '../support/certificate-files.ts'
import { resourcesFrom } from '../support/resources.ts'

const folders = globSync(join(import.meta.dirname, 'golden', '*')).toSorted()

/** Every golden folder at once; of objects with one name the first counts. */
const everything = new ResourceSet(folders.flatMap(objectsOf))

describe('compile', () => {
  test.each(folders.map((folder) => [basename(folder), folder] as const))(
    'gives the same for %s whatever the order of its objects',
    (_, folder) => {
      const resources = [...new ResourceSet(objectsOf(folder))]
      const expected = compile(new ResourceSet(resources), compileOptions)
      const orders = shuffledSubarray([...resources.keys()], { minLength: resources.length })
      assert(
        property(orders, (order) => {
          expect(compile(new ResourceSet(order.map((index) => resources[index]!)), compileOptions)).toEqual(expected)
        }),
        { numRuns: 20 },
      )
    },
  )

  const expected = compile(everything, compileOptions)

  test('gives every route an id of its own and an upstream that exists', () => {
    const { routes, upstreams } = expected.snapshot
    expect(new Set(routes.map((route) => route.id)).size).toBe(routes.length)
    const ids = new Set<string | undefined>(upstreams.map((each) => each.id))
    expect(routes.filter((route) => route.upstream !== undefined && !ids.has(route.upstream))).toEqual([])
    expect(routes.filter((route) => route.canary !== undefined && !ids.has(route.canary.upstream))).toEqual([])
    const wanted = new Set(routes.flatMap((route) => [route.upstream, route.canary?.upstream]))
    expect(upstreams.filter((each) => !wanted.has(each.id))).toEqual([])
  })

  test('gives a snapshot that is plain data and that a route table takes', () => {
    expect(JSON.parse(JSON.stringify(expected.snapshot))).toEqual(expected.snapshot)
    expect(structuredClone(expected.snapshot)).toEqual(expected.snapshot)
    expect(() => new RouteTable(expected.snapshot.routes)).not.toThrow()
  })

  test('says why for exactly the routes that have no upstream', () => {
    const dead = expected.snapshot.routes.filter((route) => route.upstream === undefined).map((route) => route.id)
    expect(expected.unreachable.map((each) => each.route).toSorted()).toEqual(dead.toSorted())
  })

  test('gives every Ingress exactly one status', () => {
    const names = everything.list('Ingress').map((each) => `Ingress ${each.metadata.namespace}/${each.metadata.name}`)
    expect(expected.statuses.map((each) => each.object)).toEqual(names.toSorted())
  })

  test.each([
    ['is not served when the default class is of another controller', ['some example.com/other'], 0, ['foreign-class']],
    ['is served when the default class is ours by its controller', ['some genkan.dev/ingress-controller'], 1, []],
    ['is served when the default class is ours by its name', ['nginx example.com/other'], 1, []],
    [
      'is served when one of two default classes is ours',
      ['some example.com/other', 'nginx example.com/other'],
      1,
      ['two-default-classes', 'two-default-classes'],
    ],
  ])('an Ingress without a class %s', (_, classes, routes, codes) => {
    const resources = resourcesFrom(`
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web}
spec: {defaultBackend: {service: {name: web, port: {number: 80}}}}
---
{apiVersion: v1, kind: Service, metadata: {name: web}, spec: {ports: [{port: 80}]}}
${classes.map((text) => defaultClass(...(text.split(' ') as [string, string]))).join('')}`)
    const { snapshot, problems } = compile(resources, compileOptions)
    expect([snapshot.routes.length, problems.map((each) => each.code)]).toEqual([routes, codes])
  })

  test('closes every route when the global ConfigMap asks for a protection that is not honoured', () => {
    const resources = resourcesFrom(`
apiVersion: v1
kind: ConfigMap
metadata: {name: global, namespace: edge}
data: {enable-modsecurity: 'true'}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web}
spec: {defaultBackend: {service: {name: web, port: {number: 80}}}}
`)
    const { snapshot, problems } = compile(resources, { ...compileOptions, configMap: 'edge/global' })
    expect(snapshot.routes.map((route) => route.upstream)).toEqual([undefined])
    expect(problems.map((each) => each.code)).toContain('protection-not-honoured')
    expect(compile(resources, compileOptions).snapshot.routes.map((route) => route.upstream)).toEqual([
      'default/web:80',
    ])
  })

  test('sends no HSTS when the global ConfigMap switches it off', () => {
    const resources = resourcesFrom(`
{apiVersion: v1, kind: ConfigMap, metadata: {name: global, namespace: edge}, data: {hsts: "false"}}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web}
spec:
  tls: [{hosts: [shop.test]}]
  rules: [{host: shop.test, http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}]}}]
`)
    const kinds = (configMap: string | undefined): readonly string[] => {
      return compile(resources, { ...compileOptions, configMap }).snapshot.routes.flatMap((route) =>
        route.policies.map((policy) => policy.kind),
      )
    }
    expect(kinds('edge/global')).toEqual(['https-redirect'])
    expect(kinds(undefined)).toEqual(['https-redirect', 'hsts'])
  })

  test('reports a global ConfigMap that is in no file', () => {
    const { problems } = compile(new ResourceSet([]), { ...compileOptions, configMap: 'edge/global' })
    expect(problems.map((each) => each.code)).toEqual(['config-map-missing'])
  })
})

function defaultClass(name: string, controller: string): string {
  return `---
apiVersion: networking.k8s.io/v1
kind: IngressClass
metadata: {name: ${name}, annotations: {ingressclass.kubernetes.io/is-default-class: "true"}}
spec: {controller: ${controller}}
`
}

function objectsOf(folder: string): readonly Resource[] {
  return readDocuments(withCertificates(readFileSync(join(folder, 'in.yaml'), 'utf8')), 'in.yaml').resources
}

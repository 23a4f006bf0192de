import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { compile } from '../../src/compile/compile.ts'
import { CompileMemo, Memo } from '../../src/compile/memo.ts'
import { readDocuments } from '../../src/resource/documents.ts'
import { ResourceSet } from '../../src/resource/resource-set.ts'
import type { Resource } from '../../src/resource/resource.ts'
import type { RouteSpec } from '../../src/snapshot/snapshot.ts'
import { clientFile } from '../support/client-files.ts'
import { compileOptions } from '../support/compile-options.ts'

/** One object in several versions; which of them is there, if any, is what changes. */
const versions: readonly (readonly string[])[] = [
  ...['a', 'b'].map((name) => [
    ingress(name, ''),
    ingress(name, 'nginx.ingress.kubernetes.io/proxy-read-timeout: "30"'),
    ingress(name, 'nginx.ingress.kubernetes.io/use-regex: "true"'),
    ingress(name, 'nginx.ingress.kubernetes.io/auth-type: basic, nginx.ingress.kubernetes.io/auth-secret: users'),
    ingress(
      name,
      'nginx.ingress.kubernetes.io/backend-protocol: HTTPS, nginx.ingress.kubernetes.io/proxy-ssl-secret: default/users, nginx.ingress.kubernetes.io/proxy-ssl-verify: "on"',
    ),
    ingress(name, 'nginx.ingress.kubernetes.io/canary: "true", nginx.ingress.kubernetes.io/canary-weight: "10"'),
    ingress(name, 'nginx.ingress.kubernetes.io/no-such-thing: "1"'),
    ingress(name, 'nginx.ingress.kubernetes.io/auth-url: "https://$host/check"').replace('host: shop.test, ', ''),
    ingress(name, 'nginx.ingress.kubernetes.io/custom-headers: default/globals'),
    ingress(name, 'nginx.ingress.kubernetes.io/server-alias: other.test'),
    ingress(name, 'nginx.ingress.kubernetes.io/from-to-www-redirect: "true"'),
    ingress(name, 'nginx.ingress.kubernetes.io/app-root: /home, nginx.ingress.kubernetes.io/default-backend: errors'),
    ingress(name, 'nginx.ingress.kubernetes.io/auth-url: http://errors.default.svc.cluster.local/check'),
    ingress(name, '').replace('rules:', 'tls: [{hosts: [shop.test], secretName: users}], rules:'),
    ingress(name, 'nginx.ingress.kubernetes.io/auth-tls-secret: default/clients'),
    ingress(
      name,
      'nginx.ingress.kubernetes.io/auth-tls-secret: default/clients, nginx.ingress.kubernetes.io/auth-tls-verify-depth: "2"',
    ).replace('path: /,', 'path: /other,'),
    ingress(name, '').replace('name: web,', 'name: errors,'),
    ingress(name, '').replace('number: 80', 'number: 8080'),
    ingress(name, 'nginx.ingress.kubernetes.io/load-balance: ewma').replace('path: /,', 'path: /other,'),
    ingress(name, 'nginx.ingress.kubernetes.io/backend-protocol: HTTPS').replace('path: /,', 'path: /other,'),
    ingress(
      name,
      'nginx.ingress.kubernetes.io/canary: "true", nginx.ingress.kubernetes.io/canary-weight: "20"',
    ).replace('name: web,', 'name: errors,'),
  ]),
  ['a:b', 'c:d'].map(
    (line) => `{apiVersion: v1, kind: Secret, metadata: {name: users}, stringData: {auth: '${line}'}}`,
  ),
  [JSON.stringify(clientFile('root.crt'))].map(
    (pem) => `{apiVersion: v1, kind: Secret, metadata: {name: clients}, stringData: {ca.crt: ${pem}}}`,
  ),
  ['"true"', '"false"', 'nonsense'].map(
    (value) =>
      `{apiVersion: v1, kind: ConfigMap, metadata: {name: globals}, data: {ssl-redirect: ${value}, X-Extra: "yes"}}`,
  ),
  ['http', 'https'].map(
    (protocol) =>
      `{apiVersion: v1, kind: Service, metadata: {name: web}, spec: {selector: {app: web}, ports: [{port: 80, targetPort: 8080, appProtocol: ${protocol}}]}}`,
  ),
  ['{}', '{genkan.dev/load-balance: ewma}', '{genkan.dev/load-balanse: ewma}'].map(
    (annotations) =>
      `{apiVersion: v1, kind: Service, metadata: {name: errors, annotations: ${annotations}}, spec: {selector: {app: web}, ports: [{port: 80, targetPort: http}]}}`,
  ),
  ['http', 'nosuch'].map(
    (port) =>
      `{apiVersion: v1, kind: Pod, metadata: {name: web, labels: {app: web}}, spec: {containers: [{name: web, readinessProbe: {httpGet: {path: /, port: ${port}}, periodSeconds: 5}, ports: [{name: http, containerPort: 80}]}]}}`,
  ),
  ['[{from: [{ipBlock: {cidr: 10.0.0.0/8}}]}]', '[]'].map(
    (rules) =>
      `{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: web}, spec: {podSelector: {}, ingress: ${rules}}}`,
  ),
  ['web', 'errors'].map(
    (service) =>
      `{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, metadata: {name: web, labels: {kubernetes.io/service-name: ${service}}}, addressType: IPv4, endpoints: [], ports: []}`,
  ),
]

function ingress(name: string, annotations: string): string {
  const path = '{path: /, pathType: ImplementationSpecific, backend: {service: {name: web, port: {number: 80}}}}'
  return `{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {name: ${name}, annotations: {${annotations}}}, spec: {rules: [{host: shop.test, http: {paths: [${path}]}}]}}`
}

/** Read once, as sources do: what has not changed is the very same object. */
const objects: readonly (readonly Resource[])[] = versions.map((texts, number) =>
  texts.flatMap((text, version) => readDocuments(text, `${number}-${version}.yaml`).resources),
)

/** For every object the number of its version; one beyond the last for none. At first there is no policy and no Pod. */
const plain = objects.map((each) => (/^(?:NetworkPolicy|Pod)$/.test(each[0]!.kind) ? each.length : 0))

type Edit = { readonly number: number; readonly version: number }

/** One object becomes another version of itself, appears or goes; most of what is remembered stays true. */
const edit: fc.Arbitrary<Edit> = fc
  .oneof({ weight: 2, arbitrary: fc.nat(1) }, { weight: 1, arbitrary: fc.nat(objects.length - 1) })
  .chain((number) => fc.record({ number: fc.constant(number), version: fc.nat(objects[number]!.length) }))

const options = { ...compileOptions, configMap: 'default/globals' }

describe('compiling with what an earlier compilation left', () => {
  test('gives the same as compiling anew, whatever has changed in between', () => {
    expect(objects.map(({ length }) => length)).toEqual(versions.map(({ length }) => length))
    fc.assert(
      fc.property(fc.array(edit, { minLength: 1, maxLength: 30, size: 'max' }), (edits) => {
        const memo = new CompileMemo()
        const chosen = [...plain]
        for (const { number, version } of [{ number: 0, version: 0 }, ...edits]) {
          chosen[number] = version
          const resources = new ResourceSet(objects.flatMap((each, index) => each[chosen[index]!] ?? []))
          const [again, anew] = [compile(resources, options, memo), compile(resources, options)]
          if (!isDeepStrictEqual(again, anew)) expect(again).toEqual(anew)
        }
      }),
      { numRuns: 400 },
    )
  })

  test('leaves the routes of a Service alone when another Ingress leads there, too', () => {
    const memo = new CompileMemo()
    const service = objects[5]![0]!
    const [one, other] = [
      ingress('one', ''),
      ingress('other', '').replace('shop.test', 'other.test').replace('path: /,', 'path: /other,'),
    ].map((text) => readDocuments(text, 'shared.yaml').resources[0]!)
    const routes = (...resources: readonly Resource[]): readonly RouteSpec[] =>
      compile(new ResourceSet(resources), options, memo).snapshot.routes
    const [before] = routes(service, one!)
    expect(routes(service, one!, other!)).toContain(before)
  })

  test('reads an Ingress once, as long as neither it nor what it names has changed', () => {
    const memo = new Memo<Resource, number>()
    let runs = 0
    const [key, secret, other] = [objects[0]![0]!, objects[2]![0]!, objects[2]![1]!]
    const read = (...resources: readonly Resource[]): void => {
      memo.of(key, { resources: new ResourceSet(resources), given: [1] }, (watched) => {
        watched.get('Secret', 'default', 'users')
        return ++runs
      })
    }
    read(key, secret)
    read(key, secret, objects[4]![0]!)
    expect(runs).toBe(1)
    read(key, other)
    expect(runs).toBe(2)
    read(key)
    expect(runs).toBe(3)
  })

  test('remembers nothing that looked through all objects of a kind', () => {
    const memo = new Memo<Resource, number>()
    const resources = new ResourceSet(objects[4]!)
    const count = (): number =>
      memo.of(objects[0]![0]!, { resources, given: [] }, (watched) => watched.list('Service').length).value
    const first = memo.of(objects[0]![0]!, { resources, given: [] }, (watched) => watched.list('Service').length)
    expect(count()).toBe(first.value)
    expect(memo.of(objects[0]![0]!, { resources, given: [] }, () => 99).value).toBe(99)
  })
})

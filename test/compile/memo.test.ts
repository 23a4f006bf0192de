import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { compile } from '../../src/compile/compile.ts'
import { CompileMemo, Memo } from '../../src/compile/memo.ts'
import { readDocuments } from '../../src/resource/documents.ts'
import { ResourceSet } from '../../src/resource/resource-set.ts'
import type { Resource } from '../../src/resource/resource.ts'
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
  ]),
  ['a:b', 'c:d'].map(
    (line) => `{apiVersion: v1, kind: Secret, metadata: {name: users}, stringData: {auth: '${line}'}}`,
  ),
  ['"true"', '"false"', 'nonsense'].map(
    (value) =>
      `{apiVersion: v1, kind: ConfigMap, metadata: {name: globals}, data: {ssl-redirect: ${value}, X-Extra: yes}}`,
  ),
  ['http', 'https'].map(
    (protocol) =>
      `{apiVersion: v1, kind: Service, metadata: {name: web}, spec: {ports: [{port: 80, appProtocol: ${protocol}}]}}`,
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

/** For every object the number of its version; one beyond the last for none. */
const moments = fc.tuple(...objects.map((each) => fc.nat(each.length)))

const options = { ...compileOptions, configMap: 'default/globals' }

describe('compiling with what an earlier compilation left', () => {
  test('gives the same as compiling anew, whatever has changed in between', () => {
    fc.assert(
      fc.property(fc.array(moments, { minLength: 2, maxLength: 6 }), (history) => {
        const memo = new CompileMemo()
        for (const chosen of history) {
          const resources = new ResourceSet(objects.flatMap((each, number) => each[chosen[number]!] ?? []))
          expect(compile(resources, options, memo)).toEqual(compile(resources, options))
        }
      }),
      { numRuns: 300 },
    )
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

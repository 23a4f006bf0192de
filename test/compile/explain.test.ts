import { describe, expect, test } from 'vitest'
import { compile } from '#compile/compile.ts'
import type { Explanation } from '#compile/explanation.ts'
import { explain, printExplanation } from '#compile/explain.ts'
import type { EndpointSet, EndpointSpec } from '#snapshot/snapshot.ts'
import { compileOptions } from '../support/compile-options.ts'
import { withCertificates } from '../support/certificate-files.ts'
import { resourcesFrom } from '../support/resources.ts'

const compiled = compile(
  resourcesFrom(
    withCertificates(`
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: shop, annotations: {nginx.ingress.kubernetes.io/fastcgi-index: "a.php"}}
spec:
  tls: [{hosts: [shop.test], secretName: shop}]
  rules:
    - host: shop.test
      http:
        paths:
          - {path: /, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}
          - {path: /cart, pathType: Prefix, backend: {service: {name: cart, port: {number: 80}}}}
          - {path: /bucket, pathType: Prefix, backend: {resource: {apiGroup: a.test, kind: Bucket, name: b}}}
    - host: "*.plain.test"
      http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}]}
    - host: xn--mnchen-3ya.test
      http: {paths: [{path: /a, pathType: Exact, backend: {service: {name: web, port: {number: 80}}}}]}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: z-other}
spec: {rules: [{host: shop.test, http: {paths: [{path: /cart, pathType: Prefix, backend: {service: {name: late, port: {number: 80}}}}]}}]}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: foreign}
spec: {ingressClassName: cloud, rules: [{host: shop.test, http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}]}}]}
---
{apiVersion: v1, kind: Secret, metadata: {name: shop}, type: kubernetes.io/tls, data: {tls.crt: "@shop.crt", tls.key: "@shop.key"}}
`),
  ),
  compileOptions,
)

const endpoints: readonly EndpointSet[] = [
  {
    upstream: 'default/web:80',
    state: 'live',
    mode: 'slices',
    endpoints: [endpoint('10.0.0.1:80', true), endpoint('10.0.0.2:80', false)],
  },
  { upstream: 'default/cart:80', state: 'empty', mode: 'dns', endpoints: [] },
]

function endpoint(id: string, ready: boolean): EndpointSpec {
  const [address = '', port] = id.split(':')
  const unknown = { name: undefined, node: undefined, zone: undefined }
  return {
    id,
    address,
    port: Number(port),
    priority: 0,
    weight: 1,
    ready,
    serving: ready,
    terminating: false,
    ...unknown,
  }
}

function ask(url: string, fields: readonly string[] = []): Explanation {
  return explain({ compiled, endpoints, url, method: 'GET', fields })
}

function effectsOf(url: string): readonly string[] {
  return ask(url).policies.map(({ kind, effect }) => `${kind} ${effect}`)
}

describe('explain', () => {
  test.each([
    ['https://shop.test/', 'forwarded to the one ready endpoint of default/web:80', undefined],
    ['http://shop.test/a?b=1', 'answered with 308 by https-redirect', { status: 308, cause: undefined }],
    [
      'https://shop.test/cart/1',
      'answered with 503 (no_ready_endpoints): default/cart:80 has no ready endpoint',
      { status: 503, cause: 'no_ready_endpoints' },
    ],
    [
      'https://shop.test/bucket',
      'answered with 503 (no_backend): the backend is a Bucket; only Services can be reached',
      { status: 503, cause: 'no_backend' },
    ],
    ['http://a.plain.test/', 'forwarded to the one ready endpoint of default/web:80', undefined],
    [
      'http://a.b.plain.test/',
      'answered with 404 (no_route): no rule is for host a.b.plain.test',
      { status: 404, cause: 'no_route' },
    ],
    [
      'http://münchen.test/b',
      'answered with 404 (no_route): no rule of host xn--mnchen-3ya.test matches the path',
      { status: 404, cause: 'no_route' },
    ],
    [
      'https://shop.test/%zz',
      'refused with 400 (bad_request): path has no single reading',
      { status: 400, cause: 'bad_request' },
    ],
    [
      'http://exa mple/',
      'refused with 400 (bad_request): "exa mple" is no host',
      { status: 400, cause: 'bad_request' },
    ],
    ['ftp://shop.test/', 'this is no http or https URL', undefined],
  ])('%s is %s', (url, outcome, answer) => {
    expect(ask(url)).toMatchObject({ outcome, answer })
  })

  test('names the winner and every loser with its reason', () => {
    const { winner, losers, unrelated } = ask('https://shop.test/cart/1')
    expect(winner).toMatchObject({
      rule: 'default/shop shop.test Prefix /cart',
      file: 'test.yaml',
      because: '/cart is the longest prefix of the path',
    })
    expect(losers.map((each) => [each.rule, each.because])).toEqual([
      ['default/shop shop.test Prefix /bucket', 'the path is not /bucket nor below it'],
      ['default/shop shop.test Prefix /', 'prefix /cart is longer'],
      [
        'default/z-other shop.test Prefix /cart',
        expect.stringMatching(
          /^default\/shop shop.test Prefix \/cart has its place: Ingress default\/shop comes first/,
        ),
      ],
      ['default/foreign shop.test', expect.stringMatching(/^not served here: class cloud is not ours/)],
    ])
    expect(unrelated).toBe(2)
  })

  test('says how authority and path were read', () => {
    const { host, path } = ask('http://A.Plain.Test.:8080/x//y/../%7Ez%2f')
    expect(host).toEqual({
      given: 'A.Plain.Test.:8080',
      routed: 'a.plain.test',
      notes: ['the port does not count', 'the trailing dot does not count', 'upper and lower case do not count'],
    })
    expect(path).toEqual({
      given: '/x//y/../%7Ez%2f',
      routed: '/x/~z%2F',
      notes: ['normalised to /x/~z%2F, which is matched and forwarded'],
    })
    expect(ask('http://münchen.test/a').host).toMatchObject({
      routed: 'xn--mnchen-3ya.test',
      notes: ['written as xn--mnchen-3ya.test, its A-label form'],
    })
  })

  test('lets a Host field count before the host of the URL, and the URL for the certificate', () => {
    const { host, certificate } = ask('https://shop.test/', ['Host', 'a.plain.test'])
    expect(host.routed).toBe('a.plain.test')
    expect(certificate).toMatchObject({ id: 'default/shop', because: 'spec.tls names shop.test' })
  })

  test('says which certificate is presented and why, and only over https', () => {
    expect(ask('https://shop.test/').certificate).toMatchObject({
      id: 'default/shop',
      names: ['shop.test', '*.shop.test'],
    })
    expect(ask('https://a.plain.test/').certificate).toMatchObject({
      id: undefined,
      because: 'no spec.tls gives a.plain.test a usable certificate',
    })
    expect(ask('http://shop.test/').certificate).toBeUndefined()
  })

  test('says what each policy does to this request', () => {
    expect(effectsOf('http://shop.test/a/?b=1')).toEqual([
      'https-redirect would answer 308 with Location: https://shop.test/a/?b=1',
      'hsts not reached: https-redirect answers',
    ])
    expect(effectsOf('https://shop.test/a')).toEqual([
      'https-redirect leaves this request alone',
      'hsts would set Strict-Transport-Security: max-age=31536000; includeSubDomains on the response',
    ])
  })

  test('tells the states of endpoints, and says so when nobody knows them', () => {
    expect(ask('https://shop.test/').backend).toMatchObject({
      state: 'live',
      mode: 'slices',
      endpoints: [
        { id: '10.0.0.1:80', state: 'ready' },
        { id: '10.0.0.2:80', state: 'unready' },
      ],
    })
    const { outcome, backend } = explain({
      compiled,
      endpoints: [],
      url: 'https://shop.test/',
      method: 'GET',
      fields: [],
    })
    expect([backend?.state, outcome]).toEqual([
      'unknown',
      'forwarded to default/web:80, whose endpoints are not known here',
    ])
  })

  test('repeats what is wrong with the Ingress that wins', () => {
    expect(ask('https://shop.test/').problems.map((each) => each.code)).toEqual([
      'annotation-refused',
      'resource-backend',
    ])
  })
})

describe('printExplanation', () => {
  test('prints one aligned table that ends with the result', () => {
    expect(printExplanation(ask('https://Shop.test/cart'))).toMatchInlineSnapshot(`
      "request      GET https://Shop.test/cart
      listener     https on port 443
      host         shop.test (from Shop.test: upper and lower case do not count)
      path         /cart
      certificate  Secret default/shop for shop.test, *.shop.test, valid until 2120-01-01: spec.tls names shop.test
      rule         default/shop shop.test Prefix /cart (test.yaml:12): /cart is the longest prefix of the path
      not          default/shop shop.test Prefix /bucket (test.yaml:13): the path is not /bucket nor below it
                   default/shop shop.test Prefix / (test.yaml:11): prefix /cart is longer
                   default/z-other shop.test Prefix /cart (test.yaml:22): default/shop shop.test Prefix /cart has its place: Ingress default/shop comes first by namespace and name, and neither is older
                   default/foreign shop.test (test.yaml:27): not served here: class cloud is not ours, and no IngressClass of that name is known
                   and 2 more for other hosts
      policies     https-redirect: leaves this request alone
                   hsts: would set Strict-Transport-Security: max-age=31536000; includeSubDomains on the response
      timeouts     connect 5 s, send 60 s, read 60 s
      retries      by default
      body         at most 1048576 bytes
      backend      default/cart:80 (discovery empty, by dns)
      balance      round robin
      probe        none: what discovery says is believed
      problems     test.yaml:4:38: error: fastcgi-index is refused
                   test.yaml:13:67: error: the backend is a Bucket; only Services can be reached
      result       answered with 503 (no_ready_endpoints): default/cart:80 has no ready endpoint
      "
    `)
  })
})

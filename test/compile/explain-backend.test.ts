import { describe, expect, test } from 'vitest'
import { compile } from '#compile/compile.ts'
import type { Explanation } from '#compile/explanation.ts'
import { explain, printExplanation } from '#compile/explain.ts'
import type { EndpointHealth, EndpointSet, EndpointSpec } from '#snapshot/snapshot.ts'
import { compileOptions } from '../support/compile-options.ts'
import { withCertificates } from '../support/certificate-files.ts'
import { resourcesFrom } from '../support/resources.ts'

const compiled = compile(
  resourcesFrom(
    withCertificates(`
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: a-shop
  annotations:
    nginx.ingress.kubernetes.io/affinity: cookie
    nginx.ingress.kubernetes.io/session-cookie-max-age: "60"
    nginx.ingress.kubernetes.io/session-cookie-samesite: Lax
    nginx.ingress.kubernetes.io/session-cookie-change-on-failure: "true"
    nginx.ingress.kubernetes.io/upstream-hash-by: $request_uri-$http_x_user
    nginx.ingress.kubernetes.io/upstream-hash-by-subset: "true"
    nginx.ingress.kubernetes.io/proxy-next-upstream: error http_503
    nginx.ingress.kubernetes.io/proxy-next-upstream-timeout: "9"
    nginx.ingress.kubernetes.io/backend-protocol: GRPCS
    nginx.ingress.kubernetes.io/proxy-ssl-secret: shop
    nginx.ingress.kubernetes.io/proxy-ssl-verify: "on"
    genkan.dev/request-timeout: 30s
    genkan.dev/stream-idle-timeout: 5m
    genkan.dev/slow-start: 90s
    genkan.dev/max-connections: "7"
    genkan.dev/pending-timeout: 2s
    genkan.dev/outlier-detection: consecutive=3
spec: {rules: [{host: shop.test, http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}]}}]}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: b-canary
  annotations:
    nginx.ingress.kubernetes.io/canary: "true"
    nginx.ingress.kubernetes.io/canary-by-header: X-Canary
    nginx.ingress.kubernetes.io/canary-by-cookie: canary
    nginx.ingress.kubernetes.io/canary-weight: "25"
spec: {rules: [{host: shop.test, http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: new, port: {number: 80}}}}]}}]}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: c-plain}
spec:
  rules:
    - host: plain.test
      http:
        paths:
          - {path: /, pathType: Prefix, backend: {service: {name: plain, port: {number: 80}}}}
          - {path: /p, pathType: Prefix, backend: {service: {name: plain, port: {number: 80}}}}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: d-pattern, annotations: {nginx.ingress.kubernetes.io/canary: "true", nginx.ingress.kubernetes.io/canary-by-header: X-User, nginx.ingress.kubernetes.io/canary-by-header-pattern: "^test-"}}
spec: {rules: [{host: plain.test, http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: new, port: {number: 80}}}}]}}]}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: e-value, annotations: {nginx.ingress.kubernetes.io/canary: "true", nginx.ingress.kubernetes.io/canary-by-header: X-User, nginx.ingress.kubernetes.io/canary-by-header-value: always-me, nginx.ingress.kubernetes.io/canary-weight: "100"}}
spec: {rules: [{host: plain.test, http: {paths: [{path: /p, pathType: Prefix, backend: {service: {name: new, port: {number: 80}}}}]}}]}
---
{apiVersion: v1, kind: Service, metadata: {name: web, annotations: {genkan.dev/readiness-path: /ok, genkan.dev/readiness-port: "9000", genkan.dev/readiness-initial-delay: 5s}}, spec: {ports: [{port: 80}]}}
---
{apiVersion: v1, kind: Service, metadata: {name: plain}, spec: {sessionAffinity: ClientIP, ports: [{port: 80}]}}
---
{apiVersion: v1, kind: Service, metadata: {name: new}, spec: {ports: [{port: 80}]}}
---
{apiVersion: v1, kind: Secret, metadata: {name: shop}, data: {ca.crt: "@other.crt", tls.crt: "@shop.crt", tls.key: "@shop.key"}}
`),
  ),
  compileOptions,
)

const until = Date.UTC(2027, 0, 1)
const endpoints: readonly EndpointSet[] = [
  {
    upstream: 'default/web:80',
    state: 'live',
    mode: 'slices',
    endpoints: [
      endpoint('10.0.0.1:80', { probe: 'passing' }, true),
      endpoint('10.0.0.2:80', { probe: 'waiting' }),
      endpoint('10.0.0.3:80', { probe: 'failing', says: 'fails its probe, 3 times in a row: 500' }),
      endpoint('10.0.0.4:80', { probe: 'passing', ejectedUntil: until }),
    ],
  },
]

function endpoint(id: string, health: EndpointHealth, ready = false): EndpointSpec {
  const unknown = { name: undefined, node: undefined, zone: undefined }
  return {
    id,
    address: id.slice(0, -3),
    port: 80,
    priority: 0,
    weight: 1,
    ready,
    serving: true,
    terminating: false,
    ...unknown,
    health,
  }
}

function ask(url: string, fields: readonly string[] = []): Explanation {
  return explain({ compiled, endpoints, url, method: 'GET', fields })
}

describe('the explanation of a canary', () => {
  const silent = 'the field x-canary and the cookie canary decide nothing, and the weight is 25 of 100'
  test.each([
    ['http://shop.test/', [], 0.25, silent],
    ['http://shop.test/', ['X-Canary', 'maybe', 'Cookie', 'canary=yes'], 0.25, silent],
    ['http://shop.test/', ['X-CANARY', 'always'], 1, 'the field x-canary says always'],
    ['http://shop.test/', ['x-canary', 'never', 'Cookie', 'canary=always'], 0, 'the field x-canary says never'],
    ['http://shop.test/', ['Cookie', 'a=b; canary=always'], 1, 'the cookie canary says always'],
    ['http://shop.test/', ['Cookie', 'canary=never'], 0, 'the cookie canary says never'],
    [
      'http://shop.test/',
      ['Cookie', 'INGRESSCOOKIE=x; canary=never'],
      0,
      'the cookie canary says never; unless the cookie INGRESSCOOKIE belongs to a session, which stays where it is',
    ],
    ['http://plain.test/', ['X-User', 'test-1'], 1, 'the field x-user matches ^test-'],
    ['http://plain.test/', ['X-User', 'a test-1'], 0, 'the field x-user decides nothing, and the weight is 0 of 100'],
    ['http://plain.test/', ['X-User', 'always'], 0, 'the field x-user decides nothing, and the weight is 0 of 100'],
    ['http://plain.test/p', ['X-User', 'always-me'], 1, 'the field x-user is "always-me"'],
    ['http://plain.test/p', ['X-User', 'never'], 1, 'the field x-user decides nothing, and the weight is 100 of 100'],
  ])('of %s with %j gives it a share of %d: %s', (url, fields, share, because) => {
    expect(ask(url, fields).canary).toMatchObject({ upstream: 'default/new:80', share, because })
  })

  test('shows the backend that it leads to when it surely does, and the odds when it may', () => {
    expect(ask('http://shop.test/', ['X-Canary', 'always']).backend?.upstream).toBe('default/new:80')
    expect(ask('http://shop.test/', ['X-Canary', 'never'])).toMatchObject({
      backend: { upstream: 'default/web:80' },
      outcome: 'forwarded to the one ready endpoint of default/web:80',
    })
    expect(ask('http://shop.test/').outcome).toBe(
      'forwarded to the one ready endpoint of default/web:80, or with 25 % to default/new:80',
    )
  })
})

describe('the explanation of a backend', () => {
  test('never holds a key or a certificate', () => {
    const text = JSON.stringify(ask('http://shop.test/'))
    expect(text).toContain('"verify":true')
    expect(text).not.toMatch(/BEGIN|PRIVATE/)
  })

  test('reads like this for a request that most annotations are about', () => {
    expect(printExplanation(ask('http://shop.test/')).replace(/^[^]*\ntimeouts/, 'timeouts')).toMatchInlineSnapshot(`
      "timeouts    connect 5 s, send 60 s, read 60 s, whole request 30 s, idle stream 300 s
      retries     on error, http_503; 3 attempts, none begun after 9s
      body        at most 1048576 bytes
      cookie      INGRESSCOOKIE; Path=/; Max-Age=60; SameSite=Lax; Secure over https; changed when its endpoint fails
      canary      25 % to default/new:80: the field x-canary and the cookie canary decide nothing, and the weight is 25 of 100 (Ingress default/b-canary, test.yaml:35)
      backend     default/web:80 (discovery live, by slices)
      protocol    HTTP/2 with TLS (gRPC)
      tls         verified for web.default.svc against the ca.crt of its Secret, chains with at most 1 in between, no server name sent, with a client certificate
      balance     ring hash of path and query "-" header x-user, groups of 3
      affinity    by cookie INGRESSCOOKIE, balanced
      slow start  over 1m30s
      probe       http GET /ok on port 9000, every 10s, 1s at most, first after 5s; ready after 1, unready after 3 (genkan.dev/readiness-path of Service default/web)
      outliers    3 failures in a row, for 30s up to 5m, at most 50 % at once
      limits      7 connections to an endpoint, for 2s
      endpoints   10.0.0.1:80 ready: probe passing
                  10.0.0.2:80 waiting: probe waiting
                  10.0.0.3:80 unready: fails its probe, 3 times in a row: 500
                  10.0.0.4:80 ejected: ejected until 2027-01-01T00:00:00.000Z; probe passing
      result      forwarded to the one ready endpoint of default/web:80, or with 25 % to default/new:80
      "
    `)
  })

  test('reads like this where the Service says a little and nobody else anything', () => {
    expect(printExplanation(ask('http://plain.test/')).replace(/^[^]*\ntimeouts/, 'timeouts')).toMatchInlineSnapshot(`
      "timeouts  connect 5 s, send 60 s, read 60 s
      retries   by default
      body      at most 1048576 bytes
      canary    never to default/new:80: the field x-user decides nothing, and the weight is 0 of 100 (Ingress default/d-pattern, test.yaml:51)
      backend   default/plain:80 (discovery unknown, asked: slices, pods, dns)
      balance   round robin
      affinity  by client address, for 3h
      probe     none: what discovery says is believed
      result    forwarded to default/plain:80, whose endpoints are not known here
      "
    `)
  })
})

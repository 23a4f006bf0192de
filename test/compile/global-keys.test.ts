import { describe, expect, test } from 'vitest'
import { compile } from '#compile/compile.ts'
import type { Compiled } from '#compile/compile.ts'
import { clientFile } from '../support/client-files.ts'
import { compileOptions } from '../support/compile-options.ts'
import { resourcesFrom } from '../support/resources.ts'

const plain = serviceOf({})

const ingress = (annotations: object, service = plain): string => `
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web, annotations: ${JSON.stringify(annotations)}}
spec: {rules: [{host: a.test, http: {paths: [{path: /a, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}]}}]}
---
${service}
---
{apiVersion: v1, kind: Secret, metadata: {name: users, namespace: other}, stringData: {auth: "ann:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ="}}
---
{apiVersion: v1, kind: Secret, metadata: {name: clients, namespace: other}, stringData: {ca.crt: ${JSON.stringify(clientFile('root.crt'))}}}`

function compiled(data: object, annotations: Readonly<Record<string, string>> = {}, service = plain): Compiled {
  const prefixed = Object.fromEntries(
    Object.entries(annotations).map(([name, value]) => [
      name.includes('/') ? name : `nginx.ingress.kubernetes.io/${name}`,
      value,
    ]),
  )
  const map = `{apiVersion: v1, kind: ConfigMap, metadata: {name: global}, data: ${JSON.stringify(data)}}`
  const resources = resourcesFrom([map, ingress(prefixed, service)].join('\n---\n'))
  return compile(resources, { ...compileOptions, configMap: 'default/global' })
}

const codes = ({ problems }: Compiled): readonly string[] => problems.map(({ code }) => code)
const limited = { 'limit-rps': '1' }

describe('a key of the global ConfigMap', () => {
  test.each<[key: string, value: string, annotations: Readonly<Record<string, string>>, effect: object]>([
    ['limit-rate', '4', {}, { routes: [{ pace: { bytesPerSecond: 4096, afterBytes: 0 } }] }],
    ['service-upstream', 'true', {}, { upstreams: [{ discovery: ['service', 'dns'] }] }],
    [
      'use-port-in-redirects',
      'true',
      { 'force-ssl-redirect': 'true' },
      { routes: [{ policies: [{ kind: 'https-redirect', config: { namesPort: true } }] }] },
    ],
    ['disable-access-log', 'true', {}, { accessLog: { off: true } }],
    ['disable-http-access-log', 'true', {}, { accessLog: { off: true } }],
    ['enable-access-log-for-default-backend', 'false', {}, { accessLog: { unmatched: false } }],
    [
      'skip-access-log-urls',
      '/Healthz,~^/probe',
      {},
      {
        accessLog: {
          skip: [
            { kind: 'text', text: '/healthz' },
            { kind: 'pattern', source: '^/probe', ignoreCase: false },
          ],
        },
      },
    ],
    ['proxy-add-original-uri-header', 'true', {}, { routes: [{ policies: [{ kind: 'original-uri' }] }] }],
    ['generate-request-id', 'false', {}, { routes: [{ policies: [{ kind: 'own-request-id' }] }] }],
    [
      'limit-conn-zone-variable',
      '$http_x_forwarded_for',
      limited,
      {
        routes: [{ policies: [{ kind: 'rate-limit', config: { key: { kind: 'header', name: 'x-forwarded-for' } } }] }],
      },
    ],
    [
      'limit-conn-zone-variable',
      '${cookie_Who}',
      limited,
      { routes: [{ policies: [{ config: { key: { kind: 'cookie', name: 'Who' } } }] }] },
    ],
    ['limit-conn-zone-variable', '$uri', limited, { routes: [{ policies: [{ config: { key: { kind: 'path' } } }] }] }],
    [
      'block-cidrs',
      '10.0.0.0/8, fd00::/8',
      {},
      { routes: [{ policies: [{ kind: 'blocklist', config: { addresses: ['10.0.0.0/8', 'fd00::/8'] } }] }] },
    ],
    [
      'allow-cross-namespace-resources',
      'true',
      { 'auth-type': 'basic', 'auth-secret': 'other/users' },
      { routes: [{ upstream: 'default/web:80', policies: [{ kind: 'basic-auth' }] }] },
    ],
    [
      'allow-cross-namespace-resources',
      'true',
      { 'auth-tls-secret': 'other/clients' },
      { routes: [{ upstream: 'default/web:80', policies: [{ kind: 'client-certificate' }] }] },
    ],
  ])('%s: %s, with %j, does what its row says', (key, value, annotations, effect) => {
    const found = compiled({ [key]: value }, annotations)
    expect(found.snapshot).toMatchObject(effect)
    expect(found.problems.filter(({ severity }) => severity !== 'info')).toEqual([])
    expect(compiled({}, annotations).snapshot).not.toEqual(found.snapshot)
  })

  test.each<[key: string, value: string, annotations: Readonly<Record<string, string>>, code: string, closes: boolean]>(
    [
      ['block-cidrs', '10.0.0.0/8, somewhere', {}, 'invalid-annotation-value', true],
      ['block-user-agents', '~*(a', {}, 'invalid-annotation-value', true],
      ['block-referers', '~(?<=a)b', {}, 'invalid-annotation-value', true],
      ['block-cidr', '10.0.0.0/8', {}, 'unknown-key', true],
      ['whitelist-source-rnage', '10.0.0.0/8', {}, 'unknown-key', true],
      ['globl-auth-url', 'http://auth.test/', {}, 'unknown-key', true],
      ['enable-modsecurty', 'true', {}, 'unknown-key', true],
      ['enable-modsecurty', 'false', {}, 'unknown-key', false],
      ['limit-rat', '1', {}, 'unknown-key', false],
      ['block-the-cidrs', '10.0.0.0/8', {}, 'unknown-key', false],
      ['limit-rate', '1k', {}, 'invalid-annotation-value', false],
      ['skip-access-log-urls', '~(', {}, 'invalid-annotation-value', false],
      ['limit-conn-zone-variable', '$server_name', limited, 'invalid-annotation-value', false],
      ['annotation-value-word-blocklist', 'lua, {', { 'upstream-vhost': 'lua.test' }, 'forbidden-word', true],
      ['annotation-value-word-blocklist', 'lua', { 'upstream-vhost': 'a.test' }, '', false],
      ['annotations-risk-level', 'Medium', {}, 'annotation-refused', false],
      ['annotations-risk-level', 'Critical', {}, '', false],
      ['enable-syslog', 'true', {}, 'annotation-refused', false],
      ['access-log-path', '/var/log/x', {}, 'annotation-no-effect', false],
      ['default-type', 'text/plain', {}, 'annotation-no-effect', false],
      ['enable-modsecurity', 'true', {}, 'protection-not-honoured', true],
    ],
  )('%s: %j, with %j, is told of as %j', (...[key, value, annotations, code, closes]) => {
    const found = compiled({ [key]: value }, annotations)
    expect(codes(found).filter((each) => each !== 'service-unknown')).toEqual(code === '' ? [] : [code])
    expect(found.snapshot.routes.map(({ upstream }) => upstream)).toEqual([closes ? undefined : 'default/web:80'])
  })

  test.each([
    ['limit-rate', '4', '1'],
    ['service-upstream', 'true', 'false'],
  ])('%s: the annotation counts before it', (key, value, own) => {
    expect(compiled({ [key]: value }, { [key]: own }).snapshot).toEqual(compiled({}, { [key]: own }).snapshot)
  })

  test.each(['block-cidrs', 'block-user-agents', 'block-referers'])(
    'a %s that cannot be read closes the default backend of the process, too',
    (key) => {
      const data = { [key]: key === 'block-cidrs' ? 'somewhere' : '~(' }
      const map = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'global' }, data }
      const options = { ...compileOptions, defaultBackend: { namespace: 'default', name: 'web', port: 80 } }
      const resources = resourcesFrom(`${JSON.stringify(map)}\n---\n${plain}`)
      expect(compile(resources, options).snapshot.unmatched?.upstream).toBe('default/web:80')
      const closed = compile(resources, { ...options, configMap: 'default/global' }).snapshot.unmatched
      expect(closed).toBeDefined()
      expect(closed?.upstream).toBeUndefined()
    },
  )

  test('without allow-cross-namespace-resources Secrets of other namespaces close the routes', () => {
    const found = compiled({}, { 'auth-type': 'basic', 'auth-secret': 'other/users' })
    expect(found.snapshot.routes[0]?.upstream).toBeUndefined()
  })
})

test('service-upstream of a headless Service is told of, and its endpoints are used', () => {
  const resources = resourcesFrom(`
{apiVersion: v1, kind: Service, metadata: {name: web}, spec: {clusterIP: None, ports: [{port: 80}]}}
---
{apiVersion: v1, kind: Service, metadata: {name: far}, spec: {type: ExternalName, externalName: far.test, ports: [{port: 80}]}}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web, annotations: {nginx.ingress.kubernetes.io/service-upstream: "true"}}
spec:
  rules:
    - host: a.test
      http:
        paths:
          - {path: /web, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}
          - {path: /far, pathType: Prefix, backend: {service: {name: far, port: {number: 80}}}}
`)
  const { snapshot, problems } = compile(resources, compileOptions)
  expect(snapshot.upstreams.map(({ discovery }) => discovery)).toEqual(
    snapshot.upstreams.map(() => compileOptions.discovery),
  )
  expect(problems).toMatchObject([{ code: 'no-service-address', severity: 'warning', line: 8 }])
})

test('a Pod is not probed through the address of its Service', () => {
  const probe = { 'genkan.dev/readiness-path': '/ready' }
  expect(compiled({}, {}, serviceOf(probe)).snapshot.upstreams[0]?.probe).toBeDefined()
  expect(compiled({ 'service-upstream': 'true' }, {}, serviceOf(probe)).snapshot.upstreams[0]?.probe).toBeUndefined()
})

function serviceOf(annotations: object): string {
  return `{apiVersion: v1, kind: Service, metadata: {name: web, annotations: ${JSON.stringify(annotations)}}, spec: {ports: [{port: 80}]}}`
}

describe('the default backend of the process', () => {
  const pages = { namespace: 'default', name: 'web', port: undefined }
  const map = resourcesFrom(ingress({}))

  test('gets what no rule takes, on the first port of its Service or the one that is named', () => {
    const { snapshot } = compile(map, { ...compileOptions, defaultBackend: pages })
    expect(snapshot.unmatched).toMatchObject({ upstream: 'default/web:80', policies: [] })
    const elsewhere = { namespace: 'edge', name: 'pages', port: 8080 }
    const { snapshot: other } = compile(map, { ...compileOptions, defaultBackend: elsewhere })
    expect(other.unmatched?.upstream).toBe('edge/pages:8080')
    expect(other.upstreams.map(({ id }) => id)).toEqual(['default/web:80', 'edge/pages:8080'])
  })

  test.each([
    [{ ...pages, name: 'missing' }, /no file describes the Service default\/missing/],
    [{ ...pages, port: 81 }, /has no port 81/],
  ])('is none when it is %j', (defaultBackend, message) => {
    const { snapshot, problems } = compile(map, { ...compileOptions, defaultBackend })
    expect(snapshot.unmatched).toBeUndefined()
    expect(problems).toMatchObject([{ code: 'default-backend-unknown', message: expect.stringMatching(message) }])
  })
})

import { describe, expect, test } from 'vitest'
import { compile, type Compiled } from '#compile/compile.ts'
import { explain } from '#compile/explain.ts'
import { compileOptions } from '../support/compile-options.ts'
import { resourcesFrom } from '../support/resources.ts'

type Wanted = {
  readonly host?: string
  readonly path?: string
  readonly annotations?: Readonly<Record<string, string>>
  readonly created?: string
}

const passes = { 'ssl-passthrough': 'true' }
const young = '2025-01-01T00:00:00Z'

function ingress(
  name: string,
  { host = 'in.test', path = '/', annotations = {}, created = '2024-01-01T00:00:00Z' }: Wanted,
): object {
  const backend = { service: { name: 'web', port: { number: 443 } } }
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'Ingress',
    metadata: {
      name,
      creationTimestamp: created,
      annotations: Object.fromEntries(
        Object.entries(annotations).map(([key, value]) => [`nginx.ingress.kubernetes.io/${key}`, value]),
      ),
    },
    spec: { rules: [{ host, http: { paths: [{ path, pathType: 'Prefix', backend }] } }] },
  }
}

const service = { apiVersion: 'v1', kind: 'Service', metadata: { name: 'web' }, spec: { ports: [{ port: 443 }] } }

function compiled(...objects: readonly object[]): Compiled {
  return compile(resourcesFrom([service, ...objects].map((each) => JSON.stringify(each)).join('\n---\n')), {
    ...compileOptions,
    configMap: 'n/c',
    snippets: 'safe',
  })
}

const quiet = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'c', namespace: 'n' } }

function upstreams({ snapshot }: Compiled): Record<string, string | undefined> {
  return Object.fromEntries(snapshot.routes.map(({ id, upstream }) => [id.split(' ')[0]!, upstream]))
}

describe('ssl-passthrough', () => {
  test('leads connections to where the path / leads', () => {
    const { snapshot, problems } = compiled(
      quiet,
      ingress('a', { annotations: { ...passes, 'proxy-connect-timeout': '2' } }),
      ingress('b', { host: 'b.in.test', path: '/b', created: young }),
      ingress('c', { host: 'out.test' }),
    )
    expect(snapshot.serverNames).toEqual([
      {
        host: 'in.test',
        passthrough: {
          route: 'default/a in.test Prefix /',
          upstream: 'default/web:443',
          policies: [],
          connectMs: 2_000,
          idleMs: 600_000,
        },
      },
    ])
    expect(problems).toEqual([])
  })

  test('waits for as long as the ConfigMap says, under all names of the host', () => {
    const { snapshot } = compiled(
      { ...quiet, data: { 'proxy-stream-timeout': '30s' } },
      ingress('a', { annotations: { ...passes, 'server-alias': 'also.test' } }),
    )
    expect(snapshot.serverNames).toMatchObject([
      { host: 'also.test', passthrough: { idleMs: 30_000, upstream: 'default/web:443' } },
      { host: 'in.test', passthrough: { idleMs: 30_000 } },
    ])
  })

  test('keeps what asks for an address only', () => {
    const { snapshot, problems } = compiled(
      quiet,
      ingress('a', { annotations: { ...passes, 'whitelist-source-range': '10.0.0.0/8', 'enable-cors': 'true' } }),
    )
    expect(snapshot.serverNames[0]!.passthrough).toMatchObject({
      upstream: 'default/web:443',
      policies: [{ kind: 'access' }],
    })
    expect(problems).toEqual([])
  })

  test('keeps blocked addresses out, and cannot ask what clients are called', () => {
    const { snapshot } = compiled(
      { ...quiet, data: { 'block-cidrs': '192.0.2.0/24', 'block-user-agents': '~*bot' } },
      ingress('a', { annotations: passes }),
    )
    expect(snapshot.serverNames[0]!.passthrough!.policies).toEqual([
      { kind: 'blocklist', config: { addresses: ['192.0.2.0/24'], userAgents: [], referers: [] } },
    ])
  })

  test.each<Readonly<Record<string, string>>>([
    { 'limit-rps': '5' },
    { 'limit-connections': '5' },
    { 'auth-url': 'http://auth.test/' },
    { 'server-snippet': 'if ($http_x_key != secret) { return 403; }' },
  ])('closes connections that %j could not protect', (annotations) => {
    const { snapshot, problems } = compiled(quiet, ingress('a', { annotations: { ...passes, ...annotations } }))
    expect(snapshot.serverNames[0]!.passthrough).not.toHaveProperty('upstream')
    expect(snapshot.routes[0]!.upstream).toBe('default/web:443')
    expect(problems).toMatchObject([{ severity: 'error', code: 'protection-not-possible' }])
  })

  test('that something else has closed leads nowhere', () => {
    const { snapshot } = compiled(
      quiet,
      ingress('a', { annotations: { ...passes, 'auth-type': 'basic', 'auth-secret': 'nobody' } }),
    )
    expect(snapshot.serverNames[0]!.passthrough).not.toHaveProperty('upstream')
  })

  test('says of rules and canaries that no connection comes to them', () => {
    const canary = { canary: 'true', 'canary-weight': '50', 'ssl-passthrough': 'true' }
    const { problems } = compiled(
      quiet,
      ingress('a', { annotations: passes }),
      ingress('b', { path: '/b', created: young }),
      ingress('c', { annotations: canary, created: young }),
    )
    expect(problems.map(({ object, code, severity }) => [object, severity, code])).toEqual([
      ['Ingress default/b', 'warning', 'passed-on-unread'],
      ['Ingress default/c', 'info', 'canary-annotation'],
      ['Ingress default/c', 'warning', 'passed-on-unread'],
    ])
  })

  test('is the decision of the oldest Ingress; a younger one is not ended here in its place', () => {
    const result = compiled(quiet, ingress('a', {}), ingress('b', { path: '/b', annotations: passes, created: young }))
    expect(result.snapshot.serverNames).toEqual([])
    expect(upstreams(result)).toEqual({ 'default/a': 'default/web:443', 'default/b': undefined })
    expect(result.problems).toMatchObject([{ severity: 'error', object: 'Ingress default/b' }])
  })

  test.each<[string, Wanted]>([
    ['without a host', { host: '' }],
    ['without the path /', { path: '/a' }],
  ])('%s is not possible', (_, wanted) => {
    const result = compiled(quiet, ingress('a', { ...wanted, annotations: passes }))
    expect(result.snapshot.serverNames).toEqual([])
    expect(upstreams(result)).toEqual({ 'default/a': undefined })
    expect(result.problems).toMatchObject([{ severity: 'error', code: 'protection-not-possible' }])
  })

  test('that cannot be read closes the routes', () => {
    const result = compiled(quiet, ingress('a', { annotations: { 'ssl-passthrough': 'on' } }))
    expect(result.snapshot.serverNames).toEqual([])
    expect(upstreams(result)).toEqual({ 'default/a': undefined })
    expect(result.problems).toMatchObject([{ severity: 'error', code: 'invalid-annotation-value' }])
  })

  test('of a wildcard names the hosts below it that are not passed on', () => {
    const { snapshot } = compiled(
      quiet,
      ingress('a', { host: '*.in.test', annotations: passes }),
      ingress('b', { host: 'b.in.test' }),
    )
    expect(snapshot.serverNames).toMatchObject([{ host: '*.in.test', passthrough: {} }, { host: 'b.in.test' }])
  })
})

describe('the explanation of a host that is passed on', () => {
  const allowed = { ...passes, 'whitelist-source-range': '127.0.0.0/8' }
  const outcome = (annotations: Readonly<Record<string, string>>, url: string): string =>
    explain({ compiled: compiled(quiet, ingress('a', { annotations })), endpoints: [], url, method: 'GET', fields: [] })
      .outcome

  test.each<[string, Readonly<Record<string, string>>, RegExp]>([
    ['https://in.test/any', allowed, /^its TLS connection is passed on unread to default\/web:443/],
    ['https://also.test/', { ...passes, 'server-alias': 'also.test' }, /passed on unread to default\/web:443/],
    ['https://in.test/', { ...passes, 'denylist-source-range': '127.0.0.0/8' }, /closed by access$/],
    ['https://in.test/', { ...passes, 'limit-rps': '5' }, /connection is closed: .*protection/],
    ['http://in.test/', passes, /^forwarded to default\/web:443/],
    ['https://other.test/', passes, /404/],
  ])('%s, with %j', (url, annotations, expected) => {
    expect(outcome(annotations, url)).toMatch(expected)
  })

  test.each([
    ['live', /closed \(no_ready_endpoints\)/],
    ['failed', /closed \(dns_failed\)/],
    ['pending', /closed \(dns_pending\)/],
  ] as const)('whose discovery is %s', (state, expected) => {
    const endpoints = [{ upstream: 'default/web:443', state, mode: undefined, endpoints: [] }]
    const url = 'https://in.test/'
    const whole = compiled(quiet, ingress('a', { annotations: passes }))
    expect(explain({ compiled: whole, endpoints, url, method: 'GET', fields: [] }).outcome).toMatch(expected)
  })
})

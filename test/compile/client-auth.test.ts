import { describe, expect, test } from 'vitest'
import { compile, type Compiled } from '#compile/compile.ts'
import { clientFile } from '../support/client-files.ts'
import { compileOptions } from '../support/compile-options.ts'
import { resourcesFrom } from '../support/resources.ts'

const secrets = [
  ['clients', { 'ca.crt': clientFile('root.crt') }],
  ['listed', { 'ca.crt': clientFile('root.crt'), 'ca.crl': clientFile('root.crl') }],
  ['others', { 'ca.crt': clientFile('elsewhere.crt') }],
  ['empty', {}],
  ['broken', { 'ca.crt': 'no PEM' }],
  ['unlisted', { 'ca.crt': clientFile('root.crt'), 'ca.crl': 'no PEM' }],
].map(([name, stringData]) => ({ apiVersion: 'v1', kind: 'Secret', metadata: { name }, stringData }))

type Wanted = {
  readonly hosts: readonly string[]
  readonly annotations?: Readonly<Record<string, string>>
  readonly created?: string
  readonly path?: string
}

function ingress(name: string, { hosts, annotations = {}, created = '2024-01-01T00:00:00Z', path }: Wanted): object {
  const backend = { service: { name: 'web', port: { number: 80 } } }
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
    spec: {
      rules: hosts.map((host) => ({
        host,
        http: { paths: [{ path: path ?? `/${name}`, pathType: 'Prefix', backend }] },
      })),
    },
  }
}

function compiled(...ingresses: readonly object[]): Compiled {
  const service = { apiVersion: 'v1', kind: 'Service', metadata: { name: 'web' }, spec: { ports: [{ port: 80 }] } }
  const text = [...secrets, service, ...ingresses].map((each) => JSON.stringify(each)).join('\n---\n')
  return compile(resourcesFrom(text), compileOptions)
}

/** What each route asks for: the mode, `open`, or `503`. */
function doors({ snapshot }: Compiled): Record<string, string> {
  return Object.fromEntries(
    snapshot.routes.map(({ id, upstream, policies }) => {
      const config = policies.find(({ kind }) => kind === 'client-certificate')?.config as { mode: string } | undefined
      return [id.split(' ').slice(0, 2).join(' '), upstream === undefined ? '503' : (config?.mode ?? 'open')]
    }),
  )
}

const young = '2025-01-01T00:00:00Z'

describe('client certificates', () => {
  test('are a matter of the host, whoever has written the route', () => {
    const result = compiled(
      ingress('a', { hosts: ['in.test', 'two.test'], annotations: { 'auth-tls-secret': 'clients' } }),
      ingress('b', { hosts: ['in.test', 'open.test'], created: young }),
    )
    expect(doors(result)).toEqual({
      'default/a in.test': 'on',
      'default/a two.test': 'on',
      'default/b in.test': 'on',
      'default/b open.test': 'open',
    })
    const { serverNames, clientAuths } = result.snapshot
    expect(clientAuths).toEqual([
      { id: expect.stringMatching(/^default\/clients [0-9a-f]{32}$/), ca: clientFile('root.crt') },
    ])
    const clientAuth = clientAuths[0]!.id
    expect(serverNames).toEqual([
      { host: 'in.test', clientAuth },
      { host: 'two.test', clientAuth },
    ])
  })

  test('that nobody asks for leave the listener alone', () => {
    const result = compiled(
      ingress('a', {
        hosts: ['in.test'],
        annotations: { 'auth-tls-secret': 'clients', 'auth-tls-verify-client': 'off' },
      }),
      ingress('b', { hosts: ['open.test'] }),
    )
    expect(doors(result)).toEqual({ 'default/a in.test': 'off', 'default/b open.test': 'open' })
    expect(result.snapshot).toMatchObject({ serverNames: [], clientAuths: [] })
  })

  test('are looked for by a new name when what they are verified against is new', () => {
    const ids = ['clients', 'listed', 'others'].map(
      (name) =>
        compiled(ingress('a', { hosts: ['in.test'], annotations: { 'auth-tls-secret': name } })).snapshot
          .clientAuths[0]!,
    )
    expect(new Set(ids.map(({ id }) => id.split(' ')[1])).size).toBe(3)
    expect(ids[1]!.crl).toBe(clientFile('root.crl'))
  })

  test('of a wildcard name the hosts below it that ask for none', () => {
    const { snapshot } = compiled(
      ingress('a', { hosts: ['*.in.test'], annotations: { 'auth-tls-secret': 'clients' } }),
      ingress('b', { hosts: ['open.in.test', 'a.open.in.test', 'open.test'] }),
    )
    expect(snapshot.serverNames).toEqual([
      { host: '*.in.test', clientAuth: expect.any(String) },
      { host: 'open.in.test' },
    ])
    const all = compiled(
      ingress('a', { hosts: [''], annotations: { 'auth-tls-secret': 'clients' } }),
      ingress('b', { hosts: ['open.test'] }),
    )
    expect(all.snapshot.serverNames).toEqual([{ host: '', clientAuth: expect.any(String) }, { host: 'open.test' }])
  })

  test('follow other names of the host', () => {
    const { snapshot } = compiled(
      ingress('a', { hosts: ['in.test'], annotations: { 'auth-tls-secret': 'clients', 'server-alias': 'also.test' } }),
    )
    expect(snapshot.serverNames.map(({ host }) => host)).toEqual(['also.test', 'in.test'])
    expect(snapshot.routes.map(({ policies }) => policies[0]?.kind)).toEqual([
      'client-certificate',
      'client-certificate',
    ])
  })

  test.each<[string, Readonly<Record<string, string>>, RegExp]>([
    ['a Secret that is missing', { 'auth-tls-secret': 'nobody' }, /default\/nobody is in no file/],
    ['a Secret of another namespace', { 'auth-tls-secret': 'other/clients' }, /another namespace/],
    ['a Secret without authorities', { 'auth-tls-secret': 'empty' }, /no key ca\.crt/],
    ['authorities that cannot be read', { 'auth-tls-secret': 'broken' }, /cannot be used: expected PEM/],
    ['revocations that cannot be read', { 'auth-tls-secret': 'unlisted' }, /X509 CRL/],
    ['a name without a Secret', { 'auth-tls-match-cn': 'CN=a' }, /nothing without auth-tls-secret/],
    ['verification without a Secret', { 'auth-tls-verify-client': 'on' }, /nothing without auth-tls-secret/],
    ['a name that cannot be matched', { 'auth-tls-secret': 'clients', 'auth-tls-match-cn': '(?=a)' }, /lookaround/],
  ])('%s closes the host for all of its routes', (_, annotations, message) => {
    const result = compiled(
      ingress('a', { hosts: ['in.test'], annotations }),
      ingress('b', { hosts: ['in.test', 'open.test'], created: young }),
    )
    expect(doors(result)).toEqual({
      'default/a in.test': '503',
      'default/b in.test': '503',
      'default/b open.test': 'open',
    })
    expect(result.problems).toContainEqual(
      expect.objectContaining({
        severity: 'error',
        code: 'protection-not-possible',
        message: expect.stringMatching(message) as string,
        line: expect.any(Number) as number,
      }),
    )
  })

  test('one that can be used goes before an older one that cannot', () => {
    const result = compiled(
      ingress('a', { hosts: ['in.test'], annotations: { 'auth-tls-secret': 'nobody' } }),
      ingress('b', { hosts: ['in.test'], annotations: { 'auth-tls-secret': 'clients' }, created: young }),
    )
    expect(doors(result)).toEqual({ 'default/a in.test': '503', 'default/b in.test': 'on' })
  })

  test('the oldest Ingress decides, and one that asks for something else is not served', () => {
    const result = compiled(
      ingress('a', {
        hosts: ['in.test'],
        annotations: { 'auth-tls-secret': 'clients', 'auth-tls-verify-client': 'off' },
      }),
      ingress('b', { hosts: ['in.test', 'b.test'], annotations: { 'auth-tls-secret': 'others' }, created: young }),
      ingress('c', { hosts: ['in.test'], created: young }),
    )
    expect(doors(result)).toEqual({
      'default/a in.test': 'off',
      'default/b in.test': '503',
      'default/b b.test': 'on',
      'default/c in.test': 'off',
    })
    expect(result.problems).toMatchObject([
      {
        severity: 'error',
        code: 'client-certificates-conflict',
        object: 'Ingress default/b',
        message: 'Ingress default/a asks clients of in.test for other certificates already',
      },
    ])
  })

  test('what does not decide who is let in is merely reported', () => {
    const result = compiled(
      ingress('a', { hosts: ['in.test'], annotations: { 'auth-tls-secret': 'clients' } }),
      ingress('b', {
        hosts: ['in.test'],
        annotations: { 'auth-tls-secret': 'clients', 'auth-tls-pass-certificate-to-upstream': 'true' },
        created: young,
      }),
    )
    expect(doors(result)).toEqual({ 'default/a in.test': 'on', 'default/b in.test': 'on' })
    expect(result.problems).toMatchObject([{ severity: 'warning', code: 'client-certificates-conflict' }])
  })

  test('asked for without a Secret, but not of everybody, is nothing', () => {
    const result = compiled(ingress('a', { hosts: ['in.test'], annotations: { 'auth-tls-verify-client': 'optional' } }))
    expect(doors(result)).toEqual({ 'default/a in.test': 'open' })
    expect(result.problems).toMatchObject([{ severity: 'warning', code: 'incomplete-annotation' }])
  })

  test('know whether requests over http are sent away', () => {
    const redirects = (annotations: Readonly<Record<string, string>>): unknown =>
      compiled(ingress('a', { hosts: ['in.test'], annotations: { 'auth-tls-secret': 'clients', ...annotations } }))
        .snapshot.routes[0]!.policies[0]!.config
    expect(redirects({})).toMatchObject({ redirects: false })
    expect(redirects({ 'force-ssl-redirect': 'true' })).toMatchObject({ redirects: true })
  })
})

import { createSecureContext } from 'node:tls'
import { describe, expect, test } from 'vitest'
import { compile, type Compiled } from '#compile/compile.ts'
import { cipherSuites, cipherWords } from '#compile/ingress-nginx/cipher-suites.ts'
import { clientFile } from '../support/client-files.ts'
import { compileOptions } from '../support/compile-options.ts'
import { resourcesFrom } from '../support/resources.ts'

type Annotations = Readonly<Record<string, string>>

const prefix = 'nginx.ingress.kubernetes.io/'
const secret = {
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name: 'clients' },
  stringData: { 'ca.crt': clientFile('root.crt') },
}
let year = 2000

/** Each is younger than the one before. */
function ingress(name: string, hosts: readonly string[], annotations: Annotations = {}): object {
  const written = Object.entries(annotations).map(([key, value]) => [prefix + key, value])
  const backend = { service: { name: 'web', port: { number: 80 } } }
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'Ingress',
    metadata: { name, creationTimestamp: `${(year += 1)}-01-01T00:00:00Z`, annotations: Object.fromEntries(written) },
    spec: {
      rules: hosts.map((host) => ({ host, http: { paths: [{ path: `/${name}`, pathType: 'Prefix', backend }] } })),
    },
  }
}

function compiled(...ingresses: readonly object[]): Compiled {
  const service = { apiVersion: 'v1', kind: 'Service', metadata: { name: 'web' }, spec: { ports: [{ port: 80 }] } }
  const text = [secret, service, ...ingresses].map((each) => JSON.stringify(each)).join('\n---\n')
  return compile(resourcesFrom(text), compileOptions)
}

const [strong, other] = ['ECDHE-ECDSA-AES256-GCM-SHA384', 'ECDHE+AESGCM:!aNULL']

describe('TLS of a host', () => {
  test('has the list and the order of its Ingress, on all hosts of that and on no other', () => {
    const { snapshot, problems } = compiled(
      ingress('a', ['a.test', '*.b.test'], { 'ssl-ciphers': strong, 'ssl-prefer-server-ciphers': 'true' }),
      ingress('b', ['x.b.test', 'c.test', 'a.test']),
    )
    const tls = { ciphers: strong, ourOrder: true }
    expect(snapshot.serverNames).toEqual([
      { host: '*.b.test', tls },
      { host: 'a.test', tls },
      // It asks for nothing, and must be told from the wildcard that does.
      { host: 'x.b.test' },
    ])
    expect(problems).toEqual([])
  })

  test.each<Annotations>([{}, { 'ssl-prefer-server-ciphers': 'false' }])(
    'is that of all hosts with %j, so that nobody looks at names',
    (annotations) => {
      expect(compiled(ingress('a', ['a.test'], annotations)).snapshot.serverNames).toEqual([])
    },
  )

  test('is what the oldest Ingress says, key by key, and the younger hears of it', () => {
    const { snapshot, problems } = compiled(
      ingress('a', ['a.test'], { 'ssl-ciphers': strong }),
      ingress('b', ['a.test', 'b.test'], { 'ssl-ciphers': other, 'ssl-prefer-server-ciphers': 'true' }),
      ingress('c', ['a.test'], { 'ssl-ciphers': strong, 'ssl-prefer-server-ciphers': 'false' }),
    )
    expect(snapshot.serverNames).toEqual([
      { host: 'a.test', tls: { ciphers: strong, ourOrder: true } },
      { host: 'b.test', tls: { ciphers: other, ourOrder: true } },
    ])
    expect(problems).toMatchObject(
      [
        {
          object: 'Ingress default/b',
          message: 'ssl-ciphers: Ingress default/a says something else for a.test already',
        },
        {
          object: 'Ingress default/c',
          message: 'ssl-prefer-server-ciphers: Ingress default/b says something else for a.test already',
        },
      ].map((each) => ({ severity: 'warning', code: 'host-tls-conflict', ...each })),
    )
  })

  test('stands beside client certificates, and goes along with other names of the host', () => {
    const { snapshot } = compiled(
      ingress('a', ['a.test'], { 'ssl-ciphers': strong, 'auth-tls-secret': 'clients', 'server-alias': 'alias.test' }),
    )
    const spec = { clientAuth: snapshot.clientAuths[0]!.id, tls: { ciphers: strong } }
    expect(snapshot.serverNames).toEqual([
      { host: 'a.test', ...spec },
      { host: 'alias.test', ...spec },
    ])
  })
})

describe('a list of ciphers', () => {
  const read = (list: string): { readonly ciphers: string | undefined; readonly problems: readonly string[] } => {
    const { snapshot, problems } = compiled(ingress('a', ['a.test'], { 'ssl-ciphers': list }))
    return {
      ciphers: snapshot.serverNames[0]?.tls?.ciphers,
      problems: problems.map(({ message }) => message.replace(/^.* with /, '')),
    }
  }

  test.each([
    'HIGH:!aNULL:!MD5:!EXP:!NO-SUCH-SUITE',
    'ECDHE-RSA-AES128-GCM-SHA256 ECDHE+AESGCM,kRSA@STRENGTH:+NONE:-3DES',
    'DEFAULT:@SECLEVEL=0',
  ])('%s is taken as it is', (list) => {
    expect(read(list)).toEqual({ ciphers: list, problems: [] })
  })

  test('may name suites that nobody knows, which are reported', () => {
    const list = 'ECDHE-RSA-AES128-GCM-SHA265:HIGH:RC4+RSA@STRENGTH'
    expect(read(list)).toEqual({ ciphers: list, problems: ['ECDHE-RSA-AES128-GCM-SHA265, RC4+RSA'] })
  })

  test('chooses none of the suites of TLS 1.3', () => {
    const list = 'TLS_AES_128_CCM_SHA256:HIGH:!aNULL'
    expect(read(list)).toEqual({ ciphers: 'HIGH:!aNULL', problems: ['TLS_AES_128_CCM_SHA256'] })
  })

  test.each(['!aNULL', 'NO-SUCH-SUITE', 'TLS_AES_128_CCM_SHA256', '@STRENGTH', 'HIGH;'])(
    '%s is none, and the line is named',
    (list) => {
      const { snapshot, problems } = compiled(ingress('a', ['a.test'], { 'ssl-ciphers': list }))
      expect(snapshot.serverNames).toEqual([])
      expect(problems).toMatchObject([
        {
          code: 'invalid-annotation-value',
          instead: 'the suites of all hosts are used',
          file: 'test.yaml',
          line: 5,
          column: 178,
        },
      ])
    },
  )

  test.each([...cipherSuites, ...cipherWords])('%s is known to the OpenSSL of this node', (name) => {
    expect(createSecureContext({ ciphers: name })).toBeDefined()
  })
})

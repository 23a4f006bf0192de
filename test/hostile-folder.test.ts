/** A folder full of malice: every file gets its problem, nobody gets through a closed door, and the good one is served. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { request } from 'undici'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Genkan } from '../src/main.ts'
import { FolderSource } from '../src/source/folder.ts'
import { silentLog } from '../src/telemetry/log.ts'
import { startFrontDoor } from './support/front-door.ts'
import { startStandIn } from '../src/cluster/stand-in.ts'
import type { StandIn } from '../src/cluster/stand-in.ts'
import { describeLanes } from './support/lanes.ts'

const dialect = 'nginx.ingress.kubernetes.io'

function ingress(name: string, annotations: Readonly<Record<string, string>> = {}, path = '/'): string {
  return JSON.stringify({
    apiVersion: 'networking.k8s.io/v1',
    kind: 'Ingress',
    metadata: { name, annotations },
    spec: {
      rules: [
        {
          host: `${name}.test`,
          http: {
            paths: [
              { path, pathType: 'ImplementationSpecific', backend: { service: { name: 'web', port: { number: 80 } } } },
            ],
          },
        },
      ],
    },
  })
}

const bomb = `a: &a [x, x, x, x, x, x, x, x, x]\n${'bcdefghi'.replace(
  /./g,
  (at) =>
    `${at}: &${at} [${Array(9)
      .fill(`*${String.fromCharCode(at.charCodeAt(0) - 1)}`)
      .join(', ')}]\n`,
)}kind: ConfigMap\n`

/** File, its text, the host to ask, and what a client may see: anything but an open door. */
const hostile: readonly [file: string, text: string, host: string, statuses: readonly number[]][] = [
  [
    'crlf.json',
    ingress('crlf', { [`${dialect}/permanent-redirect`]: 'https://x.test/\r\nSet-Cookie: a=b' }),
    'crlf.test',
    [200, 404, 503],
  ],
  ['vhost.json', ingress('vhost', { [`${dialect}/upstream-vhost`]: 'a\r\nX-Admin: 1' }), 'vhost.test', [200, 503]],
  ['regex.json', ingress('regex', { [`${dialect}/use-regex`]: 'true' }, '/(a+)+$'), 'regex.test', [404]],
  [
    'lookaround.json',
    ingress('lookaround', { [`${dialect}/use-regex`]: 'true' }, '/(?=(a+))b\\1'),
    'lookaround.test',
    [404, 503],
  ],
  ['huge.json', ingress('huge', { 'example.com/note': 'x'.repeat(10_000_000) }), 'huge.test', [404]],
  [
    'secret.json',
    ingress('secret', { [`${dialect}/auth-type`]: 'basic', [`${dialect}/auth-secret`]: 'kube-system/admin' }),
    'secret.test',
    [503],
  ],
  [
    'snippet.json',
    ingress('snippet', { [`${dialect}/configuration-snippet`]: 'content_by_lua_block { os.execute("id") }' }),
    'snippet.test',
    [503],
  ],
  ['bomb.yaml', bomb, 'bomb.test', [404]],
  [
    'proto.yaml',
    'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: p, labels: {__proto__: polluted}}\ndata: {__proto__: x}\n',
    'proto.test',
    [404],
  ],
  ['binary.yaml', 'kind: Ingress\0\u0001\u0002', 'binary.test', [404]],
]

describeLanes('a hostile folder', () => {
  let folder: string
  let genkan: Genkan
  let standIn: StandIn
  beforeAll(async () => {
    standIn = await startStandIn({ namespace: 'default', service: 'web', port: '80', endpoint: 0 })
    folder = await mkdtemp(join(tmpdir(), 'genkan-hostile-'))
    const slice = {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: { name: 'web', labels: { 'kubernetes.io/service-name': 'web' } },
      addressType: 'IPv4',
      endpoints: [{ addresses: [standIn.address] }],
      ports: [{ name: '', port: standIn.port }],
    }
    await writeFile(join(folder, 'good.json'), ingress('good'))
    await writeFile(join(folder, 'slice.json'), JSON.stringify(slice))
    for (const [file, text] of hostile) await writeFile(join(folder, file), text)
    ;({ genkan } = await startFrontDoor('', { sources: [new FolderSource({ paths: [folder], log: silentLog })] }))
  })
  afterAll(async () => {
    await genkan.close()
    await standIn.close()
    await rm(folder, { recursive: true })
  })

  const ask = async (
    host: string,
    path = '/',
  ): Promise<{ status: number; fields: Record<string, unknown>; body: string }> => {
    const { statusCode, headers, body } = await request(`http://127.0.0.1:${genkan.ports.http}${path}`, {
      headers: { host },
    })
    return { status: statusCode, fields: headers, body: await body.text() }
  }

  test.each(hostile.filter(([file]) => !['proto.yaml', 'regex.json'].includes(file)))(
    '%s is reported in its own file',
    (file) => {
      expect(genkan.problems().filter((problem) => problem.file.endsWith(file)).length).toBeGreaterThan(0)
    },
  )

  test.each(hostile)('%s opens no door', async (_file, _text, host, statuses) => {
    const { status, fields, body } = await ask(host)
    expect(statuses).toContain(status)
    expect(fields['set-cookie']).toBeUndefined()
    expect(body).not.toContain('x-admin')
  })

  test('an expression that would take a backtracking engine for ever is answered', async () => {
    expect((await ask('regex.test', `/${'a'.repeat(7_000)}b`)).status).toBe(404)
  })

  test('the good one is served, and nothing was polluted', async () => {
    expect((await ask('good.test')).status).toBe(200)
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined()
  })
})

import { type ChildProcess } from 'node:child_process'
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { sendRequest } from '../../src/scenario/client.ts'
import { genkan, heard, listen, root, startGenkan, stop } from '../support/cli.ts'
import { describeLanes } from '../support/lanes.ts'

const free = [
  '--http-port',
  '0',
  '--https-port',
  '0',
  '--admin',
  '127.0.0.1:0',
  '--bind',
  '127.0.0.1',
  '--workers',
  '1',
]
const started: ChildProcess[] = []

afterEach(async () => {
  await Promise.all(started.splice(0).map((child) => stop(child, 'SIGKILL')))
})

type Ports = { readonly http: number; readonly https: number; readonly admin: number; readonly pid: number }

function manifests(): string {
  const folder = mkdtempSync(join(tmpdir(), 'genkan-'))
  cpSync(join(root, 'test/fixtures/check/fine'), folder, { recursive: true })
  return folder
}

async function start(command: 'serve' | 'dev', folder: string, ...flags: readonly string[]) {
  const portsFile = join(mkdtempSync(join(tmpdir(), 'genkan-')), 'ports.json')
  const child = startGenkan([command, folder, ...free, '--ports-file', portsFile, ...flags])
  started.push(child)
  const said = listen(child)
  await heard(child, said, /listen/)
  return { child, said, portsFile, ports: JSON.parse(readFileSync(portsFile, 'utf8')) as Ports }
}

async function get(port: number, host: string, target: string): Promise<number> {
  const request = {
    scheme: 'http',
    port,
    method: 'GET',
    target,
    serverName: host,
    fields: ['host', host],
    body: '',
    http: '1.1',
    from: undefined,
    timeoutMs: 10_000,
  } as const
  return (await sendRequest(request)).status
}

describeLanes('genkan serve', (name, lane) => {
  test('says in one JSON object what listens where, and serves there', async () => {
    const { child, said, ports } = await start('serve', manifests(), '--log-format', 'json')
    const [line = '', ...rest] = said.out.split('\n')
    expect(rest).toEqual([''])
    expect(JSON.parse(line)).toMatchObject({
      event: 'listening',
      pid: child.pid,
      ports: { http: ports.http, https: ports.https, admin: ports.admin },
      http: `http://127.0.0.1:${ports.http}`,
      https: `https://127.0.0.1:${ports.https}`,
      admin: `http://127.0.0.1:${ports.admin}`,
      errors: 0,
      warnings: 0,
    })
    expect(ports.pid).toBe(child.pid)
    expect(await get(ports.http, 'nowhere.test', '/')).toBe(404)
    expect(await stop(child)).toBe(0)
  })

  test('serves by the lane that the flag names, and says so in the access log', async () => {
    const { child, said, ports } = await start('serve', manifests(), '--lane', lane, '--access-log', '-')
    expect(await get(ports.http, 'nowhere.test', '/')).toBe(404)
    await heard(child, said, /"lane":/)
    expect(said.out).toContain(`"lane":"${name}"`)
    expect(said.out).not.toContain('"unfit"')
  })

  test('says it in one line for a person', async () => {
    const { said, ports } = await start('serve', manifests(), '--log-format', 'pretty', '--access-log', 'off')
    expect(said.out).toMatch(
      new RegExp(
        `^genkan \\S+ listens: http://127\\.0\\.0\\.1:${ports.http}, https://127\\.0\\.0\\.1:${ports.https}, admin http://127\\.0\\.0\\.1:${ports.admin}\\n$`,
      ),
    )
  })

  test('reads everything again on SIGHUP', async () => {
    const { child, said } = await start('serve', manifests(), '--log-format', 'json')
    child.kill('SIGHUP')
    await heard(child, said, /SIGHUP: reading everything again/)
  })

  test('drains on SIGINT', async () => {
    const { child, said } = await start('serve', manifests(), '--log-format', 'json')
    expect(await stop(child, 'SIGINT')).toBe(0)
    expect(said.err).toContain('SIGINT: finishing the requests in flight')
  })

  test('stops at once when asked twice', async () => {
    const folder = manifests()
    const silent = createServer(() => {}).listen(0, '127.0.0.1')
    await once(silent, 'listening')
    const file = join(folder, 'web.yaml')
    writeFileSync(
      file,
      readFileSync(file, 'utf8').replace('port: 1}', `port: ${(silent.address() as AddressInfo).port}}`),
    )
    const { child, said, ports } = await start('serve', folder, '--log-format', 'json')
    const reached = once(silent, 'connection')
    const client = connect(ports.http, '127.0.0.1')
    client.on('error', () => {})
    await once(client, 'connect')
    client.write('GET / HTTP/1.1\r\nhost: web.test\r\n\r\n')
    const [endpoint] = (await reached) as [Socket]
    child.kill('SIGTERM')
    await heard(child, said, /finishing the requests in flight/)
    const exit = once(child, 'exit') as Promise<[number | null]>
    const again = setInterval(() => child.kill('SIGTERM'), 50)
    const [code] = await exit
    clearInterval(again)
    client.destroy()
    endpoint.destroy()
    silent.close()
    expect(code).toBe(1)
    expect(said.err).toContain('SIGTERM again: stopping now')
  })

  test('removes the ports of an earlier run before it starts', async () => {
    const portsFile = join(mkdtempSync(join(tmpdir(), 'genkan-')), 'ports.json')
    writeFileSync(portsFile, 'old')
    const { code } = await genkan([
      'serve',
      'test/fixtures/check/fine',
      '--http-port',
      '0',
      '--bind',
      '203.0.113.1',
      '--ports-file',
      portsFile,
    ])
    expect(code).toBe(1)
    expect(existsSync(portsFile)).toBe(false)
  })

  test('says who to look for when a port is taken, without a stack, and exits with 1', async () => {
    const squatter = createServer().listen(0, '127.0.0.1')
    await once(squatter, 'listening')
    const { port } = squatter.address() as AddressInfo
    const { code, err } = await genkan([
      'serve',
      'test/fixtures/check/fine',
      '--bind',
      '127.0.0.1',
      '--http-port',
      String(port),
      '--https-port',
      '0',
      '--admin',
      'off',
      '--log-level',
      'error',
    ])
    squatter.close()
    expect(code).toBe(1)
    expect(err).toContain(String(port))
    expect(err).toMatch(/another program listens.*\n +`ss -ltnp`/)
    expect(err).not.toContain('    at ')
  })
})

describeLanes('genkan dev', () => {
  test('takes a free port when the wanted one is taken, and says why', async () => {
    const squatter = createServer().listen(0, '127.0.0.1')
    await once(squatter, 'listening')
    const { port } = squatter.address() as AddressInfo
    const { said, child, ports } = await start(
      'dev',
      manifests(),
      '--http-port',
      String(port),
      '--admin',
      `127.0.0.1:${port}`,
    )
    await heard(child, said, /Ctrl-C stops/)
    squatter.close()
    expect(ports.http).not.toBe(port)
    expect(said.out).toContain(`http://127.0.0.1:${ports.admin}/`)
    expect(said.out).toMatch(new RegExp(`HTTP +http://127\\.0\\.0\\.1:${ports.http} +\\S.*${port}`))
  })

  test('answers for Services without endpoints, and prints commands that work', async () => {
    const folder = manifests()
    const text = readFileSync(join(folder, 'web.yaml'), 'utf8')
    writeFileSync(join(folder, 'web.yaml'), text.slice(0, text.indexOf('---\napiVersion: discovery')))
    const { said, child, ports } = await start('dev', folder)
    await heard(child, said, /Ctrl-C stops/)
    expect(said.out).toMatch(/web\.test +\/cart \(Prefix\) +default\/web:80 +1 stand-in\n/)
    expect(said.out).toContain(`  curl --resolve web.test:${ports.http}:127.0.0.1 http://web.test:${ports.http}/cart\n`)
    expect(await get(ports.http, 'web.test', '/cart')).toBe(200)
  })

  test('stands in for Pods that have no address, are probed at another port and speak another protocol', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'genkan-'))
    const protocols = ['HTTP', 'HTTPS', 'GRPC', 'GRPCS']
    const documents = protocols.map((protocol) => {
      const name = protocol.toLowerCase()
      return `
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: ${name}, annotations: {nginx.ingress.kubernetes.io/backend-protocol: ${protocol}}}
spec: {rules: [{host: ${name}.test, http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: ${name}, port: {number: 80}}}}]}}]}
---
apiVersion: v1
kind: Service
metadata: {name: ${name}, annotations: {genkan.dev/readiness-path: /healthz, genkan.dev/readiness-port: "9000"}}
spec: {selector: {app: ${name}}, ports: [{port: 80, targetPort: web}]}
---
apiVersion: v1
kind: Pod
metadata: {name: ${name}, labels: {app: ${name}}}
spec: {containers: [{name: web, image: registry.example/web:1, ports: [{name: web, containerPort: 8080}]}]}
`
    })
    writeFileSync(join(folder, 'all.yaml'), documents.join('---'))
    const { ports } = await start('dev', folder)
    expect(
      await Promise.all(protocols.map((protocol) => get(ports.http, `${protocol.toLowerCase()}.test`, '/'))),
    ).toEqual([200, 200, 200, 200])
  })

  test('tells what each change of the folder did', async () => {
    const folder = manifests()
    const { said, child, ports } = await start('dev', folder)
    await heard(child, said, /Ctrl-C stops/)
    const ingress = (path: string): string =>
      JSON.stringify({
        apiVersion: 'networking.k8s.io/v1',
        kind: 'Ingress',
        metadata: { name: 'more' },
        spec: {
          rules: [
            {
              host: 'more.test',
              http: {
                paths: [{ path, pathType: 'Prefix', backend: { service: { name: 'web', port: { number: 80 } } } }],
              },
            },
          ],
        },
      })
    const file = join(folder, 'more.json')
    writeFileSync(file, ingress('/'))
    await heard(child, said, new RegExp(`changed ${file}: 1 route added\n`))
    expect(await get(ports.http, 'more.test', '/')).toBe(502)
    writeFileSync(file, ingress('oops'))
    await heard(
      child,
      said,
      new RegExp(`changed ${file}: 1 problem:\n  ${file}:1:\\d+: error: Ingress default/more: .*last good version`),
    )
    expect(await get(ports.http, 'more.test', '/')).toBe(502)
    rmSync(file)
    await heard(child, said, new RegExp(`changed ${file}: 1 route removed, 1 problem gone\n`))
    expect(await get(ports.http, 'more.test', '/')).toBe(404)
  })
})

describe('genkan dns', () => {
  test('says where it answers, and stops when asked', async () => {
    const child = startGenkan(['dns', 'test/fixtures/check/fine', '--listen', '127.0.0.1:0', '--log-format', 'pretty'])
    started.push(child)
    const said = listen(child)
    await heard(child, said, /genkan answers DNS at 127\.0\.0\.1:\d+ for cluster\.local\n/)
    expect(await stop(child)).toBe(0)
  })
})

/** The main promise: files come, change, break and go under load, and nobody else notices. */
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { request } from 'undici'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { Genkan } from '../src/main.ts'
import { FolderSource } from '../src/source/folder.ts'
import { silentLog } from '../src/telemetry/log.ts'
import { startFrontDoor } from './support/front-door.ts'
import { startOrigin } from './support/origin.ts'
import { steadyLoad } from './support/steady-load.ts'
import { describeLanes } from './support/lanes.ts'

function site(name: string, port: number, path = '/'): string {
  return `
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: ${name}}
spec:
  rules:
  - host: ${name}.test
    http: {paths: [{path: ${path}, pathType: Prefix, backend: {service: {name: ${name}, port: {number: 80}}}}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: ${name}, labels: {kubernetes.io/service-name: ${name}}}
addressType: IPv4
endpoints: [{addresses: [127.0.0.1]}]
ports: [{name: "", port: ${port}}]
`
}

describeLanes('a folder that changes under load', () => {
  let folder: string
  let genkan: Genkan
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'genkan-load-'))
  })
  afterEach(async () => {
    await genkan.close()
    await rm(folder, { recursive: true })
  })

  const write = (name: string, text: string): Promise<void> => writeFile(join(folder, name), text)
  const ask = async (name: string, path = '/'): Promise<string> => {
    const { statusCode, body } = await request(`http://127.0.0.1:${genkan.ports.http}${path}`, {
      headers: { host: `${name}.test` },
    })
    return `${statusCode} ${await body.text()}`
  }
  const eventually = (name: string, answer: string | RegExp, path?: string): Promise<void> =>
    vi.waitFor(async () => expect(await ask(name, path)).toMatch(answer), { timeout: 15_000, interval: 20 })

  test('changes routing, keeps what was good, and fails no request on an unrelated route', async () => {
    const [one, two] = [
      await startOrigin((_, response) => response.end('one')),
      await startOrigin((_, response) => response.end('two')),
    ]
    await write('steady.yaml', site('steady', one.port))
    const source = new FolderSource({ paths: [folder], log: silentLog })
    ;({ genkan } = await startFrontDoor('', { sources: [source] }))
    const load = steadyLoad(genkan.ports.http, 'steady.test')
    await load.more(50)

    expect(await ask('shop')).toMatch(/^404/)
    await write('shop.yaml', site('shop', one.port))
    await eventually('shop', '200 one')
    await load.more(50)

    await write('.shop.tmp', site('shop', two.port))
    await rename(join(folder, '.shop.tmp'), join(folder, 'shop.yaml'))
    await eventually('shop', '200 two')
    await load.more(50)

    await write('shop.yaml', site('shop', one.port).replace('pathType: Prefix', 'pathType: prefix'))
    await vi.waitFor(() => expect(genkan.documents().map((each) => each.state)).toContain('stale'), { timeout: 15_000 })
    expect(
      genkan
        .problems()
        .map((each) => each.message)
        .join(),
    ).toContain('Prefix')
    // The broken document keeps its last good version; its sibling in the same file moves on.
    await eventually('shop', '200 one')
    await load.more(50)

    await rm(join(folder, 'shop.yaml'))
    await eventually('shop', /^404/)
    await load.more(50)

    const { good, bad } = await load.stop()
    expect(bad).toEqual([])
    expect(good).toBeGreaterThan(250)
  }, 60_000)
})

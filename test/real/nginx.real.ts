/** A real nginx as the endpoint: what it answers arrives as it was. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { request } from 'undici'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Genkan } from '../../src/main.ts'
import { siteManifests, startFrontDoor } from '../support/front-door.ts'
import type { RunningPart } from './part.ts'
import { freePort, startPart } from './part.ts'
import { describeLanes } from '../support/lanes.ts'

const page = 'x'.repeat(3_000_000)

describeLanes(() => {
  let folder: string
  let nginx: RunningPart
  let genkan: Genkan

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'genkan-nginx-'))
    const port = await freePort()
    for (const name of ['www', 'temp']) mkdirSync(join(folder, name))
    writeFileSync(join(folder, 'www', 'page.txt'), page)
    const temp = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
      .map((kind) => `${kind}_temp_path ${folder}/temp/${kind};`)
      .join(' ')
    writeFileSync(
      join(folder, 'nginx.conf'),
      `daemon off; master_process off; pid ${folder}/pid; error_log stderr notice;
    events {}
    http { access_log off; ${temp}
      server { listen 127.0.0.1:${port}; root ${folder}/www; gzip on; gzip_types text/plain; etag on;
        location = /moved { return 302 /page.txt; } } }`,
    )
    nginx = await startPart('nginx', ['-c', join(folder, 'nginx.conf'), '-p', folder], /start worker process|using the/)
    ;({ genkan } = await startFrontDoor(siteManifests([{ host: 'a.test', port }])))
  })
  afterAll(async () => {
    // First what is a process of its own: it must not outlive a test that failed half-way.
    await nginx.stop()
    await genkan.close()
    rmSync(folder, { recursive: true })
  })

  async function ask(path: string, headers: Record<string, string> = {}, method: 'GET' | 'HEAD' = 'GET') {
    const {
      statusCode,
      headers: fields,
      body,
    } = await request(`http://127.0.0.1:${genkan.ports.http}${path}`, {
      method,
      headers: { host: 'a.test', ...headers },
    })
    return { status: statusCode, fields, body: Buffer.from(await body.arrayBuffer()) }
  }

  test('a large file arrives byte by byte, with its length and validators', async () => {
    const { status, fields, body } = await ask('/page.txt')
    expect({ status, length: fields['content-length'], same: body.equals(Buffer.from(page)) }).toEqual({
      status: 200,
      length: '3000000',
      same: true,
    })
    const again = await ask('/page.txt', { 'if-none-match': String(fields['etag']) })
    expect({ status: again.status, bytes: again.body.length }).toEqual({ status: 304, bytes: 0 })
  })

  test('HEAD has the head and no body, and the connection serves on', async () => {
    const { status, fields, body } = await ask('/page.txt', {}, 'HEAD')
    expect({ status, length: fields['content-length'], bytes: body.length }).toEqual({
      status: 200,
      length: '3000000',
      bytes: 0,
    })
    expect((await ask('/page.txt', { range: 'bytes=0-9' })).body.toString()).toBe('xxxxxxxxxx')
  })

  test('a compressed body of unknown length stays compressed', async () => {
    const { fields, body } = await ask('/page.txt', { 'accept-encoding': 'gzip' })
    expect(fields['content-encoding']).toBe('gzip')
    expect(body.length).toBeLessThan(20_000)
  })

  test('its redirects and errors are its own', async () => {
    expect(await ask('/moved')).toMatchObject({ status: 302 })
    const { status, fields } = await ask('/nowhere')
    expect({ status, server: fields['server'] }).toMatchObject({
      status: 404,
      server: expect.stringContaining('nginx') as string,
    })
  })
})

import { request } from 'node:http'
import { afterEach, describe, expect, test } from 'vitest'
import type { AdminViews } from '#admin/pages.ts'
import { adminPages } from '#admin/pages.ts'
import { AdminServer } from '#admin/server.ts'
import { silentLog } from '#telemetry/log.ts'

type Answer = { readonly status: number; readonly headers: Record<string, unknown>; readonly body: string }

const views: AdminViews = {
  ready: () => ({ ready: true, reason: 'ready: generation 1 is applied' }),
  metrics: () => Promise.resolve(Buffer.from('genkan_config_generation 1\n')),
  overview: () => ({ generation: 1 }),
  routes: () => ({ routes: [] }),
  backends: () => ({ backends: [] }),
  problems: () => ({ problems: [] }),
  certificates: () => ({ certificates: [] }),
  explain: (question) => question,
}

let server: AdminServer | undefined
afterEach(async () => server?.close())

async function ask(
  path: string,
  init: { method?: string; host?: string; views?: Partial<AdminViews> } = {},
): Promise<Answer> {
  server = new AdminServer({
    host: '127.0.0.1',
    port: 0,
    pages: adminPages({ ...views, ...init.views }),
    log: silentLog,
  })
  const port = await server.listen()
  return new Promise((resolve, reject) => {
    const asked = request(
      {
        host: '127.0.0.1',
        port,
        path,
        method: init.method ?? 'GET',
        headers: { host: init.host ?? `127.0.0.1:${port}` },
        agent: false,
      },
      (response) => {
        let body = ''
        response.setEncoding('utf8')
        response.on('data', (chunk: string) => (body += chunk))
        response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body }))
      },
    )
    asked.on('error', reject)
    asked.end()
  })
}

describe('the admin address', () => {
  test.each([
    ['/healthz', 200, /^ok\n$/],
    ['/readyz', 200, /generation 1/],
    ['/metrics', 200, /genkan_config_generation 1/],
    ['/api/v1/routes', 200, /"routes"/],
    ['/api/v1/explain?url=http%3A%2F%2Fa.test%2F', 200, /a\.test/],
    ['/api/v1/explain?url=nonsense', 400, /not a URL/],
    ['/api/v1/explain?url=http://a.test&method=PUT&header=x-a:1&header=x-b:%202', 200, /PUT[^]*x-a[^]*1[^]*x-b[^]*2/],
    ['/api/v1/explain?url=http://a.test&header=x', 400, /expected a field/],
    ['/api/v1/explain', 400, /say which/],
    ['/', 200, /<title>Genkan<\/title>/],
    ['/nowhere', 404, /no such page/],
  ])('GET %s answers %i', async (path, status, body) => {
    const answer = await ask(path)
    expect(answer.status).toBe(status)
    expect(answer.body).toMatch(body)
  })

  test('is not ready before the first configuration is applied', async () => {
    const answer = await ask('/readyz', { views: { ready: () => ({ ready: false, reason: 'starting' }) } })
    expect(answer).toMatchObject({ status: 503, body: 'starting\n' })
  })

  test('is read-only', async () => {
    expect((await ask('/api/v1/routes', { method: 'POST' })).status).toBe(405)
  })

  test.each([
    ['evil.example', 403],
    ['evil.example:9901', 403],
    ['localhost:9901', 200],
    ['127.0.0.1', 200],
    ['[::1]:9901', 200],
    ['genkan', 200],
  ])('asked as %s it answers %i, so that a rebound name cannot read it', async (host, status) => {
    expect((await ask('/api/v1/routes', { host })).status).toBe(status)
  })

  test('a page that fails answers 500 without saying why', async () => {
    const answer = await ask('/api/v1/routes', {
      views: {
        routes: () => {
          throw new Error('secret')
        },
      },
    })
    expect(answer.status).toBe(500)
    expect(answer.body).not.toContain('secret')
  })

  test('the dashboard may load nothing from elsewhere', async () => {
    expect((await ask('/')).headers['content-security-policy']).toContain("default-src 'none'")
  })
})

import { createServer } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { describe, expect, test } from 'vitest'
import { startAuthServer } from '../support/auth-server.ts'
import { after } from '../support/closing.ts'
import { siteManifests, startFrontDoor } from '../support/front-door.ts'
import { describeLanes } from '../support/lanes.ts'
import { connectRaw } from '../support/raw-client.ts'

const prefix = 'nginx.ingress.kubernetes.io/'

/** Says whom it was asked by. */
async function startApplication(): Promise<number> {
  const server = createServer((request, response) =>
    response.end(
      JSON.stringify({
        user: request.headers['x-auth-request-user'] ?? null,
        groups: request.headers['x-auth-request-groups'] ?? null,
      }),
    ),
  )
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  after(async () => {
    server.closeAllConnections()
    await new Promise((done) => server.close(done))
  })
  return (server.address() as AddressInfo).port
}

type Visit = (path: string, headers?: Record<string, string>) => Promise<Response>

async function openApplication(annotations: Readonly<Record<string, string>>): Promise<Visit> {
  const port = await startApplication()
  const named = Object.fromEntries(Object.entries(annotations).map(([name, value]) => [prefix + name, value]))
  // fetch sets Host by itself, so the host is that of the address.
  const { genkan } = await startFrontDoor(siteManifests([{ host: 'localhost', port, annotations: named }]))
  after(() => genkan.close())
  return (path, headers = {}) => fetch(`http://localhost:${genkan.ports.http}${path}`, { headers, redirect: 'manual' })
}

describeLanes(() => {
  describe('an application behind an authentication service', () => {
    test('sends strangers to sign in, and lets them in with their session and name', async () => {
      const auth = await startAuthServer()
      const origin = `http://127.0.0.1:${auth.port}`
      const visit = await openApplication({
        'auth-url': `${origin}/oauth2/auth`,
        'auth-signin': `${origin}/oauth2/start?user=ann`,
        'auth-response-headers': 'X-Auth-Request-User, X-Auth-Request-Groups',
      })
      const stranger = await visit('/inbox?page=2', { 'X-Auth-Request-User': 'root' })
      expect(stranger.status).toBe(302)
      const start = stranger.headers.get('location')!
      const signedIn = await fetch(start, { redirect: 'manual' })
      expect(new URL(signedIn.headers.get('location')!).pathname).toBe('/inbox')
      const cookie = signedIn.headers.get('set-cookie')!.split(';')[0]!
      const inside = await visit('/inbox?page=2', {
        cookie,
        'X-Auth-Request-User': 'root',
        'X-Auth-Request-Groups': 'admin',
      })
      expect(inside.status).toBe(200)
      expect(await inside.json()).toEqual({ user: 'ann', groups: null })
      expect(auth.questions.map(({ method, url }) => `${method} ${url}`)).toEqual([
        'GET /oauth2/auth',
        'GET /oauth2/auth',
      ])
      expect(auth.questions[1]!.headers).toMatchObject({
        host: `127.0.0.1:${auth.port}`,
        cookie,
        'x-original-method': 'GET',
        'x-auth-request-redirect': '/inbox?page=2',
        'x-real-ip': expect.any(String) as string,
      })
      expect(auth.questions[1]!.headers['x-original-url']).toMatch(/^http:\/\/localhost:\d+\/inbox\?page=2$/)
    })

    test('is asked about the path that the application would get, however the client spells it', async () => {
      const auth = await startAuthServer()
      const port = await startApplication()
      const { genkan } = await startFrontDoor(
        siteManifests([
          {
            host: 'localhost',
            port,
            annotations: { [`${prefix}auth-url`]: `http://127.0.0.1:${auth.port}/oauth2/auth` },
          },
        ]),
      )
      after(() => genkan.close())
      const client = await connectRaw(genkan.ports.http)
      const spellings = ['/public/../admin?x=%61', '/public/%2e%2E/admin?x=%61', '//admin?x=%61', '/%61dmin?x=%61']
      for (const target of spellings) client.write(`GET ${target} HTTP/1.1\r\nHost: localhost\r\n\r\n`)
      await client.until(/(?:HTTP\/1\.1 401 [^]*){4}/)
      for (const { headers } of auth.questions)
        expect(headers).toMatchObject({
          'x-original-uri': '/admin?x=%61',
          'x-original-url': 'http://localhost/admin?x=%61',
          'x-auth-request-redirect': '/admin?x=%61',
        })
      expect(auth.questions).toHaveLength(spellings.length)
    })

    test('lets nobody in when nobody answers', async () => {
      const visit = await openApplication({ 'auth-url': 'http://127.0.0.1:9/', 'proxy-connect-timeout': '1' })
      const { status, headers } = await visit('/')
      expect([status, headers.get('x-genkan-cause')]).toEqual([500, 'auth_failed'])
    })
  })
})

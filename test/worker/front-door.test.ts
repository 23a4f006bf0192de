import { describe, expect, test } from 'vitest'
import { hsts } from '#policy/hsts.ts'
import { httpsRedirect } from '#policy/https-redirect.ts'
import { openDoor, routeOf } from '../support/door.ts'
import { ask, connectH2 } from '../support/h2-client.ts'
import { startOrigin } from '../support/origin.ts'
import { talk } from '../support/raw-client.ts'
import { describeLanes } from '../support/lanes.ts'

describeLanes(() => {
  describe('the front door', () => {
    test('answers 503 before the first snapshot and 404 for what no snapshot names', async () => {
      const door = await openDoor({ snapshot: { routes: [] } })
      expect(await talk(door.http, 'GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n')).toMatch(
        /^HTTP\/1\.1 404 /,
      )
    })

    test('redirects plain clients to its own https port and says HSTS there', async () => {
      const origin = await startOrigin((_request, response) => void response.end('ok'))
      const policies = [
        httpsRedirect.spec({ status: 308 }),
        hsts.spec({ maxAge: 60, includeSubDomains: false, preload: false }),
      ]
      const door = await openDoor({ endpoints: [origin.port], route: { policies } })
      const answer = await talk(door.http, 'GET /a?b HTTP/1.1\r\nHost: a.test:80\r\nConnection: close\r\n\r\n')
      expect(answer).toMatch(/^HTTP\/1\.1 308 Permanent Redirect\r\n/)
      expect(answer).toContain(`Location: https://a.test:${door.https}/a?b\r\n`)
      expect(answer).not.toMatch(/strict-transport/i)
      const secure = await ask(await connectH2(door.https), { ':path': '/a' })
      expect(secure).toMatchObject({ status: 200, body: 'ok', headers: { 'strict-transport-security': 'max-age=60' } })
    })

    test('believes trusted proxies', async () => {
      const origin = await startOrigin((request, response) => void response.end(String(request.headers['x-real-ip'])))
      const policies = [httpsRedirect.spec({ status: 308 })]
      const door = await openDoor({
        endpoints: [origin.port],
        route: { policies },
        init: { trustedProxies: ['127.0.0.0/8'] },
      })
      const answer = await talk(
        door.http,
        'GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 9.9.9.9\r\nX-Forwarded-Proto: https\r\nConnection: close\r\n\r\n',
      )
      expect(answer).toMatch(/^HTTP\/1\.1 200 [^]*9\.9\.9\.9/)
    })

    test('a snapshot it cannot run changes nothing', async () => {
      const origin = await startOrigin((_request, response) => void response.end('ok'))
      const door = await openDoor({ endpoints: [origin.port] })
      expect(() =>
        door.apply({ snapshot: { routes: [routeOf({ policies: [{ kind: 'tea', config: {} }] })] } }),
      ).toThrow('tea')
      expect(await talk(door.http, 'GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n')).toMatch(/ok$/)
    })
  })
})

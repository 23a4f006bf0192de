/**
 * Upgrades other than to WebSocket are ignored (RFC 9110 section 7.8). What stands behind such a request must not be read
 * from the middle: a proxy in front of us may see a request where we would see the body of one.
 */
import { describe, expect, test } from 'vitest'
import { openDoor } from '../support/door.ts'
import { startOrigin } from '../support/origin.ts'
import { describeLanes, leftToGeneral } from '../support/lanes.ts'
import { connectRaw } from '../support/raw-client.ts'

const host = 'Host: a.test\r\n'
const other = `${host}Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAAA\r\n`
const socket = `${host}Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: a\r\nSec-WebSocket-Version: 13\r\n`
const hidden = `GET /hidden HTTP/1.1\r\n${host}\r\n`

const cases = [
  ['to HTTP/2', `GET /first HTTP/1.1\r\n${other}\r\n`, ['/first']],
  ['with a body', `POST /first HTTP/1.1\r\n${other}Content-Length: 3\r\n\r\nabc`, ['/first']],
  [
    'with a body in chunks',
    `POST /first HTTP/1.1\r\n${other}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n`,
    ['/first'],
  ],
  [
    'behind another request',
    `GET /first HTTP/1.0\r\n${host}Connection: keep-alive\r\n\r\nGET /second HTTP/1.1\r\n${socket}\r\n`,
    ['/first', '/second'],
  ],
] as const

describeLanes(() => {
  describe('an upgrade that is ignored', () => {
    leftToGeneral('upgrade', 'version')

    test.each(cases)('%s: the body of what stands behind it is no request', async (_name, request, served) => {
      const origin = await startOrigin((_request, response) => void response.end('ok'))
      const door = await openDoor({ endpoints: [origin.port] })
      const client = await connectRaw(door.http)
      client.write(`${request}POST /behind HTTP/1.1\r\n${host}Content-Length: ${hidden.length}\r\n\r\n`)
      await client.until(/ok/)
      client.write(hidden)
      expect(await client.end()).toMatch(/connection: close\r\n[^]*ok$/i)
      expect(origin.requests.map(({ url }) => url)).toEqual(served)
    })

    test('leaves the connection closed, so that a request behind it is not lost without a word', async () => {
      const origin = await startOrigin((_request, response) => void response.end('ok'))
      const door = await openDoor({ endpoints: [origin.port] })
      const client = await connectRaw(door.http)
      client.write(`GET /first HTTP/1.1\r\n${other}\r\nGET /behind HTTP/1.1\r\n${host}\r\n`)
      expect(await client.end()).toMatch(/^HTTP\/1\.1 200 [^]*connection: close\r\n/i)
    })
  })
})

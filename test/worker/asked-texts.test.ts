import { expect, test } from 'vitest'
import { AskedTexts } from '#worker/asked-texts.ts'
import { openDoor } from '../support/door.ts'
import { describeLanes } from '../support/lanes.ts'
import { startOrigin } from '../support/origin.ts'
import { connectRaw } from '../support/raw-client.ts'

/** Method, target, host and user agent of requests on one connection. */
const asked = [
  ['GET', '/a', 'a.test', 'one'],
  ['GET', '/a', 'a.test', 'one'],
  ['GET', '/b', 'a.test', 'one'],
  ['GET', '/b', 'b.test', 'one'],
  ['HEAD', '/b', 'b.test', 'one'],
  ['GET', '/b', 'b.test', 'one'],
  ['GET', '/b', 'b.test', 't"wo'],
  ['GET', '/a', 'a.test', 'one'],
  ['GET', '/a', 'a.test', ''],
] as const

describeLanes(() => {
  test('what was asked on one connection is told of each request for itself', async () => {
    const origin = await startOrigin((_, response) => response.end())
    const door = await openDoor({ endpoints: [origin.port] })
    const client = await connectRaw(door.http)
    const texts = new AskedTexts()
    for (const [index, [method, target, host, agent]] of asked.entries()) {
      const userAgent = agent === '' ? '' : `User-Agent: ${agent}\r\n`
      client.write(`${method} ${target} HTTP/1.1\r\nHost: ${host}\r\n${userAgent}\r\n`)
      const exchange = await door.nth(index + 1)
      const said = JSON.parse(`{${texts.of(exchange)}}`) as Record<string, unknown>
      expect(said).toMatchObject({ method, target, host, client: '127.0.0.1', protocol: 'HTTP/1.1' })
      expect(said['userAgent'] ?? '').toBe(agent)
      expect(texts.of(exchange)).toBe(new AskedTexts().of(exchange))
    }
  })
})

import { describe, expect, test } from 'vitest'
import { openDoor } from '../support/door.ts'
import { ask, connectClearH2 } from '../support/h2-client.ts'
import { headersFrame, preface, goawayCodes } from '../support/h2-frames.ts'
import { describeLanes, leftToGeneral } from '../support/lanes.ts'
import { startOrigin } from '../support/origin.ts'
import { connectRaw } from '../support/raw-client.ts'
import { until } from '../support/until.ts'

const okay = (): ReturnType<typeof startOrigin> => startOrigin((request, response) => void request.pipe(response))

describeLanes(() => {
  describe('HTTP/2 by prior knowledge on the clear port', () => {
    leftToGeneral('http2', 'method')

    test('is served as over TLS, several requests on one connection', async () => {
      const origin = await okay()
      const door = await openDoor({ endpoints: [origin.port] })
      const session = await connectClearH2(door.http)
      const bodies = await Promise.all(
        ['1', '2', '3'].map(async (n) => (await ask(session, { ':method': 'POST', ':path': '/' }, n)).body),
      )
      expect(bodies).toEqual(['1', '2', '3'])
      expect(await door.nth(1)).toMatchObject({
        lane: 'general',
        received: { version: '2' },
        connection: { scheme: 'http', tls: undefined },
        failure: undefined,
      })
      expect(origin.requests[0]!.headers).toMatchObject({ 'x-forwarded-proto': 'http' })
    })

    test('is recognised in however small pieces it comes', async () => {
      const origin = await okay()
      const door = await openDoor({ endpoints: [origin.port] })
      const client = await connectRaw(door.http)
      for (const byte of preface) {
        client.write(Buffer.of(byte))
        await new Promise(setImmediate)
      }
      client.write(headersFrame(1, 'GET', { end: true }))
      await until(() => origin.requests.length === 1)
      expect(await door.nth(1)).toMatchObject({ received: { version: '2' }, status: 200 })
    })

    test('is finished by a drain', async () => {
      const origin = await okay()
      const door = await openDoor({ endpoints: [origin.port] })
      const session = await connectClearH2(door.http)
      await ask(session, { ':path': '/' })
      const goaway = new Promise((resolve) => session.once('goaway', resolve))
      const drained = door.frontDoor.drain(5_000)
      await goaway
      expect(await drained).toBe(0)
    })

    test.each([
      ['what begins like it and goes on differently', 'PRI * HTTP/1.1\r\nHost: a\r\n\r\n'],
      ['it behind a request', 'GET / HTTP/1.1\r\nHost: a\r\n\r\nPRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
      ['it in lower case', 'pri * http/2.0\r\n\r\nsm\r\n\r\n'],
    ])('is not %s', async (_, bytes) => {
      const origin = await okay()
      const door = await openDoor({ endpoints: [origin.port] })
      const client = await connectRaw(door.http)
      client.write(bytes)
      expect(await client.end()).toMatch(/HTTP\/1\.1 40[05] /)
    })

    test('with a broken preface is hung up on', async () => {
      const door = await openDoor()
      const client = await connectRaw(door.http)
      client.write('PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n')
      expect(goawayCodes(await client.end())).not.toContain(0)
      await until(() => door.open() === 0)
    })

    test('whoever says nothing is hung up on', async () => {
      const door = await openDoor({ limits: { headerTimeoutMs: 50 } })
      const client = await connectRaw(door.http)
      expect(await client.end()).toBe('')
    })
  })
})

import { describe, expect, test } from 'vitest'
import { openDoor } from '../support/door.ts'
import { ask, connectH2 } from '../support/h2-client.ts'
import { startOrigin, startScript } from '../support/origin.ts'
import { connectRaw } from '../support/raw-client.ts'
import { until } from '../support/until.ts'
import type { ServerResponse } from 'node:http'
import { describeLanes, leftToGeneral } from '../support/lanes.ts'

const get = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'

describeLanes(() => {
  describe('a drain', () => {
    test('finishes what is in flight, tells clients to go, and cuts nobody', async () => {
      const open: ServerResponse[] = []
      const origin = await startOrigin((request, response) =>
        request.url === '/slow' ? void open.push(response) : void response.end('ok'),
      )
      const door = await openDoor({ endpoints: [origin.port] })
      const idle = await connectRaw(door.http)
      idle.write(get)
      await idle.until(/ok/)
      const busy = await connectRaw(door.http)
      busy.write('GET /slow HTTP/1.1\r\nHost: a\r\n\r\n')
      const session = await connectH2(door.https)
      const stream = ask(session, { ':path': '/slow' })
      await until(() => open.length === 2)
      const goaway = new Promise((resolve) => session.once('goaway', resolve))
      const drained = door.frontDoor.drain(5_000)
      await idle.end()
      await goaway
      for (const response of open) response.end('slow')
      expect(await busy.end()).toMatch(/^HTTP\/1\.1 200 OK\r\n[^]*Connection: close\r\n[^]*slow/)
      expect(await stream).toMatchObject({ status: 200, body: 'slow', rstCode: 0 })
      expect(await drained).toBe(0)
    })

    test('serves the first request of a connection that was just accepted', async () => {
      const origin = await startOrigin((_request, response) => void response.end('ok'))
      const door = await openDoor({ endpoints: [origin.port], limits: { lingerMs: 2_000 } })
      const client = await connectRaw(door.http)
      await until(() => door.open() === 1)
      const drained = door.frontDoor.drain(5_000)
      client.write(get)
      expect(await client.end()).toMatch(/^HTTP\/1\.1 200 OK\r\n[^]*Connection: close/)
      expect(await drained).toBe(0)
    })

    test('does not wait for connections that say nothing', async () => {
      const door = await openDoor({ limits: { lingerMs: 30 } })
      const client = await connectRaw(door.http)
      await until(() => door.open() === 1)
      const drained = door.frontDoor.drain(60_000)
      await client.end()
      expect(await drained).toBe(0)
    })

    test('cuts the rest at its deadline and says how many', async () => {
      leftToGeneral('upgrade')
      const origin = await startOrigin(() => {})
      const tunnels = await startScript(
        (socket) =>
          void socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n'),
      )
      const door = await openDoor({ endpoints: [origin.port] })
      const client = await connectRaw(door.http)
      client.write(get)
      await until(() => origin.requests.length === 1)
      door.apply({ endpoints: [tunnels.port] })
      const tunnel = await connectRaw(door.http)
      tunnel.write(
        'GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: a\r\nSec-WebSocket-Version: 13\r\n\r\n',
      )
      await tunnel.until(/101/)
      const session = await connectH2(door.https)
      door.apply({ endpoints: [origin.port] })
      const stream = ask(session, { ':path': '/' })
      await until(() => origin.requests.length === 2)
      expect(await door.frontDoor.drain(50)).toBe(3)
      await client.end()
      await tunnel.end()
      expect((await stream).status).toBe(0)
    })

    test('accepts nothing new', async () => {
      const door = await openDoor()
      await door.frontDoor.drain(0)
      await expect(connectRaw(door.http)).rejects.toThrow('ECONNREFUSED')
    })
  })

  describe('changes under way', () => {
    test('an exchange finishes on the routes and the endpoint it began with', async () => {
      const open: ServerResponse[] = []
      const one = await startOrigin((_request, response) => void open.push(response))
      const two = await startOrigin((_request, response) => void response.end('two'))
      const door = await openDoor({ endpoints: [one.port] })
      const client = await connectRaw(door.http)
      client.write(get)
      await until(() => open.length === 1)
      door.apply({ snapshot: { routes: [] }, endpoints: [] })
      door.apply({ endpoints: [two.port] })
      open[0]!.end('one')
      await client.until(/one/)
      client.write(get)
      await client.until(/two/)
      expect(door.finished.map(({ runtime }) => runtime.generation)).toEqual([1, 3])
      // The pool of the endpoint that is gone was closed once its request was done.
      await until(() => one.connections.size === 0)
    })

    test('endpoints come and go without a new snapshot', async () => {
      const one = await startOrigin((_request, response) => void response.end('one'))
      const door = await openDoor({ endpoints: [one.port] })
      const client = await connectRaw(door.http)
      client.write(get)
      await client.until(/one/)
      door.frontDoor.endpoints([{ upstream: 'test/web:80', state: 'empty', mode: 'slices', endpoints: [] }])
      client.write(get)
      await client.until(/503/)
      await until(() => one.connections.size === 0)
    })
  })
})

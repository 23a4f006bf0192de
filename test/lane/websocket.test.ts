import { createHash } from 'node:crypto'
import type { Socket } from 'node:net'
import { describe, expect, test } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'
import { after } from '../support/closing.ts'
import { openDoor, timeouts } from '../support/door.ts'
import { closedPort, startOrigin, startRawOrigin, startScript } from '../support/origin.ts'
import { connectRaw, talk } from '../support/raw-client.ts'
import { until } from '../support/until.ts'
import { describeLanes, leftToGeneral } from '../support/lanes.ts'

const key = 'dGhlIHNhbXBsZSBub25jZQ=='
const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64')
const handshake = `GET /chat?x=1 HTTP/1.1\r\nHost: a.test\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: ${key}\r\nSec-WebSocket-Version: 13\r\nCookie: a=1\r\nX-Forwarded-For: 6.6.6.6\r\n\r\n`
const switched = `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\nX-A: 1\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n\r\n`

describeLanes(() => {
  describe('WebSockets', () => {
    leftToGeneral('upgrade')

    test('talk both ways, over http and https', async () => {
      const server = new WebSocketServer({ port: 0, host: '127.0.0.1' })
      after(
        () =>
          new Promise<void>((resolve) => {
            server.close(() => resolve())
          }),
      )
      server.on('connection', (socket) =>
        socket.on('message', (data: Buffer) => socket.send(`echo ${data.toString()}`)),
      )
      await until(() => server.address() !== null)
      const { port } = server.address() as { port: number }
      const door = await openDoor({ endpoints: [port] })
      for (const url of [`ws://127.0.0.1:${door.http}/`, `wss://127.0.0.1:${door.https}/`]) {
        const socket = new WebSocket(url, { rejectUnauthorized: false })
        const heard: string[] = []
        socket.on('message', (data: Buffer) => heard.push(data.toString()))
        await new Promise((resolve) => socket.once('open', resolve))
        expect(door.tunnels()).toBe(1)
        for (let n = 0; n < 100; n++) socket.send(`${n}`)
        await until(() => heard.length === 100)
        expect(heard[99]).toBe('echo 99')
        socket.close()
        await until(() => door.inFlight() === 0)
        expect(door.tunnels()).toBe(0)
      }
      expect(await door.nth(2)).toMatchObject({
        status: 101,
        upstreamStatus: 101,
        failure: undefined,
        connection: { scheme: 'https' },
      })
      expect(door.finished[0]!.requestBytes).toBeGreaterThan(100)
      expect(door.finished[0]!.responseBytes).toBeGreaterThan(100)
    })

    test("the endpoint receives exactly our fields, the client exactly the endpoint's", async () => {
      let head = ''
      const origin = await startScript((socket, _, received) => {
        head = received
        socket.write(switched)
      })
      const door = await openDoor({ endpoints: [origin.port] })
      const client = await connectRaw(door.http)
      client.write(handshake)
      expect(await client.until(/\r\n\r\n/)).toBe(
        `HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: ${accept}\r\nX-A: 1\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n`,
      )
      const [line, ...fields] = head.trimEnd().split('\r\n')
      expect(line).toBe('GET /chat?x=1 HTTP/1.1')
      expect(fields.map((field) => field.split(':')[0]!.toLowerCase()).toSorted()).toEqual([
        'connection',
        'cookie',
        'host',
        'sec-websocket-key',
        'sec-websocket-version',
        'upgrade',
        'x-forwarded-for',
        'x-forwarded-host',
        'x-forwarded-port',
        'x-forwarded-proto',
        'x-forwarded-scheme',
        'x-original-forwarded-for',
        'x-real-ip',
        'x-request-id',
        'x-scheme',
      ])
      expect(fields).toContain('X-Forwarded-For: 127.0.0.1')
    })

    test('bytes behind the handshake wait for 101', async () => {
      let before = ''
      let behind = ''
      let socket: Socket | undefined
      const origin = await startRawOrigin((accepted) => {
        socket = accepted
        accepted.on('data', (data) =>
          data.toString().startsWith('GET') ? (before += data.toString()) : (behind += data.toString()),
        )
      })
      const door = await openDoor({ endpoints: [origin.port] })
      const client = await connectRaw(door.http)
      client.write(`${handshake}early bird`)
      await until(() => before.endsWith('\r\n\r\n'))
      expect(behind).toBe('')
      socket!.write(switched)
      await until(() => behind === 'early bird')
      expect(before).not.toContain('early')
    })

    test.each([
      [
        'of a length',
        'HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno',
        /^HTTP\/1\.1 403 Forbidden\r\n[^]*Content-Length: 2\r\n[^]*\r\nno$/,
      ],
      [
        'in chunks',
        'HTTP/1.1 401 Unauthorized\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nno\r\n0\r\n\r\n',
        /^HTTP\/1\.1 401 [^]*\r\n2\r\nno\r\n0\r\n\r\n$/,
      ],
    ])('an answer other than 101 is passed on: %s', async (_, answer, expected) => {
      const origin = await startScript((socket) => void socket.write(answer))
      const door = await openDoor({ endpoints: [origin.port] })
      const got = await talk(door.http, `${handshake}GET /smuggled HTTP/1.1\r\nHost: a.test\r\n\r\n`)
      expect(got).toMatch(expected)
      expect(got).toContain('Connection: close\r\n')
      expect(await door.nth(1)).toMatchObject({ upstreamStatus: expect.any(Number), failure: undefined })
      await until(() => origin.connections.size === 0)
    })

    const faults: readonly [why: string, script: (socket: Socket) => void, status: number, cause: string][] = [
      ['reset the connection', (socket) => void socket.resetAndDestroy(), 502, 'upstream_reset'],
      ['speak no HTTP', (socket) => void socket.write('hello\r\n\r\n'), 502, 'upstream_protocol'],
      [
        'switch to something else',
        (socket) =>
          void socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n'),
        502,
        'upstream_protocol',
      ],
      [
        'switch to nothing',
        (socket) => void socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n\r\n'),
        502,
        'upstream_protocol',
      ],
      ['never answer', () => {}, 504, 'upstream_timeout'],
    ]
    test.each(faults)('endpoints that %s are answered for', async (_, script, status, cause) => {
      const origin = await startScript(script)
      const door = await openDoor({ endpoints: [origin.port], route: { timeouts: { ...timeouts, readMs: 60 } } })
      expect(await talk(door.http, handshake)).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `))
      expect(await door.nth(1)).toMatchObject({ status, failure: { cause } })
      await until(() => origin.connections.size === 0)
    })

    test('another endpoint is asked when the first refuses the connection, with the early bytes once', async () => {
      let behind = ''
      const origin = await startRawOrigin((socket) => {
        socket.on('data', (data) => {
          if (data.toString().startsWith('GET')) socket.write(switched)
          else behind += data.toString()
        })
      })
      const door = await openDoor({ endpoints: [await closedPort(), origin.port] })
      const client = await connectRaw(door.http)
      client.write(`${handshake}early`)
      await client.until(/^HTTP\/1\.1 101 /)
      await until(() => behind === 'early')
      client.socket.end()
      expect(await door.nth(1)).toMatchObject({ attempts: 2, status: 101, failure: undefined })
    })

    test.each([
      ['no route', { snapshot: { routes: [] } }, 404],
      ['no endpoint', {}, 503],
    ] as const)('%s is answered and the connection closed', async (_, options, status) => {
      const door = await openDoor(options)
      expect(await talk(door.http, handshake)).toMatch(new RegExp(`^HTTP/1\\.1 ${status} [^]*Connection: close`))
    })

    test('a client that leaves before the answer lets the endpoint off', async () => {
      const origin = await startScript(() => {})
      const door = await openDoor({ endpoints: [origin.port] })
      const client = await connectRaw(door.http)
      client.write(handshake)
      await until(() => origin.connections.size === 1)
      client.socket.resetAndDestroy()
      expect(await door.nth(1)).toMatchObject({ status: 0, failure: { cause: 'client_abort' } })
      await until(() => origin.connections.size === 0)
    })

    test.each(['client', 'endpoint'] as const)('the end of the %s ends the tunnel', async (side) => {
      let upstream: Socket | undefined
      const origin = await startScript((socket) => {
        upstream = socket
        socket.write(switched)
      })
      const door = await openDoor({ endpoints: [origin.port] })
      const client = await connectRaw(door.http)
      client.write(handshake)
      await client.until(/\r\n\r\n/)
      await until(() => door.tunnels() === 1)
      if (side === 'client') client.socket.resetAndDestroy()
      else upstream!.resetAndDestroy()
      await door.nth(1)
      await until(() => door.open() === 0 && origin.connections.size === 0)
      expect(door.tunnels()).toBe(0)
    })

    test('a silent tunnel is closed', async () => {
      const origin = await startScript((socket) => void socket.write(switched))
      const door = await openDoor({ endpoints: [origin.port], limits: { tunnelIdleTimeoutMs: 60 } })
      const client = await connectRaw(door.http)
      client.write(handshake)
      await client.end()
      await until(() => door.finished.length === 1 && origin.connections.size === 0)
    })

    test('other upgrades are ordinary requests', async () => {
      const origin = await startOrigin((request, response) => response.end(JSON.stringify(request.rawHeaders)))
      const door = await openDoor({ endpoints: [origin.port] })
      const answer = await talk(
        door.http,
        'GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, close\r\nUpgrade: h2c\r\n\r\n',
      )
      expect(answer).toMatch(/^HTTP\/1\.1 200 /)
      expect(answer).not.toMatch(/h2c/)
    })
  })
})

import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { requestHeaders } from '#policy/request-headers.ts'
import { closedPort, startOrigin, startRawOrigin, startScript } from '../support/origin.ts'
import { openDoor, timeouts } from '../support/door.ts'
import { connectRaw, talk } from '../support/raw-client.ts'
import { until } from '../support/until.ts'
import { describeLanes } from '../support/lanes.ts'

const get = 'GET /a HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n'
const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'

describeLanes(() => {
  describe('endpoints that fail before their response', () => {
    const rows: readonly [why: string, script: Parameters<typeof startScript>[0], status: number, cause: string][] = [
      ['reset the connection', (socket) => void socket.resetAndDestroy(), 502, 'upstream_reset'],
      ['close it', (socket) => void socket.end(), 502, 'upstream_reset'],
      ['stop within the head', (socket) => void socket.end('HTTP/1.1 200 OK\r\nConten'), 502, 'upstream_reset'],
      ['speak no HTTP', (socket) => void socket.write('SSH-2.0-x\r\n'), 502, 'upstream_protocol'],
      [
        'switch protocols unasked',
        (socket) => void socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n'),
        502,
        'upstream_protocol',
      ],
      [
        'say two lengths',
        (socket) => void socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok'),
        502,
        'upstream_protocol',
      ],
      [
        'have too much to say',
        (socket) => void socket.write(`HTTP/1.1 200 OK\r\nX-A: ${'a'.repeat(70_000)}\r\n\r\n`),
        502,
        'upstream_protocol',
      ],
      ['never answer', () => {}, 504, 'upstream_timeout'],
    ]
    test.each(rows)('those that %s', async (_, script, status, cause) => {
      const origin = await startScript(script)
      const door = await openDoor({ endpoints: [origin.port], route: { timeouts: { ...timeouts, readMs: 100 } } })
      const answer = await talk(door.http, get)
      expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `))
      expect(answer).not.toMatch(/127\.0\.0\.1|ECONN|undici/)
      expect(await door.nth(1)).toMatchObject({ status, failure: { cause } })
      await until(() => origin.connections.size === 0)
    })

    test('the cause is not told unless it shall be', async () => {
      const door = await openDoor({ init: { exposeCause: false } })
      expect(await talk(door.http, get)).not.toMatch(/cause|no_ready/i)
    })

    test('503 says when to come again', async () => {
      const door = await openDoor()
      expect(await talk(door.http, get)).toMatch(/^HTTP\/1\.1 503 [^]*Retry-After: \d+\r\n/)
      expect((await door.nth(1)).failure?.cause).toBe('no_ready_endpoints')
    })
  })

  describe('filters that fail', () => {
    test('by making a field that cannot be sent: that costs the exchange, and nothing is connected to for it', async () => {
      const origin = await startOrigin((_, response) => response.end('ok'))
      const bad = requestHeaders.spec({ fields: ['X-A', 'a\r\nX-B: b'] })
      const door = await openDoor({ endpoints: [origin.port], route: { policies: [bad] } })
      for (let time = 1; time <= 2; time++) {
        expect(await talk(door.http, get)).toMatch(/^HTTP\/1\.1 500 [^]*X-Genkan-Cause: internal\r\n/)
        await door.nth(time)
      }
      expect(origin.accepted()).toBe(0)
      expect(door.errors.splice(0)).toHaveLength(2)
    })
  })

  describe('endpoints that fail within their response', () => {
    const rows: readonly [why: string, head: string, rest: (socket: Socket) => void][] = [
      ['FIN before the length is reached', 'Content-Length: 10\r\n', (socket) => void socket.end()],
      ['FIN before the last chunk', 'Transfer-Encoding: chunked\r\n', (socket) => void socket.end()],
      ['RST', 'Content-Length: 10\r\n', (socket) => void socket.resetAndDestroy()],
      ['RST of a body without length', '', (socket) => void socket.resetAndDestroy()],
      ['a bad chunk', 'Transfer-Encoding: chunked\r\n', (socket) => void socket.write('zz\r\n')],
      ['silence', 'Content-Length: 10\r\n', () => {}],
    ]
    test.each(rows)('%s: the client can tell, and nothing is tried again', async (_, framing, rest) => {
      const origin = await startScript((socket) => {
        const body = framing.startsWith('T') ? '5\r\nhello\r\n' : 'hello'
        socket.write(`HTTP/1.1 200 OK\r\n${framing}\r\n${body}`)
        setTimeout(() => rest(socket), 20)
      })
      const door = await openDoor({
        endpoints: [origin.port, origin.port],
        route: { timeouts: { ...timeouts, readMs: 100 } },
      })
      const answer = await talk(door.http, get)
      expect(answer).toMatch(/^HTTP\/1\.1 200 OK[^]*hello/)
      expect(answer).not.toMatch(/\r\n0\r\n\r\n$/)
      expect(await door.nth(1)).toMatchObject({
        status: 200,
        attempts: 1,
        failure: { cause: expect.stringMatching(/^upstream_(truncated|timeout)$/) },
      })
    })
  })

  describe('trying again', () => {
    test('another endpoint answers when the first refuses the connection, whatever the method', async () => {
      const origin = await startOrigin((request, response) => request.pipe(response))
      const door = await openDoor({ endpoints: [await closedPort(), origin.port] })
      for (const _ of [1, 2, 3, 4]) {
        expect(
          await talk(door.http, 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello'),
        ).toMatch(/^HTTP\/1\.1 200 [^]*hello/)
      }
      expect(door.finished.map(({ attempts }) => attempts)).toEqual([2, 2, 2, 2])
      expect(door.finished.every(({ failure }) => failure === undefined)).toBe(true)
      expect(door.suspects).toEqual(door.finished.map(() => 'test/web:80'))
    })

    test('at most three endpoints are asked', async () => {
      const ports = await Promise.all([1, 2, 3, 4, 5].map(() => closedPort()))
      const door = await openDoor({ endpoints: ports })
      expect(await talk(door.http, get)).toMatch(/^HTTP\/1\.1 502 /)
      expect(await door.nth(1)).toMatchObject({ attempts: 3, failure: { cause: 'connect_failed' } })
    })

    test.each([
      ['a POST', 'POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 1\r\n\r\nx', 1],
      ['a GET', get, 2],
    ])(
      'an endpoint that took the request is replaced only for what may be done twice: %s',
      async (_, request, times) => {
        let asked = 0
        const origin = await startScript((socket) => {
          asked++
          socket.resetAndDestroy()
        })
        const other = await startScript((socket) => {
          asked++
          socket.resetAndDestroy()
        })
        const door = await openDoor({ endpoints: [origin.port, other.port] })
        expect(await talk(door.http, request)).toMatch(/^HTTP\/1\.1 502 /)
        expect(asked).toBe(times)
      },
    )

    test.each([
      ['GET', 'GET /2 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n', 200],
      ['POST', 'POST /2 HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nConnection: close\r\n\r\nx', 502],
    ])('a kept connection that dies as it is used again: %s', async (_, second, status) => {
      let posts = 0
      const origin = await startRawOrigin((socket, connection) => {
        let requests = 0
        socket.on('data', (data) => {
          if (/POST/.test(data.toString())) posts++
          requests++
          if (connection === 1 && requests === 2) socket.resetAndDestroy()
          else socket.write(ok)
        })
      })
      const door = await openDoor({ endpoints: [origin.port] })
      expect(await talk(door.http, get)).toMatch(/^HTTP\/1\.1 200 /)
      expect(await talk(door.http, second)).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `))
      expect(posts).toBe(second.startsWith('POST') ? 1 : 0)
      expect((await door.nth(2)).attempts).toBe(status === 200 ? 2 : 1)
    })

    test('all connections of the endpoints busy: a short wait, then 503', async () => {
      const open: ServerResponse[] = []
      const one = await startOrigin((_request, response) => void open.push(response))
      const two = await startOrigin((_request, response) => void open.push(response))
      const door = await openDoor({
        endpoints: [one.port, two.port],
        limits: { connectionsPerEndpoint: 1, pendingTimeoutMs: 20 },
      })
      const clients = await Promise.all([1, 2].map(() => connectRaw(door.http)))
      for (const client of clients) client.write(get)
      await until(() => open.length === 2)
      expect(await talk(door.http, get)).toMatch(/^HTTP\/1\.1 503 /)
      expect(await door.nth(1)).toMatchObject({ attempts: 0, failure: { cause: 'overloaded' } })
      for (const response of open) response.end('ok')
      for (const client of clients) expect(await client.end()).toContain('ok')
    })
  })

  describe('clients that go away', () => {
    test.each([
      ['RST', (socket: Socket) => void socket.resetAndDestroy()],
      ['FIN', (socket: Socket) => void socket.end()],
    ])("with %s while waiting: the endpoint is let off, and 499 is nobody's answer", async (_, leave) => {
      const origin = await startOrigin(() => {})
      const door = await openDoor({ endpoints: [origin.port] })
      const client = await connectRaw(door.http)
      client.write('GET /a HTTP/1.1\r\nHost: a.test\r\n\r\n')
      await until(() => origin.requests.length === 1)
      leave(client.socket)
      expect(await door.nth(1)).toMatchObject({ status: 0, failure: { cause: 'client_abort' } })
      await until(() => origin.connections.size === 0)
    })

    test('within their upload: the endpoint never sees its end', async () => {
      const outcome: string[] = []
      const origin = await startOrigin((request) =>
        request
          .resume()
          .on('end', () => outcome.push('end'))
          .on('close', () => outcome.push(request.complete ? 'complete' : 'broken')),
      )
      const door = await openDoor({ endpoints: [origin.port] })
      for (const framing of ['Content-Length: 10\r\n\r\nhello', 'Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n']) {
        const client = await connectRaw(door.http)
        const before = origin.requests.length
        client.write(`POST /a HTTP/1.1\r\nHost: a.test\r\n${framing}`)
        await until(() => origin.requests.length > before)
        client.socket.end()
        await until(() => outcome.length > before)
      }
      expect(outcome).toEqual(['broken', 'broken'])
      expect((await door.nth(2)).failure?.cause).toBe('client_abort')
    })

    test('that stop sending their body get 408', async () => {
      const origin = await startOrigin((request) => request.resume())
      const door = await openDoor({ endpoints: [origin.port], limits: { bodyIdleTimeoutMs: 60 } })
      expect(await talk(door.http, 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhello')).toMatch(
        /^HTTP\/1\.1 408 /,
      )
      expect((await door.nth(1)).failure?.cause).toBe('body_timeout')
      await until(() => origin.connections.size === 0)
    })

    test('that stop reading are cut after a while, and the endpoint is let off', async () => {
      const chunk = Buffer.alloc(1 << 20)
      const origin = await startOrigin((_request, response) => {
        const more = (): void => {
          while (response.write(chunk));
        }
        response.on('drain', more)
        more()
      })
      const door = await openDoor({ endpoints: [origin.port], limits: { writeIdleTimeoutMs: 100 } })
      const client = await connectRaw(door.http)
      client.socket.pause()
      client.write(get)
      const exchange = await door.nth(1)
      expect(exchange.failure).toEqual({ cause: 'client_abort', detail: 'client stopped reading the response' })
      // Backpressure reached the endpoint: far less was taken from it than it had to give.
      expect(exchange.responseBytes).toBeLessThan(64 << 20)
      await until(() => origin.connections.size === 0)
    })

    test('that idle between requests are closed', async () => {
      const origin = await startOrigin((_request, response) => response.end('ok'))
      const door = await openDoor({ endpoints: [origin.port], limits: { idleTimeoutMs: 50 } })
      expect(await talk(door.http, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n')).toMatch(/^HTTP\/1\.1 200 /)
      expect(door.finished).toHaveLength(1)
    })
  })

  describe('large bodies under backpressure', () => {
    test("a slow endpoint slows the client's upload down", async () => {
      let request: IncomingMessage | undefined
      const origin = await startOrigin((incoming, response) => {
        request = incoming
        incoming.on('end', () => response.end('got it'))
      })
      const door = await openDoor({ endpoints: [origin.port] })
      const client = await connectRaw(door.http)
      const total = 64 << 20
      client.write(`POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: ${total}\r\n\r\n`)
      const sent = client.socket.write(Buffer.alloc(total))
      expect(sent).toBe(false)
      await until(() => request !== undefined)
      // Nothing reads at the far end; what lies on the way is bounded by the buffers of two sockets and the kernel.
      await pause(150)
      expect(client.socket.writableLength).toBe(total)
      request!.resume()
      expect(await client.end()).toMatch(/^HTTP\/1\.1 200 [^]*got it/)
      expect((await door.nth(1)).requestBytes).toBe(total)
    })

    test('an answer before the end of the upload reaches the client, and the upload is let go', async () => {
      const origin = await startScript((socket) => {
        socket.write('HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno')
      })
      const door = await openDoor({ endpoints: [origin.port] })
      const client = await connectRaw(door.http)
      client.write(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 50000000\r\n\r\n`)
      client.socket.write(Buffer.alloc(2 << 20))
      expect(await client.end()).toMatch(/^HTTP\/1\.1 403 Forbidden\r\n[^]*Connection: close\r\n[^]*no$/)
      expect(await door.nth(1)).toMatchObject({ status: 403, failure: undefined })
      await until(() => origin.connections.size === 0)
    })
  })

  describe('bytes an endpoint sends without being asked', () => {
    test.each([
      [
        'behind a response',
        (socket: Socket) => void socket.write(`${ok}HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison`),
      ],
      [
        'on an idle connection',
        (socket: Socket) => {
          socket.write(ok)
          setTimeout(() => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison'), 20)
        },
      ],
    ])('%s never answer the next request', async (_, first) => {
      const origin = await startScript((socket, number) => {
        if (number === 1) first(socket)
        else socket.write(ok)
      })
      const door = await openDoor({ endpoints: [origin.port] })
      expect(await talk(door.http, get)).toMatch(/ok$/)
      await until(() => origin.connections.size === 0)
      expect(await talk(door.http, get)).toMatch(/ok$/)
      expect(origin.accepted()).toBe(2)
    })
  })
})

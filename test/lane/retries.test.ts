import type { ServerResponse } from 'node:http'
import { describe, expect, test } from 'vitest'
import type { RetryReason, RetrySpec } from '#snapshot/snapshot.ts'
import { endpointOf, openDoor, setOf, timeouts, upstreamOf } from '../support/door.ts'
import { answerOf, connectH2 } from '../support/h2-client.ts'
import { closedPort, startOrigin, startScript } from '../support/origin.ts'
import { describeLanes, leftToGeneral } from '../support/lanes.ts'
import { connectRaw, talk } from '../support/raw-client.ts'
import { until } from '../support/until.ts'

const get = 'GET /a HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n'
const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'

function retry(
  on: readonly RetryReason[],
  change: Partial<RetrySpec> = {},
): { readonly route: { readonly retry: RetrySpec } } {
  return { route: { retry: { on, tries: 3, withinMs: 0, ...change } } }
}

function send(method: string, body: string): string {
  return `${method} /a HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\nContent-Length: ${body.length}\r\n\r\n${body}`
}

/** Two endpoints: the first answers with this status, the second with 200 and the body it got. */
async function sickAndWell(status: number): Promise<{ ports: number[]; asked: string[] }> {
  const asked: string[] = []
  const collect = (name: string, code: number) =>
    startOrigin((request, response) => {
      let body = ''
      request.on('data', (chunk: Buffer) => (body += chunk.toString('latin1')))
      request.on('end', () => {
        asked.push(`${name} ${body.length}`)
        response.writeHead(code, { 'x-from': name })
        response.end(`${name} got ${body.slice(0, 20)}`)
      })
    })
  return { ports: [(await collect('sick', status)).port, (await collect('well', 200)).port], asked }
}

describeLanes(() => {
  describe('answers that are a reason to ask another endpoint', () => {
    test.each([[502], [503], [504], [500], [403], [404], [429]])('%i, when the route says so', async (status) => {
      const { ports } = await sickAndWell(status)
      // A reason for each status of the list.
      const door = await openDoor({ endpoints: ports, ...retry([`http_${status}` as RetryReason]) })
      const answer = await talk(door.http, get)
      expect(answer).toMatch(/^HTTP\/1\.1 200 [^]*well got/)
      expect(answer).not.toContain('sick')
      expect(await door.nth(1)).toMatchObject({ status: 200, attempts: 2, retried: [`http_${status}`] })
    })

    test('not by default', async () => {
      const { ports } = await sickAndWell(503)
      const door = await openDoor({ endpoints: ports })
      expect(await talk(door.http, get)).toMatch(/^HTTP\/1\.1 503 [^]*sick got/)
    })

    test('when everybody is sick the last answer is passed on', async () => {
      const [one, two] = [
        await startOrigin((_, response) => void response.writeHead(503).end('one')),
        await startOrigin((_, response) => void response.writeHead(503).end('two')),
      ]
      const door = await openDoor({ endpoints: [one.port, two.port], ...retry(['http_503']) })
      expect(await talk(door.http, get)).toMatch(/^HTTP\/1\.1 503 [^]*two\r\n/)
      expect(await door.nth(1)).toMatchObject({ attempts: 2, failure: undefined })
    })

    test('a POST without a body is no less of a POST', async () => {
      const { ports, asked } = await sickAndWell(503)
      const door = await openDoor({ endpoints: ports, ...retry(['http_503']) })
      expect(await talk(door.http, send('POST', ''))).toMatch(/^HTTP\/1\.1 503 /)
      expect(asked).toEqual(['sick 0'])
    })

    test('a POST only where the route allows to do things twice, and then with its body', async () => {
      const { ports, asked } = await sickAndWell(503)
      const careful = await openDoor({ endpoints: ports, ...retry(['http_503']) })
      expect(await talk(careful.http, send('POST', 'hello'))).toMatch(/^HTTP\/1\.1 503 /)
      const bold = await openDoor({ endpoints: ports, ...retry(['http_503', 'non_idempotent']) })
      expect(await talk(bold.http, send('POST', 'hello'))).toMatch(/^HTTP\/1\.1 200 [^]*well got hello\r\n/)
      expect(asked).toEqual(['sick 5', 'sick 5', 'well 5'])
    })
  })

  describe('request bodies', () => {
    test('a small one of an idempotent request is sent again from its start', async () => {
      const { ports, asked } = await sickAndWell(503)
      const door = await openDoor({ endpoints: ports, ...retry(['http_503']) })
      const body = 'x'.repeat(60_000)
      expect(await talk(door.http, send('PUT', body))).toMatch(/^HTTP\/1\.1 200 /)
      expect(asked).toEqual(['sick 60000', 'well 60000'])
      expect((await door.nth(1)).requestBytes).toBe(60_000)
    })

    test('a chunked one too, and while it is still arriving', async () => {
      const refusing = await startScript((socket) => socket.resetAndDestroy())
      let received = ''
      const well = await startOrigin((request, response) => {
        request.on('data', (chunk: Buffer) => (received += chunk.toString('latin1')))
        request.on('end', () => response.end('done'))
      })
      const door = await openDoor({ endpoints: [refusing.port, well.port] })
      const client = await connectRaw(door.http)
      client.write(
        'PUT / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n',
      )
      await until(() => received === 'one')
      client.write('3\r\ntwo\r\n0\r\n\r\n')
      expect(await client.end()).toMatch(/^HTTP\/1\.1 200 [^]*done/)
      expect(received).toBe('onetwo')
    })

    test('one that is larger than what is kept is never sent twice', async () => {
      const { ports, asked } = await sickAndWell(503)
      const door = await openDoor({ endpoints: ports, limits: { replayBytes: 1_000 }, ...retry(['http_503']) })
      expect(await talk(door.http, send('PUT', 'x'.repeat(1_001)))).toMatch(/^HTTP\/1\.1 503 /)
      expect(asked).toEqual(['sick 1001'])
    })

    test('the limit on a body counts it once', async () => {
      const { ports } = await sickAndWell(503)
      const { route } = retry(['http_503'])
      const door = await openDoor({ endpoints: ports, route: { ...route, maxBodyBytes: 1_000 } })
      const chunked = 'PUT / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n258\r\n'
      expect(await talk(door.http, `${chunked}${'x'.repeat(600)}\r\n0\r\n\r\n`)).toMatch(/^HTTP\/1\.1 200 /)
    })

    test('over HTTP/2 as well', async () => {
      const { ports, asked } = await sickAndWell(503)
      const door = await openDoor({ endpoints: ports, ...retry(['http_503']) })
      const stream = (await connectH2(door.https)).request({ ':authority': 'a.test', ':method': 'PUT', ':path': '/' })
      const answer = answerOf(stream)
      stream.write('one')
      stream.end('two')
      expect(await answer).toMatchObject({ status: 200, body: 'well got onetwo' })
      expect(asked).toEqual(['sick 6', 'well 6'])
    })
  })

  describe('bounds on trying again', () => {
    test('tries', async () => {
      const ports = [await closedPort(), await closedPort(), await closedPort(), await closedPort()]
      for (const [tries, attempts] of [
        [1, 1],
        [2, 2],
        [0, 4],
      ] as const) {
        const door = await openDoor({ endpoints: ports, ...retry(['error'], { tries }) })
        expect(await talk(door.http, get)).toMatch(/^HTTP\/1\.1 502 /)
        expect((await door.nth(1)).attempts).toBe(attempts)
      }
    })

    test('time', async () => {
      const slow = await startOrigin(() => {})
      const other = await startOrigin((_, response) => response.end('late'))
      const route = {
        timeouts: { ...timeouts, readMs: 60 },
        retry: { on: ['timeout'], tries: 3, withinMs: 40 },
      } as const
      const door = await openDoor({ endpoints: [slow.port, other.port], route })
      expect(await talk(door.http, get)).toMatch(/^HTTP\/1\.1 504 /)
      expect(other.requests.length).toBe(0)
    })

    test('off', async () => {
      const well = await startOrigin((_, response) => response.end('ok'))
      const door = await openDoor({ endpoints: [await closedPort(), well.port], ...retry([]) })
      expect(await talk(door.http, get)).toMatch(/^HTTP\/1\.1 502 /)
    })

    test('the budget: when all endpoints are sick they are not asked three times as much', async () => {
      let asked = 0
      const sick = (): ReturnType<typeof startOrigin> =>
        startOrigin((_, response) => {
          asked++
          response.writeHead(503).end()
        })
      const ports = [(await sick()).port, (await sick()).port, (await sick()).port]
      const door = await openDoor({ endpoints: ports, ...retry(['http_503']) })
      const client = await connectRaw(door.http)
      const total = 200
      for (let at = 0; at < total; at++) client.write('GET / HTTP/1.1\r\nHost: a.test\r\n\r\n')
      await until(() => door.finished.length === total)
      // A fifth, the burst of ten, and five for each second that it took.
      expect(asked).toBeLessThanOrEqual(total * 1.2 + 20)
      expect(door.finished.filter(({ overBudget }) => overBudget).length).toBeGreaterThan(100)
    })

    test('a client that hangs up while an attempt waits is not sent elsewhere', async () => {
      const slow = await startOrigin(() => {})
      const other = await startOrigin((_, response) => response.end('ok'))
      const door = await openDoor({ endpoints: [slow.port, other.port] })
      const client = await connectRaw(door.http)
      client.write(get)
      await until(() => slow.requests.length === 1)
      client.socket.resetAndDestroy()
      expect(await door.nth(1)).toMatchObject({ attempts: 1, failure: { cause: 'client_abort' } })
      expect(other.requests.length).toBe(0)
    })
  })

  describe('deadlines', () => {
    test('a request that takes too long in all is answered with 504', async () => {
      const origin = await startOrigin(() => {})
      const door = await openDoor({ endpoints: [origin.port], route: { timeouts: { ...timeouts, requestMs: 60 } } })
      expect(await talk(door.http, get)).toMatch(/^HTTP\/1\.1 504 [^]*X-Genkan-Cause: request_timeout/)
      await until(() => origin.connections.size === 0)
    })

    test('an answer that has begun is cut then', async () => {
      const origin = await startOrigin((_, response) => {
        response.write('some')
        const timer = setInterval(() => response.write('more'), 10)
        response.on('close', () => clearInterval(timer))
      })
      const door = await openDoor({ endpoints: [origin.port], route: { timeouts: { ...timeouts, requestMs: 100 } } })
      const answer = await talk(door.http, get)
      expect(answer).toMatch(/^HTTP\/1\.1 200 [^]*some/)
      expect(answer).not.toMatch(/\r\n0\r\n\r\n$/)
      expect(await door.nth(1)).toMatchObject({ status: 200, failure: { cause: 'request_timeout' } })
    })

    test('a stream that goes quiet is cut; one that does not lives on', async () => {
      let chatter = 0
      const origin = await startOrigin((request, response) => {
        response.write('hello')
        if (request.url === '/quiet') return
        const timer = setInterval(() => {
          response.write('.')
          if (++chatter === 20) {
            clearInterval(timer)
            response.end('end')
          }
        }, 10)
      })
      // The pause between two reads may be longer once a stream has an idle bound of its own.
      const door = await openDoor({
        endpoints: [origin.port],
        route: { timeouts: { connectMs: 1_000, sendMs: 5_000, readMs: 50, streamIdleMs: 120 } },
      })
      expect(await talk(door.http, get)).toMatch(/end\r\n0\r\n\r\n$/)
      expect(await talk(door.http, get.replace('/a', '/quiet'))).toMatch(/hello\r\n$/)
      expect(await door.nth(2)).toMatchObject({ failure: { cause: 'stream_idle' } })
    })
  })

  describe('endpoints that are full', () => {
    test('requests wait in a short line and go as soon as there is room', async () => {
      const open: ServerResponse[] = []
      const origin = await startOrigin((_, response) => void open.push(response))
      const door = await openDoor({
        endpoints: [origin.port],
        upstream: { bounds: { connections: 1, pending: 2, pendingMs: 5_000 } },
      })
      const clients = await Promise.all([1, 2, 3, 4].map(() => connectRaw(door.http)))
      clients[0]!.write(get)
      await until(() => open.length === 1)
      for (const client of clients.slice(1)) {
        client.write(get)
        await until(() => door.inFlight() + door.finished.length === clients.indexOf(client) + 1)
      }
      expect(await clients[3]!.end()).toMatch(/^HTTP\/1\.1 503 [^]*Retry-After: 5\r\n[^]*X-Genkan-Cause: overloaded/)
      open[0]!.end('1')
      await until(() => open.length === 2)
      open[1]!.end('2')
      await until(() => open.length === 3)
      open[2]!.end('3')
      expect(
        (await Promise.all(clients.slice(0, 3).map((client) => client.end()))).map((answer) => answer.at(-1)),
      ).toEqual(['1', '2', '3'])
      expect(origin.accepted()).toBe(1)
    })

    test('one that leaves the line is forgotten, and a new endpoint is for those who wait', async () => {
      const open: ServerResponse[] = []
      const origin = await startOrigin((_, response) => void open.push(response))
      const second = await startOrigin((_, response) => response.end('second'))
      const door = await openDoor({
        endpoints: [origin.port],
        upstream: { bounds: { connections: 1, pendingMs: 5_000 } },
      })
      const [busy, impatient, patient] = await Promise.all([1, 2, 3].map(() => connectRaw(door.http)))
      busy!.write(get)
      await until(() => open.length === 1)
      impatient!.write(get)
      patient!.write(get)
      await until(() => door.inFlight() === 3)
      impatient!.socket.resetAndDestroy()
      expect(await door.nth(1)).toMatchObject({ attempts: 0, failure: { cause: 'client_abort' } })
      door.apply({ endpoints: [origin.port, second.port] })
      expect(await patient!.end()).toMatch(/second$/)
      expect(open.length).toBe(1)
      open[0]!.end('ok')
      await busy!.end()
    })
  })

  test('idle connections to an endpoint on its way out are closed at once, busy ones when they are done', async () => {
    const open: ServerResponse[] = []
    const origin = await startOrigin((request, response) => {
      if (request.url === '/busy') open.push(response)
      else response.end('ok')
    })
    const door = await openDoor({ endpoints: [origin.port] })
    const busy = await connectRaw(door.http)
    busy.write(get.replace('/a', '/busy'))
    await until(() => open.length === 1)
    await talk(door.http, get)
    expect(origin.connections.size).toBe(2)
    door.frontDoor.endpoints([
      setOf([], {
        state: 'live',
        endpoints: [endpointOf({ port: origin.port, ready: false, serving: true, terminating: true })],
      }),
    ])
    await until(() => origin.connections.size === 1)
    expect(await talk(door.http, get)).toMatch(/^HTTP\/1\.1 503 [^]*no_ready_endpoints/)
    open[0]!.end('done')
    expect(await busy.end()).toMatch(/done/)
    await until(() => origin.connections.size === 0)
  })

  test('an answer that nobody wants is dropped while its successor waits for a free endpoint', async () => {
    leftToGeneral('errors')
    const open: ServerResponse[] = []
    const sick = await startOrigin(
      (_, response) => void response.writeHead(503, { 'content-length': 200_000 }).end('x'.repeat(200_000)),
    )
    const pages = await startOrigin((_, response) => void open.push(response))
    const errors = {
      upstream: 'test/pages:80',
      statuses: [503],
      passEndpoints: false,
      whenEmpty: false,
      namespace: 'test',
      ingress: 'all',
      service: 'web',
      port: '80',
    }
    const upstreams = [
      upstreamOf({}),
      upstreamOf({ id: 'test/pages:80', bounds: { connections: 1, pendingMs: 5_000 } }),
    ]
    const door = await openDoor({ endpoints: [sick.port], route: { errors }, snapshot: { upstreams } })
    door.frontDoor.endpoints([{ ...setOf([pages.port]), upstream: 'test/pages:80' }])
    const [first, second] = [await connectRaw(door.http), await connectRaw(door.http)]
    first.write(get)
    await until(() => open.length === 1)
    second.write(get)
    await until(() => sick.requests.length === 2 && sick.connections.size === 0)
    open[0]!.writeHead(503).end('sorry 1')
    await until(() => open.length === 2)
    open[1]!.writeHead(503).end('sorry 2')
    expect(await first.end()).toMatch(/^HTTP\/1\.1 503 [^x]*\r\n\r\n[^x]*sorry 1/)
    expect(await second.end()).toMatch(/sorry 2/)
    expect(second.received).not.toContain('xxx')
  })

  test('a socket that answers nothing but is alive takes only its own requests down', async () => {
    const hanging = await startScript(() => {})
    const fine = await startScript((socket) => void socket.write(ok))
    const door = await openDoor({
      endpoints: [hanging.port, fine.port],
      route: { timeouts: { ...timeouts, readMs: 50 }, retry: { on: [], tries: 1, withinMs: 0 } },
    })
    const statuses = []
    for (let at = 0; at < 6; at++) statuses.push((await talk(door.http, get)).slice(9, 12))
    expect(statuses.toSorted()).toEqual(['200', '200', '200', '504', '504', '504'])
  })
})

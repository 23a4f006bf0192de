import { describe, expect, test } from 'vitest'
import { openDoor } from '../support/door.ts'
import { startOrigin, startScript } from '../support/origin.ts'
import { connectRaw, talk } from '../support/raw-client.ts'
import { until } from '../support/until.ts'
import { describeLanes, leftToGeneral } from '../support/lanes.ts'

const get = 'GET /a HTTP/1.1\r\nHost: a.test\r\n'
const close = 'Connection: close\r\n\r\n'

const echo = (): ReturnType<typeof startOrigin> => startOrigin((request, response) => request.pipe(response))

describeLanes((lane) => {
  describe('a plain request', () => {
    test('reaches the endpoint and its answer the client', async () => {
      const origin = await startOrigin((request, response) => {
        response.writeHead(201, 'Made', [
          'X-Seen',
          `${request.method} ${request.url}`,
          'Set-Cookie',
          'a=1',
          'Set-Cookie',
          'b=2',
        ])
        response.end('hello')
      })
      const door = await openDoor({ endpoints: [origin.port] })
      const answer = await talk(door.http, `GET /x/../a?q=%20 HTTP/1.1\r\nHost: a.test\r\n${close}`)
      expect(answer).toMatch(/^HTTP\/1\.1 201 Made\r\n/)
      expect(answer).toContain('X-Seen: GET /a?q=%20\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n')
      expect(answer).toMatch(/\r\n\r\n5\r\nhello\r\n0\r\n\r\n$/)
    })

    test('for another host than the one before has the fields of its own', async () => {
      const origin = await startOrigin((request, response) => {
        const { headers, url } = request
        const told = ['host', 'x-forwarded-host', 'x-request-id', 'forwarded'].map((name) => headers[name])
        response.end([url, ...told].join(' '))
      })
      const door = await openDoor({ endpoints: [origin.port], init: { forwardedField: true } })
      const client = await connectRaw(door.http)
      const hosts = ['a.test', 'B.test:81', 'b.test', 'a.test', 'a.test.', 'a.test', 'c.test']
      for (const [index, host] of hosts.entries()) {
        client.write(`GET /${index} HTTP/1.1\r\nHost: ${host}\r\nX-Same: 1\r\n\r\n`)
        const quoted = host.includes(':') ? `"${host}"` : host
        await client.until(new RegExp(`/${index} ${host} ${host} [0-9a-f]{32} for=127.0.0.1;host=${quoted};proto=http`))
        expect((await door.nth(index + 1)).host).toBe(host.toLowerCase().replace(/:\d+$|\.$/, ''))
      }
      const ids = door.finished.map(({ requestId }) => requestId)
      expect(new Set(ids).size).toBe(hosts.length)
    })

    test('cannot write a field by the name of its host', async () => {
      const origin = await startOrigin((request, response) =>
        response.end(`${request.url} ${request.rawHeaders.join(' ')}`),
      )
      const door = await openDoor({ endpoints: [origin.port] })
      const client = await connectRaw(door.http)
      // Once the name of a field that is written anew for another host, then one that would frame the message.
      for (const [index, host] of ['X-Forwarded-Host', 'Content-Length', 'Transfer-Encoding'].entries()) {
        client.write(`GET /${index} HTTP/1.1\r\nHost: ${host}\r\n\r\n`)
        const sent = `X-Forwarded-Host ${host} X-Forwarded-Port ${door.http} X-Forwarded-Scheme http`
        await client.until(new RegExp(`/${index} Host ${host} .*${sent} `))
      }
    })

    test('is told to the observer with everything the access log needs', async () => {
      const origin = await startOrigin((request, response) => request.resume().on('end', () => response.end('hello')))
      const door = await openDoor({ endpoints: [origin.port] })
      await talk(
        door.http,
        `POST /a?b HTTP/1.1\r\nHost: A.test:80\r\nX-Request-ID: id-1\r\nContent-Length: 3\r\n${close}abc`,
      )
      const exchange = await door.nth(1)
      expect(exchange).toMatchObject({
        host: 'a.test',
        path: '/a',
        query: '?b',
        requestId: 'id-1',
        attempts: 1,
        status: 200,
        upstreamStatus: 200,
        requestBytes: 3,
        responseBytes: 5,
        failure: undefined,
        finished: true,
        lane,
        client: { address: '127.0.0.1', scheme: 'http', port: door.http },
        connection: { tls: undefined },
      })
      expect(exchange.route?.spec.id).toBe('test/all')
      expect(exchange.upstream?.id).toBe('test/web:80')
      expect(exchange.endpoint?.id).toBe(`127.0.0.1:${origin.port}`)
      expect(exchange.endpoint?.inFlight).toBe(0)
      expect(exchange.durationMs).toBeGreaterThan(0)
    })

    test('keeps bytes above 0x7F in fields as they are, both ways', async () => {
      const origin = await startScript((socket, _, head) => {
        socket.write(
          Buffer.from(
            `HTTP/1.1 200 OK\r\nX-Echo: ${/x-in: (.*)\r/i.exec(head)![1]}\r\nContent-Length: 0\r\n\r\n`,
            'latin1',
          ),
        )
      })
      const door = await openDoor({ endpoints: [origin.port] })
      expect(await talk(door.http, `${get}X-In: caf\xe9\xff\r\n${close}`)).toContain('X-Echo: caf\xe9\xff\r\n')
    })
  })

  describe('framing of the response', () => {
    const rows: readonly [why: string, request: string, response: string, expected: RegExp][] = [
      [
        'HEAD keeps the length and has no body',
        'HEAD / HTTP/1.1\r\nHost: a\r\n\r\n',
        'HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n',
        /Content-Length: 99\r\n[^]*\r\n\r\n$/,
      ],
      [
        '204 has neither length nor body',
        `GET / HTTP/1.1\r\nHost: a\r\n\r\n`,
        'HTTP/1.1 204 No Content\r\n\r\n',
        /^HTTP\/1\.1 204 No Content\r\n(?:(?!Content-Length|Transfer-Encoding)[^\r]+\r\n)*\r\n$/,
      ],
      [
        '304 keeps its length and has no body',
        `GET / HTTP/1.1\r\nHost: a\r\n\r\n`,
        'HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n',
        /Content-Length: 9\r\n[^]*\r\n\r\n$/,
      ],
      [
        'a 1.0 client gets a body that ends with the connection',
        `GET / HTTP/1.0\r\n\r\n`,
        'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n',
        /^HTTP\/1\.1 200 OK\r\n(?:(?!Transfer-Encoding)[^\r]+\r\n)*\r\nok$/,
      ],
      [
        "a body that ends with the endpoint's connection becomes chunked",
        `GET / HTTP/1.1\r\nHost: a\r\n\r\n`,
        'HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nok',
        /Transfer-Encoding: chunked\r\n(?:[^]*\r\n)?\r\n2\r\nok\r\n0\r\n\r\n$/,
      ],
    ]
    test.each(rows)('%s', async (_, request, response, expected) => {
      if (request.includes('HTTP/1.0')) leftToGeneral('version')
      const origin = await startScript((socket) => {
        socket.write(response)
        if (response.includes('close')) socket.end()
      })
      const door = await openDoor({ endpoints: [origin.port] })
      const client = await connectRaw(door.http)
      client.write(request)
      expect(await client.until(expected)).toMatch(expected)
    })

    test('trailers pass behind a chunked body, forbidden ones do not', async () => {
      const origin = await startScript((socket) => {
        socket.write(
          'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n2\r\nok\r\n0\r\nX-Sum: 7\r\nSet-Cookie: a=b\r\n\r\n',
        )
      })
      const door = await openDoor({ endpoints: [origin.port] })
      const answer = await talk(door.http, get + close)
      expect(answer).toMatch(/2\r\nok\r\n0\r\nX-Sum: 7\r\n\r\n$/)
    })
  })

  describe('interim responses', () => {
    test('103 passes before the final response', async () => {
      const origin = await startScript((socket) => {
        socket.write(
          'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\nConnection: X-Hop\r\nX-Hop: 1\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok',
        )
      })
      const door = await openDoor({ endpoints: [origin.port] })
      expect(await talk(door.http, get + close)).toMatch(
        /^HTTP\/1\.1 103 Early Hints\r\nLink: <\/a>\r\n\r\nHTTP\/1\.1 200 OK\r\n/,
      )
    })

    test('103 is kept from a 1.0 client', async () => {
      leftToGeneral('version')
      const origin = await startScript((socket) => {
        socket.write('HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')
      })
      const door = await openDoor({ endpoints: [origin.port] })
      expect(await talk(door.http, 'GET / HTTP/1.0\r\n\r\n')).toMatch(/^HTTP\/1\.1 200 OK/)
    })

    test('a flood of them is a failure of the endpoint', async () => {
      const origin = await startScript((socket) => {
        socket.write('HTTP/1.1 102 Processing\r\n\r\n'.repeat(100))
      })
      const door = await openDoor({ endpoints: [origin.port], limits: { interimResponses: 5 } })
      const answer = await talk(door.http, get + close)
      expect(answer.match(/HTTP\/1\.1 102/g)).toHaveLength(5)
      expect(answer).toMatch(/HTTP\/1\.1 502 Bad Gateway\r\n/)
      expect((await door.nth(1)).failure?.cause).toBe('upstream_protocol')
    })
  })

  describe('Expect: 100-continue', () => {
    leftToGeneral('expect')

    const ask =
      'PUT /a HTTP/1.1\r\nHost: a.test\r\nContent-Length: 5\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n'

    test('is answered when the request is about to be sent, and never passed on', async () => {
      const origin = await startOrigin((request, response) => request.resume().on('end', () => response.end('done')))
      const door = await openDoor({ endpoints: [origin.port] })
      const client = await connectRaw(door.http)
      client.write(ask)
      await client.until(/^HTTP\/1\.1 100 Continue\r\n\r\n$/)
      client.write('hello')
      expect(await client.end()).toMatch(/^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 OK[^]*done/)
      expect(origin.requests[0]!.headers.expect).toBeUndefined()
    })

    test.each([
      ['a route that does not exist', { snapshot: { routes: [] } }, 404],
      ['no endpoint', {}, 503],
      ['a body that is too large', { route: { maxBodyBytes: 4 } }, 413],
    ] as const)('is answered by the refusal alone for %s', async (_, options, status) => {
      const door = await openDoor(options)
      expect(await talk(door.http, ask)).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `))
    })
  })

  describe('request bodies', () => {
    test.each([
      ['of a length', 'Content-Length: 5\r\n', 'hello'],
      [
        'in chunks, with trailers that are dropped',
        'Transfer-Encoding: chunked\r\n',
        '2;ext=1\r\nhe\r\n3\r\nllo\r\n0\r\nX-T: 1\r\n\r\n',
      ],
    ])('%s arrive whole', async (_, framing, body) => {
      const origin = await echo()
      const door = await openDoor({ endpoints: [origin.port] })
      expect(await talk(door.http, `POST /a HTTP/1.1\r\nHost: a.test\r\n${framing}${close}${body}`)).toContain(
        '\r\n5\r\nhello\r\n',
      )
      expect(origin.requests[0]!.rawTrailers).toEqual([])
    })

    test.each(['POST', 'PUT', 'PATCH', 'DELETE'])('%s of length 0 says so to the endpoint', async (method) => {
      const origin = await startOrigin((request, response) =>
        response.end(`length ${request.headers['content-length']}`),
      )
      const door = await openDoor({ endpoints: [origin.port] })
      expect(await talk(door.http, `${method} / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n${close}`)).toContain(
        'length 0',
      )
    })

    test('too large by Content-Length are refused before an endpoint hears of them', async () => {
      const origin = await echo()
      const door = await openDoor({ endpoints: [origin.port], route: { maxBodyBytes: 4 } })
      expect(await talk(door.http, `POST /a HTTP/1.1\r\nHost: a.test\r\nContent-Length: 5\r\n\r\nhello`)).toMatch(
        /^HTTP\/1\.1 413 /,
      )
      expect(origin.requests).toHaveLength(0)
      expect((await door.nth(1)).failure?.cause).toBe('body_too_large')
    })

    test('too large in chunks are cut at the limit and never completed', async () => {
      let ended = false
      const origin = await startOrigin((request) => request.resume().on('end', () => (ended = true)))
      const door = await openDoor({ endpoints: [origin.port], route: { maxBodyBytes: 4 } })
      const client = await connectRaw(door.http)
      client.write(`POST /a HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n`)
      client.write('3\r\ndef\r\n0\r\n\r\n')
      expect(await client.end()).toMatch(/^HTTP\/1\.1 413 /)
      expect(ended).toBe(false)
      expect(await door.nth(1)).toMatchObject({ status: 413, failure: { cause: 'body_too_large' } })
    })

    test('refused ones may still be sent to their end: no reset destroys the answer on its way', async () => {
      const door = await openDoor({ route: { maxBodyBytes: 4 }, limits: { lingerMs: 5_000 } })
      const client = await connectRaw(door.http)
      const faults: string[] = []
      client.socket.on('error', (error) => faults.push(error.message))
      client.write('POST /a HTTP/1.1\r\nHost: a.test\r\nContent-Length: 1000000\r\n\r\n')
      expect(await client.end()).toMatch(/^HTTP\/1\.1 413 /)
      client.socket.end(Buffer.alloc(1_000_000))
      await until(() => client.closed)
      expect(faults).toEqual([])
    })

    test('exactly at the limit pass', async () => {
      const origin = await echo()
      const door = await openDoor({ endpoints: [origin.port], route: { maxBodyBytes: 5 } })
      expect(
        await talk(
          door.http,
          `POST /a HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n${close}5\r\nhello\r\n0\r\n\r\n`,
        ),
      ).toContain('hello')
    })
  })

  describe('several requests on a connection', () => {
    test('are answered in order though the first takes longer', async () => {
      const order: string[] = []
      const origin = await startOrigin((request, response) => {
        order.push(request.url!)
        if (request.url === '/1') setTimeout(() => response.end('one'), 30)
        else response.end(request.url)
      })
      const door = await openDoor({ endpoints: [origin.port] })
      const client = await connectRaw(door.http)
      client.write(['/1', '/2', '/3'].map((path) => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`).join(''))
      expect(await client.until(/one[^]*\/2[^]*\/3/)).toBeDefined()
      expect(order).toEqual(['/1', '/2', '/3'])
    })

    test('thousands at once are served one by one', async () => {
      let together = 0
      let most = 0
      const origin = await startOrigin((_request, response) => {
        most = Math.max(most, ++together)
        setImmediate(() => {
          together--
          response.end()
        })
      })
      const door = await openDoor({ endpoints: [origin.port] })
      const client = await connectRaw(door.http)
      client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(999) + get + close)
      expect((await client.end()).match(/HTTP\/1\.1 200/g)).toHaveLength(1000)
      expect(most).toBe(1)
    })

    test('may have heads of any length in any order, and each says for itself whether it is the last', async () => {
      const origin = await startOrigin((request, response) => response.end(`<${request.headers['x-a']?.length}>`))
      const door = await openDoor({ endpoints: [origin.port] })
      const lengths = [10, 12_000, 12_000, 10, 12_000]
      const heads = lengths.map((length) => `${get}X-A: ${'a'.repeat(length)}\r\n`)
      const answer = await talk(door.http, `${heads.join('\r\n')}${close}${get}${close}`)
      expect([...answer.matchAll(/<(\d+)>/g)].map(([, length]) => Number(length))).toEqual(lengths)
    })

    test('end when the client or the bound on requests says so', async () => {
      const origin = await startOrigin((_request, response) => response.end('ok'))
      const door = await openDoor({ endpoints: [origin.port], limits: { requestsPerConnection: 2 } })
      const answer = await talk(door.http, `${get}\r\n`.repeat(3))
      expect(answer.match(/HTTP\/1\.1 200/g)).toHaveLength(2)
      expect(answer).toMatch(/Connection: keep-alive[^]*Connection: close/)
    })
  })

  describe('what cannot be read', () => {
    leftToGeneral('expect', 'method')

    const rows: readonly [why: string, bytes: string, status: number, cause: string][] = [
      ['garbage', '\x00\x01\x02 garbage\r\n\r\n', 400, 'bad_request'],
      ['a head that is too large', `${get}X-A: ${'a'.repeat(40_000)}\r\n\r\n`, 431, 'header_too_large'],
      ['too many fields', `${get}${'X-A: b\r\n'.repeat(200)}\r\n`, 431, 'header_too_large'],
      ['a target that is too long', `GET /${'a'.repeat(20_000)} HTTP/1.1\r\nHost: a\r\n\r\n`, 414, 'uri_too_long'],
      ['a missing Host', 'GET / HTTP/1.1\r\n\r\n', 400, 'bad_request'],
      ['CONNECT', 'CONNECT a.test:443 HTTP/1.1\r\nHost: a.test:443\r\n\r\n', 405, 'method_not_allowed'],
      ['an unknown expectation', 'GET / HTTP/1.1\r\nHost: a\r\nExpect: tea\r\n\r\n', 417, 'expectation_failed'],
      ['a bad chunk', 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n', 400, 'bad_request'],
    ]
    test.each(rows)(
      '%s is answered in our form, logged with its cause, and ends the connection',
      async (_, bytes, status, cause) => {
        const origin = await startOrigin((request) => request.resume())
        const door = await openDoor({ endpoints: [origin.port] })
        const answer = await talk(door.http, `${bytes}GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n`)
        expect(answer).toMatch(
          new RegExp(
            `^HTTP/1\\.1 ${status} [^]*Connection: close\\r\\n(?:[^]*\\r\\n)?\\r\\n${status} [A-Za-z -]+\\n$`,
            'i',
          ),
        )
        expect(answer).toContain(`X-Genkan-Cause: ${cause}\r\n`)
        expect(await door.nth(1)).toMatchObject({ status, failure: { cause } })
        expect(origin.requests.map(({ url }) => url)).not.toContain('/smuggled')
      },
    )

    test('behind a good request does not cost that request its answer', async () => {
      const origin = await startOrigin((_request, response) => void setTimeout(() => response.end('fine'), 20))
      const door = await openDoor({ endpoints: [origin.port] })
      const answer = await talk(door.http, `${get}\r\nBAD\r\n\r\n`)
      expect(answer).toMatch(/^HTTP\/1\.1 200 OK[^]*fine[^]*HTTP\/1\.1 400 /)
      expect(door.finished.map(({ status }) => status)).toEqual([200, 400])
    })

    test('a head that never ends is answered with 408', async () => {
      const door = await openDoor({ limits: { headerTimeoutMs: 60 } })
      expect(await talk(door.http, 'GET / HTTP/1.1\r\nHo')).toMatch(/^HTTP\/1\.1 408 /)
      expect((await door.nth(1)).failure?.cause).toBe('header_timeout')
    })

    test('a connection that never says anything is closed without a word', async () => {
      const door = await openDoor({ limits: { headerTimeoutMs: 60 } })
      expect(await talk(door.http, '')).toBe('')
      expect(door.finished).toHaveLength(0)
    })
  })
})

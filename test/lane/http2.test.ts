import { constants } from 'node:http2'
import { expect, test } from 'vitest'
import { responseHeaders } from '#policy/response-headers.ts'
import { openDoor } from '../support/door.ts'
import { answerOf, ask, connectH2 } from '../support/h2-client.ts'
import { dataFrame, goawayCodes, headersFrame, preface, resetFrame } from '../support/h2-frames.ts'
import { startOrigin, startScript } from '../support/origin.ts'
import { connectRaw } from '../support/raw-client.ts'
import { until } from '../support/until.ts'
import { describeLanes } from '../support/lanes.ts'

const okay = (): ReturnType<typeof startOrigin> =>
  startOrigin((request, response) => {
    response.writeHead(200, [
      'X-Fields',
      JSON.stringify(request.rawHeaders),
      'Set-Cookie',
      'a=1',
      'Set-Cookie',
      'b=2',
      'Connection',
      'x-hop',
      'X-Hop',
      '1',
    ])
    request.pipe(response)
  })

describeLanes('HTTP/2', () => {
  test('requests become HTTP/1.1 for the endpoint, responses HTTP/2 for the client', async () => {
    const origin = await okay()
    const door = await openDoor({ endpoints: [origin.port] })
    const session = await connectH2(door.https)
    const answer = await ask(session, { ':path': '/a//b?c', cookie: ['x=1', 'y=2'] })
    expect(answer).toMatchObject({ status: 200, rstCode: 0 })
    expect(answer.headers['set-cookie']).toEqual(['a=1', 'b=2'])
    expect(answer.headers['x-hop']).toBeUndefined()
    const fields = JSON.parse(String(answer.headers['x-fields'])) as string[]
    expect(fields.slice(0, 2)).toEqual(['Host', 'a.test'])
    expect(fields[fields.indexOf('cookie') + 1]).toBe('x=1; y=2')
    expect(fields.join('\n')).not.toMatch(/:path|:authority|transfer-encoding/i)
    expect(origin.requests[0]!.url).toBe('/a/b?c')
    expect(await door.nth(1)).toMatchObject({
      received: { version: '2' },
      connection: { scheme: 'https', tls: { version: 'TLSv1.3', alpn: 'h2', serverName: 'a.test' } },
    })
  })

  test.each([
    ['of known length', { 'content-length': '5' }],
    ['of unknown length', {}],
  ])('bodies %s arrive whole', async (_, headers) => {
    const origin = await okay()
    const door = await openDoor({ endpoints: [origin.port] })
    const session = await connectH2(door.https)
    expect((await ask(session, { ':method': 'POST', ':path': '/', ...headers }, 'hello')).body).toBe('hello')
    expect(await door.nth(1)).toMatchObject({ requestBytes: 5, responseBytes: 5, failure: undefined })
  })

  test.each([
    ['of known length', '2'],
    ['of unknown length', undefined],
  ])('a field that HTTP/2 does not have costs the exchange alone, in a response %s', async (_, length) => {
    const origin = await startOrigin((_request, response) => {
      if (length !== undefined) response.setHeader('Content-Length', length)
      response.write('o')
      response.end('k')
    })
    const close = responseHeaders.spec({ headers: [{ name: 'Connection', value: 'close', mode: 'set' }] })
    const door = await openDoor({ endpoints: [origin.port], route: { policies: [close] } })
    const session = await connectH2(door.https)
    for (let time = 1; time <= 2; time++)
      expect((await ask(session, { ':path': '/' })).rstCode).toBe(constants.NGHTTP2_INTERNAL_ERROR)
    expect(door.errors.splice(0)).toHaveLength(2)
  })

  test('many streams are served at once', async () => {
    const origin = await okay()
    const door = await openDoor({ endpoints: [origin.port] })
    const session = await connectH2(door.https)
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, n) => ask(session, { ':method': 'POST', ':path': `/${n}` }, `${n}`)),
    )
    expect(answers.map(({ body }) => body)).toEqual(Array.from({ length: 50 }, (_, n) => `${n}`))
  })

  test('interim responses and trailers pass', async () => {
    const origin = await startScript((socket) => {
      socket.write(
        'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\nLink: </b>\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nGrpc-Status: 0\r\n\r\n',
      )
    })
    const door = await openDoor({ endpoints: [origin.port] })
    const answer = await ask(await connectH2(door.https), { ':path': '/' })
    expect(answer).toMatchObject({ status: 200, body: 'ok', trailers: { 'grpc-status': '0' }, rstCode: 0 })
    expect(answer.informational).toMatchObject([{ ':status': 103, link: '</a>, </b>' }])
  })

  test('trailers may be called like what objects have', async () => {
    const origin = await startScript((socket) => {
      socket.write(
        'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nConstructor: 1\r\nX-A: 2\r\n\r\n',
      )
    })
    const door = await openDoor({ endpoints: [origin.port] })
    const session = await connectH2(door.https)
    expect((await ask(session, { ':path': '/' })).trailers).toMatchObject({ constructor: '1', 'x-a': '2' })
  })

  test.each([
    ['HEAD', '/'],
    ['GET', '/204'],
    ['GET', '/304'],
  ])('%s %s has no body', async (method, path) => {
    const origin = await startOrigin((request, response) => {
      response.statusCode = Number(request.url!.slice(1)) || 200
      response.end()
    })
    const door = await openDoor({ endpoints: [origin.port] })
    const answer = await ask(await connectH2(door.https), { ':method': method, ':path': path })
    expect(answer).toMatchObject({ body: '', rstCode: 0 })
    expect((await door.nth(1)).failure).toBeUndefined()
  })

  test.each([
    ['no route', { snapshot: { routes: [] } }, 404, 'no_route'],
    ['no endpoint', {}, 503, 'no_ready_endpoints'],
  ] as const)('%s is answered by us', async (_, options, status, cause) => {
    const door = await openDoor(options)
    const answer = await ask(await connectH2(door.https), { ':path': '/' })
    expect(answer).toMatchObject({ status, headers: { 'x-genkan-cause': cause }, rstCode: 0 })
    expect(answer.body).toMatch(/^\d{3} [\w ]+\n$/)
  })

  test.each([
    ['a Host that differs from :authority', { host: 'b.test' }],
    ['user information in :authority', { ':authority': 'u@a.test' }],
    ['a fragment in :path', { ':path': '/a#b' }],
  ])('%s is refused', async (_, headers) => {
    const origin = await okay()
    const door = await openDoor({ endpoints: [origin.port] })
    const answer = await ask(await connectH2(door.https), { ':path': '/', ...headers })
    expect(answer.status === 400 || answer.rstCode !== 0).toBe(true)
    expect(origin.requests).toHaveLength(0)
  })

  test('a Content-Length that is not kept resets the stream, and the endpoint never sees an end', async () => {
    let ended = false
    const origin = await startOrigin((request) => request.resume().on('end', () => (ended = true)))
    const door = await openDoor({ endpoints: [origin.port] })
    const session = await connectH2(door.https)
    expect((await ask(session, { ':method': 'POST', ':path': '/', 'content-length': '10' }, 'hello')).rstCode).not.toBe(
      0,
    )
    await door.nth(1)
    await until(() => origin.connections.size === 0)
    expect(ended).toBe(false)
  })

  test.each([constants.NGHTTP2_CANCEL, constants.NGHTTP2_NO_ERROR])(
    'a stream reset with code %i lets the endpoint off and completes no upload',
    async (code) => {
      let ended = false
      const origin = await startOrigin((request) => request.resume().on('end', () => (ended = true)))
      const door = await openDoor({ endpoints: [origin.port] })
      // node's own client sends END_STREAM in front of its RST_STREAM.
      const client = await connectRaw(door.https, { tls: { alpn: ['h2'] } })
      client.write(Buffer.concat([preface, headersFrame(1, 'POST'), dataFrame(1, 'half')]))
      await until(() => origin.requests.length === 1)
      client.write(resetFrame(1, code))
      expect(await door.nth(1)).toMatchObject({ failure: { cause: 'client_abort' } })
      await until(() => origin.connections.size === 0)
      expect(ended).toBe(false)
    },
  )

  test.each([
    ['a length', 'Content-Length: 10\r\n\r\nhello'],
    ['chunks', 'Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n'],
  ])('an endpoint that breaks off within a body of %s resets the stream', async (_, rest) => {
    const origin = await startScript((socket) => void socket.end(`HTTP/1.1 200 OK\r\n${rest}`))
    const door = await openDoor({ endpoints: [origin.port] })
    const answer = await ask(await connectH2(door.https), { ':path': '/' })
    expect(answer).toMatchObject({ status: 200, rstCode: constants.NGHTTP2_INTERNAL_ERROR })
    expect((await door.nth(1)).failure?.cause).toBe('upstream_truncated')
  })

  test('an answer before the end of the upload is delivered, and the client told to stop', async () => {
    const origin = await startScript(
      (socket) => void socket.write('HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno'),
    )
    const door = await openDoor({ endpoints: [origin.port] })
    const session = await connectH2(door.https)
    const stream = session.request({ ':method': 'POST', ':path': '/', ':authority': 'a.test' })
    const answer = answerOf(stream)
    stream.write(Buffer.alloc(100_000))
    expect(await answer).toMatchObject({ status: 403, body: 'no', rstCode: 0 })
  })

  test('a body over the limit is answered with 413', async () => {
    const origin = await okay()
    const door = await openDoor({ endpoints: [origin.port], route: { maxBodyBytes: 4 } })
    const session = await connectH2(door.https)
    expect((await ask(session, { ':method': 'POST', ':path': '/' }, 'hello')).status).toBe(413)
    expect((await ask(session, { ':method': 'POST', ':path': '/', 'content-length': '5' }, 'hello')).status).toBe(413)
  })

  test('too many fields and too large heads reach no endpoint', async () => {
    const origin = await okay()
    const door = await openDoor({ endpoints: [origin.port] })
    const session = await connectH2(door.https)
    const many = Object.fromEntries(Array.from({ length: 200 }, (_, n) => [`x-${n}`, '1']))
    const answer = await ask(session, { ':path': '/', ...many })
    expect(answer.status === 431 || answer.rstCode !== 0).toBe(true)
    expect(origin.requests).toHaveLength(0)
  })

  test.each([
    ['all at once', false],
    ['one after the other', true],
  ])('a client that starts and cancels streams without end loses its connection: %s', async (_, paced) => {
    const origin = await startOrigin(() => {})
    const door = await openDoor({ endpoints: [origin.port], limits: { streamResets: 20 } })
    const client = await connectRaw(door.https, { tls: { alpn: ['h2'] } })
    client.write(preface)
    for (let n = 0; n < 60 && !client.closed; n++) {
      client.write(
        Buffer.concat([headersFrame(2 * n + 1, 'GET', { end: true }), resetFrame(2 * n + 1, constants.NGHTTP2_CANCEL)]),
      )
      if (paced) await until(() => door.finished.length > n || client.closed || client.ended)
    }
    await client.end()
    if (paced) expect(goawayCodes(client.received)).toContain(constants.NGHTTP2_ENHANCE_YOUR_CALM)
    await until(() => door.open() === 0 && door.inFlight() === 0 && origin.connections.size === 0)
    expect(door.finished.length).toBeLessThan(60)
  })

  test('a reader that stalls is cut after a while', async () => {
    const origin = await startOrigin((_request, response) => {
      const more = (): void => {
        while (response.write(Buffer.alloc(1 << 20)));
      }
      response.on('drain', more)
      more()
    })
    const door = await openDoor({ endpoints: [origin.port], limits: { writeIdleTimeoutMs: 100 } })
    const session = await connectH2(door.https)
    const stream = session.request({ ':path': '/', ':authority': 'a.test' })
    stream.on('error', () => {})
    stream.pause()
    const exchange = await door.nth(1)
    expect(exchange).toMatchObject({
      status: 200,
      failure: { cause: 'client_abort', detail: 'client stopped reading the response' },
    })
    expect(exchange.responseBytes).toBeLessThan(16 << 20)
  })

  test('a reader that stalls at the very end is cut after a while', async () => {
    const origin = await startOrigin((_request, response) => void response.end('x'.repeat(5_000)))
    const door = await openDoor({ endpoints: [origin.port], limits: { writeIdleTimeoutMs: 100 } })
    const session = await connectH2(door.https)
    await new Promise<void>((resolve) => {
      session.settings({ initialWindowSize: 1_000 }, () => resolve())
    })
    const stream = session.request({ ':path': '/', ':authority': 'a.test' })
    stream.on('error', () => {})
    stream.pause()
    expect(await door.nth(1)).toMatchObject({
      responseBytes: 5_000,
      failure: { cause: 'client_abort', detail: 'client stopped reading the response' },
    })
  })

  test('requests of one connection are told apart by their paths, fields and methods', async () => {
    const origin = await startOrigin((request, response) => {
      response.end(`${request.method} ${request.url} ${String(request.headers['x-n'])}`)
    })
    const door = await openDoor({ endpoints: [origin.port] })
    const session = await connectH2(door.https)
    const bodies: string[] = []
    for (const headers of [
      { ':path': '/a', 'x-n': '1' },
      { ':path': '/b', 'x-n': '1' },
      { ':path': '/b', 'x-n': '2' },
      { ':path': '/b', 'x-n': '2', ':method': 'DELETE' },
      { ':path': '/a', 'x-n': '1' },
    ])
      bodies.push((await ask(session, headers)).body)
    expect(bodies).toEqual(['GET /a 1', 'GET /b 1', 'GET /b 2', 'DELETE /b 2', 'GET /a 1'])
  })

  test('an idle connection is closed', async () => {
    const door = await openDoor({ limits: { idleTimeoutMs: 50 } })
    const session = await connectH2(door.https)
    await until(() => session.destroyed)
  })
})

import { constants, type ServerHttp2Stream } from 'node:http2'
import { setTimeout as pause } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { endpointOf, openDoor, setOf, timeouts } from '../support/door.ts'
import { answerOf, ask, connectH2 } from '../support/h2-client.ts'
import { dataFrame, frame, resetFrame } from '../support/h2-frames.ts'
import { grpcMessage, startH2Origin } from '../support/h2-origin.ts'
import { closedPort, startOrigin, startRawOrigin } from '../support/origin.ts'
import { talk } from '../support/raw-client.ts'
import { until } from '../support/until.ts'
import { describeLanes, leftToGeneral } from '../support/lanes.ts'

const grpc = { upstream: { protocol: 'grpc' } } as const
const call = { ':method': 'POST', ':path': '/shop.Cart/Add', 'content-type': 'application/grpc', te: 'trailers' }

/** Echoes the messages of a call and ends it well. */
function echo(stream: ServerHttp2Stream): void {
  stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true })
  stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0', 'grpc-message': 'fine' }))
  stream.pipe(stream)
}

describeLanes('a gRPC upstream', () => {
  test('a unary call arrives as it was sent, and its status comes back in trailers', async () => {
    let seen: Record<string, unknown> = {}
    const origin = await startH2Origin((stream, headers) => {
      seen = { ...headers }
      echo(stream)
    })
    const door = await openDoor({ ...grpc, endpoints: [origin.port] })
    const answer = await ask(
      await connectH2(door.https),
      { ...call, 'grpc-timeout': '1S' },
      grpcMessage('hello').toString('latin1'),
    )
    expect(answer).toMatchObject({
      status: 200,
      rstCode: 0,
      trailers: { 'grpc-status': '0', 'grpc-message': 'fine' },
      body: '\0\0\0\0\u0005hello',
    })
    expect(seen).toMatchObject({
      ':method': 'POST',
      ':scheme': 'http',
      ':authority': 'a.test',
      ':path': '/shop.Cart/Add',
      te: 'trailers',
      'content-type': 'application/grpc',
      'grpc-timeout': '1S',
      'x-forwarded-proto': 'https',
    })
    expect(seen).not.toHaveProperty('connection')
    expect(seen).not.toHaveProperty('host')
  })

  test('both directions stream at once', async () => {
    const origin = await startH2Origin(echo)
    const door = await openDoor({ ...grpc, endpoints: [origin.port] })
    const stream = (await connectH2(door.https)).request({ ':authority': 'a.test', ...call })
    const answer = answerOf(stream)
    let received = ''
    stream.on('data', (chunk: Buffer) => (received += chunk.toString('latin1')))
    for (const word of ['one', 'two', 'three']) {
      stream.write(grpcMessage(word))
      await until(() => received.endsWith(word))
    }
    stream.end()
    expect(await answer).toMatchObject({ status: 200, trailers: { 'grpc-status': '0' } })
  })

  test('an answer that is only trailers stays that: a head that ends the stream', async () => {
    const origin = await startH2Origin((stream) =>
      stream.respond({ ':status': 200, 'content-type': 'application/grpc', 'grpc-status': '5' }, { endStream: true }),
    )
    const door = await openDoor({ ...grpc, endpoints: [origin.port] })
    const stream = (await connectH2(door.https)).request({ ':authority': 'a.test', ...call })
    let flags = 0
    stream.on('response', (_headers, given) => (flags = given))
    stream.end(grpcMessage('x'))
    expect(await answerOf(stream)).toMatchObject({ headers: { 'grpc-status': '5' }, body: '', trailers: {} })
    expect(flags & constants.NGHTTP2_FLAG_END_STREAM).not.toBe(0)
  })

  test('many calls share one connection; when its streams are used up, another is made', async () => {
    const open: ServerHttp2Stream[] = []
    const origin = await startH2Origin((stream) => void open.push(stream), { settings: { maxConcurrentStreams: 2 } })
    const door = await openDoor({ ...grpc, endpoints: [origin.port] })
    const client = await connectH2(door.https)
    const answers = [1, 2, 3].map(() => ask(client, call, 'x'))
    await until(() => open.length === 3)
    expect(origin.accepted()).toBe(2)
    for (const stream of open) echo(stream)
    for (const answer of await Promise.all(answers)) expect(answer.trailers['grpc-status']).toBe('0')
  })

  test('a refused stream is sent again, whatever its method, body and all', async () => {
    let refused = 0
    const origin = await startH2Origin((stream, _headers, number) => {
      if (number > 1) return echo(stream)
      stream.once('data', () => {
        refused++
        stream.close(constants.NGHTTP2_REFUSED_STREAM)
      })
    })
    const door = await openDoor({ ...grpc, endpoints: [origin.port] })
    const answer = await ask(await connectH2(door.https), call, 'payload')
    expect(answer).toMatchObject({ status: 200, body: 'payload', trailers: { 'grpc-status': '0' } })
    expect([refused, (await door.nth(1)).attempts]).toEqual([1, 2])
  })

  test('a connection on its way out gets no new calls, finishes those it has, and refuses none for good', async () => {
    const open: ServerHttp2Stream[] = []
    const origin = await startH2Origin((stream, _headers, number) => {
      if (number === 1) return void open.push(stream)
      if (number === 2) return stream.session?.goaway(constants.NGHTTP2_NO_ERROR, open[0]!.id)
      echo(stream)
    })
    const door = await openDoor({ ...grpc, endpoints: [origin.port] })
    const client = await connectH2(door.https)
    const first = ask(client, call, 'first')
    await until(() => open.length === 1)
    expect(await ask(client, call, 'second')).toMatchObject({ body: 'second', trailers: { 'grpc-status': '0' } })
    expect(origin.accepted()).toBe(2)
    echo(open[0]!)
    expect(await first).toMatchObject({ body: 'first', trailers: { 'grpc-status': '0' } })
  })

  test('the loss of a connection fails its calls, and no others', async () => {
    const streams: ServerHttp2Stream[] = []
    const origin = await startH2Origin((stream) => void streams.push(stream), { settings: { maxConcurrentStreams: 1 } })
    const door = await openDoor({ ...grpc, endpoints: [origin.port] })
    const client = await connectH2(door.https)
    const answers = [ask(client, call, 'a'), ask(client, call, 'b')]
    await until(() => streams.length === 2)
    streams[0]!.session!.destroy()
    await until(() => door.finished.length === 1)
    echo(streams[1]!)
    const bodies = (await Promise.all(answers)).map(
      (each) => each.headers['grpc-status'] ?? each.trailers['grpc-status'],
    )
    expect(bodies.map(String).toSorted((a, b) => Number(a) - Number(b))).toEqual(['0', '14'])
    expect(await door.nth(1)).toMatchObject({ status: 200, attempts: 1, failure: { cause: 'upstream_reset' } })
  })

  test('a stream that is reset in the middle of its answer is broken off, not ended', async () => {
    const origin = await startH2Origin((stream) => {
      stream.respond({ ':status': 200, 'content-type': 'application/grpc' })
      stream.write('half')
      setTimeout(() => stream.destroy(new Error('cut')), 20)
    })
    const door = await openDoor({ ...grpc, endpoints: [origin.port] })
    const answer = await ask(await connectH2(door.https), call, 'x')
    expect(answer.rstCode).not.toBe(0)
    expect(await door.nth(1)).toMatchObject({ failure: { cause: 'upstream_truncated' } })
  })

  test('a reset that says "no error" within an answer does not pass for its end', async () => {
    const origin = await startRawOrigin((socket) => {
      socket.write(frame(4, 0, 0))
      socket.once('data', () => {
        // `:status: 200`, then half a body.
        socket.write(Buffer.concat([frame(4, 1, 0), frame(1, 4, 1, Buffer.from([0x88])), dataFrame(1, 'half')]))
        setTimeout(() => socket.write(resetFrame(1, 0)), 20)
      })
    })
    const door = await openDoor({ ...grpc, endpoints: [origin.port] })
    const answer = await ask(await connectH2(door.https), call, 'x')
    expect(answer).toMatchObject({ status: 200, body: 'half' })
    expect(answer.rstCode).not.toBe(0)
    expect(await door.nth(1)).toMatchObject({ failure: { cause: 'upstream_truncated' } })
  })

  test('what a connection that breaks down says it never looked at is sent again', async () => {
    let second: ServerHttp2Stream | undefined
    const origin = await startH2Origin((stream, _headers, number) => {
      if (number === 1) return
      if (number === 2) {
        second = stream
        return stream.session?.goaway(constants.NGHTTP2_ENHANCE_YOUR_CALM, 1)
      }
      echo(stream)
    })
    const door = await openDoor({ ...grpc, endpoints: [origin.port] })
    const client = await connectH2(door.https)
    const first = ask(client, call, 'first')
    await until(() => origin.accepted() === 1 && door.inFlight() === 1)
    expect(await ask(client, call, 'second')).toMatchObject({ body: 'second', trailers: { 'grpc-status': '0' } })
    expect(second).toBeDefined()
    // The first was looked at, so nobody knows what became of it.
    expect(await first).toMatchObject({ headers: { 'grpc-status': '14' } })
  })

  test('silence is a timeout, and the connection is not used again', async () => {
    const origin = await startH2Origin((stream, _headers, number) => {
      if (number > 1) echo(stream)
    })
    const door = await openDoor({ ...grpc, endpoints: [origin.port], route: { timeouts: { ...timeouts, readMs: 80 } } })
    const client = await connectH2(door.https)
    expect(await ask(client, call, 'x')).toMatchObject({ status: 200, headers: { 'grpc-status': '14' } })
    expect(await door.nth(1)).toMatchObject({ failure: { cause: 'upstream_timeout' } })
    expect(await ask(client, call, 'x')).toMatchObject({ trailers: { 'grpc-status': '0' } })
    expect(origin.accepted()).toBe(2)
  })

  test('an endpoint that speaks only HTTP/1, or is not there, is asked in vain', async () => {
    const plain = await startOrigin((_request, response) => response.end('no'))
    const door = await openDoor({ ...grpc, endpoints: [await closedPort(), plain.port] })
    expect(await ask(await connectH2(door.https), call, 'x')).toMatchObject({
      status: 200,
      headers: { 'grpc-status': '14' },
    })
    expect(await door.nth(1)).toMatchObject({ attempts: 2, failure: { cause: 'connect_failed' } })
    expect(plain.requests).toEqual([])
  })

  test('a client that cancels cancels the call', async () => {
    const streams: ServerHttp2Stream[] = []
    const origin = await startH2Origin((stream) => void streams.push(stream))
    const door = await openDoor({ ...grpc, endpoints: [origin.port] })
    const stream = (await connectH2(door.https)).request({ ':authority': 'a.test', ...call })
    stream.on('error', () => {})
    stream.write('x')
    await until(() => streams.length === 1)
    stream.close(constants.NGHTTP2_CANCEL)
    await until(() => streams[0]!.closed)
    expect(await door.nth(1)).toMatchObject({ failure: { cause: 'client_abort' } })
  })

  test('idle connections to an endpoint on its way out are closed', async () => {
    const origin = await startH2Origin(echo)
    const door = await openDoor({ ...grpc, endpoints: [origin.port] })
    await ask(await connectH2(door.https), call, 'x')
    expect(origin.sessions.size).toBe(1)
    door.frontDoor.endpoints([
      setOf([], { state: 'live', endpoints: [endpointOf({ port: origin.port, ready: false, terminating: true })] }),
    ])
    await until(() => origin.sessions.size === 0)
  })

  test('serves clients of HTTP/1, too', async () => {
    leftToGeneral('protocol')
    const origin = await startH2Origin((stream) => {
      stream.respond({ ':status': 200, 'x-a': '1' })
      stream.end('over h2')
    })
    const door = await openDoor({ ...grpc, endpoints: [origin.port] })
    expect(await talk(door.http, 'GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n')).toMatch(
      /^HTTP\/1\.1 200 OK[^]*x-a: 1[^]*over h2/,
    )
  })

  test('an upload waits for an endpoint that does not read', async () => {
    let paused: ServerHttp2Stream | undefined
    const origin = await startH2Origin((stream) => {
      paused = stream
    })
    const door = await openDoor({ ...grpc, endpoints: [origin.port] })
    const stream = (await connectH2(door.https)).request({ ':authority': 'a.test', ...call })
    const answer = answerOf(stream)
    const total = 8 << 20
    stream.end(Buffer.alloc(total))
    await until(() => paused !== undefined)
    await pause(150)
    expect(door.inFlight()).toBe(1)
    let read = 0
    paused!.on('data', (chunk: Buffer) => (read += chunk.length))
    paused!.on('end', () => paused!.respond({ ':status': 200, 'grpc-status': '0' }, { endStream: true }))
    expect(await answer).toMatchObject({ status: 200 })
    expect(read).toBe(total)
  })
})

describeLanes('our own answers', () => {
  test('are of gRPC for a gRPC client', async () => {
    const door = await openDoor({ ...grpc, endpoints: [] })
    const stream = (await connectH2(door.https)).request({ ':authority': 'a.test', ...call })
    let flags = 0
    stream.on('response', (_headers, given) => (flags = given))
    stream.end()
    expect(await answerOf(stream)).toMatchObject({
      status: 200,
      body: '',
      headers: {
        'content-type': 'application/grpc',
        'grpc-status': '14',
        'grpc-message': '503 Service Unavailable',
        'retry-after': '5',
        'x-genkan-cause': 'no_ready_endpoints',
      },
    })
    expect(flags & constants.NGHTTP2_FLAG_END_STREAM).not.toBe(0)
    expect(await door.nth(1)).toMatchObject({ status: 200, failure: { cause: 'no_ready_endpoints' } })
  })

  test('are of HTTP for everybody else', async () => {
    const door = await openDoor({ ...grpc, endpoints: [] })
    expect(await ask(await connectH2(door.https), { ':path': '/' })).toMatchObject({
      status: 503,
      body: '503 Service Unavailable\n',
    })
  })
})

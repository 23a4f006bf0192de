import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { type ClientHttp2Session, type ClientHttp2Stream } from 'node:http2'
import { Readable } from 'node:stream'
import { buffer, text } from 'node:stream/consumers'
import { expect, test } from 'vitest'
import { openDoor } from '../support/door.ts'
import { describeLanes } from '../support/lanes.ts'
import { answerOf, ask, connectH2 } from '../support/h2-client.ts'
import { dataFrame, frame, framesOf, headersFrame, preface } from '../support/h2-frames.ts'
import { type Origin, startOrigin, startRawOrigin, startScript } from '../support/origin.ts'
import { connectRaw, type RawClient } from '../support/raw-client.ts'
import { until } from '../support/until.ts'

const tls = { tls: { alpn: ['h2'] } }

/** Answers with the body. */
const echo = (): Promise<Origin> =>
  startOrigin((request, response) => void buffer(request).then((body) => response.end(body)))

const post = (session: ClientHttp2Session, more: Record<string, string> = {}): ClientHttp2Stream => {
  const stream = session.request({ ':method': 'POST', ':path': '/', ':authority': 'a.test', ...more })
  stream.on('error', () => {})
  return stream
}

/** Read no faster than they are sent on: node's client would not take its answer while it holds too much. */
function mebibytes(count: number): Readable {
  const piece = Buffer.alloc(1 << 20)
  return Readable.from(Array.from({ length: count }, () => piece))
}

/** What came of stream 1: types of frames, each with END_STREAM's flag, and the code of a reset. */
function outline(client: RawClient): string[] {
  const names: Readonly<Record<number, string>> = { 0: 'DATA', 1: 'HEADERS', 3: 'RST_STREAM' }
  return framesOf(client.received)
    .filter(({ stream, type }) => stream === 1 && names[type] !== undefined)
    .map(({ type, flags, payload }) =>
      type === 3 ? `RST_STREAM ${payload.readUInt32BE(0)}` : `${names[type]}${(flags & 1) === 1 ? ' END_STREAM' : ''}`,
    )
}

describeLanes('uploads over HTTP/2', () => {
  test('of a length are whole with their last byte, and leave the connection to the endpoint as it was', async () => {
    const origin = await echo()
    const door = await openDoor({ endpoints: [origin.port] })
    const client = await connectRaw(door.https, tls)
    client.write(preface)
    for (const stream of [1, 3, 5]) {
      // Without END_STREAM.
      const parts = [headersFrame(stream, 'POST', { fields: [['content-length', '5']] }), dataFrame(stream, 'hello')]
      const before = door.finished.length
      client.write(Buffer.concat(parts))
      const exchange = await door.nth(before + 1)
      expect(exchange).toMatchObject({ status: 200, requestBytes: 5, responseBytes: 5, failure: undefined })
    }
    await until(() => outline(client).includes('RST_STREAM 0'))
    expect(outline(client)).toEqual(['HEADERS', 'DATA END_STREAM', 'RST_STREAM 0'])
    expect(origin.accepted()).toBe(1)
  })

  test('in thousands of frames arrive whole, and go on in few pieces', async () => {
    let got = ''
    const origin = await startRawOrigin((socket) => void socket.on('data', (data) => (got += data.toString('latin1'))))
    const door = await openDoor({ endpoints: [origin.port] })
    const client = await connectRaw(door.https, tls)
    const letters = Array.from({ length: 20_000 }, (_, n) => String.fromCharCode(97 + (n % 26)))
    const frames = letters.map((letter, n) => dataFrame(1, letter, n === letters.length - 1))
    client.write(Buffer.concat([preface, headersFrame(1, 'POST'), ...frames]))
    await until(() => got.endsWith('\r\n0\r\n\r\n'))
    const lines = got.slice(got.indexOf('\r\n\r\n') + 4).split('\r\n')
    const chunks = lines.filter((_, at) => at % 2 === 1)
    expect(chunks.join('')).toBe(letters.join(''))
    // As many as there are reads of the client's socket, if the machine is as bad as can be.
    expect(chunks.length).toBeLessThan(200)
  })

  test('have trailers, which go no further', async () => {
    const got: unknown[] = []
    const origin = await startOrigin((request, response) => {
      void text(request).then((body) => {
        got.push([body, request.trailers])
        response.writeHead(200, { Trailer: 'X-Sum' })
        response.addTrailers({ 'X-Sum': '5' })
        response.end(body)
      })
    })
    const door = await openDoor({ endpoints: [origin.port] })
    const session = await connectH2(door.https)
    for (const more of [{}, { 'content-length': '5' }]) {
      const stream = session.request(
        { ':method': 'POST', ':path': '/', ':authority': 'a.test', te: 'trailers', ...more },
        { waitForTrailers: true },
      )
      stream.on('wantTrailers', () => stream.sendTrailers({ 'x-client': 'sum' }))
      stream.end('hello')
      expect(await answerOf(stream)).toMatchObject({ status: 200, body: 'hello', trailers: { 'x-sum': '5' } })
    }
    expect(got).toEqual([
      ['hello', {}],
      ['hello', {}],
    ])
  })

  test('that are answered before their end: the whole answer, then a reset without an error', async () => {
    const origin = await startScript(
      (socket) => void socket.write('HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno'),
    )
    const door = await openDoor({ endpoints: [origin.port] })
    const client = await connectRaw(door.https, tls)
    client.write(Buffer.concat([preface, headersFrame(1, 'POST'), dataFrame(1, 'half')]))
    await until(() => outline(client).some((each) => each.startsWith('RST_STREAM')))
    expect(outline(client)).toEqual(['HEADERS', 'DATA END_STREAM', 'RST_STREAM 0'])
    expect(await door.nth(1)).toMatchObject({ status: 403, failure: undefined })
    await until(() => origin.connections.size === 0)
  })

  test.each([
    ['a frame', ['hello, more']],
    ['a stream', ['hel', 'lo, more']],
  ])('longer than they say within %s are broken off, and no endpoint sees their end', async (_, pieces) => {
    let got = ''
    let ended = false
    const origin = await startOrigin((request) =>
      request.on('data', (piece) => (got += String(piece))).on('end', () => (ended = true)),
    )
    const door = await openDoor({ endpoints: [origin.port] })
    const client = await connectRaw(door.https, tls)
    const frames = pieces.map((piece) => dataFrame(1, piece))
    client.write(Buffer.concat([preface, headersFrame(1, 'POST', { fields: [['content-length', '5']] }), ...frames]))
    expect(await door.nth(1)).toMatchObject({ status: 0, failure: { cause: 'client_abort' } })
    await until(() => origin.connections.size === 0)
    expect(outline(client)).not.toContain('HEADERS')
    expect({ got: 'hel'.startsWith(got), ended }).toEqual({ got: true, ended: false })
  })

  test('that stop coming get 408', async () => {
    const origin = await startOrigin((request) => request.resume())
    const door = await openDoor({ endpoints: [origin.port], limits: { bodyIdleTimeoutMs: 60 } })
    const stream = post(await connectH2(door.https))
    const answer = answerOf(stream)
    stream.write('half')
    expect(await answer).toMatchObject({ status: 408, rstCode: 0 })
    expect((await door.nth(1)).failure?.cause).toBe('body_timeout')
    await until(() => origin.connections.size === 0)
  })

  test('that their endpoint does not take get 504, and take no more memory than there is on the way', async () => {
    const origin = await startOrigin(() => {})
    const route = { timeouts: { connectMs: 1_000, sendMs: 200, readMs: 60_000 } }
    const door = await openDoor({ endpoints: [origin.port], route })
    const session = await connectH2(door.https)
    const total = 64 << 20
    const streams = [1, 2].map(() => post(session, { 'content-length': String(total) }))
    const answers = streams.map((stream) => answerOf(stream))
    for (const stream of streams) mebibytes(total >> 20).pipe(stream)
    await until(() => origin.requests.length === 2)
    // Streams that stand still leave the connection to others.
    const small = ask(session, { ':path': '/small' })
    await until(() => origin.requests.length === 3)
    for (const answer of answers) expect((await answer).status).toBe(504)
    for (const number of [1, 2]) {
      const { failure, requestBytes } = await door.nth(number)
      expect(failure).toMatchObject({ cause: 'upstream_timeout', detail: 'endpoint stopped reading the request body' })
      // Two sockets' and the kernel's buffers, a stream's window and what is gathered.
      expect(requestBytes).toBeLessThan(24 << 20)
    }
    session.destroy()
    expect((await small).status).toBe(0)
  })

  test('that are under way finish after GOAWAY', async () => {
    const origin = await echo()
    const door = await openDoor({ endpoints: [origin.port] })
    const session = await connectH2(door.https)
    const stream = post(session)
    const answer = answerOf(stream)
    stream.write('first, ')
    await until(() => origin.requests.length === 1)
    const goaway = once(session, 'goaway')
    const drained = door.frontDoor.drain(5_000)
    await goaway
    stream.end('last')
    expect(await answer).toMatchObject({ status: 200, body: 'first, last', rstCode: 0 })
    expect(await drained).toBe(0)
  })

  test('need no turn of their own: a client that waits for an answer to its head gets one', async () => {
    const seen: [IncomingMessage, ServerResponse][] = []
    const origin = await startOrigin((request, response) => {
      seen.push([request, response])
      response.writeHead(200).flushHeaders()
      request.pipe(response)
    })
    const door = await openDoor({ endpoints: [origin.port] })
    const stream = post(await connectH2(door.https))
    // Nothing of the body is sent before the head of the answer is here.
    await once(stream, 'response')
    for (const word of ['one', 'two']) {
      stream.write(word)
      expect(String((await once(stream, 'data'))[0])).toBe(word)
    }
    stream.end()
    await once(stream.resume(), 'close')
    expect(seen).toHaveLength(1)
  })
})

describeLanes('without connections that are kept, over HTTP/2', () => {
  test('streams that are open finish, and then the connection is closed', async () => {
    const open: ServerResponse[] = []
    const origin = await startOrigin((_request, response) => void open.push(response))
    const door = await openDoor({ endpoints: [origin.port], limits: { idleTimeoutMs: 0 } })
    const session = await connectH2(door.https)
    const answers = ['/a', '/b'].map((path) => ask(session, { ':path': path }))
    await until(() => open.length === 2)
    open[0]!.end('first')
    await door.nth(1)
    // Another one while the second is open is served on the same connection.
    const late = ask(session, { ':path': '/c' })
    await until(() => open.length === 3)
    for (const response of open.slice(1)) response.end('later')
    expect((await Promise.all([...answers, late])).map(({ body }) => body)).toEqual(['first', 'later', 'later'])
    await until(() => session.destroyed && door.open() === 0)
  })

  test('an upload is no idle connection', async () => {
    const origin = await echo()
    const door = await openDoor({ endpoints: [origin.port], limits: { idleTimeoutMs: 0, headerTimeoutMs: 50 } })
    const session = await connectH2(door.https)
    const stream = post(session)
    const answer = answerOf(stream)
    for (const word of ['a', 'b', 'c', 'd']) {
      stream.write(word)
      await new Promise((resolve) => setTimeout(resolve, 30))
    }
    stream.end()
    expect(await answer).toMatchObject({ status: 200, body: 'abcd' })
    await until(() => session.destroyed)
  })

  test('one that asks nothing is closed when a head would be late', async () => {
    const door = await openDoor({ limits: { idleTimeoutMs: 0, headerTimeoutMs: 50 } })
    const client = await connectRaw(door.https, tls)
    client.write(Buffer.concat([preface, frame(4, 1, 0)]))
    await client.end()
    expect(framesOf(client.received).some(({ type }) => type === 7)).toBe(true)
  })
})

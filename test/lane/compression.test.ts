import { createHash, randomBytes } from 'node:crypto'
import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from 'node:zlib'
import { request as ask } from 'node:http'
import { constants } from 'node:http2'
import { expect, test } from 'vitest'
import { compress, type CompressConfig } from '#policy/compress.ts'
import { openDoor, routeOf } from '../support/door.ts'
import { answerOf, connectH2 } from '../support/h2-client.ts'
import { describeLanes, leftToGeneral } from '../support/lanes.ts'
import { startOrigin, startScript } from '../support/origin.ts'
import { connectRaw, talk } from '../support/raw-client.ts'
import { until } from '../support/until.ts'

const codings: CompressConfig['codings'] = [
  { coding: 'br', level: 4, minBytes: 20 },
  { coding: 'zstd', level: 3, minBytes: 20 },
  { coding: 'gzip', level: 1, minBytes: 20, types: ['text/plain', 'text/event-stream'] },
]
const route = { policies: [compress.spec({ codings, exceptAgents: [] })] }
const text = 'all work and no play makes jack a dull boy\n'.repeat(2_000)
const decoders = { gzip: gunzipSync, br: brotliDecompressSync, zstd: zstdDecompressSync }

type Got = { readonly status: number; readonly fields: Record<string, unknown>; readonly body: Buffer }

function get(port: number, headers: Record<string, string>, method = 'GET'): Promise<Got> {
  return new Promise((resolve, reject) => {
    const asked = ask({ port, host: '127.0.0.1', method, agent: false, headers: { host: 'a.test', ...headers } })
    asked.on('error', reject).on('response', (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk)).on('error', reject)
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, fields: response.headers, body: Buffer.concat(chunks) }),
      )
    })
    asked.end()
  })
}

const plain = () =>
  startOrigin((_request, response) => {
    response.setHeader('Content-Type', 'text/plain').setHeader('ETag', '"a"').end(text)
  })

describeLanes((lane) => {
  leftToGeneral('encoding')

  test.each(['gzip', 'br', 'zstd'] as const)(
    'a body comes as %s where that is all a client accepts',
    async (coding) => {
      const origin = await plain()
      const door = await openDoor({ endpoints: [origin.port], route })
      const { fields, body } = await get(door.http, { 'accept-encoding': coding })
      expect(fields).toMatchObject({ 'content-encoding': coding, vary: 'Accept-Encoding', etag: 'W/"a"' })
      expect(fields['content-length']).toBeUndefined()
      expect(body.length).toBeLessThan(text.length / 10)
      expect(decoders[coding](body).toString()).toBe(text)
      const { responseBytes } = await door.nth(1)
      expect(responseBytes).toBe(body.length)
    },
  )

  test('a client that accepts none gets it as it is, from the lane it came to', async () => {
    const origin = await plain()
    const door = await openDoor({ endpoints: [origin.port], route })
    const { fields, body } = await get(door.http, {})
    expect(fields).toMatchObject({ vary: 'Accept-Encoding', etag: '"a"' })
    expect(body.toString()).toBe(text)
    expect((await door.nth(1)).lane).toBe(lane)
    await get(door.http, { 'accept-encoding': 'gzip' })
    expect((await door.nth(2)).lane).toBe('general')
  })

  test('HEAD has the head and no body, and the connection goes on', async () => {
    const origin = await plain()
    const door = await openDoor({ endpoints: [origin.port], route })
    const client = await connectRaw(door.http)
    const head = 'HEAD / HTTP/1.1\r\nHost: a.test\r\nAccept-Encoding: gzip\r\n'
    client.write(`${head}\r\n`)
    expect(await client.until(/\r\n\r\n$/)).toMatch(/Content-Encoding: gzip/)
    client.write(`${head}Connection: close\r\n\r\n`)
    expect((await client.end()).match(/HTTP\/1\.1 200/g)).toHaveLength(2)
  })

  test('a client of HTTP/1.0 gets it as it is', async () => {
    leftToGeneral('version')
    const origin = await plain()
    const door = await openDoor({ endpoints: [origin.port], route })
    const answer = await talk(door.http, 'GET / HTTP/1.0\r\nHost: a.test\r\nAccept-Encoding: gzip\r\n\r\n')
    expect(answer).not.toMatch(/Content-Encoding/)
    expect(answer.endsWith(text)).toBe(true)
  })

  test.each(['gzip', 'br', 'zstd'] as const)('an event arrives as %s before the next one is sent', async (coding) => {
    let send: (event: string) => void = () => {}
    const origin = await startOrigin((_request, response) => {
      response.writeHead(200, { 'Content-Type': 'text/event-stream' })
      send = (event) => void response.write(event)
      send('data: 1\n\n')
    })
    const types = ['text/event-stream']
    const door = await openDoor({
      endpoints: [origin.port],
      route: { policies: [compress.spec({ codings: codings.map((each) => ({ ...each, types })), exceptAgents: [] })] },
    })
    const sizes: number[] = []
    const asked = ask({
      port: door.http,
      host: '127.0.0.1',
      headers: { host: 'a.test', 'accept-encoding': coding },
    }).end()
    asked
      .on('error', () => {})
      .on('response', (response) => {
        response.on('error', () => {}).on('data', (chunk: Buffer) => sizes.push(chunk.length))
      })
    for (let events = 1; events <= 3; events++) {
      const before = sizes.length
      if (events > 1) send(`data: ${randomBytes(99).toString('hex')}\n\n`)
      // Enough bytes for the event itself, not only the head of the format.
      await until(() => sizes.length > before && sizes.reduce((sum, each) => sum + each, 0) >= (events - 1) * 99)
    }
    asked.destroy()
    await door.nth(1)
  })

  test('an endpoint is read no faster than a client takes what becomes of it', async () => {
    const size = 64 * 1024
    const pieces = 1_200
    // Nothing of it comes again within a compressor's window.
    const noise = randomBytes(2 * 1024 * 1024)
    const sent: number[] = []
    const origin = await startOrigin((_request, response) => {
      const number = sent.push(0) - 1
      response.writeHead(200, { 'Content-Type': 'text/plain' })
      const pump = (): void => {
        while (sent[number]! < pieces) {
          const start = (sent[number]!++ * size) % noise.length
          if (!response.write(noise.subarray(start, start + size))) return void response.once('drain', pump)
        }
        response.end()
      }
      pump()
    })
    const door = await openDoor({ endpoints: [origin.port], route })
    const slow = await connectRaw(door.http)
    slow.socket.pause()
    slow.write('GET / HTTP/1.1\r\nHost: a.test\r\nAccept-Encoding: zstd\r\nConnection: close\r\n\r\n')
    await until(() => sent.length === 1)
    // Whoever reads gets all of it meanwhile, so there was time enough.
    const { body } = await get(door.http, { 'accept-encoding': 'zstd' })
    expect(zstdDecompressSync(body).length).toBe(size * pieces)
    expect(sent[0]).toBeLessThan(pieces * 0.7)
    slow.socket.destroy()
    await door.nth(2)
  })

  test('a body that breaks off is no whole one', async () => {
    const origin = await startScript((socket) => {
      socket.write('HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n')
      setTimeout(() => socket.destroy(), 20)
    })
    const door = await openDoor({ endpoints: [origin.port], route })
    const answer = await talk(door.http, 'GET / HTTP/1.1\r\nHost: a.test\r\nAccept-Encoding: gzip\r\n\r\n')
    expect(answer).toMatch(/Content-Encoding: gzip/)
    expect(answer).not.toMatch(/0\r\n\r\n$/)
    expect((await door.nth(1)).failure?.cause).toBe('upstream_truncated')
  })

  test('trailers stand behind a compressed body', async () => {
    const origin = await startScript((socket) => {
      const head = 'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n'
      socket.write(`${head}5\r\nhello\r\n0\r\nX-Sum: 5\r\n\r\n`)
    })
    const door = await openDoor({ endpoints: [origin.port], route })
    const answer = await talk(
      door.http,
      'GET / HTTP/1.1\r\nHost: a.test\r\nTE: trailers\r\nAccept-Encoding: gzip\r\nConnection: close\r\n\r\n',
    )
    expect(answer).toMatch(/0\r\nX-Sum: 5\r\n\r\n$/i)
  })

  test('a body that may only leave slowly comes compressed and whole', async () => {
    leftToGeneral('pace')
    const noise = randomBytes(150_000).toString('base64')
    const origin = await startOrigin((_request, response) => {
      response.setHeader('Content-Type', 'text/plain').end(noise)
    })
    const paced = { ...route, pace: { bytesPerSecond: 1_000_000, afterBytes: 100_000 } }
    const door = await openDoor({ endpoints: [origin.port], route: paced })
    const { fields, body } = await get(door.http, { 'accept-encoding': 'gzip' })
    expect(fields['content-encoding']).toBe('gzip')
    expect(gunzipSync(body).toString()).toBe(noise)
    expect((await door.nth(1)).responseBytes).toBe(body.length)
  })

  test('our own replies are passed on as they are', async () => {
    const door = await openDoor({ endpoints: [], route })
    const { status, fields } = await get(door.http, { 'accept-encoding': 'gzip' })
    expect({ status, coding: fields['content-encoding'] }).toEqual({ status: 503, coding: undefined })
  })
})

describeLanes('over HTTP/2', () => {
  test('a large body comes compressed and whole', async () => {
    const noise = randomBytes(3_000_000).toString('base64')
    const origin = await startOrigin((_request, response) => {
      response.writeHead(200, { 'Content-Type': 'text/plain' })
      response.end(noise)
    })
    const door = await openDoor({ endpoints: [origin.port], route })
    const session = await connectH2(door.https)
    const answer = await answerOf(session.request({ ':path': '/', ':authority': 'a.test', 'accept-encoding': 'gzip' }))
    expect(answer.headers).toMatchObject({ 'content-encoding': 'gzip' })
    const body = gunzipSync(Buffer.from(answer.body, 'latin1')).toString()
    expect(createHash('md5').update(body).digest('hex')).toBe(createHash('md5').update(noise).digest('hex'))
  })

  test('what may only leave slowly is what was compressed', async () => {
    const noise = randomBytes(150_000).toString('base64')
    const origin = await startOrigin((_request, response) => {
      response.setHeader('Content-Type', 'text/plain').end(noise)
    })
    const door = await openDoor({
      endpoints: [origin.port],
      route: { ...route, pace: { bytesPerSecond: 1_000_000, afterBytes: 100_000 } },
    })
    const session = await connectH2(door.https)
    const answer = await answerOf(session.request({ ':path': '/', ':authority': 'a.test', 'accept-encoding': 'gzip' }))
    const body = Buffer.from(answer.body, 'latin1')
    expect(gunzipSync(body).toString()).toBe(noise)
    expect((await door.nth(1)).responseBytes).toBe(body.length)
    // A byte per second: what comes beyond the first ones would take a day.
    door.apply({ snapshot: { routes: [routeOf({ ...route, pace: { bytesPerSecond: 1, afterBytes: 1_000 } })] } })
    const stream = session.request({ ':path': '/', ':authority': 'a.test', 'accept-encoding': 'gzip' })
    let got = 0
    stream.on('error', () => {}).on('data', (piece: Buffer) => (got += piece.length))
    await until(() => got >= 1_000)
    stream.close(constants.NGHTTP2_CANCEL)
    const { failure, responseBytes } = await door.nth(2)
    expect(failure?.cause).toBe('client_abort')
    expect(responseBytes).toBeLessThan(1_100)
    await until(() => origin.connections.size <= 1)
  })
})

import { connect } from 'node:net'
import { expect, test } from 'vitest'
import { openDoor } from '../support/door.ts'
import { frame, headersFrame, preface } from '../support/h2-frames.ts'
import { startOrigin, startRawOrigin } from '../support/origin.ts'
import { connectRaw, talk } from '../support/raw-client.ts'
import { until } from '../support/until.ts'
import { describeLanes, leftToGeneral } from '../support/lanes.ts'

/** Mulberry32: the same bytes in every run. */
function randomOf(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

function mutate(seed: Buffer, random: () => number): Buffer {
  let bytes = Buffer.from(seed)
  for (let times = 1 + Math.floor(random() * 4); times > 0; times--) {
    const at = Math.floor(random() * bytes.length)
    const kind = Math.floor(random() * 4)
    if (kind === 0) bytes[at] = Math.floor(random() * 256)
    else if (kind === 1)
      bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1 + Math.floor(random() * 8))])
    else if (kind === 2)
      bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(0, Math.floor(random() * 40)), bytes.subarray(at)])
    else bytes = bytes.subarray(0, at + 1)
  }
  return bytes
}

const requests = [
  'GET /a HTTP/1.1\r\nHost: a.test\r\n\r\nGET /b HTTP/1.1\r\nHost: a.test\r\n\r\n',
  'POST /a HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-T: 1\r\n\r\n',
  'PUT /a HTTP/1.1\r\nHost: a.test\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\nhello',
  'GET /w HTTP/1.1\r\nHost: a.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: a\r\nSec-WebSocket-Version: 13\r\n\r\nxyz',
].map((text) => Buffer.from(text))

const responses = [
  'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-A: b\r\n\r\nhello',
  'HTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-T: 1\r\n\r\n',
  'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\nxyz',
].map((text) => Buffer.from(text))

/** Sends, says goodbye in one of three ways, and is done when the connection is. */
function throwAt(port: number, bytes: Buffer, goodbye: number): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket
      .on('error', () => {})
      .on('close', () => resolve())
      .resume()
    socket.write(bytes, () => {
      if (goodbye === 0) socket.resetAndDestroy()
      else if (goodbye === 1) socket.end()
      else setTimeout(() => socket.destroy(), 20)
    })
  })
}

describeLanes(() => {
  test('damaged requests cost their own connection and nothing else', async () => {
    leftToGeneral('coding', 'expect', 'method', 'target', 'upgrade', 'version')
    const random = randomOf(1)
    const origin = await startOrigin((request, response) => request.pipe(response))
    const door = await openDoor({ endpoints: [origin.port], limits: { lingerMs: 20 } })
    for (let round = 0; round < 40; round++) {
      await Promise.all(
        Array.from({ length: 10 }, () => {
          const seed = requests[Math.floor(random() * requests.length)]!
          return throwAt(door.http, mutate(seed, random), Math.floor(random() * 3))
        }),
      )
    }
    expect(await talk(door.http, 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')).toMatch(/^HTTP\/1\.1 200 /)
    await until(() => door.inFlight() === 0 && door.open() === 0)
  })
})

describeLanes(() => {
  test('damaged responses cost their own exchange and nothing else', async () => {
    leftToGeneral('upgrade')
    const random = randomOf(2)
    let damaged = true
    const origin = await startRawOrigin((socket) => {
      socket.once('data', () => {
        if (!damaged) return socket.end('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')
        const goodbye = random()
        socket.write(mutate(responses[Math.floor(random() * responses.length)]!, random))
        if (goodbye < 0.3) setTimeout(() => socket.resetAndDestroy(), 5)
        else setTimeout(() => socket.end(), 5)
        return undefined
      })
    })
    const door = await openDoor({ endpoints: [origin.port] })
    const seeds = [requests[0]!, requests[1]!, requests[3]!]
    for (let round = 0; round < 30; round++) {
      await Promise.all(Array.from({ length: 10 }, () => throwAt(door.http, seeds[Math.floor(random() * 3)]!, 2)))
    }
    damaged = false
    expect(await talk(door.http, 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')).toMatch(/ok$/)
    await until(() => door.inFlight() === 0 && door.open() === 0)
  })
})

describeLanes(() => {
  test('damaged HTTP/2 frames cost their own connection and nothing else', async () => {
    const random = randomOf(3)
    const origin = await startOrigin((request, response) => request.pipe(response))
    const door = await openDoor({ endpoints: [origin.port] })
    const seed = Buffer.concat([
      preface,
      headersFrame(1, 'POST'),
      frame(0, 1, 1, Buffer.from('hello')),
      headersFrame(3, 'GET', { end: true, fields: [['x-a', 'b']] }),
      frame(8, 0, 0, Buffer.from([0, 0, 1, 0])),
      frame(6, 0, 0, Buffer.alloc(8)),
    ])
    for (let round = 0; round < 60; round++) {
      const client = await connectRaw(door.https, { tls: { alpn: ['h2'] } })
      client.write(mutate(seed, random))
      if (random() < 0.5) client.socket.end()
      else setTimeout(() => client.socket.destroy(), 5)
    }
    await until(() => door.inFlight() === 0 && door.open() === 0)
    const client = await connectRaw(door.https, { tls: {} })
    client.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
    expect(await client.end()).toMatch(/^HTTP\/1\.1 200 /)
  })
})

import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { expect, test } from 'vitest'
import { text } from 'node:stream/consumers'
import { openDoor } from '../support/door.ts'
import { connectH2 } from '../support/h2-client.ts'
import { describeLanes } from '../support/lanes.ts'
import { startOrigin, startRawOrigin } from '../support/origin.ts'
import { connectRaw } from '../support/raw-client.ts'
import { until } from '../support/until.ts'

const body = randomBytes(6 << 20)
const digest = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex')

describeLanes(() => {
  test.each(['http', 'https'] as const)(
    'long responses arrive byte for byte, several at once and read in fits and starts, over %s',
    async (scheme) => {
      const origin = await startOrigin((_request, response) => {
        response.setHeader('content-length', body.length)
        response.end(body)
      })
      const door = await openDoor({ endpoints: [origin.port] })
      const bodies = await Promise.all(
        [1, 2, 3].map(async (number) => {
          const client = scheme === 'http' ? await connectRaw(door.http) : await connectRaw(door.https, { tls: {} })
          const pieces: Buffer[] = []
          let reads = 0
          client.socket.on('data', (piece: Buffer) => {
            pieces.push(piece)
            if (++reads % (number * 5) !== 0) return
            client.socket.pause()
            setTimeout(() => client.socket.resume(), 2)
          })
          client.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
          await client.end()
          const answer = Buffer.concat(pieces)
          return answer.subarray(answer.indexOf('\r\n\r\n') + 4)
        }),
      )
      expect(bodies.map(digest)).toEqual([body, body, body].map(digest))
    },
  )

  test('long responses arrive byte for byte, several at once and read in fits and starts, over HTTP/2', async () => {
    const origin = await startOrigin((_request, response) => void response.end(body))
    const door = await openDoor({ endpoints: [origin.port] })
    const session = await connectH2(door.https)
    const digests = await Promise.all(
      [1, 2, 3].map(async (number) => {
        const hash = createHash('sha256')
        let reads = 0
        const stream = session.request({ ':path': '/', ':authority': 'a.test' })
        stream.on('data', (piece: Buffer) => {
          hash.update(piece)
          if (++reads % (number * 5) !== 0) return
          stream.pause()
          setTimeout(() => stream.resume(), 2)
        })
        await once(stream, 'end')
        return hash.digest('hex')
      }),
    )
    expect(digests).toEqual([body, body, body].map(digest))
  })

  test.each([{}, { 'content-length': body.length }])(
    'long HTTP/2 requests arrive byte for byte with %o',
    async (more) => {
      const origin = await startOrigin((request, response) => {
        const hash = createHash('sha256')
        request.on('data', (piece: Buffer) => void hash.update(piece)).on('end', () => response.end(hash.digest('hex')))
      })
      const door = await openDoor({ endpoints: [origin.port] })
      const session = await connectH2(door.https)
      const streams = [1, 2, 3].map(() => {
        const stream = session.request({ ':method': 'POST', ':path': '/', ':authority': 'a.test', ...more })
        stream.end(body)
        return text(stream)
      })
      expect(await Promise.all(streams)).toEqual([body, body, body].map(digest))
    },
  )

  test('long requests arrive byte for byte, of a length and in chunks', async () => {
    const origin = await startOrigin((request, response) => {
      const hash = createHash('sha256')
      request.on('data', (piece: Buffer) => void hash.update(piece)).on('end', () => response.end(hash.digest('hex')))
    })
    const door = await openDoor({ endpoints: [origin.port] })
    const chunks = Buffer.concat(
      [...Array(6).keys()].flatMap((at) => [
        Buffer.from('100000\r\n'),
        body.subarray(at << 20, (at + 1) << 20),
        Buffer.from('\r\n'),
      ]),
    )
    for (const [framing, bytes] of [
      [`Content-Length: ${body.length}`, body],
      ['Transfer-Encoding: chunked', Buffer.concat([chunks, Buffer.from('0\r\n\r\n')])],
    ] as const) {
      const client = await connectRaw(door.http)
      client.write(`POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n${framing}\r\n\r\n`)
      client.write(bytes)
      expect(await client.end()).toContain(digest(body))
    }
  })

  test('a long request that its endpoint reads in fits and starts arrives byte for byte, and so does what follows', async () => {
    const origin = await startOrigin((request, response) => {
      const hash = createHash('sha256')
      let reads = 0
      request
        .on('end', () => response.end(`${request.url}=${hash.digest('hex')}`))
        .on('data', (piece: Buffer) => {
          hash.update(piece)
          if (++reads % 20 !== 0) return
          request.pause()
          setTimeout(() => request.resume(), 2)
        })
    })
    const door = await openDoor({ endpoints: [origin.port] })
    const client = await connectRaw(door.http)
    // Where one ends and the other begins is in the middle of a read.
    const odd = body.subarray(0, body.length - 20_000)
    const head = (path: string, more: string): string =>
      `POST ${path} HTTP/1.1\r\nHost: a\r\n${more}Content-Length: ${odd.length}\r\n\r\n`
    client.write(head('/first', ''))
    client.write(Buffer.concat([odd, Buffer.from(head('/next', 'Connection: close\r\n')), odd]))
    const answers = await client.end()
    expect(answers).toContain(`/first=${digest(odd)}`)
    expect(answers).toContain(`/next=${digest(odd)}`)
  })

  test('a long body that has to be sent again arrives byte for byte', async () => {
    const part = body.subarray(0, 60_000)
    const first = await startRawOrigin((socket) => {
      let received = 0
      socket.on('data', (piece: Buffer) => {
        received += piece.length
        if (received > part.length) socket.resetAndDestroy()
      })
    })
    const second = await startOrigin((request, response) => {
      const hash = createHash('sha256')
      request.on('data', (piece: Buffer) => void hash.update(piece)).on('end', () => response.end(hash.digest('hex')))
    })
    const door = await openDoor({ endpoints: [first.port, second.port] })
    for (let times = 0; times < 2; times++) {
      const client = await connectRaw(door.http)
      client.write(`PUT / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: ${part.length}\r\n\r\n`)
      const before = first.accepted() + second.accepted()
      // Whoever has the head is asked already; the body comes in reads of its own.
      await until(() => first.accepted() + second.accepted() > before)
      client.write(part)
      expect(await client.end()).toContain(digest(part))
    }
    expect(door.finished.some(({ attempts }) => attempts === 2)).toBe(true)
  })
})

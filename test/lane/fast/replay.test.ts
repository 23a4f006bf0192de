import { describe, expect, test } from 'vitest'
import { openDoor } from '../../support/door.ts'
import { describeLanes } from '../../support/lanes.ts'
import { startOrigin, startRawOrigin } from '../../support/origin.ts'
import { connectRaw, talk } from '../../support/raw-client.ts'
import { until } from '../../support/until.ts'

describeLanes(() => {
  describe('a request body that has to be sent again', () => {
    const head = (method: string, framing: string): string =>
      `${method} /a HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n${framing}\r\n\r\n`

    test.each([
      ['of a length', 'Content-Length: 5', 'hello', 'hello'],
      ['in chunks', 'Transfer-Encoding: chunked', '2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n', 'hello'],
      ['in no chunk at all', 'Transfer-Encoding: chunked', '0\r\n\r\n', ''],
    ])('%s arrives whole at the endpoint that is asked next', async (_, framing, body, data) => {
      const first = await startRawOrigin(
        (socket) => void socket.once('data', () => setTimeout(() => socket.resetAndDestroy(), 30)),
      )
      const second = await startOrigin((request, response) => void request.pipe(response))
      const door = await openDoor({ endpoints: [first.port, second.port] })
      for (const cut of [0, Math.floor(body.length / 2), body.length]) {
        const client = await connectRaw(door.http)
        client.write(head('PUT', framing) + body.slice(0, cut))
        const before = first.accepted()
        await until(() => first.accepted() > before || second.accepted() > 0)
        client.write(body.slice(cut))
        const answer = await client.end()
        expect(answer).toMatch(/^HTTP\/1\.1 200 /)
        // The endpoint answers as it reads, so what came in two pieces may come back in two.
        expect(
          answer
            .split('\r\n\r\n')
            .slice(1)
            .join('')
            .replaceAll(/(?:^|\r\n)[0-9]+(?:\r\n|$)/g, ''),
        ).toBe(data)
      }
      expect(door.finished.some(({ attempts }) => attempts === 2)).toBe(true)
      expect(door.finished.every(({ requestBytes }) => requestBytes === data.length)).toBe(true)
    })

    test('is not sent again when it might be done twice', async () => {
      const first = await startRawOrigin((socket) => void socket.once('data', () => socket.resetAndDestroy()))
      const door = await openDoor({ endpoints: [first.port, first.port] })
      expect(await talk(door.http, `${head('POST', 'Content-Length: 5')}hello`)).toMatch(/^HTTP\/1\.1 502 /)
      expect(first.accepted()).toBe(1)
    })

    test('is not sent again when it is too long to be kept', async () => {
      const first = await startRawOrigin(
        (socket) => void socket.on('data', (data) => data.includes('end!') && socket.resetAndDestroy()),
      )
      const second = await startOrigin((request, response) => void request.pipe(response))
      const door = await openDoor({ endpoints: [first.port, second.port], limits: { replayBytes: 1_000 } })
      expect(await talk(door.http, `${head('PUT', 'Content-Length: 2004')}${'x'.repeat(2_000)}end!`)).toMatch(
        /^HTTP\/1\.1 502 /,
      )
      expect(second.accepted()).toBe(0)
    })
  })

  test('an answer that is a reason to ask another endpoint never reaches the client', async () => {
    const sick = await startOrigin((_request, response) => {
      response.writeHead(503, { 'content-length': 4 })
      response.end('sick')
    })
    const well = await startOrigin((_request, response) => void response.end('well'))
    const retry = { on: ['error', 'http_503'], tries: 2, withinMs: 0 } as const
    const door = await openDoor({ endpoints: [sick.port, well.port], route: { retry } })
    for (let count = 0; count < 4; count++) {
      const answer = await talk(door.http, 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
      expect(answer).toMatch(/^HTTP\/1\.1 200 [^]*well/)
      expect(answer).not.toContain('sick')
    }
  })
})

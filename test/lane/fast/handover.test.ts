import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import type { UnfitReason } from '#lane/fast/unfit.ts'
import { openDoor } from '../../support/door.ts'
import { describeLanes, describeOneLane, leftToGeneral } from '../../support/lanes.ts'
import { startOrigin, startScript } from '../../support/origin.ts'
import { connectRaw, talk } from '../../support/raw-client.ts'
import { until } from '../../support/until.ts'

const get = 'GET /a HTTP/1.1\r\nHost: a.test\r\n'
const last = 'Connection: close\r\n\r\n'

describeOneLane('fast', 'what it leaves to the other one', () => {
  const rows: readonly [reason: UnfitReason, head: string, status: number][] = [
    ['version', 'GET / HTTP/1.0\r\n\r\n', 200],
    ['method', `PROPFIND / HTTP/1.1\r\nHost: a.test\r\n${last}`, 200],
    ['method', 'CONNECT a.test:443 HTTP/1.1\r\nHost: a.test:443\r\n\r\n', 405],
    ['target', `GET http://a.test/ HTTP/1.1\r\nHost: a.test\r\n${last}`, 200],
    ['tabs', `${get}X-A:\tb\r\n${last}`, 200],
    ['expect', `POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 2\r\nExpect: 100-continue\r\n${last}ab`, 200],
    ['upgrade', `${get}Upgrade: h2c\r\nConnection: Upgrade, close\r\n\r\n`, 200],
    ['coding', `POST / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: gzip, chunked\r\n${last}`, 400],
  ]
  test.each(rows)('%s: %j is answered by the general lane, and the log says why', async (reason, head, status) => {
    leftToGeneral(reason)
    const origin = await startOrigin((request, response) => request.resume().on('end', () => response.end('ok')))
    const door = await openDoor({ endpoints: [origin.port] })
    expect(await talk(door.http, head)).toMatch(new RegExp(`HTTP/1\\.1 ${status} `))
    expect(await door.nth(1)).toMatchObject({ lane: 'general', connection: { unfit: reason } })
  })

  test('takes the connection with it, every unread byte included, behind the answers that were owed', async () => {
    leftToGeneral('tabs')
    const origin = await startOrigin((request, response) => {
      request
        .resume()
        .on('end', () => setTimeout(() => response.end(`<${request.url}>`), request.url === '/1' ? 30 : 0))
    })
    const door = await openDoor({ endpoints: [origin.port] })
    const plain = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: a.test\r\n\r\n`
    const odd = 'POST /2 HTTP/1.1\r\nHost: a.test\r\nX-A:\tb\r\nContent-Length: 3\r\n\r\nabc'
    const answer = await talk(door.http, `${plain('/1')}${odd}${plain('/3')}GET /4 HTTP/1.1\r\nHost: a.test\r\n${last}`)
    expect(answer.match(/<\/\d>/g)).toEqual(['</1>', '</2>', '</3>', '</4>'])
    expect(door.finished.map(({ lane }) => lane)).toEqual(['fast', 'general', 'general', 'general'])
  })

  test('over TLS, too', async () => {
    leftToGeneral('tabs')
    const origin = await startOrigin((_request, response) => void response.end('ok'))
    const door = await openDoor({ endpoints: [origin.port] })
    const client = await connectRaw(door.https, { tls: {} })
    client.write(`${get}\r\n`)
    await client.until(/ok/)
    client.write(`${get}X-A:\tb\r\n${last}`)
    expect((await client.end()).match(/HTTP\/1\.1 200/g)).toHaveLength(2)
    expect(door.finished.map(({ lane, connection }) => [lane, connection.tls?.alpn])).toEqual([
      ['fast', 'http/1.1'],
      ['general', 'http/1.1'],
    ])
  })

  test('WebSockets open through it', async () => {
    leftToGeneral('upgrade')
    const key = 'dGhlIHNhbXBsZSBub25jZQ=='
    const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64')
    const origin = await startScript(
      (socket) =>
        void socket.write(
          `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\nhello`,
        ),
    )
    const door = await openDoor({ endpoints: [origin.port] })
    const client = await connectRaw(door.http)
    client.write(
      `${get}Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: ${key}\r\nSec-WebSocket-Version: 13\r\n\r\n`,
    )
    await client.until(/101 [^]*hello/)
    expect(door.tunnels()).toBe(1)
  })

  test('for an upstream that does not speak plain HTTP/1.1', async () => {
    leftToGeneral('protocol')
    const upstream = {
      id: 'test/web:80',
      namespace: 'test',
      service: 'web',
      port: { kind: 'number', number: 80 },
      protocol: 'https',
      discovery: ['slices'],
    } as const
    const door = await openDoor({ snapshot: { upstreams: [upstream] } })
    await talk(door.http, get + last)
    expect(await door.nth(1)).toMatchObject({ lane: 'general', connection: { unfit: 'protocol' } })
  })
})

describeLanes('wires to endpoints', () => {
  const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'

  test('are used again, the last one first, by whoever comes', async () => {
    const origin = await startOrigin((_request, response) => void response.end('ok'))
    const door = await openDoor({ endpoints: [origin.port] })
    for (let count = 0; count < 5; count++) await talk(door.http, get + last)
    expect(origin.accepted()).toBe(1)
  })

  test('are closed before the endpoint would', async () => {
    const origin = await startScript(
      (socket) => void socket.write('HTTP/1.1 200 OK\r\nKeep-Alive: timeout=1\r\nContent-Length: 2\r\n\r\nok'),
    )
    const door = await openDoor({ endpoints: [origin.port] })
    await talk(door.http, get + last)
    await until(() => origin.connections.size === 0)
  })

  test('are closed when they have idled for long', async () => {
    const origin = await startScript((socket) => void socket.write(ok))
    const door = await openDoor({ endpoints: [origin.port], limits: { upstreamIdleTimeoutMs: 60 } })
    await talk(door.http, get + last)
    await until(() => origin.connections.size === 0)
  })

  test.each([
    'HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok',
    'HTTP/1.1 200 OK\r\nConnection: x, close\r\nContent-Length: 2\r\n\r\nok',
  ])('are not used again after %j', async (answer) => {
    const origin = await startScript((socket) => void socket.write(answer))
    const door = await openDoor({ endpoints: [origin.port] })
    for (let count = 0; count < 2; count++) expect(await talk(door.http, get + last)).toMatch(/ok$/)
    expect(origin.accepted()).toBe(2)
  })
})

describeLanes('requests of a connection that repeats its fields', () => {
  test('are each sent with their own target, id and client', async () => {
    const origin = await startOrigin(
      (request, response) =>
        void response.end(
          `<${request.url} ${String(request.headers['x-request-id'])} ${String(request.headers['x-a'])}>`,
        ),
    )
    const door = await openDoor({ endpoints: [origin.port] })
    const client = await connectRaw(door.http)
    for (const [path, value] of [
      ['/1', 'a'],
      ['/2', 'a'],
      ['/3', 'b'],
      ['/4', 'b'],
    ] as const) {
      client.write(`GET ${path} HTTP/1.1\r\nHost: a.test\r\nX-A: ${value}\r\n\r\n`)
      await client.until(new RegExp(`<${path} [0-9a-f]{32} ${value}>`))
    }
    expect(new Set(door.finished.map(({ requestId }) => requestId)).size).toBe(4)
    expect(door.finished.map(({ path, host }) => `${host}${path}`)).toEqual([
      'a.test/1',
      'a.test/2',
      'a.test/3',
      'a.test/4',
    ])
  })

  test('are judged anew when their target is no good', async () => {
    const door = await openDoor({})
    const client = await connectRaw(door.http)
    client.write(`${get}\r\n`)
    await client.until(/503 /)
    client.write('GET /../a HTTP/1.1\r\nHost: a.test\r\n\r\n')
    expect(await client.end()).toMatch(/HTTP\/1\.1 400 /)
  })

  test('get each the answer to their own, though the endpoint repeats its fields', async () => {
    const origin = await startScript(
      (socket, number) =>
        void socket.write(`HTTP/1.1 200 OK\r\nX-N: ${number >> 1}\r\nContent-Length: 1\r\n\r\n${number}`),
    )
    const door = await openDoor({ endpoints: [origin.port] })
    const client = await connectRaw(door.http)
    for (const number of [1, 2, 3, 4]) {
      client.write(`${get}\r\n`)
      await client.until(new RegExp(`X-N: ${number >> 1}\\r\\n[^]*\\r\\n\\r\\n${number}$`))
    }
  })
})

import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { connect as connectHttp2 } from 'node:http2'
import { get as getHttps } from 'node:https'
import { connect } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import type { ReceivedRequest, StandIn, StandInReply } from '#cluster/stand-in.ts'
import { loopbackAddress, startStandIn } from '#cluster/stand-in.ts'

const identity = { namespace: 'default', service: 'web', port: '80', endpoint: 1 }
const said = (reply: Partial<StandInReply>): StandInReply => ({
  status: undefined,
  headers: [],
  body: undefined,
  delayMs: 0,
  drop: undefined,
  ...reply,
})

let received: ReceivedRequest[]
let standIn: StandIn
beforeEach(async () => {
  received = []
  standIn = await startStandIn({ ...identity, onRequest: (each) => received.push(each) })
})
afterEach(() => standIn.close())

const url = (path: string, scheme = 'http') => `${scheme}://${standIn.address}:${standIn.port}${path}`

/** Everything the stand-in sends on one connection until it ends. */
async function raw(...chunks: readonly string[]): Promise<string> {
  const socket = connect({ host: standIn.address, port: standIn.port, noDelay: true })
  let text = ''
  socket.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')))
  for (const chunk of chunks) socket.write(chunk, 'latin1')
  await once(socket, 'close')
  return text
}

describe('an echoing stand-in', () => {
  test('tells what it received', async () => {
    const text = await raw(
      'POST /a%2fb/../c?x=1 HTTP/1.1\r\nHost: shop.test\r\nX-A: 1\r\nx-a: 2\r\nContent-Length: 3\r\nConnection: close\r\n\r\nhi!',
    )
    const [head = '', body = ''] = text.split('\r\n\r\n')
    expect(head).toMatch(/^HTTP\/1\.1 200 /)
    expect(head.toLowerCase()).toContain('content-type: application/json')
    const expected = {
      ...identity,
      method: 'POST',
      target: '/a%2fb/../c?x=1',
      headers: { host: 'shop.test', 'x-a': ['1', '2'], 'content-length': '3', connection: 'close' },
      body: 'hi!',
    }
    expect(JSON.parse(body)).toEqual(expected)
    expect(received).toEqual([expected])
    expect(standIn.requests()).toBe(1)
  })

  test('answers HEAD without a body', async () => {
    const text = await raw('HEAD / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
    expect(text).toMatch(/^HTTP\/1\.1 200 /)
    expect(text).toMatch(/content-length: [1-9]/i)
    expect(text.endsWith('\r\n\r\n')).toBe(true)
  })

  test('asks for the body of a careful client', async () => {
    const text = await raw(
      'PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\nConnection: close\r\n\r\n',
      'ok',
    )
    expect(text).toMatch(/^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 /)
  })

  test('keeps the first mebibyte of a body and answers all the same', async () => {
    const answer = await fetch(url('/'), { method: 'POST', body: 'x'.repeat(3 << 20) })
    expect(((await answer.json()) as ReceivedRequest).body).toHaveLength(1 << 20)
  })

  test('shows a page to a browser, with nothing in it that the request could make run', async () => {
    const answer = await fetch(url("/?<script>alert('x')</script>"), {
      headers: { accept: 'text/html,application/xhtml+xml,*/*;q=0.8', 'x-evil': '<img src=x onerror=alert(1)>' },
    })
    const page = await answer.text()
    expect(answer.headers.get('content-type')).toBe('text/html; charset=utf-8')
    expect(answer.headers.get('content-security-policy')).toContain("default-src 'none'")
    expect(page).toContain('default/web:80')
    expect(page).toContain('&lt;img src=x onerror=alert(1)&gt;')
    expect(page).not.toMatch(/<script|<img/)
  })

  for (const [accept, type] of [
    ['*/*', 'application/json'],
    ['application/json, text/html;q=0.5', 'application/json'],
    ['text/html;q=0', 'application/json'],
    ['text/html', 'text/html; charset=utf-8'],
  ] as const) {
    test(`answers Accept: ${accept} with ${type}`, async () => {
      expect((await fetch(url('/'), { headers: { accept } })).headers.get('content-type')).toBe(type)
    })
  }

  test('keeps connections open and survives a client that leaves in the middle', async () => {
    const socket = connect({ host: standIn.address, port: standIn.port })
    socket.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc')
    await once(socket, 'connect')
    socket.resetAndDestroy()
    expect((await fetch(url('/'))).status).toBe(200)
  })
})

describe('a stand-in told what to say', () => {
  test('says it', async () => {
    await standIn.set({
      reply: said({
        status: 418,
        headers: [
          ['x-a', '1'],
          ['x-b', '1'],
          ['x-b', '2'],
          ['content-type', 'text/tea'],
        ],
        body: 'short and stout',
      }),
    })
    const answer = await fetch(url('/'))
    expect(answer.status).toBe(418)
    expect([answer.headers.get('x-a'), answer.headers.get('x-b'), answer.headers.get('content-type')]).toEqual([
      '1',
      '1, 2',
      'text/tea',
    ])
    expect(await answer.text()).toBe('short and stout')
    expect(received).toHaveLength(1)
  })

  test('echoes what it was not told', async () => {
    await standIn.set({ reply: said({ status: 503, headers: [['content-type', 'application/x']] }) })
    const answer = await fetch(url('/here'))
    expect([answer.status, answer.headers.get('content-type')]).toEqual([503, 'application/x'])
    expect(await answer.json()).toMatchObject({ target: '/here' })
  })

  test('sends no body where the status has none', async () => {
    await standIn.set({ reply: said({ status: 204 }) })
    const text = await raw('GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
    expect(text).toMatch(/^HTTP\/1\.1 204 [^]*\r\n\r\n$/)
    expect(text).not.toMatch(/content-length/i)
  })

  test('waits before the head', async () => {
    await standIn.set({ reply: said({ delayMs: 20 }) })
    expect((await fetch(url('/'))).status).toBe(200)
    await standIn.set({ reply: said({ delayMs: 3_600_000 }) })
    await expect(fetch(url('/'), { signal: AbortSignal.timeout(50) })).rejects.toThrow()
  })

  test('closes instead of sending the head', async () => {
    await standIn.set({ reply: said({ drop: 'head' }) })
    expect(await raw('GET / HTTP/1.1\r\nHost: a\r\n\r\n')).toBe('')
    expect(received).toHaveLength(1)
  })

  test('closes in the middle of the body', async () => {
    await standIn.set({ reply: said({ drop: 'body', body: 'half and half' }) })
    const text = await raw('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    expect(text).toMatch(/content-length: 13\r\n/i)
    expect(text.endsWith('\r\n\r\nhalf a')).toBe(true)
  })

  test('hangs up rather than send a field that is none', async () => {
    await standIn.set({ reply: said({ headers: [['x-a', 'one\r\ntwo: 2']] }) })
    expect(await raw('GET / HTTP/1.1\r\nHost: a\r\n\r\n')).toBe('')
  })
})

describe('a stand-in of another protocol', () => {
  test('speaks TLS with a certificate of its own', async () => {
    await standIn.set({ protocol: 'https' })
    const [answer] = (await once(
      getHttps(url('/tls', 'https'), { rejectUnauthorized: false, agent: false }),
      'response',
    )) as [IncomingMessage]
    expect((answer.socket as TLSSocket).getPeerCertificate().subject.CN).toBe('stand-in')
    expect(JSON.parse(Buffer.concat((await answer.toArray()) as Buffer[]).toString())).toMatchObject({ target: '/tls' })
  })

  test('speaks HTTP/2 without TLS', async () => {
    await standIn.set({ protocol: 'h2c' })
    const session = connectHttp2(url(''))
    const stream = session.request({ ':method': 'POST', ':path': '/two', 'x-a': '1' })
    stream.end('body')
    const body = Buffer.concat((await stream.toArray()) as Buffer[]).toString()
    expect(JSON.parse(body)).toMatchObject({
      method: 'POST',
      target: '/two',
      body: 'body',
      headers: { host: `${standIn.address}:${standIn.port}`, 'x-a': '1' },
    })
    await standIn.set({ reply: said({ drop: 'head' }) })
    const dropped = session.request({ ':path': '/' })
    dropped.on('error', () => {})
    await once(dropped, 'close')
    expect(received).toHaveLength(2)
    session.destroy()
  })

  test('speaks WebSocket and nothing else', async () => {
    await standIn.set({ protocol: 'websocket-echo' })
    const answer = await fetch(url('/'))
    expect([answer.status, answer.headers.get('upgrade')]).toEqual([426, 'websocket'])
    const socket = new WebSocket(url('/', 'ws'))
    await once(socket, 'open')
    socket.send('hello')
    expect(String((await once(socket, 'message'))[0])).toBe('hello')
    socket.close()
    await once(socket, 'close')
  })

  test('ends the connections of the protocol before', async () => {
    const open = raw('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    while (standIn.requests() === 0) await new Promise((done) => setImmediate(done))
    await standIn.set({ protocol: 'h2c' })
    await open
    await standIn.set({ protocol: 'http' })
    expect((await fetch(url('/'))).status).toBe(200)
  })
})

const handshake = (fields = '') =>
  `GET /chat HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n${fields}\r\n`

describe('a WebSocket to a stand-in', () => {
  const opening = handshake('Sec-WebSocket-Version: 13\r\n')

  test('says back texts, bytes and pings, however long and in however many pieces', async () => {
    const socket = new WebSocket(url('/chat', 'ws'), ['chat', 'other'])
    await once(socket, 'open')
    expect(socket.protocol).toBe('chat')
    for (const message of ['', 'ü', 'x'.repeat(300), 'y'.repeat(70_000)]) {
      socket.send(message)
      expect(String((await once(socket, 'message'))[0])).toBe(message)
    }
    socket.send(Buffer.from([0, 255]), { fin: false })
    socket.send(Buffer.from([7]), { fin: true })
    expect(await once(socket, 'message')).toEqual([Buffer.from([0, 255, 7]), true])
    socket.ping('p')
    expect(String((await once(socket, 'pong'))[0])).toBe('p')
    socket.close(4001)
    expect((await once(socket, 'close'))[0]).toBe(4001)
    expect(received).toMatchObject([{ method: 'GET', target: '/chat' }])
  })

  test('opens with the answer to its key', async () => {
    expect(await raw(opening, '\x88\x80\0\0\0\0')).toContain('Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=')
  })

  for (const [why, frame, code] of [
    ['a frame that is not masked', '\x81\x01a', 1002],
    ['a reserved bit', '\xc1\x81\0\0\0\0a', 1002],
    ['an unknown opcode', '\x83\x81\0\0\0\0a', 1002],
    ['a control frame in pieces', '\x09\x80\0\0\0\0', 1002],
    ['a frame too large', '\x82\xff\0\0\0\x01\0\0\0\0\0\0\0\0', 1009],
  ] as const) {
    test(`ends with ${code} after ${why}`, async () => {
      const socket = connect({ host: standIn.address, port: standIn.port })
      socket.write(opening)
      socket.write(Buffer.from(frame, 'latin1'))
      const bytes = Buffer.concat((await socket.toArray()) as Buffer[])
      expect(bytes.subarray(-4)).toEqual(Buffer.from([0x88, 2, code >> 8, code & 255]))
    })
  }

  test('of another version, or without key, is not opened', async () => {
    expect(await raw(handshake('Sec-WebSocket-Version: 8\r\n'))).toMatch(
      /^HTTP\/1\.1 426 [^]*Sec-WebSocket-Version: 13/,
    )
    expect(await raw(opening.replace('dGhlIHNhbXBsZSBub25jZQ==', 'short'))).toMatch(/^HTTP\/1\.1 400 /)
  })

  test('is refused with what the stand-in was told to say', async () => {
    await standIn.set({ reply: said({ status: 401 }) })
    expect(await raw(opening.replace('Upgrade\r\nSec', 'Upgrade, close\r\nSec'))).toMatch(/^HTTP\/1\.1 401 /)
  })
})

describe('the address of a stand-in', () => {
  test('is its own below 127.0.0.0/8, the same every time', async () => {
    expect(loopbackAddress(identity)).toBe(loopbackAddress({ ...identity }))
    const all = Array.from({ length: 200 }, (_, endpoint) => loopbackAddress({ ...identity, endpoint }))
    expect(new Set(all).size).toBe(200)
    for (const each of all) expect(each).toMatch(/^127\.(6[4-9]|[7-9]\d|1[01]\d|12[0-7])\.\d+\.([1-9]\d*)$/)
    if (process.platform === 'linux') expect(standIn.address).toBe(loopbackAddress(identity))
  })

  test('may be given, and a port that is taken is told', async () => {
    const taken = { ...identity, address: standIn.address, listenPort: standIn.port }
    await expect(startStandIn(taken)).rejects.toMatchObject({ code: 'EADDRINUSE' })
  })
})

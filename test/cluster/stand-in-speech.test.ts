/** A stand-in that was told nothing answers whatever it is spoken to in, on one port. */
import { once } from 'node:events'
import { get } from 'node:http'
import type { ClientHttp2Session, ClientHttp2Stream, IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http2'
import { connect as connectHttp2 } from 'node:http2'
import { get as getHttps } from 'node:https'
import { connect, type Socket } from 'node:net'
import type { ConnectionOptions } from 'node:tls'
import { connect as connectTls } from 'node:tls'
import { generate } from 'selfsigned'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import type { ReceivedRequest, StandIn, StandInProtocol, StandInReply } from '#cluster/stand-in.ts'
import { startStandIn } from '#cluster/stand-in.ts'
import { probeOnce } from '#health/probe-once.ts'
import { probeSpec } from '../support/scripted-probe.ts'

let received: ReceivedRequest[]
let standIn: StandIn
const opened: (Socket | ClientHttp2Session)[] = []
beforeEach(async () => {
  received = []
  standIn = await startStandIn({
    namespace: 'default',
    service: 'web',
    port: '80',
    endpoint: 0,
    onRequest: (each) => received.push(each),
  })
})
afterEach(async () => {
  for (const each of opened.splice(0)) each.destroy()
  await standIn.close()
})

const origin = (scheme: string): string => `${scheme}://${standIn.address}:${standIn.port}`
const said = (reply: Partial<StandInReply>): StandInReply => ({
  status: undefined,
  headers: [],
  body: undefined,
  delayMs: 0,
  drop: undefined,
  ...reply,
})

function session(scheme: 'http' | 'https', options: ConnectionOptions = {}): ClientHttp2Session {
  const made = connectHttp2(origin(scheme), { rejectUnauthorized: false, ...options })
  // Requests tell of it.
  made.on('error', () => {})
  opened.push(made)
  return made
}

async function text(stream: AsyncIterable<unknown>): Promise<string> {
  const chunks: Buffer[] = []
  // Without an encoding set, chunks are buffers.
  for await (const chunk of stream) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString()
}

async function echoOver2(client: ClientHttp2Session, path = '/'): Promise<ReceivedRequest> {
  const stream = client.request({ ':path': path })
  stream.end()
  return JSON.parse(await text(stream)) as ReceivedRequest
}

async function echoOverTls(options: ConnectionOptions = {}): Promise<ReceivedRequest> {
  const [answer] = await once(
    getHttps(origin('https'), { rejectUnauthorized: false, agent: false, ...options }),
    'response',
  )
  return JSON.parse(await text(answer)) as ReceivedRequest
}

describe('a stand-in that was told nothing', () => {
  test('answers HTTP/1.1, and says nothing of a version or of TLS', async () => {
    const echo = (await (await fetch(origin('http'))).json()) as ReceivedRequest
    expect([echo.service, 'tls' in echo, 'httpVersion' in echo]).toEqual(['web', false, false])
  })

  test('answers HTTP/2 without TLS', async () => {
    const echo = await echoOver2(session('http'), '/two')
    expect(echo).toMatchObject({ service: 'web', target: '/two', httpVersion: '2' })
    expect(echo.tls).toBeUndefined()
  })

  test('answers HTTP/2 over TLS', async () => {
    expect(await echoOver2(session('https', { servername: 'web.test' }))).toMatchObject({
      httpVersion: '2',
      tls: { protocol: 'TLSv1.3', serverName: 'web.test' },
    })
  })

  test('answers HTTP/1.1 over TLS, agreed on or not', async () => {
    for (const offer of [{ ALPNProtocols: ['http/1.1'] }, {}]) {
      const echo = await echoOverTls({ servername: 'web.test', maxVersion: 'TLSv1.2', ...offer })
      expect(echo.tls).toEqual({ protocol: 'TLSv1.2', serverName: 'web.test' })
      expect(echo.httpVersion).toBeUndefined()
    }
  })

  test('tells that no server was named, and which certificate the client showed', async () => {
    const { private: key, cert } = await generate([{ name: 'commonName', value: 'front-door' }], {
      keyType: 'ec',
      algorithm: 'sha256',
    })
    const { tls } = await echoOverTls({ key, cert })
    expect(tls).toMatchObject({ serverName: null, clientCertificate: { subject: 'CN=front-door' } })
    expect(tls?.clientCertificate?.fingerprint256).toMatch(/^([0-9A-F]{2}:){31}[0-9A-F]{2}$/)
    expect((await echoOver2(session('https', { key, cert }))).tls?.clientCertificate?.subject).toBe('CN=front-door')
  })

  for (const scheme of ['ws', 'wss']) {
    test(`says back what it hears by ${scheme}`, async () => {
      const socket = new WebSocket(origin(scheme), { rejectUnauthorized: false })
      await once(socket, 'open')
      socket.send('hello')
      expect(String((await once(socket, 'message'))[0])).toBe('hello')
      socket.close()
      await once(socket, 'close')
    })
  }

  test('knows what is spoken however the bytes arrive', async () => {
    const beginnings = [
      ['POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 0\r\n\r\n', 0, 'HTTP/1.1 200 '],
      // A SETTINGS frame of each side.
      ['PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0', 3, '\x04'],
    ] as const
    for (const [bytes, at, answer] of beginnings) {
      const socket = connect({ host: standIn.address, port: standIn.port, noDelay: true })
      opened.push(socket)
      await once(socket, 'connect')
      for (const byte of bytes) {
        socket.write(byte, 'latin1')
        await new Promise((next) => setImmediate(next))
      }
      const [chunk] = (await once(socket, 'data')) as [Buffer]
      expect(chunk.subarray(at, at + answer.length).toString('latin1')).toBe(answer)
    }
  })

  test('lets go of those who leave before they say anything that tells', async () => {
    for (const bytes of ['', 'P', 'PRI * HT']) {
      const socket = connect({ host: standIn.address, port: standIn.port })
      socket.on('data', () => {})
      socket.end(bytes)
      await once(socket, 'close')
    }
    expect(standIn.requests()).toBe(0)
  })

  test('is what it says after it was told what to say', async () => {
    await standIn.set({ reply: said({ status: 418 }) })
    const stream = session('https').request({ ':path': '/' })
    const [head] = (await once(stream, 'response')) as [IncomingHttpHeaders]
    expect(head[':status']).toBe(418)
  })
})

describe('a stand-in of one protocol', () => {
  const speaks = {
    http: () => once(get(origin('http'), { agent: false }), 'response'),
    h2c: () => echoOver2(session('http')),
    https: () => echoOverTls({ ALPNProtocols: ['http/1.1'] }),
    h2: async () => {
      const socket = connectTls({
        host: standIn.address,
        port: standIn.port,
        rejectUnauthorized: false,
        ALPNProtocols: ['h2'],
      })
      opened.push(socket)
      await once(socket, 'secureConnect')
    },
  } as const
  const only: readonly (readonly [StandInProtocol, keyof typeof speaks])[] = [
    ['http', 'http'],
    ['https', 'https'],
    ['h2c', 'h2c'],
    ['websocket-echo', 'http'],
  ]
  for (const [protocol, own] of only) {
    test(`${protocol} speaks nothing but that`, async () => {
      await standIn.set({ protocol })
      await speaks[own]()
      for (const other of Object.keys(speaks) as (keyof typeof speaks)[]) {
        if (other !== own) await expect(speaks[other](), other).rejects.toThrow()
      }
    })
  }
})

const frame = (message: string): Buffer => {
  const bytes = Buffer.from(message)
  const prefix = Buffer.alloc(5)
  prefix.writeUInt32BE(bytes.length, 1)
  return Buffer.concat([prefix, bytes])
}

type Call = {
  readonly stream: ClientHttp2Stream
  readonly head: Promise<IncomingHttpHeaders>
  readonly trailers: Promise<IncomingHttpHeaders>
}

function call(client: ClientHttp2Session, path: string, fields: OutgoingHttpHeaders = {}): Call {
  const stream = client.request({
    ':method': 'POST',
    ':path': path,
    'content-type': 'application/grpc',
    te: 'trailers',
    ...fields,
  })
  const seen = async (event: string): Promise<IncomingHttpHeaders> =>
    ((await once(stream, event)) as [IncomingHttpHeaders])[0]
  return { stream, head: seen('response'), trailers: seen('trailers') }
}

describe('a gRPC call to a stand-in', () => {
  for (const scheme of ['http', 'https'] as const) {
    test(`says each message back as it comes, over ${scheme}`, async () => {
      const { stream, head, trailers } = call(session(scheme), '/shop.v1.Cart/Watch', {
        'content-type': 'application/grpc+json',
      })
      expect(await head).toMatchObject({ ':status': 200, 'content-type': 'application/grpc+json' })
      for (const message of [frame('one'), frame(''), frame('x'.repeat(9_000))]) {
        stream.write(message)
        let back = Buffer.alloc(0)
        while (back.length < message.length) back = Buffer.concat([back, ((await once(stream, 'data')) as [Buffer])[0]])
        expect(back.equals(message)).toBe(true)
      }
      stream.end()
      expect(await trailers).toMatchObject({ 'grpc-status': '0' })
      expect(received).toMatchObject([{ method: 'POST', target: '/shop.v1.Cart/Watch', httpVersion: '2', body: '' }])
      expect(standIn.requests()).toBe(1)
    })
  }

  test('echoes as JSON what only looks like one', async () => {
    const client = session('http')
    for (const type of ['application/grpc-web', 'application/json']) {
      const stream = client.request({ ':method': 'POST', ':path': '/', 'content-type': type })
      stream.end('{}')
      expect(JSON.parse(await text(stream))).toMatchObject({ body: '{}' })
    }
  })

  for (const [what, reply, code, message] of [
    ['the code of a status', { status: 503 }, '14', 'the%20stand-in%20was%20told%20to%20say%20so'],
    ['a code for other statuses', { status: 500 }, '2', /./],
    [
      'the code that is written',
      {
        status: 404,
        headers: [
          ['grpc-status', '5'],
          ['x-a', '1'],
        ],
        body: 'no cart',
      },
      '5',
      'no%20cart',
    ],
    [
      'a code without a status',
      {
        headers: [
          ['grpc-status', '16'],
          ['grpc-message', 'who?'],
        ],
      },
      '16',
      'who?',
    ],
  ] as const) {
    test(`ends with ${what}, at once and in one head`, async () => {
      await standIn.set({ reply: said(reply) })
      const { stream, head, trailers } = call(session('http'), '/shop.v1.Cart/Watch')
      trailers.catch(() => {})
      let flags = 0
      stream.once('response', (_, bits: number) => (flags = bits))
      expect(await head).toMatchObject({
        ':status': 200,
        'content-type': 'application/grpc',
        'grpc-status': code,
        'grpc-message': typeof message === 'string' ? message : expect.stringMatching(message),
      })
      // END_STREAM, and the stream is over although we never ended our half.
      expect(flags & 1).toBe(1)
      stream.resume()
      await once(stream, 'close')
    })
  }

  test('is answered with the one message that was fixed', async () => {
    await standIn.set({
      reply: said({
        body: 'fixed',
        headers: [
          ['x-a', '1'],
          ['content-type', 'application/grpc+x'],
        ],
      }),
    })
    const { stream, head, trailers } = call(session('http'), '/shop.v1.Cart/Get')
    stream.end(frame('asked'))
    expect(await head).toMatchObject({ 'x-a': '1', 'content-type': 'application/grpc+x' })
    expect(await text(stream)).toBe(frame('fixed').toString())
    expect(await trailers).toMatchObject({ 'grpc-status': '0' })
  })

  for (const [drop, answered] of [
    ['head', false],
    ['body', true],
  ] as const) {
    test(`is cut before the end of the ${drop}`, async () => {
      await standIn.set({ reply: said({ drop }) })
      const client = session('http')
      const { stream, head, trailers } = call(client, '/shop.v1.Cart/Get')
      for (const each of [head, trailers]) each.catch(() => {})
      let seen = false
      stream.on('error', () => {})
      stream.once('response', () => (seen = true))
      stream.resume()
      await once(client, 'close')
      expect(seen).toBe(answered)
    })
  }
})

describe('a probe of a stand-in', () => {
  const target = () => ({ address: standIn.address, port: standIn.port })
  const ask = (action: Parameters<typeof probeSpec>[0] & {}) =>
    probeOnce(probeSpec(action), target(), AbortSignal.timeout(5_000))
  const grpc = { action: { kind: 'grpc', service: 'shop' } } as const

  test('succeeds, whatever kind it is', async () => {
    const http = { kind: 'http', path: '/healthz', fields: [] } as const
    expect(await ask({ action: { ...http, scheme: 'http' } })).toEqual({ ok: true, says: 'HTTP 200' })
    expect(await ask({ action: { ...http, scheme: 'https' } })).toEqual({ ok: true, says: 'HTTP 200' })
    expect((await ask({ action: { kind: 'tcp' } })).ok).toBe(true)
    expect(await ask(grpc)).toEqual({ ok: true, says: 'SERVING' })
  })

  test('by gRPC fails while it is not ready, or told to fail', async () => {
    await standIn.set({ ready: false })
    expect(await ask(grpc)).toEqual({ ok: false, says: 'NOT_SERVING' })
    await standIn.set({ ready: true, reply: said({ status: 503 }) })
    expect(await ask(grpc)).toEqual({ ok: false, says: 'grpc-status 14' })
  })
})

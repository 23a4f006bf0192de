import type { ServerHttp2Stream } from 'node:http2'
import { createSecureServer, createServer as createH2Server } from 'node:http2'
import type { AddressInfo, Server } from 'node:net'
import { describe, expect, test } from 'vitest'
import { decodeStatus, encodeRequest } from '#health/grpc-probe.ts'
import { probeOnce } from '#health/probe-once.ts'
import type { ProbeOutcome } from '#health/probe.ts'
import { createDefaultCertificate } from '#listener/default-certificate.ts'
import type { ProbeSpec } from '#snapshot/snapshot.ts'
import { after } from '../support/closing.ts'
import { closedPort, startOrigin, startRawOrigin } from '../support/origin.ts'
import { probeSpec } from '../support/scripted-probe.ts'
import { until } from '../support/until.ts'

type Action = ProbeSpec['action']

const http: Action = { kind: 'http', scheme: 'http', path: '/healthz', fields: [] }
const tcp: Action = { kind: 'tcp' }
const grpc: Action = { kind: 'grpc', service: '' }

/** A rejection is what it would be to the prober: a failure. */
async function probe(action: Action, port: number, signal = new AbortController().signal): Promise<ProbeOutcome> {
  return probeOnce(probeSpec({ action }), { address: '127.0.0.1', port }, signal).catch((error: Error) => ({
    ok: false,
    says: error.message,
  }))
}

describe('an httpGet probe', () => {
  for (const [status, ok] of [
    [200, true],
    [204, true],
    [302, true],
    [399, true],
    [400, false],
    [404, false],
    [500, false],
    [503, false],
  ] as const) {
    test(`${status} is a ${ok ? 'success' : 'failure'}`, async () => {
      const origin = await startOrigin(
        (_request, response) => void response.writeHead(status, { location: 'http://127.0.0.1:1/' }).end(),
      )
      expect(await probe(http, origin.port)).toEqual({ ok, says: `HTTP ${status}` })
      expect(origin.accepted()).toBe(1)
    })
  }

  test('asks as the kubelet does, over a connection of its own each time', async () => {
    const origin = await startOrigin((_request, response) => void response.end('ok'))
    await probe({ ...http, path: '/ready?deep=1' }, origin.port)
    await probe(http, origin.port)
    const { method, url, headers } = origin.requests[0]!
    expect({ method, url }).toEqual({ method: 'GET', url: '/ready?deep=1' })
    expect(headers).toMatchObject({
      host: `127.0.0.1:${origin.port}`,
      'user-agent': 'kube-probe/genkan',
      accept: '*/*',
      connection: 'close',
    })
    expect(origin.accepted()).toBe(2)
    await until(() => origin.connections.size === 0)
  })

  test('sends the fields of the manifest, which come before its own', async () => {
    const origin = await startOrigin((_request, response) => void response.end('ok'))
    await probe(
      { ...http, fields: ['Host', 'shop.test', 'X-Probe', 'a', 'X-Probe', 'b', 'User-Agent', 'mine'] },
      origin.port,
    )
    expect(origin.requests[0]!.headers).toMatchObject({ host: 'shop.test', 'x-probe': 'a, b' })
    expect(origin.requests[0]!.headersDistinct['user-agent']).toEqual(['mine'])
  })

  test('reads no more than it must of a large answer', async () => {
    const origin = await startOrigin((_request, response) => {
      const more = (): void =>
        void (response.write(Buffer.alloc(65_536)) ? setImmediate(more) : response.once('drain', more))
      more()
    })
    expect(await probe(http, origin.port)).toEqual({ ok: true, says: 'HTTP 200' })
    await until(() => origin.connections.size === 0)
  })

  test('an answer that breaks off is a failure', async () => {
    const origin = await startRawOrigin(
      (socket) => void socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhal')),
    )
    expect((await probe(http, origin.port)).ok).toBe(false)
  })

  test('nobody listening is a failure that says so', async () => {
    expect(await probe(http, await closedPort())).toMatchObject({
      ok: false,
      says: expect.stringMatching(/ECONNREFUSED/),
    })
  })

  test('is given up when its time is over, and the connection with it', async () => {
    const origin = await startOrigin(() => {})
    const controller = new AbortController()
    const result = probe(http, origin.port, controller.signal)
    await until(() => origin.requests.length === 1)
    controller.abort()
    expect((await result).ok).toBe(false)
    await until(() => origin.connections.size === 0)
  })

  test('https is asked without verifying the certificate', async () => {
    const { certificate, key } = await createDefaultCertificate(new Date())
    const names: (string | false | null | undefined)[] = []
    const versions = new Set<string>()
    const server = createSecureServer({ cert: certificate, key, allowHTTP1: true }, (request, response) => {
      versions.add(request.httpVersion)
      response.writeHead(201).end()
    })
    server.on('secureConnection', (socket) => void names.push(socket.servername))
    const port = await listen(server)
    expect(await probe({ ...http, scheme: 'https' }, port)).toEqual({ ok: true, says: 'HTTP 201' })
    await probe({ ...http, scheme: 'https', fields: ['Host', 'shop.test'] }, port)
    expect(names).toEqual([false, 'shop.test'])
    // A kubelet speaks no HTTP/2 here.
    expect([...versions]).toEqual(['1.1'])
    expect((await probe(http, port)).ok).toBe(false)
  })
})

describe('a tcpSocket probe', () => {
  test('an accepted connection is a success, and is closed', async () => {
    const origin = await startRawOrigin(() => {})
    expect(await probe(tcp, origin.port)).toEqual({ ok: true, says: `127.0.0.1:${origin.port} accepts connections` })
    await until(() => origin.connections.size === 0)
  })

  test('a refused one is a failure', async () => {
    expect(await probe(tcp, await closedPort())).toMatchObject({
      ok: false,
      says: expect.stringMatching(/ECONNREFUSED/),
    })
  })
})

describe('a grpc probe', () => {
  test('SERVING is a success, and the service is named', async () => {
    const server = await startHealth((stream) => answer(stream, [0, 0, 0, 0, 2, 8, 1]))
    expect(await probe({ kind: 'grpc', service: 'shop.v1.Cart' }, server.port)).toEqual({ ok: true, says: 'SERVING' })
    expect(server.asked[0]!.head).toMatchObject({
      ':method': 'POST',
      ':path': '/grpc.health.v1.Health/Check',
      'content-type': 'application/grpc',
      te: 'trailers',
      'user-agent': 'kube-probe/genkan',
    })
    expect(server.asked[0]!.body).toEqual(
      Buffer.concat([Buffer.from([0, 0, 0, 0, 14, 10, 12]), Buffer.from('shop.v1.Cart')]),
    )
    await until(() => server.sessions() === 0)
  })

  const rows: readonly [string, (stream: ServerHttp2Stream) => void, string][] = [
    ['NOT_SERVING', (stream) => answer(stream, [0, 0, 0, 0, 2, 8, 2]), 'NOT_SERVING'],
    ['UNKNOWN, which is sent as nothing', (stream) => answer(stream, [0, 0, 0, 0, 0]), 'UNKNOWN'],
    [
      'a service it does not know',
      (stream) =>
        stream.respond({ ':status': 200, 'content-type': 'application/grpc', 'grpc-status': '5' }, { endStream: true }),
      'grpc-status 5 (it does not know the service)',
    ],
    ['no health service', (stream) => answer(stream, [], '12'), 'grpc-status 12 (it has no health service)'],
    [
      'no gRPC at all',
      (stream) => stream.respond({ ':status': 404 }, { endStream: true }),
      'HTTP 404, which no gRPC service answers',
    ],
    [
      'plain HTTP',
      (stream) => (stream.respond({ ':status': 200 }), void stream.end('hello')),
      'the answer has no grpc-status',
    ],
    ['a broken message', (stream) => answer(stream, [0, 0, 0, 0, 9, 8]), 'the answer is no HealthCheckResponse'],
    [
      'too long an answer',
      (stream) =>
        answer(
          stream,
          Array.from({ length: 11_000 }, () => 0),
        ),
      'an answer of more than 10240 bytes',
    ],
  ]
  for (const [what, script, says] of rows) {
    test(`${what} is a failure that says so`, async () => {
      const server = await startHealth(script)
      expect(await probe(grpc, server.port)).toEqual({ ok: false, says })
    })
  }

  test('nobody listening is a failure', async () => {
    expect(await probe(grpc, await closedPort())).toMatchObject({
      ok: false,
      says: expect.stringMatching(/ECONNREFUSED/),
    })
  })

  test('something else listening is a failure', async () => {
    const origin = await startOrigin((_request, response) => void response.end('ok'))
    expect((await probe(grpc, origin.port)).ok).toBe(false)
  })

  test('is given up when its time is over', async () => {
    const server = await startHealth(() => {})
    const controller = new AbortController()
    const result = probe(grpc, server.port, controller.signal)
    await until(() => server.asked.length === 1)
    controller.abort()
    expect((await result).ok).toBe(false)
    await until(() => server.sessions() === 0)
  })
})

describe('the health messages of gRPC', () => {
  test('long names have a length of two bytes', () => {
    const bytes = encodeRequest('x'.repeat(300))
    expect([...bytes.subarray(0, 8)]).toEqual([0, 0, 0, 1, 47, 10, 0xac, 2])
  })

  const rows: readonly [readonly number[], number | undefined][] = [
    [[0, 0, 0, 0, 2, 8, 1], 1],
    [[0, 0, 0, 0, 0], 0],
    // Fields from the future are skipped.
    [[0, 0, 0, 0, 7, 0x12, 3, 97, 98, 99, 8, 1], 1],
    [[0, 0, 0, 0, 4, 0x18, 9, 8, 2], 2],
    [[1, 0, 0, 0, 2, 8, 1], undefined],
    [[0, 0, 0, 0, 2, 8], undefined],
    [[0, 0, 0, 0, 1, 8], undefined],
    [[0, 0, 0, 0, 3, 0x12, 9, 1], undefined],
    [[0, 0, 0, 0, 5, 0x0d, 1, 2, 3, 4], undefined],
    [[0, 0, 0], undefined],
  ]
  for (const [bytes, status] of rows)
    test(`${bytes.join(' ')} says ${status}`, () => expect(decodeStatus(Buffer.from(bytes))).toBe(status))
})

type Health = { readonly port: number; readonly asked: { head: object; body: Buffer }[]; sessions(): number }

async function startHealth(script: (stream: ServerHttp2Stream) => void): Promise<Health> {
  const asked: { head: object; body: Buffer }[] = []
  const sessions = new Set<object>()
  const server = createH2Server()
  server.on('session', (session) => {
    sessions.add(session)
    session.on('error', () => {})
    session.on('close', () => sessions.delete(session))
  })
  server.on('stream', (stream: ServerHttp2Stream, head: object) => {
    const chunks: Buffer[] = []
    stream.on('error', () => {})
    stream.on('data', (chunk: Buffer) => void chunks.push(chunk))
    stream.on('end', () => {
      asked.push({ head, body: Buffer.concat(chunks) })
      script(stream)
    })
  })
  return { port: await listen(server), asked, sessions: () => sessions.size }
}

function answer(stream: ServerHttp2Stream, bytes: readonly number[], status = '0'): void {
  stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true })
  stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': status }))
  stream.end(Buffer.from(bytes))
}

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  after(() => void server.close())
  // A server that listens on TCP has an address with a port.
  return (server.address() as AddressInfo).port
}

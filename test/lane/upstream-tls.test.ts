import { readFileSync } from 'node:fs'
import { createServer as createHttpsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { createServer as createTlsServer, type TLSSocket } from 'node:tls'
import { describe, expect, test } from 'vitest'
import { WebSocketServer } from 'ws'
import type { UpstreamSpec } from '#snapshot/snapshot.ts'
import { clientFile } from '../support/client-files.ts'
import { after } from '../support/closing.ts'
import { openDoor } from '../support/door.ts'
import { ask, connectH2 } from '../support/h2-client.ts'
import { startH2Origin } from '../support/h2-origin.ts'
import { startOrigin } from '../support/origin.ts'
import { connectRaw, talk } from '../support/raw-client.ts'
import { describeLanes, leftToGeneral } from '../support/lanes.ts'

function file(name: string): string {
  return readFileSync(join(import.meta.dirname, '../compile/certificates', name), 'utf8')
}

const shop = { cert: file('shop.crt'), key: file('shop.key') }
const other = { cert: file('other.crt'), key: file('other.key') }
/** An endpoint's certificate with as many authorities between it and the one that is believed. */
const [between1, between2] = [clientFile('one-between.pem'), clientFile('two-between.pem')]
const deep = { verify: true, ca: clientFile('root.crt'), name: 'authtls' }
const get = 'GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n'

type Seen = {
  readonly serverName: string | false | undefined
  readonly client: string | undefined
  readonly protocol: string | null
}

/** Answers with what it saw of TLS. */
async function startTlsOrigin(
  options: Parameters<typeof createHttpsServer>[0] = {},
): Promise<{ port: number; seen: Seen[]; connections: () => number }> {
  const seen: Seen[] = []
  let connections = 0
  const server = createHttpsServer({ ...shop, ...options }, (request, response) => {
    const socket = request.socket as TLSSocket & { readonly servername?: string | false }
    seen.push({
      serverName: socket.servername,
      client: socket.getPeerCertificate().subject?.CN as string | undefined,
      protocol: socket.getProtocol(),
    })
    response.end('secret')
  })
  server.on('secureConnection', () => void connections++)
  server.on('tlsClientError', () => {})
  const sockets = new WebSocketServer({ server })
  sockets.on('connection', (socket) => socket.on('message', (text: Buffer) => socket.send(`echo ${text.toString()}`)))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  after(() => {
    sockets.close()
    server.closeAllConnections()
    server.close()
  })
  // A server that listens on TCP has an address with a port.
  return { port: (server.address() as AddressInfo).port, seen, connections: () => connections }
}

function secured(tls?: UpstreamSpec['tls']): { readonly upstream: Partial<UpstreamSpec> } {
  return { upstream: { protocol: 'https', ...(tls === undefined ? {} : { tls }) } }
}

describeLanes(() => {
  describe('TLS to endpoints', () => {
    leftToGeneral('protocol')

    test('an endpoint that stops reading a long upload is to blame, not the client that waits for it', async () => {
      const server = createTlsServer(shop, (socket) => void socket.on('error', () => {}).pause())
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
      after(() => void server.close())
      // A listening TCP server has an address object, never a pipe's path.
      const { port } = server.address() as AddressInfo
      const door = await openDoor({
        endpoints: [port],
        route: { timeouts: { connectMs: 1_000, sendMs: 300, readMs: 30_000 } },
        ...secured(),
      })
      const session = await connectH2(door.https)
      const stream = session.request({ ':method': 'POST', ':authority': 'a.test' })
      stream.on('error', () => {}).end(Buffer.alloc(32 * 1024 * 1024))
      expect((await door.nth(1)).failure).toEqual({
        cause: 'upstream_timeout',
        detail: 'endpoint stopped reading the request body',
      })
    })

    test('by default nothing is verified and no server name is sent', async () => {
      const origin = await startTlsOrigin()
      const door = await openDoor({ ...secured(), endpoints: [origin.port] })
      expect(await talk(door.http, get)).toMatch(/^HTTP\/1\.1 200 [^]*secret$/)
      expect(origin.seen[0]).toMatchObject({ serverName: false, client: undefined })
    })

    test('verified against a CA and a name; the name is sent where it shall be', async () => {
      const origin = await startTlsOrigin()
      const door = await openDoor({
        ...secured({ verify: true, ca: shop.cert, name: 'shop.test', serverName: 'shop.test' }),
        endpoints: [origin.port],
      })
      for (let at = 0; at < 3; at++) expect(await talk(door.http, get)).toMatch(/^HTTP\/1\.1 200 /)
      expect(origin.seen[0]).toMatchObject({ serverName: 'shop.test' })
      expect(origin.connections()).toBe(1)
    })

    const refusals: readonly [
      why: string,
      tls: NonNullable<UpstreamSpec['tls']>,
      origin: Parameters<typeof createHttpsServer>[0],
    ][] = [
      ['another name', { verify: true, ca: shop.cert, name: 'wrong.example' }, {}],
      ['no name at all', { verify: true, ca: shop.cert }, {}],
      ['an unknown CA', { verify: true, ca: other.cert, name: 'shop.test' }, {}],
      ['the CAs of the system', { verify: true, name: 'shop.test' }, {}],
      [
        'an expired certificate',
        { verify: true, ca: file('expired.crt'), name: 'shop.test' },
        { cert: file('expired.crt'), key: file('expired.key') },
      ],
      ['too old a version', { verify: false, minVersion: 'TLSv1.3' }, { maxVersion: 'TLSv1.2' }],
      [
        'no cipher in common',
        { verify: false, ciphers: 'ECDHE-RSA-AES128-GCM-SHA256' },
        { maxVersion: 'TLSv1.2', ciphers: 'ECDHE-ECDSA-AES256-GCM-SHA384' },
      ],
      ['more authorities between than one', { ...deep, depth: 1 }, { cert: between2, key: between2 }],
      ['any authority between', { ...deep, depth: 0 }, { cert: between1, key: between1 }],
      ['a key nobody can read', { verify: false, client: { certificate: other.cert, key: 'nonsense' } }, {}],
    ]
    test.each(refusals)('%s: 502 upstream_tls, and the endpoint sees no request', async (_, tls, options) => {
      const origin = await startTlsOrigin(options)
      const door = await openDoor({ ...secured(tls), endpoints: [origin.port] })
      const answer = await talk(door.http, get)
      expect(answer).toMatch(/^HTTP\/1\.1 502 Bad Gateway\r\n[^]*X-Genkan-Cause: upstream_tls\r\n/)
      expect(answer).not.toMatch(/certificate|CERT|issuer|secret/)
      expect(origin.seen).toEqual([])
      expect(await door.nth(1)).toMatchObject({ failure: { cause: 'upstream_tls' } })
    })

    test.each([
      ['one', 1, between1],
      ['two', 2, between2],
      ['two where nobody counts', undefined, between2],
    ] as const)('a chain with %s in between is believed', async (_, depth, pem) => {
      const origin = await startTlsOrigin({ cert: pem, key: pem })
      const tls = { ...deep, ...(depth === undefined ? {} : { depth }) }
      const door = await openDoor({ ...secured(tls), endpoints: [origin.port] })
      expect(await talk(door.http, get)).toMatch(/^HTTP\/1\.1 200 /)
    })

    test.each(['TLSv1.2', 'TLSv1.3'] as const)(
      'no session of %s lets a chain pass that is too long',
      async (version) => {
        const origin = await startTlsOrigin({ cert: between2, key: between2, maxVersion: version })
        const door = await openDoor({ ...secured({ ...deep, depth: 1 }), endpoints: [origin.port] })
        for (let at = 0; at < 4; at++) expect(await talk(door.http, get)).toMatch(/^HTTP\/1\.1 502 /)
        expect(origin.seen).toEqual([])
      },
    )

    test('an endpoint whose certificate is refused is passed over for one whose is not', async () => {
      const [bad, good] = [await startTlsOrigin(other), await startTlsOrigin()]
      const door = await openDoor({
        ...secured({ verify: true, ca: shop.cert, name: 'shop.test' }),
        endpoints: [bad.port, good.port],
      })
      const post = 'POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi'
      expect(await talk(door.http, post)).toMatch(/^HTTP\/1\.1 200 /)
      expect(await door.nth(1)).toMatchObject({ attempts: 2, retried: ['upstream_tls'] })
    })

    test('our certificate is shown when there is one', async () => {
      const origin = await startTlsOrigin({ requestCert: true, rejectUnauthorized: true, ca: other.cert })
      const door = await openDoor({
        ...secured({ verify: false, client: { certificate: other.cert, key: other.key } }),
        endpoints: [origin.port],
      })
      expect(await talk(door.http, get)).toMatch(/^HTTP\/1\.1 200 /)
      expect(origin.seen[0]!.client).toBeDefined()
      const without = await openDoor({ ...secured({ verify: false }), endpoints: [origin.port] })
      expect(await talk(without.http, get)).toMatch(/^HTTP\/1\.1 502 /)
      expect(origin.seen.length).toBe(1)
    })

    test('requests for several hosts share a connection', async () => {
      const origin = await startTlsOrigin()
      const door = await openDoor({ ...secured(), endpoints: [origin.port] })
      for (const host of ['a.test', 'b.test', 'a.test']) {
        expect(await talk(door.http, `GET / HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`)).toMatch(
          /^HTTP\/1\.1 200 /,
        )
      }
      expect(origin.connections()).toBe(1)
    })

    test('a connection is never used by somebody who would have made another', async () => {
      const origin = await startTlsOrigin()
      const door = await openDoor({ ...secured({ verify: false }), endpoints: [origin.port] })
      expect(await talk(door.http, get)).toMatch(/^HTTP\/1\.1 200 /)
      const strict = {
        id: 'test/web:80',
        namespace: 'test',
        service: 'web',
        port: { kind: 'number', number: 80 },
        discovery: ['slices'],
        ...secured({ verify: true, ca: other.cert, name: 'shop.test' }).upstream,
        protocol: 'https',
      } as const
      door.apply({ snapshot: { upstreams: [strict] } })
      expect(await talk(door.http, get)).toMatch(/^HTTP\/1\.1 502 /)
      expect(origin.seen.length).toBe(1)
    })

    test('an endpoint without TLS gets no request either', async () => {
      const plain = await startOrigin((_request, response) => response.end('plain'))
      const door = await openDoor({ ...secured(), endpoints: [plain.port] })
      expect(await talk(door.http, get)).toMatch(/^HTTP\/1\.1 502 /)
      expect(plain.requests).toEqual([])
    })

    test('WebSockets go through it, too, verified alike', async () => {
      leftToGeneral('upgrade')
      const origin = await startTlsOrigin()
      const shake =
        'GET / HTTP/1.1\r\nHost: a.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n'
      const door = await openDoor({
        ...secured({ verify: true, ca: shop.cert, name: 'shop.test' }),
        endpoints: [origin.port],
      })
      const client = await connectRaw(door.http)
      client.write(shake)
      await client.until(/^HTTP\/1\.1 101 [^]*\r\n\r\n/)
      client.write(Buffer.from([0x81, 0x82, 0, 0, 0, 0, 0x68, 0x69]))
      await client.until(/echo hi/)
      client.socket.destroy()
      const strict = await openDoor({
        ...secured({ verify: true, ca: shop.cert, name: 'wrong.example' }),
        endpoints: [origin.port],
      })
      expect(await talk(strict.http, shake)).toMatch(/^HTTP\/1\.1 502 [^]*upstream_tls/)
    })

    test('gRPC over TLS is agreed on by ALPN and verified alike', async () => {
      const origin = await startH2Origin(
        (stream, headers) => {
          stream.respond(
            { ':status': 200, 'x-scheme-seen': headers[':scheme'], 'grpc-status': '0' },
            { endStream: true },
          )
        },
        { tls: shop },
      )
      const call = { ':method': 'POST', ':path': '/s/m', 'content-type': 'application/grpc' }
      const good = await openDoor({
        upstream: { protocol: 'grpcs', tls: { verify: true, ca: shop.cert, name: 'shop.test' } },
        endpoints: [origin.port],
      })
      expect(await ask(await connectH2(good.https), call, 'x')).toMatchObject({
        status: 200,
        headers: { 'grpc-status': '0', 'x-scheme-seen': 'https' },
      })
      const bad = await openDoor({
        upstream: { protocol: 'grpcs', tls: { verify: true, ca: shop.cert, name: 'wrong.example' } },
        endpoints: [origin.port],
      })
      expect(await ask(await connectH2(bad.https), call, 'x')).toMatchObject({
        headers: { 'grpc-status': '14', 'x-genkan-cause': 'upstream_tls' },
      })
      const without = await startTlsOrigin()
      const plain = await openDoor({ upstream: { protocol: 'grpcs' }, endpoints: [without.port] })
      expect(await ask(await connectH2(plain.https), call, 'x')).toMatchObject({ headers: { 'grpc-status': '14' } })
      expect(without.seen).toEqual([])
    })

    test('auto: as the connection of the client', async () => {
      const secure = await startTlsOrigin()
      const plain = await startOrigin((_request, response) => response.end('plain'))
      const toSecure = await openDoor({ upstream: { protocol: 'auto' }, endpoints: [secure.port] })
      expect(await ask(await connectH2(toSecure.https), { ':path': '/' })).toMatchObject({ body: 'secret' })
      const toPlain = await openDoor({ upstream: { protocol: 'auto' }, endpoints: [plain.port] })
      expect(await talk(toPlain.http, get)).toMatch(/plain$/)
    })
  })
})

describeLanes('connections to endpoints over TLS', () => {
  leftToGeneral('protocol')

  test.each([
    [{}, 1],
    [{ upstreamRequests: 2 }, 2],
    [{ upstreamIdleConnections: 0 }, 4],
  ])('are kept as %j says: four requests take %d', async (limits, count) => {
    const origin = await startTlsOrigin()
    const door = await openDoor({ endpoints: [origin.port], ...secured(), snapshot: { door: { limits } } })
    for (let at = 0; at < 4; at++) expect(await talk(door.http, get)).toContain('secret')
    expect(origin.connections()).toBe(count)
  })
})

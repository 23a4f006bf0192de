import { once } from 'node:events'
import { createServer, type AddressInfo, type Server } from 'node:net'
import { connect as connectTls, createServer as createTlsServer, type TLSSocket } from 'node:tls'
import { expect, test } from 'vitest'
import { access } from '#policy/access.ts'
import { silentObserver } from '#proxy/observer.ts'
import type { Stream } from '#proxy/stream.ts'
import type { PassthroughSpec } from '#snapshot/snapshot.ts'
import { certificateSpec } from '../support/certificate-pair.ts'
import { after } from '../support/closing.ts'
import { type Door, endpointOf, openDoor, routeOf, setOf } from '../support/door.ts'
import { connectRaw } from '../support/raw-client.ts'
import { until } from '../support/until.ts'
import { describeLanes } from '../support/lanes.ts'

type Passing = { readonly door: Door; readonly ended: readonly Stream[]; readonly begun: () => number }

const passed: PassthroughSpec = {
  route: 'test/all',
  upstream: 'test/web:80',
  policies: [],
  connectMs: 1_000,
  idleMs: 60_000,
}

async function openPassing(
  ports: readonly number[],
  spec: Partial<PassthroughSpec> = {},
  init: Parameters<typeof openDoor>[0] = {},
): Promise<Passing> {
  const ended: Stream[] = []
  let begun = 0
  const door = await openDoor({
    endpoints: ports,
    ...init,
    snapshot: { routes: [routeOf({})], serverNames: [{ host: 'in.test', passthrough: { ...passed, ...spec } }] },
    init: {
      ...init.init,
      observer: {
        ...silentObserver,
        onStreamBegun: () => void begun++,
        onStreamEnded: (stream) => void ended.push(stream),
      },
    },
  })
  after(async () => {
    await door.frontDoor.close()
    await until(() => begun === ended.length)
  })
  return { door, ended, begun: () => begun }
}

/** Speaks TLS itself and says back what it is told. */
async function startEcho(): Promise<number> {
  const { certificate: cert, key } = certificateSpec('other')
  return listening(
    createTlsServer({ cert, key, allowHalfOpen: true }, (socket) => {
      socket.on('error', () => {})
      socket.pipe(socket)
    }),
  )
}

async function listening(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  after(() => void server.close())
  return (server.address() as AddressInfo).port
}

async function closedPort(): Promise<number> {
  const server = createServer()
  const port = await listening(server)
  server.close()
  await once(server, 'close')
  return port
}

async function open(port: number, servername = 'in.test', before = ''): Promise<TLSSocket> {
  const { socket } = await connectRaw(port)
  socket.removeAllListeners('data')
  if (before !== '') socket.write(before)
  const tls = connectTls({ socket, servername, rejectUnauthorized: false })
  after(() => void tls.destroy())
  tls.on('error', () => {})
  await once(tls, 'secureConnect')
  return tls
}

const subject = (socket: TLSSocket): string => String(socket.getPeerCertificate().subject.CN)

async function say(socket: TLSSocket, text: string): Promise<string> {
  let heard = ''
  socket.on('data', (chunk: Buffer) => (heard += chunk.toString()))
  socket.write(text)
  await until(() => heard.length >= text.length)
  return heard
}

describeLanes('ssl-passthrough', () => {
  test('gives the connection to an endpoint, every byte of it, and tells of it once', async () => {
    const { door, ended } = await openPassing([await startEcho()])
    const socket = await open(door.https)
    expect(subject(socket)).toBe('other')
    const text = 'x'.repeat(300_000)
    expect(await say(socket, text)).toBe(text)
    expect(ended).toEqual([])
    socket.end()
    await until(() => ended.length === 1)
    expect(ended[0]).toMatchObject({ serverName: 'in.test', failure: undefined })
    expect(ended[0]!.sentBytes).toBeGreaterThan(300_000)
    expect(ended[0]!.receivedBytes).toBeGreaterThan(300_000)
    expect(ended[0]!.endpoint!.inFlight).toBe(0)
  })

  test('leaves all other names, and no name, to the front door', async () => {
    const { door, begun } = await openPassing([await startEcho()])
    expect(subject(await open(door.https, 'out.test'))).toBe('Genkan default certificate')
    expect(subject((await connectRaw(door.https, { tls: {} })).socket as TLSSocket)).toBe('Genkan default certificate')
    expect(begun()).toBe(0)
  })

  test('asks another endpoint when one does not answer', async () => {
    const [dead, alive] = [await closedPort(), await startEcho()]
    const { door, ended } = await openPassing([dead, alive])
    for (let count = 0; count < 4; count++) expect(await say(await open(door.https), 'hello')).toBe('hello')
    await door.frontDoor.close()
    await until(() => ended.length === 4)
    expect(ended.some(({ tried }) => tried.length === 2)).toBe(true)
    expect(ended.every(({ endpoint }) => endpoint!.spec.port === alive)).toBe(true)
  })

  test.each<[string, Partial<PassthroughSpec> | 'closed', readonly number[], string]>([
    ['where nobody is ready', {}, [], 'no_ready_endpoints'],
    ['where connections are closed on purpose', 'closed', [1], 'no_backend'],
    [
      'for an address that may not pass',
      { policies: [access.spec({ deny: ['127.0.0.0/8'], allow: undefined })] },
      [1],
      'access_denied',
    ],
  ])('closes the connection %s', async (_, spec, ports, cause) => {
    const { upstream: _upstream, ...closed } = passed
    const passthrough = spec === 'closed' ? closed : { ...passed, ...spec }
    const { door, ended } = await openPassing(ports)
    door.apply({ snapshot: { routes: [routeOf({})], serverNames: [{ host: 'in.test', passthrough }] } })
    await expect(open(door.https)).rejects.toThrow()
    await until(() => ended.length === 1)
    expect(ended[0]!.failure!.cause).toBe(cause)
  })

  test('says so when no endpoint can be reached, after asking each', async () => {
    const { door, ended } = await openPassing([await closedPort(), await closedPort()])
    await expect(open(door.https)).rejects.toThrow()
    await until(() => ended.length === 1)
    expect(ended[0]).toMatchObject({ failure: { cause: 'connect_failed' } })
    expect(ended[0]!.tried).toHaveLength(2)
    expect(ended[0]!.tried.map(({ inFlight }) => inFlight)).toEqual([0, 0])
  })

  test('sends nobody to an endpoint that is not ready', async () => {
    const [ready, unready] = [await startEcho(), await closedPort()]
    const { door, ended } = await openPassing([ready])
    const endpoints = [endpointOf({ port: ready }), endpointOf({ port: unready, ready: false })]
    door.frontDoor.endpoints([setOf([], { state: 'live', endpoints })])
    for (let count = 0; count < 3; count++) expect(await say(await open(door.https), 'a')).toBe('a')
    await door.frontDoor.close()
    await until(() => ended.length === 3)
    expect(ended.map(({ tried }) => tried.length)).toEqual([1, 1, 1])
  })

  test('ends when nothing moves', async () => {
    const { door, ended } = await openPassing([await startEcho()], { idleMs: 50 })
    await open(door.https)
    await until(() => ended.length === 1)
    expect(ended[0]!.failure!.cause).toBe('stream_idle')
  })

  test('goes on over changes, and over a drain until its time is up', async () => {
    const { door, ended } = await openPassing([await startEcho()])
    const [patient, hasty] = [await open(door.https), await open(door.https)]
    door.apply({ snapshot: { routes: [routeOf({})], serverNames: [] } })
    expect(await say(patient, 'a')).toBe('a')
    const drained = door.frontDoor.drain(300)
    expect(await say(hasty, 'b')).toBe('b')
    hasty.end()
    await until(() => ended.length === 1)
    expect(await drained).toBe(1)
    await until(() => ended.length === 2)
  })

  test('tells the address of the PROXY protocol', async () => {
    const { door, ended } = await openPassing([await startEcho()], {}, { init: { proxyProtocol: 'all' } })
    const socket = await open(door.https, 'in.test', 'PROXY TCP4 192.0.2.7 192.0.2.1 50000 443\r\n')
    expect(await say(socket, 'a')).toBe('a')
    socket.destroy()
    await until(() => ended.length === 1)
    expect(ended[0]!.connection.address).toBe('192.0.2.7')
  })
})

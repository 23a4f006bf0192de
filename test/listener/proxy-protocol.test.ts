import { once } from 'node:events'
import { connect as connectTls } from 'node:tls'
import { expect, test } from 'vitest'
import { clientCertificate } from '#policy/client-certificate.ts'
import { silentObserver } from '#proxy/observer.ts'
import { silentLog } from '#telemetry/log.ts'
import { clientFile } from '../support/client-files.ts'
import { after } from '../support/closing.ts'
import { type Door, type DoorOptions, openDoor, routeOf } from '../support/door.ts'
import { startOrigin } from '../support/origin.ts'
import { connectRaw } from '../support/raw-client.ts'
import { until } from '../support/until.ts'
import { describeLanes } from '../support/lanes.ts'

const header = 'PROXY TCP4 192.0.2.7 192.0.2.1 50000 8443\r\n'
const request = 'GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n'

async function openProxied(proxyProtocol: readonly string[] | 'all', options: DoorOptions = {}): Promise<Door> {
  const origin = await startOrigin((asked, response) => {
    const { 'x-real-ip': address, 'x-forwarded-port': port, 'x-forwarded-proto': scheme } = asked.headers
    response.end([address, port, scheme].join(' '))
  })
  return openDoor({ endpoints: [origin.port], ...options, init: { proxyProtocol, ...options.init } })
}

async function send(port: number, ...parts: readonly (string | Buffer)[]): Promise<string> {
  const client = await connectRaw(port)
  for (const part of parts) {
    client.write(part)
    await new Promise(setImmediate)
  }
  return client.end()
}

async function sendTls(port: number, first: string, servername: string, client?: string): Promise<string> {
  const { socket } = await connectRaw(port)
  socket.removeAllListeners('data')
  socket.write(first)
  const pem = client === undefined ? {} : { cert: client, key: client }
  const tls = connectTls({ socket, servername, rejectUnauthorized: false, ...pem })
  after(() => void tls.destroy())
  await once(tls, 'secureConnect')
  tls.write(request.replace('a.test', servername))
  return String((await once(tls, 'data'))[0])
}

describeLanes('the PROXY protocol', () => {
  test('says who the client is, on both ports', async () => {
    const door = await openProxied('all')
    expect(await send(door.http, header + request)).toMatch(/192\.0\.2\.7 8443 http\b/)
    expect(await sendTls(door.https, header, 'a.test')).toMatch(/192\.0\.2\.7 8443 https/)
    for (const exchange of door.finished)
      expect(exchange.connection).toMatchObject({ address: '192.0.2.7', remotePort: 50_000, port: 8_443 })
  })

  test('may come in pieces, and the request with it or later', async () => {
    const door = await openProxied('all')
    expect(await send(door.http, 'PRO', header.slice(3), request)).toMatch(/192\.0\.2\.7/)
    expect(await send(door.http, ...(header + request).split(''))).toMatch(/192\.0\.2\.7/)
  })

  test('keeps a connection in the lane where it would be without', async () => {
    const door = await openProxied('all')
    const client = await connectRaw(door.http)
    client.write(header)
    for (const count of [1, 2]) {
      client.write('GET / HTTP/1.1\r\nHost: a.test\r\n\r\n')
      await client.until(new RegExp(`(192\\.0\\.2\\.7[^]*){${count}}`))
    }
    const plain = await openProxied([])
    await send(plain.http, request)
    await until(() => door.finished.length === 2 && plain.finished.length === 1)
    expect(door.finished.map(({ lane }) => lane)).toEqual([plain.finished[0]!.lane, plain.finished[0]!.lane])
  })

  test('of a balancer that speaks for itself leaves its own address', async () => {
    const door = await openProxied('all')
    expect(await send(door.http, `PROXY UNKNOWN\r\n${request}`)).toMatch(/127\.0\.0\.1 \d+ http\b/)
  })

  test('with port 443 means that the client came encrypted', async () => {
    const door = await openProxied('all')
    expect(await send(door.http, `PROXY TCP4 192.0.2.7 192.0.2.1 50000 443\r\n${request}`)).toMatch(/443 https/)
  })

  test.each([
    ['a request', request],
    ['a header that is none', `PROXY TCP4 nobody nobody 1 2\r\n${request}`],
  ])('is not %s: the connection is closed, told and counted', async (_, text) => {
    const refused: string[] = []
    const said: string[] = []
    const door = await openProxied('all', {
      init: {
        proxyProtocol: 'all',
        observer: { ...silentObserver, onProxyHeaderRefused: (scheme) => void refused.push(scheme) },
        log: { ...silentLog, warn: (message, fields) => void said.push(`${message} ${String(fields?.['reason'])}`) },
      },
    })
    expect(await send(door.http, text)).toBe('')
    expect(await send(door.https, text)).toBe('')
    expect(refused).toEqual(['http', 'https'])
    expect(said).toHaveLength(2)
    expect(said[0]).toMatch(/header of the PROXY protocol (no PROXY header|a line that cannot be read)/)
  })

  test('that does not come in time closes the connection; one that says nothing is only looking', async () => {
    const refused: string[] = []
    const door = await openProxied('all', {
      snapshot: { listener: { proxyHeaderMs: 50 } },
      init: {
        proxyProtocol: 'all',
        observer: { ...silentObserver, onProxyHeaderRefused: (scheme) => void refused.push(scheme) },
      },
    })
    const looking = await connectRaw(door.http)
    looking.socket.end()
    await looking.end()
    expect(refused).toEqual([])
    expect(await send(door.http, 'PROXY TCP4')).toBe('')
    expect(refused).toEqual(['http'])
  })

  test('is spoken by the peers that flags name, and nobody else', async () => {
    const door = await openProxied(['192.0.2.0/24'], { snapshot: { listener: { proxyProtocol: true } } })
    expect(await send(door.http, request)).toMatch(/127\.0\.0\.1 \d+ http\b/)
    expect(await send(door.http, header + request)).toMatch(/^HTTP\/1.1 400/)
    const known = await openProxied(['127.0.0.0/8'])
    expect(await send(known.http, header + request)).toMatch(/192\.0\.2\.7/)
    expect(await send(known.http, request)).toBe('')
  })

  test('is switched on and off for new connections', async () => {
    const door = await openProxied([], {})
    const early = await connectRaw(door.http)
    door.apply({ snapshot: { listener: { proxyProtocol: true } } })
    expect(await send(door.http, header + request)).toMatch(/192\.0\.2\.7/)
    early.write(request)
    expect(await early.end()).toMatch(/127\.0\.0\.1/)
    door.apply({ snapshot: {} })
    expect(await send(door.http, request)).toMatch(/127\.0\.0\.1/)
  })

  test('goes before the name of the server', async () => {
    const door = await openProxied('all', {
      snapshot: {
        routes: [
          routeOf({
            host: 'in.test',
            policies: [
              clientCertificate.spec({
                auth: 'root',
                mode: 'on',
                depth: 1,
                subject: undefined,
                errorPage: undefined,
                pass: false,
                redirects: false,
              }),
            ],
          }),
        ],
        serverNames: [{ host: 'in.test', clientAuth: 'root' }],
        clientAuths: [{ id: 'root', ca: clientFile('root.crt') }],
      },
    })
    expect(await sendTls(door.https, header, 'in.test', clientFile('ann.pem'))).toMatch(/192\.0\.2\.7 8443 https/)
    expect(await sendTls(door.https, header, 'in.test')).toMatch(/^HTTP\/1.1 400/)
  })
})

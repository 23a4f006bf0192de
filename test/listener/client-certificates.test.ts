import { once } from 'node:events'
import { connect as connectTcp } from 'node:net'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import { describe, expect, test } from 'vitest'
import { distinguishedName } from '#listener/client-proof.ts'
import { clientCertificate, type ClientCertificateConfig } from '#policy/client-certificate.ts'
import type { Exchange } from '#proxy/exchange.ts'
import type { Snapshot } from '#snapshot/snapshot.ts'
import { certificateSpec } from '../support/certificate-pair.ts'
import { clientFile } from '../support/client-files.ts'
import { after } from '../support/closing.ts'
import { type Door, openDoor, routeOf } from '../support/door.ts'
import { ask, connectH2 } from '../support/h2-client.ts'
import { startOrigin } from '../support/origin.ts'
import { connectRaw, type RawClientOptions } from '../support/raw-client.ts'
import { describeLanes } from '../support/lanes.ts'

const config: ClientCertificateConfig = {
  auth: 'root',
  mode: 'on',
  depth: 1,
  subject: undefined,
  errorPage: undefined,
  pass: false,
  redirects: false,
}
const guarded = (host: string, change: Partial<ClientCertificateConfig> = {}): Snapshot['routes'][number] =>
  routeOf({ id: `test/${host}`, host, policies: [clientCertificate.spec({ ...config, ...change })] })

/** `in.test` and `also.test` ask for certificates of the root, `elsewhere.test` for others, `open.test` for none. */
function snapshotOf(change: Partial<ClientCertificateConfig> = {}): Partial<Snapshot> {
  return {
    certificates: [certificateSpec('shop')],
    tlsHosts: [{ host: 'in.test', certificate: 'test/shop' }],
    routes: [
      guarded('in.test', change),
      guarded('also.test', change),
      guarded('elsewhere.test', { ...change, auth: 'elsewhere' }),
      routeOf({ id: 'test/open', host: 'open.test' }),
    ],
    serverNames: [
      { host: 'also.test', clientAuth: 'root' },
      { host: 'elsewhere.test', clientAuth: 'elsewhere' },
      { host: 'in.test', clientAuth: 'root' },
    ],
    clientAuths: [
      { id: 'elsewhere', ca: clientFile('elsewhere.crt') },
      { id: 'root', ca: clientFile('root.crt') },
    ],
  }
}

async function openGuarded(change: Partial<ClientCertificateConfig> = {}): Promise<Door> {
  const origin = await startOrigin((request, response) => {
    response.end(JSON.stringify(Object.entries(request.headers).filter(([name]) => name.startsWith('ssl-client'))))
  })
  return openDoor({ endpoints: [origin.port], snapshot: snapshotOf(change) })
}

type Tls = NonNullable<RawClientOptions['tls']>
type Answer = { readonly status: number; readonly cause: string | undefined; readonly told: Record<string, string> }

async function get(port: number, host: string, tls: Tls | undefined, fields = ''): Promise<Answer> {
  const client = await connectRaw(port, tls === undefined ? {} : { tls })
  client.write(`GET / HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n${fields}\r\n`)
  const text = await client.end()
  const body = text.slice(text.indexOf('\r\n\r\n') + 4)
  const told = /\[.*\]/.exec(body)
  return {
    status: Number(text.slice(9, 12)),
    cause: /^x-genkan-cause: (.*)\r$/im.exec(text)?.[1],
    told: told === null ? {} : Object.fromEntries(JSON.parse(told[0]) as [string, string][]),
  }
}

const shown = (client?: Parameters<typeof clientFile>[0], serverName = 'in.test'): Tls => ({
  serverName,
  ...(client === undefined ? {} : { client: clientFile(client) }),
})

describeLanes('client certificates', () => {
  test.each<[Parameters<typeof clientFile>[0] | undefined, ClientCertificateConfig['mode'], number, string]>([
    ['ann.pem', 'on', 200, 'SUCCESS'],
    ['one-between.pem', 'on', 200, 'SUCCESS'],
    ['two-between.pem', 'on', 400, 'certificate_invalid'],
    ['stranger.pem', 'on', 400, 'certificate_invalid'],
    ['expired.pem', 'on', 400, 'certificate_invalid'],
    [undefined, 'on', 400, 'certificate_required'],
    ['ann.pem', 'optional', 200, 'SUCCESS'],
    ['stranger.pem', 'optional', 400, 'certificate_invalid'],
    [undefined, 'optional', 200, 'NONE'],
    ['stranger.pem', 'optional_no_ca', 200, 'FAILED:unable to verify the first certificate'],
    ['expired.pem', 'optional_no_ca', 400, 'certificate_invalid'],
    [undefined, 'optional_no_ca', 200, 'NONE'],
  ])('%s with %s: %s', async (client, mode, status, says) => {
    const door = await openGuarded({ mode })
    const answer = await get(door.https, 'in.test', shown(client))
    expect(answer.status).toBe(status)
    expect(status === 200 ? answer.told['ssl-client-verify'] : answer.cause).toBe(says)
  })

  test('are told to the endpoint, and nobody else can tell it', async () => {
    const door = await openGuarded({ pass: true })
    const lies = 'Ssl-Client-Verify: SUCCESS\r\nssl-client-cert: x\r\nssl-client-subject-dn: CN=root\r\n'
    const { told } = await get(door.https, 'in.test', shown('juergen.pem'), lies)
    const pem = clientFile('juergen.pem')
    expect(told).toEqual({
      'ssl-client-verify': 'SUCCESS',
      'ssl-client-subject-dn': String.raw`CN=J\C3\BCrgen,O=Shop\, Inc`,
      'ssl-client-issuer-dn': 'CN=root,O=Shop',
      'ssl-client-cert': encodeURIComponent(pem.slice(0, pem.indexOf('-----BEGIN EC'))),
    })
    const open = await openGuarded({ mode: 'optional' })
    expect((await get(open.https, 'in.test', shown(), lies)).told).toEqual({ 'ssl-client-verify': 'NONE' })
    expect((await get(open.http, 'in.test', undefined, lies)).told).toEqual({ 'ssl-client-verify': 'NONE' })
  })

  test('the operator learns what was wrong', async () => {
    const door = await openGuarded()
    await get(door.https, 'in.test', shown('expired.pem'))
    expect((await door.nth(1)).failure).toEqual({
      cause: 'certificate_invalid',
      detail: 'FAILED:certificate has expired',
    })
  })

  test('are asked for on their hosts only, with the certificate of each', async () => {
    const door = await openGuarded()
    const subject = async (servername: string): Promise<string> => {
      const { socket } = await connectRaw(door.https, { tls: { serverName: servername } })
      return String((socket as TLSSocket).getPeerCertificate().subject.CN)
    }
    expect(await subject('in.test')).toBe('shop')
    expect(await subject('also.test')).toBe('Genkan default certificate')
    expect((await get(door.https, 'open.test', shown('ann.pem', 'open.test'))).status).toBe(200)
    expect((await door.nth(1)).connection.tls).not.toHaveProperty('client')
  })

  test('over plain http are missing', async () => {
    const door = await openGuarded()
    expect(await get(door.http, 'in.test', undefined)).toMatchObject({ status: 400, cause: 'certificate_required' })
  })

  test('a revoked one is not believed', async () => {
    const door = await openGuarded()
    const { clientAuths: [other, root] = [], ...rest } = snapshotOf()
    expect((await get(door.https, 'in.test', shown('revoked.pem'))).status).toBe(200)
    door.apply({ snapshot: { ...rest, clientAuths: [other!, { ...root!, crl: clientFile('root.crl') }] } })
    // The same id: what was asked for before is still in use. compile gives another id to another content.
    const renamed = snapshotOf({ auth: 'root 2' })
    door.apply({
      snapshot: {
        ...renamed,
        serverNames: [{ host: 'in.test', clientAuth: 'root 2' }],
        clientAuths: [{ id: 'root 2', ca: clientFile('root.crt'), crl: clientFile('root.crl') }],
      },
    })
    expect(await get(door.https, 'in.test', shown('revoked.pem'))).toMatchObject({
      status: 400,
      cause: 'certificate_invalid',
    })
    expect((await get(door.https, 'in.test', shown('ann.pem'))).status).toBe(200)
  })
})

describeLanes('a connection', () => {
  test.each<[string, Tls, string, number]>([
    ['made for an open host', shown('ann.pem', 'open.test'), 'in.test', 421],
    ['made for an unknown host', shown('ann.pem', 'x.test'), 'in.test', 421],
    ['made for no host', { client: clientFile('ann.pem') }, 'in.test', 421],
    ['made for another host with the same authorities', shown('ann.pem', 'also.test'), 'in.test', 421],
    ['made for another host with other authorities', shown('stranger.pem', 'elsewhere.test'), 'in.test', 421],
    ['made for this host', shown('stranger.pem', 'elsewhere.test'), 'elsewhere.test', 200],
    ['made for a guarded host', shown('ann.pem', 'in.test'), 'open.test', 200],
    ['with a dot behind', shown('ann.pem', 'in.test.'), 'in.test', 200],
    ['asked with a port', shown('ann.pem', 'in.test'), 'in.test:8443', 200],
  ])('%s', async (_, tls, host, status) => {
    const door = await openGuarded()
    expect((await get(door.https, host, tls)).status).toBe(status)
  })

  test('of HTTP/2 is no way to another host, and lives on', async () => {
    const door = await openGuarded()
    const session = await connectH2(door.https, 'open.test', clientFile('ann.pem'))
    const to = (host: string): Promise<number> =>
      ask(session, { ':authority': host, ':path': '/' }).then(({ status }) => status)
    expect(await to('in.test')).toBe(421)
    expect(await to('open.test')).toBe(200)
    const own = await connectH2(door.https, 'in.test', clientFile('ann.pem'))
    expect((await ask(own, { ':authority': 'in.test', ':path': '/' })).status).toBe(200)
    expect((await ask(own, { ':authority': 'also.test', ':path': '/' })).status).toBe(421)
  })

  test('made before anything was asked of it has to be made anew, and is not closed for it', async () => {
    const origin = await startOrigin((_request, response) => void response.end('ok'))
    const routes = [routeOf({ id: 'test/in', host: 'in.test' })]
    const door = await openDoor({ endpoints: [origin.port], snapshot: { routes } })
    const session = await connectH2(door.https, 'in.test', clientFile('ann.pem'))
    const status = async (): Promise<number> => (await ask(session, { ':authority': 'in.test', ':path': '/' })).status
    expect(await status()).toBe(200)
    door.apply({ snapshot: snapshotOf() })
    expect(await status()).toBe(421)
    door.apply({ snapshot: { routes } })
    expect(await status()).toBe(200)
  })

  test.each(['TLSv1.2', 'TLSv1.3'] as const)('of %s is never resumed, here or elsewhere', async (version) => {
    const door = await openGuarded({ mode: 'optional' })
    const open = async (servername: string, session?: Buffer): Promise<readonly [boolean, Buffer | undefined]> => {
      const socket = connectTls({
        port: door.https,
        host: '127.0.0.1',
        servername,
        rejectUnauthorized: false,
        maxVersion: version,
        ...(session === undefined ? {} : { session }),
        ...(session === undefined ? { cert: clientFile('ann.pem'), key: clientFile('ann.pem') } : {}),
      })
      after(() => void socket.destroy())
      let kept: Buffer | undefined
      socket.on('session', (each) => (kept = each))
      await once(socket, 'secureConnect')
      const isReused = socket.isSessionReused()
      socket.write(`GET / HTTP/1.1\r\nHost: ${servername}\r\nConnection: close\r\n\r\n`)
      socket.resume()
      await once(socket, 'close')
      return [isReused, kept]
    }
    const [, first] = await open('in.test')
    const [, elsewhere] = await open('open.test')
    expect(elsewhere).toBeDefined()
    for (const session of [first, elsewhere])
      if (session !== undefined) expect((await open('in.test', session))[0]).toBe(false)
    if (first !== undefined) expect((await open('elsewhere.test', first))[0]).toBe(false)
    const proofs = door.finished.map(({ connection }: Exchange) => connection.tls?.client?.certificate?.subject)
    expect(proofs.slice(2).every((each) => each === undefined)).toBe(true)
  })
})

describeLanes('authorities', () => {
  test('that OpenSSL refuses let nobody in, and cost nobody else', async () => {
    const door = await openGuarded()
    const broken = {
      id: 'root 3',
      ca: clientFile('root.crt'),
      crl: '-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----',
    }
    const names = [
      { host: 'elsewhere.test', clientAuth: 'elsewhere' },
      { host: 'in.test', clientAuth: 'root 3' },
    ]
    const next = snapshotOf({ auth: 'root 3' })
    door.apply({ snapshot: { ...next, serverNames: names, clientAuths: [next.clientAuths![0]!, broken] } })
    await expect(get(door.https, 'in.test', shown('ann.pem'))).rejects.toThrow()
    expect((await get(door.https, 'elsewhere.test', shown('stranger.pem', 'elsewhere.test'))).status).toBe(200)
    expect(door.errors.splice(0)).toEqual([expect.stringContaining('client certificates cannot be asked for')])
  })

  test('of a wildcard and of all other names', async () => {
    const origin = await startOrigin((_request, response) => void response.end('ok'))
    const door = await openDoor({
      endpoints: [origin.port],
      snapshot: {
        ...snapshotOf(),
        routes: [
          guarded('*.in.test'),
          guarded('', { auth: 'elsewhere' }),
          routeOf({ id: 'test/open', host: 'open.in.test' }),
        ],
        serverNames: [
          { host: '', clientAuth: 'elsewhere' },
          { host: '*.in.test', clientAuth: 'root' },
          { host: 'open.in.test' },
        ],
      },
    })
    expect((await get(door.https, 'a.in.test', shown('ann.pem', 'a.in.test'))).status).toBe(200)
    expect((await get(door.https, 'b.in.test', shown('ann.pem', 'a.in.test'))).status).toBe(421)
    expect((await get(door.https, 'open.in.test', shown(undefined, 'open.in.test'))).status).toBe(200)
    expect((await get(door.https, 'x.test', shown('stranger.pem', 'x.test'))).status).toBe(200)
    expect((await get(door.https, '10.0.0.1', { client: clientFile('stranger.pem') })).status).toBe(200)
    expect((await get(door.https, 'x.test', shown('ann.pem', 'x.test'))).status).toBe(400)
  })
})

describeLanes('a first message', () => {
  test('that does not come is cut', async () => {
    const origin = await startOrigin((_request, response) => void response.end('ok'))
    const door = await openDoor({
      endpoints: [origin.port],
      limits: { handshakeTimeoutMs: 60 },
      snapshot: snapshotOf(),
    })
    const client = await connectRaw(door.https)
    client.write(Buffer.from([22, 3, 1]))
    await client.end()
    expect(client.received).toBe('')
  })

  test('in single bytes is understood', async () => {
    const door = await openGuarded()
    const socket = connectTcp(door.https, '127.0.0.1')
    after(() => void socket.destroy())
    await once(socket, 'connect')
    // A TLS client whose bytes pass through our hands, one by one.
    const { Duplex } = await import('node:stream')
    const slow = new Duplex({
      read: () => {},
      write: (chunk: Buffer, _encoding, done) => {
        for (const byte of chunk) socket.write(Buffer.from([byte]))
        done()
      },
    })
    socket.setNoDelay(true)
    socket.on('data', (chunk) => slow.push(chunk))
    const tls = connectTls({
      socket: slow,
      servername: 'in.test',
      rejectUnauthorized: false,
      cert: clientFile('ann.pem'),
      key: clientFile('ann.pem'),
    })
    after(() => void tls.destroy())
    await once(tls, 'secureConnect')
    tls.write('GET / HTTP/1.1\r\nHost: in.test\r\n\r\n')
    expect(String((await once(tls, 'data'))[0])).toMatch(/^HTTP\/1.1 200/)
  })

  test('that is none gets an alert of TLS', async () => {
    const door = await openGuarded()
    const client = await connectRaw(door.https)
    client.write('GET / HTTP/1.1\r\nHost: in.test\r\n\r\n')
    await client.end()
    expect(client.received).not.toMatch(/^HTTP/)
  })
})

describe('a distinguished name', () => {
  test.each([
    ['C=DE\nO=Shop\nCN=ann', 'CN=ann,O=Shop,C=DE'],
    ['CN=a', 'CN=a'],
    ['', ''],
    ['O=A\\, B\nCN=x + UID=7', String.raw`UID=7+CN=x,O=A\, B`],
    ['CN=J\u00fc', String.raw`CN=J\C3\BC`],
    ['CN=a\\0Ab', String.raw`CN=a\0Ab`],
    ['CN=\u{1f600}', String.raw`CN=\F0\9F\98\80`],
  ])('%j', (lines, expected) => {
    expect(distinguishedName(lines)).toBe(expected)
  })
})

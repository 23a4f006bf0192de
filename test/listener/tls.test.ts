import { connect, type TLSSocket } from 'node:tls'
import { expect, test } from 'vitest'
import { TlsContexts } from '#listener/tls-contexts.ts'
import { createDefaultCertificate } from '#listener/default-certificate.ts'
import { silentLog } from '#telemetry/log.ts'
import { certificateSpec } from '../support/certificate-pair.ts'
import { after } from '../support/closing.ts'
import { openDoor, type Door } from '../support/door.ts'
import { ask, connectH2 } from '../support/h2-client.ts'
import { startOrigin } from '../support/origin.ts'
import { connectRaw } from '../support/raw-client.ts'
import { until } from '../support/until.ts'
import { describeLanes } from '../support/lanes.ts'

const tls = {
  certificates: [certificateSpec('shop'), certificateSpec('wild'), certificateSpec('other')],
  tlsHosts: [
    { host: 'shop.test', certificate: 'test/shop' },
    { host: '*.wild.test', certificate: 'test/wild' },
    { host: 'exact.wild.test', certificate: 'test/other' },
    { host: 'lost.test', certificate: 'test/gone' },
  ],
}

/** The common name the server shows for that server name; the socket stays open. */
async function subject(door: Door, serverName: string | undefined, options: object = {}): Promise<string> {
  const socket: TLSSocket = connect({
    port: door.https,
    host: '127.0.0.1',
    rejectUnauthorized: false,
    ...(serverName === undefined ? {} : { servername: serverName }),
    ...options,
  })
  after(() => void socket.destroy())
  await new Promise<void>((resolve, reject) => {
    socket.once('secureConnect', resolve)
    socket.once('error', reject)
  })
  return String(socket.getPeerCertificate().subject.CN)
}

describeLanes('certificates by server name', () => {
  test.each([
    ['shop.test', 'shop'],
    ['SHOP.Test', 'shop'],
    ['a.wild.test', 'wild'],
    ['exact.wild.test', 'other'],
    ['a.b.wild.test', 'Genkan default certificate'],
    ['wild.test', 'Genkan default certificate'],
    ['unknown.test', 'Genkan default certificate'],
    ['lost.test', 'Genkan default certificate'],
    [undefined, 'Genkan default certificate'],
  ])('%s gets %s', async (serverName, expected) => {
    const door = await openDoor({ snapshot: tls })
    expect(await subject(door, serverName)).toBe(expected)
  })

  test('a trailing dot and case make no difference', async () => {
    const contexts = new TlsContexts(await createDefaultCertificate(new Date()), silentLog)
    contexts.use(tls.certificates, tls.tlsHosts)
    expect(contexts.select('Shop.Test.')).toBe(contexts.select('shop.test'))
    expect(contexts.select('')).toBe(contexts.select('unknown.test'))
    expect(contexts.select('\0')).toBe(contexts.select('unknown.test'))
  })

  test('a change builds only what has changed, whatever the Secret is called', async () => {
    const contexts = new TlsContexts(await createDefaultCertificate(new Date()), silentLog)
    contexts.use(tls.certificates, tls.tlsHosts)
    const before = contexts.select('shop.test')
    contexts.use(
      [certificateSpec('shop', 'moved/shop'), certificateSpec('other')],
      [{ host: 'shop.test', certificate: 'moved/shop' }],
    )
    expect(contexts.select('shop.test')).toBe(before)
    contexts.use([{ ...certificateSpec('other'), id: 'test/shop' }], [{ host: 'shop.test', certificate: 'test/shop' }])
    expect(contexts.select('shop.test')).not.toBe(before)
  })

  test('a broken one costs only its own hosts', async () => {
    const warnings: string[] = []
    const contexts = new TlsContexts(await createDefaultCertificate(new Date()), {
      ...silentLog,
      warn: (message) => void warnings.push(message),
    })
    const broken = { ...certificateSpec('shop'), key: certificateSpec('other').key }
    contexts.use(
      [broken, certificateSpec('other')],
      [
        { host: 'shop.test', certificate: 'test/shop' },
        { host: 'other.test', certificate: 'test/other' },
      ],
    )
    expect(contexts.select('shop.test')).toBe(contexts.select('unknown.test'))
    expect(contexts.select('other.test')).not.toBe(contexts.select('unknown.test'))
    expect(warnings).toEqual(['a certificate cannot be used'])
  })

  test('are swapped under open connections', async () => {
    const origin = await startOrigin((_request, response) => void response.end('ok'))
    const door = await openDoor({ endpoints: [origin.port], snapshot: tls })
    const session = await connectH2(door.https, 'shop.test')
    door.apply({ snapshot: { ...tls, tlsHosts: [{ host: 'shop.test', certificate: 'test/other' }] } })
    expect((await ask(session, { ':path': '/' })).body).toBe('ok')
    expect(await subject(door, 'shop.test')).toBe('other')
  })
})

describeLanes('TLS', () => {
  test.each([
    [['h2', 'http/1.1'], 'h2'],
    [['http/1.1'], 'http/1.1'],
    [[], undefined],
  ] as const)('ALPN %j agrees on %s', async (offered, agreed) => {
    const origin = await startOrigin((_request, response) => void response.end('ok'))
    const door = await openDoor({ endpoints: [origin.port] })
    const client = await connectRaw(door.https, { tls: { alpn: offered, serverName: 'A.test' } })
    if (agreed === 'h2') return expect((client.socket as TLSSocket).alpnProtocol).toBe('h2')
    client.write('GET / HTTP/1.1\r\nHost: a.test\r\n\r\n')
    await client.until(/ok/)
    expect((await door.nth(1)).connection.tls).toEqual({ version: 'TLSv1.3', alpn: agreed, serverName: 'a.test' })
    return undefined
  })

  test('1.2 is the oldest version', async () => {
    const door = await openDoor()
    expect(await subject(door, 'a.test', { maxVersion: 'TLSv1.2' })).toBe('Genkan default certificate')
    await expect(
      subject(door, 'a.test', { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' }),
    ).rejects.toThrow()
  })

  test('sessions are resumed by ticket', async () => {
    const door = await openDoor({ snapshot: tls })
    const options = {
      port: door.https,
      host: '127.0.0.1',
      rejectUnauthorized: false,
      servername: 'shop.test',
      maxVersion: 'TLSv1.2' as const,
    }
    const first = connect(options)
    after(() => void first.destroy())
    const session = await new Promise<Buffer>((resolve) => first.once('session', resolve))
    const second = connect({ ...options, session })
    after(() => void second.destroy())
    await new Promise((resolve) => second.once('secureConnect', resolve))
    expect(second.isSessionReused()).toBe(true)
  })

  test('tickets of keys that were replaced lead to full handshakes, those of the new ones are good', async () => {
    const door = await openDoor({ snapshot: tls })
    const host = { port: door.https, host: '127.0.0.1', servername: 'shop.test' }
    const shake = async (session?: Buffer): Promise<{ session: Buffer; reused: boolean }> => {
      const resuming = session === undefined ? {} : { session }
      const socket = connect({ ...host, ...resuming, rejectUnauthorized: false, maxVersion: 'TLSv1.2' })
      after(() => void socket.destroy())
      const shaken = new Promise((resolve) => socket.once('secureConnect', resolve))
      const [given] = await Promise.all([new Promise<Buffer>((resolve) => socket.once('session', resolve)), shaken])
      return { session: given, reused: socket.isSessionReused() }
    }
    const { session } = await shake()
    door.frontDoor.useTicketKeys(Buffer.alloc(48, 3))
    const full = await shake(session)
    // Other settings make other servers; the keys stay.
    door.apply({ snapshot: { ...tls, listener: { tls: { http2: false } } } })
    const socket = connect({ ...host, session: full.session, rejectUnauthorized: false, maxVersion: 'TLSv1.2' })
    after(() => void socket.destroy())
    await new Promise((resolve) => socket.once('secureConnect', resolve))
    expect([full.reused, socket.isSessionReused()]).toEqual([false, true])
  })

  test('a handshake that does not come is cut', async () => {
    const door = await openDoor({ limits: { handshakeTimeoutMs: 60 } })
    const client = await connectRaw(door.https)
    await client.end()
    client.socket.end()
    await until(() => door.open() === 0)
  })

  test('garbage instead of a handshake harms nobody', async () => {
    const door = await openDoor()
    const client = await connectRaw(door.https)
    client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    await client.end()
    expect(await subject(door, 'a.test')).toBe('Genkan default certificate')
  })

  test('the default certificate is an EC key for server use, valid now', async () => {
    const { X509Certificate } = await import('node:crypto')
    const certificate = new X509Certificate(
      (await createDefaultCertificate(new Date('2026-01-01T00:00:00Z'))).certificate,
    )
    expect(certificate.publicKey.asymmetricKeyType).toBe('ec')
    expect(certificate.ca).toBe(false)
    expect(Date.parse(certificate.validFrom)).toBe(Date.parse('2025-12-31T23:00:00Z'))
    expect(Date.parse(certificate.validTo)).toBe(Date.parse('2027-01-01T00:00:00Z'))
  })
})

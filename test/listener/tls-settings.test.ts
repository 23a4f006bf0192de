import { createHmac } from 'node:crypto'
import { once } from 'node:events'
import { connect, type ConnectionOptions, type TLSSocket } from 'node:tls'
import { expect, test } from 'vitest'
import type { TlsSettingsSpec } from '#snapshot/snapshot.ts'
import { certificateSpec } from '../support/certificate-pair.ts'
import { clientFile } from '../support/client-files.ts'
import { after } from '../support/closing.ts'
import { type Door, openDoor } from '../support/door.ts'
import { ask, connectH2 } from '../support/h2-client.ts'
import { startOrigin } from '../support/origin.ts'
import { describeLanes } from '../support/lanes.ts'

const certificates = {
  certificates: [certificateSpec('shop')],
  tlsHosts: [{ host: 'shop.test', certificate: 'test/shop' }],
}
const snapshotOf = (tls: TlsSettingsSpec) => ({ ...certificates, listener: { tls } })

async function openWith(tls: TlsSettingsSpec): Promise<Door> {
  const origin = await startOrigin((_request, response) => void response.end('ok'))
  return openDoor({ endpoints: [origin.port], snapshot: snapshotOf(tls) })
}

async function shake(door: Door, options: ConnectionOptions = {}): Promise<TLSSocket> {
  const socket = connect({
    port: door.https,
    host: '127.0.0.1',
    servername: 'shop.test',
    rejectUnauthorized: false,
    ...options,
  })
  after(() => void socket.destroy())
  socket.on('error', () => {})
  await once(socket, 'secureConnect')
  return socket
}

describeLanes('settings of TLS', () => {
  test.each<[TlsSettingsSpec, 'TLSv1.2' | 'TLSv1.3', 'TLSv1.2' | 'TLSv1.3']>([
    [{ minVersion: 'TLSv1.3' }, 'TLSv1.3', 'TLSv1.2'],
    [{ maxVersion: 'TLSv1.2' }, 'TLSv1.2', 'TLSv1.3'],
  ])('%j speaks %s and not %s', async (settings, spoken, unspoken) => {
    const door = await openWith(settings)
    expect((await shake(door)).getProtocol()).toBe(spoken)
    await expect(shake(door, { minVersion: unspoken, maxVersion: unspoken })).rejects.toThrow()
  })

  test.each(['shop.test', 'unknown.test'])(
    'suites for TLS 1.2 count for %s, those of TLS 1.3 stay',
    async (servername) => {
      const door = await openWith({ ciphers: 'ECDHE-RSA-AES256-SHA384:ECDHE-ECDSA-AES256-SHA384' })
      const old = await shake(door, { servername, maxVersion: 'TLSv1.2', ciphers: 'ALL' })
      expect(old.getCipher().name).toMatch(/^ECDHE-(RSA|ECDSA)-AES256-SHA384$/)
      expect((await shake(door, { servername })).getProtocol()).toBe('TLSv1.3')
    },
  )

  test.each<TlsSettingsSpec>([{ ciphers: 'NO-SUCH-SUITE' }, { curves: 'no-such-group' }])(
    '%j is left out and told, and the others count',
    async (refused) => {
      const door = await openWith({ ...refused, minVersion: 'TLSv1.3' })
      expect((await shake(door)).getProtocol()).toBe('TLSv1.3')
      await expect(shake(door, { maxVersion: 'TLSv1.2' })).rejects.toThrow()
      expect(door.errors.splice(0)).toEqual([expect.stringContaining('cannot be used, the usual ones are')])
    },
  )

  test('groups are those that are named', async () => {
    const door = await openWith({ curves: 'P-384' })
    const socket = await shake(door)
    expect(socket.getEphemeralKeyInfo()).toMatchObject({ type: 'ECDH', name: 'secp384r1' })
  })

  test.each(['TLSv1.2', 'TLSv1.3'] as const)('without tickets no session of %s is resumed', async (maxVersion) => {
    const reused = async (door: Door): Promise<boolean> => {
      const first = await shake(door, { maxVersion })
      // With TLS 1.3 it comes later.
      let session = maxVersion === 'TLSv1.2' ? first.getSession() : undefined
      first.on('session', (each) => (session = each))
      first.write('GET / HTTP/1.1\r\nHost: shop.test\r\nConnection: close\r\n\r\n')
      first.resume()
      await once(first, 'close')
      return (await shake(door, { maxVersion, ...(session === undefined ? {} : { session }) })).isSessionReused()
    }
    expect(await reused(await openWith({}))).toBe(true)
    expect(await reused(await openWith({ tickets: false }))).toBe(false)
  })

  test('a key of tickets is that of every process that has it, whatever theirs is otherwise', async () => {
    const [name, hmac, aes] = [1, 2, 3].map((byte) => Buffer.alloc(16, byte))
    const ticketKey = { secret: Buffer.concat([name!, hmac!, aes!]).toString('base64') }
    const [here, there, other] = [await openWith({ ticketKey }), await openWith({ ticketKey }), await openWith({})]
    const maxVersion = 'TLSv1.2'
    const first = await shake(here, { maxVersion })
    const ticket = first.getTLSTicket()!
    // RFC 5077 section 4: name, vector, state with its length, and an HMAC of all that.
    expect(ticket.subarray(0, 16)).toEqual(name)
    const sealed = createHmac('sha256', hmac!).update(ticket.subarray(0, -32)).digest()
    expect(ticket.subarray(-32)).toEqual(sealed)
    const session = first.getSession()!
    const reused = async (door: Door): Promise<boolean> =>
      (await shake(door, { maxVersion, session })).isSessionReused()
    // The turn of random keys does not concern it.
    there.frontDoor.useTicketKeys(Buffer.alloc(48, 9))
    expect([await reused(there), await reused(other)]).toEqual([true, false])
    there.apply({ snapshot: snapshotOf({}) })
    expect(await reused(there)).toBe(false)
    there.apply({ snapshot: snapshotOf({ ticketKey }) })
    expect(await reused(there)).toBe(true)
  })

  test('strictness refuses names without a certificate, and no name', async () => {
    const door = await openWith({ strict: true })
    expect((await shake(door)).getPeerCertificate().subject.CN).toBe('shop')
    await expect(shake(door, { servername: 'unknown.test' })).rejects.toThrow()
    await expect(shake(door, { servername: '' })).rejects.toThrow()
  })

  test('strictness refuses such names where clients are asked for certificates, too', async () => {
    const clientAuths = [{ id: 'default/clients', ca: clientFile('root.crt') }]
    const serverNames = ['', 'shop.test', 'asks.test'].map((host) => ({ host, clientAuth: 'default/clients' }))
    const snapshot = { ...snapshotOf({ strict: true }), clientAuths, serverNames }
    const door = await openDoor({ endpoints: [], snapshot })
    expect((await shake(door)).getPeerCertificate().subject.CN).toBe('shop')
    await expect(shake(door, { servername: 'asks.test' })).rejects.toThrow()
    await expect(shake(door, { servername: '' })).rejects.toThrow()
  })

  test('without HTTP/2 HTTP/1.1 is agreed on', async () => {
    const door = await openWith({ http2: false })
    expect((await shake(door, { ALPNProtocols: ['h2', 'http/1.1'] })).alpnProtocol).toBe('http/1.1')
  })

  test('change for new connections and leave the open ones alone', async () => {
    const door = await openWith({})
    const session = await connectH2(door.https, 'shop.test')
    door.apply({ snapshot: snapshotOf({ minVersion: 'TLSv1.3', http2: false }) })
    await expect(shake(door, { maxVersion: 'TLSv1.2' })).rejects.toThrow()
    expect((await ask(session, { ':path': '/', ':authority': 'shop.test' })).body).toBe('ok')
    door.apply({ snapshot: snapshotOf({}) })
    expect((await shake(door, { maxVersion: 'TLSv1.2', ALPNProtocols: ['h2'] })).alpnProtocol).toBe('h2')
  })
})

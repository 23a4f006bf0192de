import { once } from 'node:events'
import { connect, type ConnectionOptions, type TLSSocket } from 'node:tls'
import { expect, test } from 'vitest'
import type { ServerNameSpec, Snapshot } from '#snapshot/snapshot.ts'
import { certificateSpec } from '../support/certificate-pair.ts'
import { clientFile } from '../support/client-files.ts'
import { after } from '../support/closing.ts'
import { type Door, openDoor } from '../support/door.ts'
import { describeLanes } from '../support/lanes.ts'
import { startOrigin } from '../support/origin.ts'

const [weak, usual] = ['AES256-SHA384', 'AES128-GCM-SHA256'].map((end) => `ECDHE-RSA-${end}:ECDHE-ECDSA-${end}`)

const base: Partial<Snapshot> = {
  certificates: [certificateSpec('shop')],
  tlsHosts: [{ host: 'shop.test', certificate: 'test/shop' }],
  clientAuths: [{ id: 'root', ca: clientFile('root.crt') }],
}

const names: readonly ServerNameSpec[] = [
  { host: 'both.test', clientAuth: 'root', tls: { ciphers: weak! } },
  { host: 'ordered.test', tls: { ciphers: `${usual}:${weak}`, ourOrder: true } },
  { host: 'shop.test', tls: { ciphers: weak! } },
]

async function open(change: Partial<Snapshot> = {}, ticketKeys?: Uint8Array): Promise<Door> {
  const origin = await startOrigin((_request, response) => void response.end('ok'))
  const init = ticketKeys === undefined ? {} : { init: { ticketKeys } }
  return openDoor({ endpoints: [origin.port], snapshot: { ...base, serverNames: names, ...change }, ...init })
}

async function shake(door: Door, servername: string, options: ConnectionOptions = {}): Promise<TLSSocket> {
  const where = { port: door.https, host: '127.0.0.1', servername, rejectUnauthorized: false }
  const socket = connect({ ...where, maxVersion: 'TLSv1.2', ciphers: 'ALL', ...options })
  after(() => void socket.destroy())
  socket.on('error', () => {})
  await once(socket, 'secureConnect')
  return socket
}

const suiteOf = (socket: TLSSocket): string => socket.getCipher().name.replace(/^ECDHE-(RSA|ECDSA)-/, '')

describeLanes('ciphers of a host', () => {
  test('count for it, and for nobody else', async () => {
    const door = await open()
    const shop = await shake(door, 'shop.test')
    expect(suiteOf(shop)).toBe('AES256-SHA384')
    expect(shop.getPeerCertificate().subject.CN).toBe('shop')
    await expect(shake(door, 'shop.test', { ciphers: usual! })).rejects.toThrow()
    expect(suiteOf(await shake(door, 'elsewhere.test', { ciphers: `${weak}:${usual}` }))).toBe('AES128-GCM-SHA256')
    await expect(shake(door, 'elsewhere.test', { ciphers: weak! })).rejects.toThrow()
  })

  test('leave TLS 1.3 as it is', async () => {
    const door = await open()
    const socket = await shake(door, 'shop.test', { minVersion: 'TLSv1.3', maxVersion: 'TLSv1.3' })
    expect(socket.getCipher().name).toMatch(/^TLS_/)
  })

  test('count in the order of the client, unless the host says otherwise', async () => {
    const ciphers = `${weak}:${usual}`
    const door = await open({ serverNames: [...names, { host: 'a.test', tls: { ciphers: `${usual}:${weak}` } }] })
    expect(suiteOf(await shake(door, 'ordered.test', { ciphers }))).toBe('AES128-GCM-SHA256')
    expect(suiteOf(await shake(door, 'a.test', { ciphers }))).toBe('AES256-SHA384')
  })

  test('that OpenSSL refuses are told, and those of all hosts are used', async () => {
    const door = await open({ serverNames: [{ host: 'refused.test', tls: { ciphers: '!aNULL' } }] })
    expect(suiteOf(await shake(door, 'refused.test', { ciphers: usual! }))).toBe('AES128-GCM-SHA256')
    expect(door.errors.splice(0)).toEqual([expect.stringContaining('ciphers of a host cannot be used')])
  })

  test('stand beside client certificates', async () => {
    const door = await open()
    const ann = clientFile('ann.pem')
    const socket = await shake(door, 'both.test', { cert: ann, key: ann })
    expect(suiteOf(socket)).toBe('AES256-SHA384')
    const ended = once(socket, 'close')
    let said = ''
    socket.on('data', (chunk: Buffer) => (said += chunk.toString()))
    socket.write('GET / HTTP/1.1\r\nHost: both.test\r\nConnection: close\r\n\r\n')
    await ended
    expect(said).toMatch(/^HTTP\/1\.1 200 /)
    await expect(shake(door, 'both.test', { ciphers: usual! })).rejects.toThrow()
  })

  test.each(['TLSv1.2', 'TLSv1.3'] as const)(
    'cannot be passed by with a session of %s from elsewhere',
    async (maxVersion) => {
      const door = await open({}, new Uint8Array(48).fill(7))
      const keys = new Uint8Array(48).fill(8)
      const sessionFrom = async (name: string): Promise<Buffer> => {
        const socket = await shake(door, name, { maxVersion })
        let session = maxVersion === 'TLSv1.2' ? socket.getSession() : undefined
        socket.on('session', (each) => (session = each)).resume()
        socket.write(`GET / HTTP/1.1\r\nHost: ${name}\r\nConnection: close\r\n\r\n`)
        await once(socket, 'close')
        return session!
      }
      const reused = async (name: string, session: Buffer): Promise<boolean> =>
        (await shake(door, name, { maxVersion, session })).isSessionReused()
      const [here, there] = [await sessionFrom('shop.test'), await sessionFrom('elsewhere.test')]
      expect(await reused('shop.test', here)).toBe(true)
      expect(await reused('shop.test', there)).toBe(false)
      expect(await reused('elsewhere.test', here)).toBe(false)
      // The keys of the tickets change on every server that gives any.
      door.frontDoor.useTicketKeys(keys)
      expect(await reused('shop.test', here)).toBe(false)
    },
  )

  test('change for new connections', async () => {
    const door = await open()
    expect(suiteOf(await shake(door, 'shop.test'))).toBe('AES256-SHA384')
    door.apply({ snapshot: { ...base, serverNames: [{ host: 'shop.test', tls: { ciphers: usual! } }] } })
    expect(suiteOf(await shake(door, 'shop.test'))).toBe('AES128-GCM-SHA256')
    door.apply({ snapshot: { ...base, serverNames: [] } })
    await expect(shake(door, 'shop.test', { ciphers: weak! })).rejects.toThrow()
  })
})

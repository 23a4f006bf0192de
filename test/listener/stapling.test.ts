import { connect } from 'node:tls'
import { X509Certificate } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { fingerprint } from '#lib/fingerprint.ts'
import type { Staple } from '#snapshot/staple.ts'
import { certificateSpec } from '../support/certificate-pair.ts'
import { after } from '../support/closing.ts'
import { type Door, openDoor } from '../support/door.ts'
import { describeLanes } from '../support/lanes.ts'

const shop = certificateSpec('shop')
const staple: Staple = {
  certificate: fingerprint(new X509Certificate(shop.certificate).raw),
  response: Buffer.from('what the authority says'),
}

async function open(ocsp: boolean): Promise<Door> {
  return openDoor({
    snapshot: {
      certificates: [shop],
      tlsHosts: [{ host: 'shop.test', certificate: shop.id }],
      serverNames: [{ host: 'own.test', tls: { ourOrder: true } }],
      ...(ocsp ? { listener: { tls: { ocsp } } } : {}),
    },
  })
}

/** What is stapled to a handshake, as text; `undefined` for nothing. */
async function stapled(door: Door, servername: string, maxVersion: 'TLSv1.2' | 'TLSv1.3'): Promise<string | undefined> {
  const where = { port: door.https, host: '127.0.0.1', servername, rejectUnauthorized: false }
  const socket = connect({ ...where, maxVersion, requestOCSP: true })
  after(() => void socket.destroy())
  let said: string | undefined
  socket.on('OCSPResponse', (response: Buffer | null) => (said = response?.toString()))
  await new Promise((resolve, reject) => socket.once('secureConnect', resolve).once('error', reject))
  return said
}

describeLanes(() => {
  describe.each(['TLSv1.2', 'TLSv1.3'] as const)('stapling with %s', (version) => {
    test('gives the answer for the certificate that is shown, and none for another one', async () => {
      const door = await open(true)
      expect(await stapled(door, 'shop.test', version)).toBeUndefined()
      door.frontDoor.useStaples([staple])
      expect(await stapled(door, 'shop.test', version)).toBe('what the authority says')
      expect(await stapled(door, 'unknown.test', version)).toBeUndefined()
      expect(await stapled(door, 'own.test', version)).toBeUndefined()
      door.frontDoor.useStaples([])
      expect(await stapled(door, 'shop.test', version)).toBeUndefined()
    })

    test('is off unless the snapshot wants it', async () => {
      const door = await open(false)
      door.frontDoor.useStaples([staple])
      expect(await stapled(door, 'shop.test', version)).toBeUndefined()
      door.apply({
        snapshot: {
          certificates: [shop],
          tlsHosts: [{ host: 'shop.test', certificate: shop.id }],
          listener: { tls: { ocsp: true } },
        },
      })
      expect(await stapled(door, 'shop.test', version)).toBe('what the authority says')
    })
  })
})

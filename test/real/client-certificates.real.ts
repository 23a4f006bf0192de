/** The clients that people use, against hosts that ask for client certificates. */
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { clientCertificate } from '#policy/client-certificate.ts'
import { clientFile } from '../support/client-files.ts'
import { type Door, openDoor, routeOf } from '../support/door.ts'
import { describeLanes } from '../support/lanes.ts'
import { startOrigin } from '../support/origin.ts'
import { findPart, run } from './part.ts'

const folder = join(import.meta.dirname, '..', 'fixtures', 'clients')
const rules = { mode: 'on', depth: 1, subject: undefined, errorPage: undefined, pass: false, redirects: false } as const

async function openGuarded(): Promise<Door> {
  const origin = await startOrigin((request, response) => void response.end(request.headers['ssl-client-subject-dn']))
  return openDoor({
    endpoints: [origin.port],
    snapshot: {
      routes: [
        routeOf({ id: 'in', host: 'in.test', policies: [clientCertificate.spec({ auth: 'root', ...rules })] }),
        routeOf({ id: 'out', host: 'out.test' }),
      ],
      serverNames: [{ host: 'in.test', clientAuth: 'root' }],
      clientAuths: [{ id: 'root', ca: clientFile('root.crt'), crl: clientFile('root.crl') }],
    },
  })
}

/** What s_client says of a handshake for that name. */
function shake(door: Door, serverName: string, ...more: readonly string[]): Promise<string> {
  const address = ['-connect', `127.0.0.1:${door.https}`, '-servername', serverName]
  const child = spawn(findPart('openssl'), ['s_client', ...address, ...more], { stdio: ['pipe', 'pipe', 'pipe'] })
  let said = ''
  child.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()))
  child.stdin.end()
  return new Promise((resolve) => child.on('close', () => resolve(said)))
}

describeLanes(() => {
  test.each(['-tls1_2', '-tls1_3'])(
    'openssl %s is told whose certificates are believed, on the host that asks',
    async (version) => {
      const door = await openGuarded()
      expect(await shake(door, 'in.test', version)).toMatch(
        /Acceptable client certificate CA names\nO = Shop, CN = root/,
      )
      expect(await shake(door, 'out.test', version)).toMatch(/No client certificate CA names sent/)
    },
  )

  test('openssl never gets a session to resume where it is asked for a certificate', async () => {
    const door = await openGuarded()
    const session = /Reused|TLS session ticket:\n/
    expect(await shake(door, 'in.test', '-tls1_2', '-reconnect')).not.toMatch(session)
    expect(await shake(door, 'out.test', '-tls1_2', '-reconnect')).toMatch(session)
  })

  test.each([
    ['ann.pem', '200'],
    ['one-between.pem', '400'],
    ['revoked.pem', '400'],
    ['expired.pem', '400'],
    ['stranger.pem', '400'],
  ])('curl with %s gets %s in both protocols', async (client, status) => {
    const door = await openGuarded()
    for (const version of ['--http1.1', '--http2']) {
      const words = ['-sk', version, '--cert', join(folder, client), '--resolve', `in.test:${door.https}:127.0.0.1`]
      const said = await run('curl', ...words, '-w', ' %{http_code}', `https://in.test:${door.https}/`)
      expect(said.slice(-3)).toBe(status)
      if (status === '200') expect(said).toMatch(/^CN=authtls,O=Shop,C=DE/)
    }
  })
})

import { once } from 'node:events'
import { createServer } from 'node:http'
import type { IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, test } from 'vitest'
import { after } from '../support/closing.ts'
import { siteManifests, startFrontDoor } from '../support/front-door.ts'
import { describeLanes } from '../support/lanes.ts'

type Listener = { readonly port: number; readonly next: () => Promise<IncomingMessage> }

/** Answers everything but `/hang`, and tells of the requests one by one. */
async function listenFor(): Promise<Listener> {
  const came: IncomingMessage[] = []
  let wake: (() => void) | undefined
  const server = createServer((request, response) => {
    came.push(request)
    wake?.()
    if (!request.url!.includes('hang')) response.end('ok')
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  after(async () => {
    server.closeAllConnections()
    await new Promise((done) => server.close(done))
  })
  const next = async (): Promise<IncomingMessage> => {
    while (came.length === 0) await new Promise<void>((resolve) => (wake = resolve))
    return came.shift()!
  }
  // A server that listens on TCP has an address with a port.
  return { port: (server.address() as AddressInfo).port, next }
}

async function openMirrored(
  annotations: Readonly<Record<string, string>>,
): Promise<{ readonly main: Listener; readonly url: string }> {
  const main = await listenFor()
  const named = Object.fromEntries(
    Object.entries(annotations).map(([name, value]) => [`nginx.ingress.kubernetes.io/${name}`, value]),
  )
  // fetch sets Host by itself, so the host is that of the address.
  const { genkan } = await startFrontDoor(siteManifests([{ host: 'localhost', port: main.port, annotations: named }]))
  after(() => genkan.close())
  return { main, url: `http://localhost:${genkan.ports.http}` }
}

describeLanes(() => {
  describe('a mirrored application', () => {
    test('is answered by itself, and the mirror gets a copy without the body', async () => {
      const copies = await listenFor()
      const { main, url } = await openMirrored({
        'mirror-target': `http://127.0.0.1:${copies.port}/copy$request_uri`,
        'mirror-host': 'mirror.test',
      })
      const response = await fetch(`${url}/a?b=c`, {
        method: 'POST',
        body: 'something',
        headers: { 'x-a': '1', authorization: 'Bearer x' },
      })
      expect(await response.text()).toBe('ok')
      expect((await main.next()).headers['content-length']).toBe('9')
      const copy = await copies.next()
      expect([copy.method, copy.url]).toEqual(['POST', '/copy/a?b=c'])
      expect(copy.headers).toMatchObject({ host: 'mirror.test', 'x-a': '1', 'x-forwarded-for': '127.0.0.1' })
      expect(copy.headers['content-length'] ?? '0').toBe('0')
    })

    test('does not wait for a mirror that never answers', async () => {
      const copies = await listenFor()
      const { url } = await openMirrored({ 'mirror-target': `http://127.0.0.1:${copies.port}/hang` })
      for (let n = 0; n < 3; n += 1) expect((await fetch(`${url}/${n}`)).status).toBe(200)
      expect((await copies.next()).url).toBe('/hang')
    })
  })
})

import { once } from 'node:events'
import { createServer } from 'node:http'
import type { IncomingMessage } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { describe, expect, test } from 'vitest'
import { longestCopy } from '#policy/body-copy.ts'
import { after } from '../support/closing.ts'
import { siteManifests, startFrontDoor } from '../support/front-door.ts'
import { describeLanes } from '../support/lanes.ts'

type Came = Pick<IncomingMessage, 'method' | 'url' | 'headers'> & { readonly body: string }
type Listener = { readonly port: number; readonly next: () => Promise<Came> }

/** Answers everything but `/hang`, and tells of the requests one by one. */
async function listenFor(): Promise<Listener> {
  const came: Came[] = []
  let wake: (() => void) | undefined
  const server = createServer((request, response) => {
    text(request).then(
      (body) => {
        came.push({ method: request.method, url: request.url, headers: request.headers, body })
        wake?.()
        if (!request.url!.includes('hang')) response.end('ok')
      },
      () => {},
    )
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  after(async () => {
    server.closeAllConnections()
    await new Promise((done) => server.close(done))
  })
  const next = async (): Promise<Came> => {
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
    test('is answered by itself, and the mirror gets a copy with the body', async () => {
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
      expect([copy.headers['content-length'], copy.body]).toEqual(['9', 'something'])
    })

    test('is copied without the body where nobody wants it', async () => {
      const copies = await listenFor()
      const { url } = await openMirrored({
        'mirror-target': `http://127.0.0.1:${copies.port}`,
        'mirror-request-body': 'off',
      })
      expect((await fetch(url, { method: 'POST', body: 'something' })).status).toBe(200)
      const copy = await copies.next()
      expect([copy.method, copy.headers['content-length'] ?? '0', copy.body]).toEqual(['POST', '0', ''])
    })

    test('has its body put together in the copy, however many pieces it comes in', async () => {
      const copies = await listenFor()
      const { main, url } = await openMirrored({ 'mirror-target': `http://127.0.0.1:${copies.port}` })
      const pieces = Array.from({ length: 200 }, (_, n) => `${n} ${'x'.repeat((n * 37) % 300)};`)
      const socket = connect(Number(new URL(url).port), '127.0.0.1')
      after(() => void socket.destroy())
      socket.write('POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n')
      for (const piece of pieces) {
        await new Promise((done) => socket.write(`${piece.length.toString(16)}\r\n${piece}\r\n`, done))
      }
      socket.write('0\r\n\r\n')
      const [whole, copy] = await Promise.all([main.next(), copies.next()])
      expect(whole.body).toBe(pieces.join(''))
      expect(copy.body).toBe(whole.body)
    })

    test('is served in full where the body is too long for a copy, which then is left out', async () => {
      const copies = await listenFor()
      const { main, url } = await openMirrored({
        'mirror-target': `http://127.0.0.1:${copies.port}$request_uri`,
        'proxy-body-size': '4m',
      })
      for (const bytes of [longestCopy, longestCopy + 1, 1]) {
        expect((await fetch(`${url}/${bytes}`, { method: 'PUT', body: 'x'.repeat(bytes) })).status).toBe(200)
        expect((await main.next()).body.length).toBe(bytes)
      }
      const came = [await copies.next(), await copies.next()]
      const lengths = Object.fromEntries(came.map(({ url: target, body }) => [target, body.length]))
      expect(lengths).toEqual({ '/1': 1, [`/${longestCopy}`]: longestCopy })
    })

    test('gets no copy of a request whose client leaves within the body', async () => {
      const copies = await listenFor()
      const { url } = await openMirrored({ 'mirror-target': `http://127.0.0.1:${copies.port}$request_uri` })
      const socket = connect(Number(new URL(url).port), '127.0.0.1')
      socket.end('POST /half HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nhalf')
      socket.resume()
      await once(socket, 'close')
      await fetch(`${url}/whole`, { method: 'POST', body: 'whole' })
      const copy = await copies.next()
      expect([copy.url, copy.body]).toEqual(['/whole', 'whole'])
    })

    test('does not wait for a mirror that never answers', async () => {
      const copies = await listenFor()
      const { url } = await openMirrored({ 'mirror-target': `http://127.0.0.1:${copies.port}/hang` })
      for (let n = 0; n < 3; n += 1) expect((await fetch(`${url}/${n}`)).status).toBe(200)
      expect((await copies.next()).url).toBe('/hang')
    })
  })
})

import type { Server } from 'node:http'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { check } from '../../bench/proxy/check.ts'
import type { Origin } from '../../bench/proxy/origin.ts'
import type { Place } from '../../bench/proxy/peer.ts'
import { plain, scenarios } from '../../bench/proxy/scenario.ts'

const host = 'svc.bench.test'
const small = Buffer.alloc(64, 's')

describe('a connection to the endpoint for every request', () => {
  let proxy: Server
  afterEach(() => proxy.close())

  /** As if a proxy stood before an endpoint that counts connections. */
  async function checked(peer: { readonly unequal?: string }, connectionOf: (request: number) => number) {
    let requests = 0
    proxy = createServer((request, response) => {
      requests += 1
      response.setHeader('X-Endpoint', '1')
      if (request.headers.host !== host) response.removeHeader('X-Endpoint')
      response.end(request.url === '/echo' ? `${host}|127.0.0.1|http|${connectionOf(requests)}` : small)
    })
    await new Promise<void>((done) => proxy.listen(0, '127.0.0.1', done))
    // A server that listens on a port has an address with one.
    const { port } = proxy.address() as AddressInfo
    const certificate = { chain: '', key: '', both: '' }
    const ports = { http: port, https: 0, admin: 0, origins: [1] }
    const place: Place = { dir: '', ...ports, hosts: [host], certificate, setup: plain, generation: 0, changing: false }
    // The check asks for nothing else of it.
    const origin = { small, large: small, huge: small, ports: [1], nodePort: 1 } as unknown as Origin
    return check({ scenario: scenarios[0]!, peer, place, origin, port })
  }

  test('is refused', async () => {
    await expect(checked({}, (request) => request)).rejects.toThrow('opens a connection to the endpoint for every')
    await expect(checked({}, () => 1)).resolves.toEqual({ cookie: undefined })
  })

  test('is let through where the peer says so, and then it must be so', async () => {
    await expect(checked({ unequal: 'as its README' }, (request) => request)).resolves.toEqual({ cookie: undefined })
    await expect(checked({ unequal: 'as its README' }, () => 1)).rejects.toThrow('though it says it does not')
  })
})

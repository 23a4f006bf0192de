import { type AddressInfo, createServer } from 'node:net'
import { describe, expect, test } from 'vitest'
import { GeneralLane } from '#lane/general/general-lane.ts'
import { WirePool } from '#lane/wire/wire-pool.ts'
import { defaultLimits } from '#proxy/limits.ts'
import { silentObserver } from '#proxy/observer.ts'
import { createProxy } from '#proxy/proxy.ts'
import { silentLog } from '#telemetry/log.ts'
import { after } from '../support/closing.ts'
import { testSeal } from '../support/proxy-env.ts'
import { connectRaw } from '../support/raw-client.ts'

/** A port whose sockets reach the general lane after `bytes` of them were read by somebody else. */
async function handover(bytes: number): Promise<number> {
  const observer = silentObserver
  const monotonic = (): number => performance.now()
  const proxy = createProxy({
    now: Date.now,
    monotonic,
    random: Math.random,
    later: () => () => {},
    seal: testSeal,
    newRequestId: () => '0'.repeat(32),
    forwardedField: false,
    exposeCause: true,
    limits: defaultLimits,
    observer,
    log: silentLog,
  })
  const wires = new WirePool(defaultLimits, monotonic)
  const clock = { monotonic, later: () => () => {} }
  const lane = new GeneralLane({ proxy, limits: defaultLimits, observer, wires, clock })
  const server = createServer((socket) => {
    const facts = { address: '127.0.0.1', remotePort: 0, scheme: 'http', port: 0, tls: undefined } as const
    const read = (): void => {
      const early = socket.read(bytes) as Buffer | null
      if (early === null) return
      socket.off('readable', read)
      lane.serve(socket, facts, early)
    }
    socket.on('readable', read)
  })
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  after(async () => {
    server.close()
    await lane.close()
    wires.destroy()
  })
  // A server that listens on TCP has an address with a port.
  return (server.address() as AddressInfo).port
}

describe('a socket another lane has read from', () => {
  const request = 'GET /a HTTP/1.1\r\nHost: a.test\r\n\r\n'

  test.each([1, 10, request.length - 1, request.length])(
    'is served as if nothing had happened after %i bytes',
    async (bytes) => {
      const client = await connectRaw(await handover(bytes))
      client.write(request)
      expect(await client.until(/not_ready[^]*503 Service Unavailable\n$/)).toMatch(/^HTTP\/1\.1 503 /)
      client.write(request.replace('GET', 'HEAD'))
      await client.until(/503[^]*503[^]*HTTP\/1\.1 503/)
    },
  )
})

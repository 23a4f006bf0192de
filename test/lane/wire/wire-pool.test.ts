import { expect, test } from 'vitest'
import type { Wire, WireUser } from '#lane/wire/wire.ts'
import { WirePool } from '#lane/wire/wire-pool.ts'
import { defaultLimits } from '#proxy/limits.ts'
import { Endpoint } from '#upstream/endpoint.ts'
import { after } from '../../support/closing.ts'
import { endpointOf } from '../../support/door.ts'
import { startRawOrigin } from '../../support/origin.ts'

const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'

function poolOf(port: number): { readonly pool: WirePool; readonly endpoint: Endpoint } {
  const pool = new WirePool(defaultLimits, () => performance.now())
  after(() => pool.destroy())
  return { pool, endpoint: new Endpoint(endpointOf({ port }), undefined) }
}

/** Sends a request over a wire of the pool, and resolves with the wire when its response is complete. */
function ask(pool: WirePool, endpoint: Endpoint, text: string): Promise<Wire> {
  return new Promise((resolve, reject) => {
    const wire = pool.take(endpoint, 1_000)!
    const user: WireUser = {
      onWireReady: () => {
        wire.writeText(text)
        wire.sent()
      },
      onWireHead: () => {},
      onWireBody: () => {},
      onWireEnd: () => resolve(wire),
      onWireFailed: ({ detail }) => reject(new Error(detail)),
      onWireDrain: () => {},
    }
    wire.begin(user, 'POST', 5_000)
    if (wire.isReady) user.onWireReady()
  })
}

const lengthOf = (bytes: number): string => `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${bytes}\r\n\r\n`

test('a wire whose request is out carries the next one', async () => {
  const origin = await startRawOrigin((socket) => void socket.on('data', () => socket.write(ok)))
  const { pool, endpoint } = poolOf(origin.port)
  const first = await ask(pool, endpoint, lengthOf(0))
  expect(await ask(pool, endpoint, lengthOf(0))).toBe(first)
})

test('one that has been answered with a part of its request still here does not: the endpoint may never read that', async () => {
  const bytes = 32 * 1024 * 1024
  const origin = await startRawOrigin((socket, number) => {
    socket.once('data', () => {
      if (number === 1) socket.pause()
      socket.write(ok)
    })
  })
  const { pool, endpoint } = poolOf(origin.port)
  const first = await ask(pool, endpoint, lengthOf(bytes) + 'x'.repeat(bytes))
  expect(await ask(pool, endpoint, lengthOf(0))).not.toBe(first)
  expect(origin.accepted()).toBe(2)
})

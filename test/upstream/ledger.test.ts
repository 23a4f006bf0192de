/** What other workers have under way counts when a request goes to whoever is least busy. */
import { expect, test } from 'vitest'
import { createLedger, Ledger } from '#lib/ledger.ts'
import { type Asker, Upstream } from '#upstream/upstream.ts'
import { endpointOf, setOf } from '../support/door.ts'
import { upstreamEnv } from '../support/proxy-env.ts'

const asker: Asker = {
  received: { method: 'GET', target: '/', version: '1.1', fields: [] },
  client: { address: '127.0.0.1', scheme: 'http' },
  host: 'a.test',
  path: '/',
  query: '',
}

test('least request goes by what all workers have under way, and leaves nothing behind', () => {
  const buffer = createLedger(2, 2)
  const [ours, theirs] = [new Ledger(buffer, { rows: 2, row: 0 }), new Ledger(buffer, { rows: 2, row: 1 })]
  const upstream = new Upstream('test/web:80', upstreamEnv({ ledger: ours }))
  upstream.configure({ protocol: 'http', balance: { kind: 'leastRequest' } }, Infinity)
  upstream.update(
    setOf([], { state: 'live', endpoints: [endpointOf({ port: 1, slot: 0 }), endpointOf({ port: 2, slot: 1 })] }),
  )
  const [one, two] = upstream.endpoints()
  theirs.add(0, 3)
  for (let busy = 1; busy <= 3; busy++) {
    expect(upstream.pick(asker, [])).toBe(two)
    two!.acquire(0)
    expect([one!.load, two!.load, two!.inFlight]).toEqual([3, busy, busy])
  }
  two!.acquire(0)
  expect(upstream.pick(asker, [])).toBe(one)
  for (let busy = 0; busy < 4; busy++) two!.release()
  expect([ours.sum(0), ours.sum(1)]).toEqual([3, 0])
})

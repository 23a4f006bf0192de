import { expect, test } from 'vitest'
import { serveDns } from '#cluster/serve-dns.ts'
import type { Resource } from '#resource/resource.ts'
import type { Batch, Source } from '#source/source.ts'
import { silentLog } from '#telemetry/log.ts'
import { service, slice } from '../support/cluster-objects.ts'
import { decoded, exchangeUdp, question } from '../support/dns-question.ts'

const batch = (...resources: readonly Resource[]): Batch => ({ resources, problems: [], documents: [] })
const settings = {
  clusterDomain: 'test.local',
  host: '127.0.0.1',
  port: 0,
  ttlSeconds: 9,
  searchNamespace: undefined,
  emptyService: 'nodata',
  log: silentLog,
} as const
const endpointSlice = (address: string) => slice('web', [address])

test('the objects of a source are answered, and what changes in it too', async () => {
  let emit: ((next: Batch) => void) | undefined
  let reloads = 0
  const batches: Batch[] = []
  const source: Source = {
    name: 'test',
    run: (send, signal) => {
      emit = send
      send(batch(service('web'), endpointSlice('10.0.0.1')))
      return new Promise((done) => signal.addEventListener('abort', () => done()))
    },
    reload: () => void reloads++,
  }
  const served = await serveDns({ ...settings, source, onBatch: (each) => batches.push(each) })
  const ask = async () => decoded(await exchangeUdp(served, question('web.default.svc.test.local', 'A'))).answers
  expect(await ask()).toMatchObject([{ data: '10.0.0.1', ttl: 9 }])
  emit?.(batch(service('web'), endpointSlice('10.0.0.2')))
  expect(await ask()).toMatchObject([{ data: '10.0.0.2', ttl: 9 }])
  expect(decoded(await exchangeUdp(served, question('test.local', 'SOA'))).answers).toMatchObject([
    { data: { serial: 3 } },
  ])
  expect(batches).toHaveLength(2)
  served.reload()
  expect(reloads).toBe(1)
  await served.close()
})

test('a source that fails before it said anything fails the start', async () => {
  const source: Source = { name: 'test', run: () => Promise.reject(new Error('no such folder')), reload: () => {} }
  await expect(serveDns({ ...settings, source })).rejects.toThrow('no such folder')
})

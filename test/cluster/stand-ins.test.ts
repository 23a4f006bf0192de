import { afterEach, describe, expect, test } from 'vitest'
import type { ReceivedRequest } from '#cluster/stand-in.ts'
import type { WantedStandIns } from '#cluster/stand-ins.ts'
import { oneEcho, StandIns } from '#cluster/stand-ins.ts'
import type { EndpointSlice, PortRef } from '#resource/resource.ts'
import { ResourceSet } from '#resource/resource-set.ts'
import { silentLog } from '#telemetry/log.ts'
import { service } from '../support/cluster-objects.ts'

const resources = new ResourceSet([
  service('web', {
    ports: [
      { name: 'http', port: 80 },
      { name: 'admin', port: 9000 },
      { name: 'dns', port: 53, protocol: 'UDP' },
    ],
  }),
  service('single', { ports: [{ port: 80 }] }),
  service('outside', { type: 'ExternalName', externalName: 'example.com' }),
])

const received: ReceivedRequest[] = []
const standIns = new StandIns({ log: silentLog, onRequest: (each) => received.push(each) })
afterEach(() => standIns.close())

const number = (port: number): PortRef => ({ kind: 'number', number: port })
const named = (name: string): PortRef => ({ kind: 'name', name })
const wanted = (name: string, port: PortRef, init: Partial<WantedStandIns> = {}): WantedStandIns => ({
  ...oneEcho({ namespace: 'default', service: name, port }),
  ...init,
})
const urlOf = (slice: EndpointSlice) => `http://${slice.endpoints[0]!.addresses[0]}:${slice.ports[0]!.port}/`

describe('stand-ins', () => {
  test('run for each Service port wanted and have slices that lead to them', async () => {
    const { slices, services } = await standIns.follow(resources, [
      wanted('web', number(80), { endpoints: 2 }),
      wanted('web', named('admin')),
    ])
    expect(services).toEqual([])
    expect(slices.map((each) => [each.serviceName, each.ports[0]?.name])).toEqual([
      ['web', 'http'],
      ['web', 'http'],
      ['web', 'admin'],
    ])
    expect(new Set(slices.map((each) => each.metadata.name)).size).toBe(3)
    const answers = await Promise.all(
      slices.map(async (each) => (await fetch(urlOf(each))).json() as Promise<ReceivedRequest>),
    )
    expect(answers.map(({ service: name, port, endpoint }) => [name, port, endpoint])).toEqual([
      ['web', '80', 0],
      ['web', '80', 1],
      ['web', 'admin', 0],
    ])
    expect(received.splice(0)).toHaveLength(3)
  })

  test('stay while they are wanted, change, and go when they are not', async () => {
    const first = await standIns.follow(resources, [wanted('web', number(80), { endpoints: 3 })])
    const second = await standIns.follow(resources, [
      wanted('web', number(80), {
        endpoints: 2,
        unready: [1],
        reply: { status: 503, headers: [], body: 'no', delayMs: 0, drop: undefined },
      }),
    ])
    expect(second.slices.map(urlOf)).toEqual(first.slices.slice(0, 2).map(urlOf))
    expect(second.slices.map((each) => each.endpoints[0]?.conditions.ready)).toEqual([true, false])
    expect((await fetch(urlOf(second.slices[0]!))).status).toBe(503)
    await expect(fetch(urlOf(first.slices[2]!))).rejects.toThrow()
    const third = await standIns.follow(resources, [wanted('web', number(80))])
    expect((await fetch(urlOf(third.slices[0]!))).status).toBe(200)
    await standIns.follow(resources, [])
    expect(standIns.list()).toEqual([])
  })

  test('take changes one after the other', async () => {
    const [many, few] = await Promise.all([
      standIns.follow(resources, [wanted('web', number(80), { endpoints: 5 })]),
      standIns.follow(resources, [wanted('web', number(80))]),
    ])
    expect([many.slices.length, few.slices.length, standIns.list().length]).toEqual([5, 1, 1])
  })

  test('do not stand in for a port the Service has not, a port that is not TCP, or another name', async () => {
    const { slices } = await standIns.follow(resources, [
      wanted('web', number(81)),
      wanted('web', named('dns')),
      wanted('outside', number(80)),
    ])
    expect(slices).toEqual([])
  })

  test('bring the Service along where nobody wrote one', async () => {
    const refs = [wanted('new', number(80)), wanted('new', named('grpc')), wanted('lone', number(8080))]
    const { slices, services } = await standIns.follow(resources, refs)
    expect(
      services.map((each) => [each.metadata.name, each.spec.ports.map(({ name, port }) => `${name}:${port}`)]),
    ).toEqual([
      ['new', ['port-80:80', 'grpc:60001']],
      ['lone', [':8080']],
    ])
    expect(slices.map((each) => each.ports[0]?.name)).toEqual(['port-80', 'grpc', ''])
  })
})

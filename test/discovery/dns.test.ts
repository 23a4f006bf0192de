import type { Answer } from 'dns-packet'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { DnsServer, rcode } from '../support/dns-server.ts'
import { settle, until } from '../support/until.ts'
import type { HouseInit } from './house.ts'
import { House, upstream } from './house.ts'

const web = 'web.shop.svc.cluster.local'
const srvName = `_http._tcp.${web}`

const clusterIp = `
apiVersion: v1
kind: Service
metadata: { name: web, namespace: shop }
spec:
  selector: { app: web }
  ports: [{ name: http, port: 80, targetPort: 8080 }]
`
const headless = `
apiVersion: v1
kind: Service
metadata: { name: web, namespace: shop }
spec:
  clusterIP: None
  selector: { app: web }
  ports: [{ name: http, port: 80, targetPort: 8080 }]
`
const headlessNamedTarget = headless.replace('8080', 'web')

let server: DnsServer
let house: House

beforeEach(async () => {
  server = await DnsServer.start()
})

afterEach(async () => {
  house.discovery.close()
  expect(house.clock.pending).toBe(0)
  await server.close()
})

function build(init: HouseInit = {}): House {
  house = new House({ servers: [server], ...init })
  return house
}

function a(name: string, data: string, ttl = 5): Answer {
  return { type: 'A', name, ttl, data }
}

function srv(target: string, port: number, { priority = 0, weight = 1, ttl = 5, name = srvName } = {}): Answer {
  return { type: 'SRV', name, ttl, data: { target, port, priority, weight } }
}

function alias(name: string, data: string, ttl = 60): Answer {
  return { type: 'CNAME', name, ttl, data }
}

/** FNV-1a, 32 bits, in hexadecimal: how SkyDNS labels an address. */
function fnv(text: string): string {
  let hash = 0x811c9dc5
  for (const byte of Buffer.from(text)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0
  return hash.toString(16)
}

const external = (name: string): string => `
apiVersion: v1
kind: Service
metadata: { name: web, namespace: shop }
spec: { type: ExternalName, externalName: ${name}, ports: [{ port: 80, targetPort: 8443 }] }
`

const followWeb = (yaml = '', port = '80'): Promise<void> => house.follow(yaml, upstream(`shop/web:${port}`, 'dns'))

describe('a Service in DNS', () => {
  test('T1: a ClusterIP is one endpoint on the port of the Service, with a warning that Pods cannot be told apart', async () => {
    server.addresses(web, ['10.96.0.7'])
    build()
    await followWeb(clusterIp)
    expect(house.ids).toEqual(['10.96.0.7:80'])
    expect(house.set.state).toBe('live')
    expect(house.says('dns')).toContain('one address stands for all Pods')
    expect(house.lines.filter((each) => each.startsWith('warn') && each.includes('one address stands'))).toHaveLength(1)
    await house.refresh()
    expect(house.lines.filter((each) => each.startsWith('warn'))).toHaveLength(1)
  })

  test('T2: a headless Service is one endpoint per ready Pod, on the target port', async () => {
    server.addresses(web, ['10.0.0.1', '10.0.0.2', '10.0.0.3'])
    build()
    await followWeb(headless)
    expect(house.ready).toEqual(['10.0.0.1:8080', '10.0.0.2:8080', '10.0.0.3:8080'])
    expect(house.lines.filter((each) => each.startsWith('warn'))).toEqual([])
  })

  test('T3: another order of the same records changes nothing', async () => {
    server.addresses(web, ['10.0.0.1', '10.0.0.2', '10.0.0.3'])
    build()
    await followWeb(headless)
    const pushes = house.pushed.length
    server.addresses(web, ['10.0.0.3', '10.0.0.1', '10.0.0.2'])
    await house.refresh()
    expect(server.count('A', web)).toBe(2)
    expect(house.pushed).toHaveLength(pushes)
  })

  test('T4: a Pod that goes unready gets no new sessions, serves its own for a while, and is then forgotten', async () => {
    server.addresses(web, ['10.0.0.1', '10.0.0.2', '10.0.0.3'])
    build({ bounds: { drainMs: 8_000 } })
    await followWeb(headless)
    server.addresses(web, ['10.0.0.1', '10.0.0.3'])
    await house.refresh()
    expect(house.ready).toEqual(['10.0.0.1:8080', '10.0.0.3:8080'])
    const gone = house.set.endpoints.find((each) => each.address === '10.0.0.2')
    expect(gone).toMatchObject({ ready: false, serving: true, terminating: true })
    expect(house.pushed.at(-1)?.[0]?.endpoints).toContainEqual(gone)
    await house.refresh()
    house.clock.advance(3_000)
    await settle()
    expect(house.ids).toEqual(['10.0.0.1:8080', '10.0.0.3:8080'])
    expect(house.pushed.at(-1)?.[0]?.endpoints).toHaveLength(2)
  })

  test('an endpoint that comes back while it leaves is as good as new', async () => {
    server.addresses(web, ['10.0.0.1', '10.0.0.2'])
    build()
    await followWeb(headless)
    server.addresses(web, ['10.0.0.1'])
    await house.refresh()
    expect(house.ready).toEqual(['10.0.0.1:8080'])
    server.addresses(web, ['10.0.0.1', '10.0.0.2'])
    await house.refresh()
    expect(house.ready).toEqual(['10.0.0.1:8080', '10.0.0.2:8080'])
  })

  for (const [id, kind] of [
    ['T5', 'nxdomain'],
    ['T6', 'nodata'],
  ] as const) {
    test(`${id}: none ready as ${kind} is believed the second time`, async () => {
      server.addresses(web, ['10.0.0.1'])
      build()
      await followWeb(headless)
      server.nobody(web, kind, 2)
      await house.refresh()
      expect(house.set).toMatchObject({ state: 'stale', endpoints: [{ id: '10.0.0.1:8080', ready: true }] })
      expect(house.says('dns')).toContain('not believed yet')
      await house.refresh()
      expect(house.set).toMatchObject({ state: 'empty', mode: 'dns', endpoints: [] })
      expect(house.report.dns[0]?.rcode).toBe(kind === 'nxdomain' ? 'NXDOMAIN' : 'NOERROR')
      expect(house.pushed.at(-1)?.[0]?.state).toBe('empty')
    })
  }

  test('an empty answer is believed after the hold, however few there were, and never later', async () => {
    server.addresses(web, ['10.0.0.1'])
    build({ bounds: { emptyAnswers: 10, emptyHoldMs: 3_000 } })
    await followWeb(headless)
    server.nobody(web, 'nodata', 2)
    await house.refresh()
    expect(house.nextRefreshIn).toBe(2_000)
    await house.refresh()
    expect(house.set.state).toBe('stale')
    expect(house.nextRefreshIn).toBe(1_000)
    await house.refresh()
    expect(house.set.state).toBe('empty')
  })

  test('without a hold the first empty answer counts', async () => {
    server.addresses(web, ['10.0.0.1'])
    build({ bounds: { emptyHoldMs: 0 } })
    await followWeb(headless)
    server.nobody(web, 'nodata')
    await house.refresh()
    expect(house.set.state).toBe('empty')
  })

  test('one empty answer between good ones changes no endpoint', async () => {
    server.addresses(web, ['10.0.0.1'])
    build()
    await followWeb(headless)
    for (let i = 0; i < 3; i++) {
      server.nobody(web, 'nodata')
      await house.refresh()
      expect(house.ready).toEqual(['10.0.0.1:8080'])
      server.addresses(web, ['10.0.0.1'])
      await house.refresh()
      expect(house.set.state).toBe('live')
    }
  })

  test('the wait while nobody is there follows the negative TTL of the SOA record, within its own ceiling', async () => {
    server.nobody(web, 'nxdomain', 7)
    build()
    await followWeb(headless)
    expect(house.set.state).toBe('empty')
    expect(house.nextRefreshIn).toBe(7_000)
    server.nobody(web, 'nxdomain', 900)
    await house.refresh()
    expect(house.nextRefreshIn).toBe(10_000)
  })
})

describe('servers that fail', () => {
  test.each([
    ['SERVFAIL', rcode.servfail],
    ['REFUSED', rcode.refused],
  ])('T7: after %s the last good answer stays, as stale', async (name, code) => {
    server.addresses(web, ['10.0.0.1'])
    build()
    await followWeb(headless)
    server.both(web, { rcode: code })
    await house.refresh()
    expect(house.set).toMatchObject({ state: 'stale', mode: 'dns' })
    expect(house.ready).toEqual(['10.0.0.1:8080'])
    expect(house.report.dns[0]).toMatchObject({ rcode: name, consecutiveFailures: 1 })
    expect(house.lines.some((each) => each.startsWith('warn DNS fails'))).toBe(true)
  })

  test('T7: past the stale cap it is given up', async () => {
    server.addresses(web, ['10.0.0.1'])
    build({ bounds: { staleCapMs: 20_000 } })
    await followWeb(headless)
    server.both(web, { rcode: rcode.servfail })
    await house.refresh()
    expect(house.set.state).toBe('stale')
    for (let i = 0; i < 4; i++) await house.refresh()
    expect(house.set).toMatchObject({ state: 'failed', mode: undefined, endpoints: [] })
  })

  test('T8: silence backs off, each wait twice the last up to a ceiling, and an answer ends that', async () => {
    server.both(web, { drop: true })
    build({ bounds: { backoffCeilingMs: 4_000 } })
    const followed = followWeb(headless)
    await until(() => server.seen.length >= 2)
    house.clock.advance(1_000)
    await followed
    expect(house.set.state).toBe('pending')
    house.clock.advance(1_000)
    await until(() => house.set.state === 'failed')
    const waits: number[] = []
    for (let i = 0; i < 4; i++) {
      waits.push(house.nextRefreshIn)
      const asked = server.seen.length
      house.clock.advance(house.nextRefreshIn)
      await until(() => server.seen.length >= asked + 2)
      house.clock.advance(2_000)
      await until(() => house.report.dns[0]?.consecutiveFailures === i + 2)
    }
    expect(waits).toEqual([1_000, 2_000, 4_000, 4_000])
    server.addresses(web, ['10.0.0.1'])
    await house.refresh()
    expect(house.set.state).toBe('live')
    expect(house.report.dns[0]?.consecutiveFailures).toBe(0)
    expect(house.nextRefreshIn).toBe(5_000)
  })

  test('a family that fails keeps what it had while the other one moves on', async () => {
    server.addresses(web, ['10.0.0.1', 'fd00::1'])
    build({ bounds: { drainMs: 0 } })
    await followWeb(headless)
    server.addresses(web, ['10.0.0.2']).on('AAAA', web, { rcode: rcode.servfail })
    await house.refresh()
    expect(house.ready).toEqual(['10.0.0.2:8080', '[fd00::1]:8080'])
    expect(house.says('dns')).toContain('1 kept from before')
  })

  test('T23: a dead first server costs a moment, once', async () => {
    const silent = await DnsServer.start()
    silent.fallback = { drop: true }
    server.addresses(web, ['10.0.0.1'])
    build({ servers: [silent, server] })
    const followed = followWeb(headless)
    await until(() => silent.seen.length === 2)
    expect(server.seen).toEqual([])
    house.clock.advance(250)
    await followed
    expect(house.ready).toEqual(['10.0.0.1:8080'])
    expect(house.report.dns[0]?.server).toBe(server.address)
    await house.refresh()
    expect(silent.seen).toHaveLength(2)
    await silent.close()
  })

  test('T23: a server that nobody listens on, or that refuses, is passed over at once', async () => {
    const closed = await DnsServer.start()
    const { address } = closed
    await closed.close()
    const refusing = await DnsServer.start()
    refusing.fallback = { rcode: rcode.refused }
    server.addresses(web, ['10.0.0.1'])
    build({ servers: [address, refusing, server] })
    await followWeb(headless)
    expect(house.ready).toEqual(['10.0.0.1:8080'])
    await refusing.close()
  })

  test('a lost datagram is sent again', async () => {
    server.both(web, { drop: true })
    build()
    const followed = followWeb(headless)
    await until(() => server.seen.length === 2)
    server.addresses(web, ['10.0.0.1'])
    house.clock.advance(250)
    await followed
    expect(house.ready).toEqual(['10.0.0.1:8080'])
  })

  test('a server without EDNS is asked again without it', async () => {
    server.both(web, { refuseEdns: true, answers: [a(web, '10.0.0.1')] })
    build()
    await followWeb(headless)
    expect(house.ready).toEqual(['10.0.0.1:8080'])
    expect(server.seen.filter((each) => each.edns)).toHaveLength(2)
    expect(server.seen.filter((each) => !each.edns)).toHaveLength(2)
  })
})

describe('when to ask again', () => {
  test('T9: a TTL of zero is lifted to the floor', async () => {
    server.addresses(web, ['10.0.0.1'], 0)
    build({ random: () => 0, bounds: { jitter: 0.2 } })
    await followWeb(headless)
    expect(house.nextRefreshIn).toBe(1_000)
    house.clock.advance(999)
    await settle()
    expect(server.count('A', web)).toBe(1)
  })

  test('T9: the floor varies too, but only upwards', async () => {
    server.addresses(web, ['10.0.0.1'], 0)
    build({ random: () => 1, bounds: { jitter: 0.2 } })
    await followWeb(headless)
    expect(house.nextRefreshIn).toBe(1_200)
  })

  test('a long TTL is cut to the ceiling, and the wait varies by the jitter', async () => {
    server.addresses(web, ['10.0.0.1'], 86_400)
    build({ random: () => 1, bounds: { jitter: 0.15 } })
    await followWeb(headless)
    expect(house.nextRefreshIn).toBeCloseTo(69_000)
  })

  test('T10: of mixed TTLs the least counts', async () => {
    server.on('A', web, { answers: [a(web, '10.0.0.1', 30), a(web, '10.0.0.2', 5)] }).on('AAAA', web, {})
    build()
    await followWeb(headless)
    expect(house.nextRefreshIn).toBe(5_000)
  })

  test('a suspicious endpoint brings the next question forward, but no more often than allowed', async () => {
    server.addresses(web, ['10.0.0.1'], 30)
    build()
    await followWeb(headless)
    house.clock.advance(400)
    for (let i = 0; i < 5; i++) house.discovery.suspect('shop/web:80')
    expect(house.nextRefreshIn).toBe(600)
    await house.refresh()
    expect(server.count('A', web)).toBe(2)
    house.clock.advance(5_000)
    house.discovery.suspect('shop/web:80')
    expect(house.nextRefreshIn).toBe(0)
    house.discovery.suspect('nobody/there:1')
  })
})

describe('SRV', () => {
  test('T11: ports that differ from endpoint to endpoint are kept, with the targets of the Additional section', async () => {
    const targets = [`a.${web}`, `b.${web}`]
    server.on('SRV', srvName, {
      answers: [srv(targets[0]!, 8080, { ttl: 30 }), srv(targets[1]!, 9090, { ttl: 30 })],
      additionals: [a(targets[0]!, '10.0.0.1', 12), a(targets[1]!, '10.0.0.2', 30)],
    })
    build()
    await followWeb(headlessNamedTarget)
    expect(house.ids).toEqual(['10.0.0.1:8080', '10.0.0.2:9090'])
    expect(house.set.endpoints.map((each) => each.name)).toEqual(targets)
    expect(server.seen.map((each) => each.type)).toEqual(['SRV'])
    expect(house.nextRefreshIn).toBe(12_000)
  })

  test('T11: targets that are not in the Additional section are asked for, and their TTL counts', async () => {
    server
      .on('SRV', srvName, { answers: [srv(`a.${web}`, 8080, { ttl: 30 })] })
      .addresses(`a.${web}`, ['10.0.0.1', 'fd00::1'], 9)
    build()
    await followWeb('', 'http')
    expect(house.ids).toEqual(['10.0.0.1:8080', '[fd00::1]:8080'])
    expect(house.nextRefreshIn).toBe(9_000)
  })

  test('T12 and T13: priority and weight are kept', async () => {
    const names = ['a', 'b', 'c'].map((each) => `${each}.${web}`)
    server.on('SRV', srvName, {
      answers: [
        srv(names[0]!, 80, { priority: 10, weight: 0 }),
        srv(names[1]!, 80, { priority: 10, weight: 90 }),
        srv(names[2]!, 80, { priority: 20, weight: 10 }),
      ],
      additionals: names.map((name, index) => a(name, `10.0.0.${index + 1}`)),
    })
    build()
    await followWeb('', 'http')
    expect(house.set.endpoints.map(({ priority, weight }) => [priority, weight])).toEqual([
      [10, 0],
      [10, 90],
      [20, 10],
    ])
  })

  test.each([
    ['NXDOMAIN', { rcode: rcode.nxdomain }],
    ['NODATA', {}],
    ['NOTIMP', { rcode: rcode.notimp }],
  ])('T14: without SRV records (%s) the addresses are used with the numeric port', async (_, script) => {
    server.on('SRV', srvName, script).addresses(web, ['10.0.0.1'])
    build()
    await followWeb(headless, 'http')
    expect(server.count('SRV', srvName)).toBeGreaterThan(0)
    expect(house.ids).toEqual(['10.0.0.1:8080'])
  })

  test('T14: a port of the Service without a name is never asked for by SRV', async () => {
    server.addresses(web, ['10.0.0.1'])
    build()
    await followWeb(headless.replace('name: http, ', ''))
    expect(house.ids).toEqual(['10.0.0.1:8080'])
    expect(server.seen.some((each) => each.type === 'SRV')).toBe(false)
  })

  test('a target port that only Pods know, of a port without a name, is no question to DNS', async () => {
    build()
    await followWeb(headlessNamedTarget.replace('name: http, ', ''))
    expect(house.set.state).toBe('failed')
    expect(house.says('dns')).toContain('SRV needs a name')
    expect(server.seen).toEqual([])
  })

  test('a named port that DNS does not know, and nobody else either, has nobody', async () => {
    server.addresses(web, ['10.0.0.1'])
    build()
    await followWeb('', 'http')
    expect(house.set.state).toBe('empty')
  })

  test('an SRV question that fails is no reason to guess', async () => {
    server.on('SRV', srvName, { rcode: rcode.servfail }).addresses(web, ['10.0.0.1'])
    build()
    await followWeb(headless, 'http')
    expect(house.set.state).toBe('failed')
    expect(server.count('A', web)).toBe(0)
  })

  test('the target "." means that there is none (RFC 2782)', async () => {
    server.on('SRV', srvName, { answers: [srv('.', 0)] })
    build()
    await followWeb('', 'http')
    expect(house.set.state).toBe('empty')
  })

  test('a ClusterIP found by SRV is recognised by its target', async () => {
    server.on('SRV', srvName, { answers: [srv(web, 80)], additionals: [a(web, '10.96.0.7')] })
    build()
    await followWeb('', 'http')
    expect(house.says('dns')).toContain('one address stands for all Pods')
  })

  test('one target that fails keeps its endpoint, the others follow DNS', async () => {
    const [first, second] = [`a.${web}`, `b.${web}`]
    server
      .on('SRV', srvName, { answers: [srv(first, 80), srv(second, 80)] })
      .addresses(first, ['10.0.0.1'])
      .addresses(second, ['10.0.0.2'])
    build({ bounds: { drainMs: 0 } })
    await followWeb('', 'http')
    server.both(first, { rcode: rcode.servfail }).addresses(second, ['10.0.0.3'])
    await house.refresh()
    expect(house.ready).toEqual(['10.0.0.1:80', '10.0.0.3:80'])
  })
})

describe('answers of every shape', () => {
  test('T15: forty endpoints do not fit a datagram and come over TCP', async () => {
    const addresses = Array.from({ length: 40 }, (_, index) => `10.0.1.${index}`)
    server.addresses(web, addresses)
    build()
    await followWeb(headless)
    expect(house.ready).toHaveLength(40)
    expect(server.seen.filter((each) => each.transport === 'tcp' && each.type === 'A')).toHaveLength(1)
  })

  test('T17: a reply in capitals is the same name', async () => {
    server.on('A', web, { shout: true, answers: [a(web, '10.0.0.1')] }).on('AAAA', web, { shout: true })
    build()
    await followWeb(headless)
    expect(house.ready).toEqual(['10.0.0.1:8080'])
  })

  test('T18: the same address twice is one endpoint', async () => {
    server.on('A', web, { answers: [a(web, '10.0.0.1'), a(web, '10.0.0.1'), a(web, '10.0.0.2')] }).on('AAAA', web, {})
    build()
    await followWeb(headless)
    expect(house.ids).toEqual(['10.0.0.1:8080', '10.0.0.2:8080'])
  })

  test('T19: both families are endpoints, whatever the spelling', async () => {
    server.addresses(web, ['10.0.0.1', 'FD00:0:0::00A', '::ffff:10.0.0.1'])
    build()
    await followWeb(headless)
    expect(house.ids).toEqual(['10.0.0.1:8080', '[fd00::a]:8080'])
  })

  test('T24: replies with another id, another question, or no DNS at all are not ours', async () => {
    server
      .on('A', web, { before: ['garbage', 'wrong-id', 'wrong-question'], answers: [a(web, '10.0.0.1')] })
      .on('AAAA', web, {})
    build()
    await followWeb(headless)
    expect(house.ids).toEqual(['10.0.0.1:8080'])
  })

  test('T24: every question has an id and a port of its own', async () => {
    server.addresses(web, ['10.0.0.1'])
    build()
    await followWeb(headless)
    for (let i = 0; i < 4; i++) await house.refresh()
    expect(new Set(server.seen.map((each) => each.id)).size).toBeGreaterThan(5)
    expect(new Set(server.seen.map((each) => each.port)).size).toBeGreaterThan(5)
  })

  test('T25: what DNS publishes is used, though the Service publishes unready Pods', async () => {
    server.addresses(web, ['10.0.0.1', '10.0.0.2'])
    build()
    await followWeb(headless.replace('clusterIP: None', 'clusterIP: None\n  publishNotReadyAddresses: true'))
    expect(house.ready).toEqual(['10.0.0.1:8080', '10.0.0.2:8080'])
  })

  test('records of other names in an answer are ignored', async () => {
    server.on('A', web, { answers: [a('evil.test', '6.6.6.6'), a(web, '10.0.0.1')] }).on('AAAA', web, {})
    build()
    await followWeb(headless)
    expect(house.ids).toEqual(['10.0.0.1:8080'])
  })

  test('addresses where no endpoint may live are left out, with a warning', async () => {
    server.addresses(web, [
      '10.0.0.1',
      '0.0.0.0',
      '224.0.0.1',
      '169.254.169.254',
      '255.255.255.255',
      'fe80::1',
      'ff02::1',
      '::',
      '::ffff:169.254.169.254',
    ])
    build()
    await followWeb(headless)
    expect(house.ids).toEqual(['10.0.0.1:8080'])
    expect(house.lines).toContain(
      `warn DNS gave an address that is not used: 169.254.169.254 of ${web}: link-local, where cloud metadata services live`,
    )
  })

  test('names of the cluster may be loopback when the servers were named', async () => {
    server.addresses(web, ['127.0.0.1', '::1'])
    build()
    await followWeb(headless)
    expect(house.ids).toEqual(['127.0.0.1:8080', '[::1]:8080'])
  })
})

describe('names outside', () => {
  test('T16: CNAMEs are followed within a message and by asking again, and the least TTL of the chain counts', async () => {
    const chain = { answers: [alias(web, 'a.example.test', 20), alias('a.example.test', 'b.example.test', 7)] }
    server.both(web, chain).addresses('b.example.test', ['192.0.2.1'], 60)
    build()
    await followWeb()
    expect(house.ids).toEqual(['192.0.2.1:80'])
    expect(house.nextRefreshIn).toBe(7_000)
  })

  test('T16: a Service of type ExternalName is asked for by its external name, with its target port', async () => {
    server.addresses('api.example.test', ['192.0.2.1'])
    build()
    await followWeb(external('api.example.test.'))
    expect(house.ids).toEqual(['192.0.2.1:8443'])
    expect(server.seen.every((each) => each.name === 'api.example.test')).toBe(true)
  })

  test('an external name that is an address needs no question', async () => {
    build()
    await followWeb(external('192.0.2.9'))
    expect(house.set).toMatchObject({ state: 'live', mode: 'dns', endpoints: [{ id: '192.0.2.9:8443' }] })
    expect(server.seen).toEqual([])
  })

  test.each(['localhost', 'a.localhost', '127.0.0.1'])(
    'the external name %s is refused without a question',
    async (name) => {
      build()
      await followWeb(external(name))
      expect(house.set).toMatchObject({ state: 'failed', endpoints: [] })
      expect(house.says('dns')).toContain('this machine itself')
      expect(server.seen).toEqual([])
    },
  )

  test('an outside name that stands for loopback or metadata is not used, not even behind a name of the cluster', async () => {
    server.addresses('api.example.test', ['127.0.0.1', '169.254.169.254'])
    server.both(web, { answers: [alias(web, 'api.example.test'), a('api.example.test', '127.0.0.1')] })
    build()
    await house.follow(
      external('api.example.test').replace('name: web', 'name: out'),
      upstream('shop/out:80', 'dns'),
      upstream('shop/web:80', 'dns'),
    )
    expect(house.discovery.current().flatMap((each) => each.endpoints)).toEqual([])
    expect(house.lines.filter((each) => each.includes('not used')).length).toBeGreaterThanOrEqual(3)
  })

  test('an outside name for a Service of the cluster may be loopback, as in development', async () => {
    server.addresses('other.shop.svc.cluster.local', ['127.0.0.1'])
    build()
    await followWeb(external('other.shop.svc.cluster.local'))
    expect(house.ids).toEqual(['127.0.0.1:8443'])
  })

  test('CNAMEs in a circle, or too many, end as a failure', async () => {
    server.both(web, { answers: [alias(web, 'a.test')] }).both('a.test', { answers: [alias('a.test', web)] })
    build()
    await followWeb()
    expect(house.says('dns')).toContain('CNAMELOOP')
    const many = Array.from({ length: 30 }, (_, index) => alias(`n${index}.test`, `n${index + 1}.test`))
    server.both('long.shop.svc.cluster.local', {
      answers: [alias('long.shop.svc.cluster.local', 'n0.test'), ...many, a('n30.test', '10.0.0.1')],
    })
    await house.follow('', upstream('shop/long:80', 'dns'))
    expect(house.says('dns')).toContain('CNAMELOOP')
  })

  test('a CNAME to localhost is never followed', async () => {
    server.both(web, { answers: [alias(web, 'localhost'), a('localhost', '127.0.0.1')] })
    build()
    await followWeb()
    expect(house.set).toMatchObject({ state: 'failed', endpoints: [] })
    expect(house.says('dns')).toContain('LOCALHOST')
  })

  test('a name that DNS cannot carry is not asked for', async () => {
    build()
    await followWeb(external(`${'x'.repeat(64)}.test`).replace(/\n$/, ''))
    expect(house.says('dns')).toContain('BADNAME')
    expect(server.seen).toEqual([])
  })
})

describe('forms and zones', () => {
  const perPod = 'web.shop.endpoints.cluster.local'

  test('T20: the endpoints form names every ready Pod, with SRV for a numbered port and hashed labels', async () => {
    const addresses = ['10.0.0.1', '10.0.0.2']
    const name = `_80._tcp.${perPod}`
    server.on('SRV', name, {
      answers: addresses.map((each) => srv(`${fnv(each)}.${perPod}`, 8080, { priority: 10, weight: 10, name })),
      additionals: addresses.map((each) => a(`${fnv(each)}.${perPod}`, each)),
    })
    build({ dnsForm: 'endpoints' })
    await followWeb()
    expect(house.ids).toEqual(['10.0.0.1:8080', '10.0.0.2:8080'])
    expect(house.set.endpoints[0]).toMatchObject({ priority: 10, weight: 10, name: `${fnv('10.0.0.1')}.${perPod}` })
  })

  test('T20: where the server gives all ports for a name it does not know, only the expected one is taken', async () => {
    const name = `_http._tcp.${perPod}`
    server.on('SRV', name, {
      answers: [8080, 9100].map((port) => srv(`x.${perPod}`, port, { name })),
      additionals: [a(`x.${perPod}`, '10.0.0.1')],
    })
    build({ dnsForm: 'endpoints' })
    await followWeb(clusterIp)
    expect(house.ids).toEqual(['10.0.0.1:8080'])
  })

  test('T20: without SRV the addresses of the endpoints form go with the target port', async () => {
    server.addresses(perPod, ['10.0.0.1'])
    build({ dnsForm: 'endpoints' })
    await followWeb(clusterIp)
    expect(house.ids).toEqual(['10.0.0.1:8080'])
  })

  test('T20: the form is found by asking for the Service every cluster has, and logged once', async () => {
    server
      .addresses('kubernetes.default.endpoints.cluster.local', ['10.0.9.9'])
      .addresses(perPod, ['10.0.0.1', '10.0.0.2'])
      .addresses(web, ['10.96.0.7'])
    build({ dnsForm: 'auto' })
    await house.follow('', upstream('shop/web:8080', 'dns'), upstream('shop/other:8080', 'dns'))
    expect(house.ids).toEqual(['10.0.0.1:8080', '10.0.0.2:8080'])
    expect(house.lines.filter((each) => each.includes('looked up as'))).toEqual([
      'info Services are looked up as <service>.<namespace>.endpoints.cluster.local',
    ])
    expect(server.count('A', 'kubernetes.default.endpoints.cluster.local')).toBe(1)
    expect(server.count('A', web)).toBe(0)
  })

  test('T20: a cluster without the endpoints form is asked in the usual form only', async () => {
    server.addresses('kubernetes.default.svc.cluster.local', ['10.96.0.1']).addresses(web, ['10.96.0.7'])
    build({ dnsForm: 'auto' })
    await followWeb()
    expect(house.ids).toEqual(['10.96.0.7:80'])
    expect(server.count('A', perPod)).toBe(0)
  })

  test('T20: while nothing tells, both forms are tried, and the first answer per Pod decides', async () => {
    server.addresses(web, ['10.96.0.7'])
    build({ dnsForm: 'auto' })
    await followWeb()
    expect(house.ids).toEqual(['10.96.0.7:80'])
    server.addresses(perPod, ['10.0.0.1'])
    await house.refresh()
    expect(house.ready).toEqual(['10.0.0.1:80'])
    expect(house.lines.filter((each) => each.includes('.endpoints.'))).not.toEqual([])
  })

  test('T21: a wrong cluster domain is told from an unknown Service, with a hint at the right one', async () => {
    server.on('TXT', 'dns-version.cluster.local', {
      answers: [{ type: 'TXT', name: 'dns-version.cluster.local', ttl: 60, data: '1.1.0' }],
    })
    build({ clusterDomain: 'k8s.example' })
    await followWeb()
    await house.follow('', upstream('shop/web:80', 'dns'), upstream('shop/api:80', 'dns'))
    expect(house.says('dns')).toContain('knows no cluster zone k8s.example')
    expect(house.says('dns')).toContain('cluster.local is there: is the cluster domain right?')
    expect(house.lines.filter((each) => each.startsWith('warn'))).toHaveLength(1)
  })

  test('T21: in the right zone it is the Service that is unknown', async () => {
    server.on('TXT', 'dns-version.cluster.local', {
      answers: [{ type: 'TXT', name: 'dns-version.cluster.local', ttl: 60, data: '1.1.0' }],
    })
    build()
    await followWeb()
    expect(house.says('dns')).toContain('it is the Service that it does not know')
    expect(house.lines.filter((each) => each.startsWith('warn'))).toEqual([])
  })
})

describe('many names', () => {
  test('T22: a thousand names start with bounded concurrency, and later ones are spread over time', async () => {
    server.fallback = { hold: true }
    build({ random: () => 0.5, bounds: { concurrency: 20, spreadMs: 400 } })
    const many = Array.from({ length: 1_000 }, (_, index) => upstream(`shop/s${index}:80`, 'dns'))
    const followed = house.follow('', ...many)
    await until(() => server.seen.length >= 20)
    await settle()
    expect(server.seen).toHaveLength(20)
    house.clock.advance(100)
    await settle()
    expect(server.seen).toHaveLength(20)
    server.fallback = { answers: [] }
    server.release()
    await until(() => new Set(server.seen.map((each) => each.name)).size >= 20)
    await settle(100)
    const early = new Set(server.seen.filter((each) => each.type === 'A').map((each) => each.name))
    expect(early.size).toBe(20)
    house.clock.advance(100)
    await followed
    expect(house.discovery.current().filter((each) => each.state === 'empty')).toHaveLength(1_000)
  })

  test('the same name for two upstreams at the same time is one question', async () => {
    server.addresses(web, ['10.0.0.1'])
    build()
    await house.follow('', upstream('shop/web:80', 'dns'), upstream('shop/web:81', 'dns'))
    expect(house.discovery.current().map((each) => each.endpoints[0]?.id)).toEqual(['10.0.0.1:80', '10.0.0.1:81'])
    expect(server.count('A', web)).toBe(1)
  })

  test('jitter keeps names that were learned together from being asked for together', async () => {
    server.fallback = { answers: [] }
    let seed = 0
    build({ random: () => (seed = (seed + 0.37) % 1), bounds: { jitter: 0.15 } })
    await house.follow('', ...Array.from({ length: 10 }, (_, index) => upstream(`shop/s${index}:80`, 'dns')))
    const times = house.discovery.reports().map((each) => each.dns[0]?.nextRefreshAt)
    expect(new Set(times).size).toBe(10)
  })
})

describe('the shrink guard', () => {
  const all = ['10.0.0.1', '10.0.0.2', '10.0.0.3', '10.0.0.4']

  test('when most vanish at once, another server is asked before that is believed', async () => {
    const second = await DnsServer.start()
    server.addresses(web, all)
    second.addresses(web, all)
    build({ servers: [server, second] })
    await followWeb(headless)
    server.addresses(web, ['10.0.0.1'])
    await house.refresh()
    expect(second.count('A', web)).toBe(1)
    expect(house.ready).toHaveLength(4)
    second.addresses(web, ['10.0.0.1'])
    await house.refresh()
    expect(house.ready).toEqual(['10.0.0.1:8080'])
    await second.close()
  })

  test('when the second opinion fails it is doubted once, and believed when it stays', async () => {
    const second = await DnsServer.start()
    server.addresses(web, all)
    second.fallback = { answers: [] }
    build({ servers: [server, second], bounds: { drainMs: 0 } })
    await followWeb(headless)
    server.addresses(web, ['10.0.0.1'])
    await house.refresh()
    expect(house.set).toMatchObject({ state: 'stale' })
    expect(house.ready).toHaveLength(4)
    await house.refresh()
    expect(house.ready).toEqual(['10.0.0.1:8080'])
    await second.close()
  })
})

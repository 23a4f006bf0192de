import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { DnsAnswer, DnsRecord, ZoneInit } from '#cluster/zone.ts'
import { Zone } from '#cluster/zone.ts'
import type { Resource } from '#resource/resource.ts'
import { ResourceSet } from '#resource/resource-set.ts'
import { endpointsObject, pod, service, slice } from '../support/cluster-objects.ts'

const objects: readonly Resource[] = [
  service('virtual', {
    clusterIP: '10.96.0.10',
    ports: [
      { name: 'http', port: 80, targetPort: 8080 },
      { name: 'dns', port: 53, protocol: 'UDP' },
    ],
  }),
  slice('virtual', ['10.244.0.1', '10.244.0.2'], [{ name: 'http', port: 8080 }]),
  service('dual', { clusterIP: '10.96.0.11', clusterIPs: ['10.96.0.11', 'FD00:0::11'] }),
  service('headless', { clusterIP: 'None' }),
  slice('headless', [
    { address: '10.244.1.1', hostname: 'web-0' },
    '10.244.1.2',
    { address: '10.244.1.3', ready: false },
    { address: '10.244.1.4', ready: undefined },
  ]),
  service('written'),
  slice('written', ['10.244.2.1'], [{ name: 'http', port: 8080 }]),
  slice('written', ['10.244.2.2'], [{ name: 'http', port: 9090 }]),
  service('unnamed', { clusterIP: 'None', ports: [{ port: 80 }] }),
  slice('unnamed', ['10.244.3.1'], [{ port: 8080 }]),
  service('plain', { clusterIP: '10.96.0.12', ports: [{ port: 80 }] }),
  service('odd', { clusterIP: 'None' }),
  slice('odd', [{ address: '10.244.8.1', hostname: 'h'.repeat(64) }, 'web.example.com', 'fe80::1%eth0']),
  service('looped', { clusterIP: '10.96.0.13' }),
  slice('looped', ['10.96.0.13']),
  service('six', { clusterIP: 'None' }),
  slice('six', ['fd00::7']),
  service('down', { clusterIP: 'None' }),
  slice('down', [{ address: '10.244.4.1', ready: false }]),
  service('tolerant', { clusterIP: 'None', publishNotReadyAddresses: true }),
  slice('tolerant', [{ address: '10.244.5.1', ready: false }]),
  service('old', { clusterIP: 'None' }),
  endpointsObject('old', ['10.244.6.1'], ['10.244.6.2']),
  service('podded', {
    clusterIP: 'None',
    selector: { app: 'podded' },
    ports: [{ name: 'http', port: 80, targetPort: 'web' }],
  }),
  pod('podded-a', { labels: { app: 'podded' }, ips: ['10.244.7.1'], hostname: 'first', subdomain: 'podded' }),
  pod('podded-b', { labels: { app: 'podded' }, ips: ['10.244.7.2'], ready: false }),
  pod('podded-c', { labels: { app: 'podded' }, ips: ['10.244.7.3'], phase: 'Succeeded' }),
  pod('podded-d', { labels: { app: 'podded' }, ips: ['10.244.7.4'], terminating: true }),
  pod('podded-e', { labels: { app: 'podded' }, ips: ['10.244.7.6'], phase: 'Pending' }),
  pod('stranger', { labels: { app: 'other' }, ips: ['10.244.7.5'] }),
  service('outside', { type: 'ExternalName', externalName: 'www.example.com' }),
  service('alias', { type: 'ExternalName', externalName: 'headless.default.svc.cluster.local.' }),
  service('dangling', { type: 'ExternalName', externalName: 'nobody.default.svc.cluster.local' }),
  service('loop', { type: 'ExternalName', externalName: 'loop.default.svc.cluster.local' }),
  service('broken', { type: 'ExternalName', externalName: `${'x'.repeat(64)}.example` }),
  service('other/shop', { clusterIP: '10.96.1.1' }),
  service('other/any', { clusterIP: '10.96.1.2' }),
]

const zone = (init: Partial<ZoneInit> = {}) =>
  new Zone({ resources: new ResourceSet(objects), clusterDomain: 'cluster.local', random: () => 0, ...init })

const ask = (name: string, type: string, init: Partial<ZoneInit> = {}) => zone(init).answer({ name, type })

const print = (record: DnsRecord): string => {
  if (record.type === 'SRV') return `SRV ${record.data.port} ${record.data.target.replace('.svc.cluster.local', '')}`
  return record.type === 'SOA' ? 'SOA' : `${record.type} ${record.data}`
}

const printed = ({ rcode, answers }: DnsAnswer): string[] =>
  answers.length === 0 ? [rcode] : answers.map(print).toSorted()

const svc = (name: string) => `${name}.svc.cluster.local`

/** Name, type, and the answers as `TYPE value` in order of text, or the return code of an answer without records. */
const rows: readonly [why: string, name: string, type: string, expected: readonly string[]][] = [
  ['a ClusterIP Service is its cluster address', svc('virtual.default'), 'A', ['A 10.96.0.10']],
  ['an address family the Service lacks is empty, not missing', svc('virtual.default'), 'AAAA', ['NOERROR']],
  ['a dual-stack Service has its IPv4 address', svc('dual.default'), 'A', ['A 10.96.0.11']],
  ['a dual-stack Service has its IPv6 address in canonical form', svc('dual.default'), 'AAAA', ['AAAA fd00::11']],
  [
    'a headless Service is its ready endpoints',
    svc('headless.default'),
    'A',
    ['A 10.244.1.1', 'A 10.244.1.2', 'A 10.244.1.4'],
  ],
  ['an IPv6 endpoint is an AAAA record', svc('six.default'), 'AAAA', ['AAAA fd00::7']],
  ['a Service without cluster address is its endpoints', svc('written.default'), 'A', ['A 10.244.2.1', 'A 10.244.2.2']],
  ['a headless Service with nobody ready is empty', svc('down.default'), 'A', ['NOERROR']],
  ['a Service that publishes addresses that are not ready has them', svc('tolerant.default'), 'A', ['A 10.244.5.1']],
  ['an Endpoints object counts where there is no slice', svc('old.default'), 'A', ['A 10.244.6.1']],
  ['running Pods of the selector count where nothing else says', svc('podded.default'), 'A', ['A 10.244.7.1']],
  ['case does not matter', 'VIRTUAL.Default.sVc.Cluster.LOCAL', 'A', ['A 10.96.0.10']],
  ['a trailing dot does not matter', `${svc('virtual.default')}.`, 'A', ['A 10.96.0.10']],
  ['an unknown Service does not exist', svc('nobody.default'), 'A', ['NXDOMAIN']],
  ['a Service of another namespace does not exist here', svc('shop.default'), 'A', ['NXDOMAIN']],
  ['an unknown namespace does not exist', svc('nowhere'), 'A', ['NXDOMAIN']],
  ['a namespace exists and is empty', svc('other'), 'A', ['NOERROR']],
  ['the branches of the zone exist and are empty', 'svc.cluster.local', 'A', ['NOERROR']],

  [
    'a named port of a ClusterIP Service is the Service port',
    `_http._tcp.${svc('virtual.default')}`,
    'SRV',
    ['SRV 80 virtual.default'],
  ],
  ['a port answers under its own protocol', `_dns._udp.${svc('virtual.default')}`, 'SRV', ['SRV 53 virtual.default']],
  ['a port does not answer under another protocol', `_dns._tcp.${svc('virtual.default')}`, 'SRV', ['NXDOMAIN']],
  ['an unknown port does not exist', `_grpc._tcp.${svc('virtual.default')}`, 'SRV', ['NXDOMAIN']],
  ['a port has no address', `_http._tcp.${svc('virtual.default')}`, 'A', ['NOERROR']],
  ['a protocol with ports exists and is empty', `_tcp.${svc('virtual.default')}`, 'SRV', ['NOERROR']],
  ['a protocol without ports does not exist', `_sctp.${svc('virtual.default')}`, 'SRV', ['NXDOMAIN']],
  ['a number is no port name in the Kubernetes form', `_80._tcp.${svc('virtual.default')}`, 'SRV', ['NXDOMAIN']],
  [
    'a headless port is the endpoint port of each ready endpoint',
    `_http._tcp.${svc('headless.default')}`,
    'SRV',
    ['SRV 8080 10-244-1-2.headless.default', 'SRV 8080 10-244-1-4.headless.default', 'SRV 8080 web-0.headless.default'],
  ],
  [
    'endpoint ports may differ',
    `_http._tcp.${svc('written.default')}`,
    'SRV',
    ['SRV 8080 10-244-2-1.written.default', 'SRV 9090 10-244-2-2.written.default'],
  ],
  [
    "a Pod's named container port is found",
    `_http._tcp.${svc('podded.default')}`,
    'SRV',
    ['SRV 8080 first.podded.default'],
  ],
  ['an unnamed port cannot be asked for', `_._tcp.${svc('unnamed.default')}`, 'SRV', ['NXDOMAIN']],
  ['an unnamed port of a ClusterIP Service cannot be asked for', `_._tcp.${svc('plain.default')}`, 'SRV', ['NXDOMAIN']],
  ['an unnamed port has no protocol branch', `_tcp.${svc('unnamed.default')}`, 'SRV', ['NXDOMAIN']],
  ['a port of a headless Service with nobody ready is empty', `_http._tcp.${svc('down.default')}`, 'SRV', ['NOERROR']],
  [
    'an unknown port of a headless Service with nobody ready does not exist',
    `_grpc._tcp.${svc('down.default')}`,
    'SRV',
    ['NXDOMAIN'],
  ],
  [
    'an endpoint whose hostname cannot be written has an address and no port',
    `_http._tcp.${svc('odd.default')}`,
    'SRV',
    ['NOERROR'],
  ],
  ['what is no address is no endpoint', svc('odd.default'), 'A', ['A 10.244.8.1']],
  ['an address that belongs to an interface is no endpoint', svc('odd.default'), 'AAAA', ['NOERROR']],
  [
    'SRV of the Service itself is every port',
    svc('virtual.default'),
    'SRV',
    ['SRV 53 virtual.default', 'SRV 80 virtual.default'],
  ],
  [
    'SRV of a headless Service itself is every port of every endpoint',
    svc('unnamed.default'),
    'SRV',
    ['SRV 8080 10-244-3-1.unnamed.default'],
  ],

  ['an endpoint is found by its hostname', svc('web-0.headless.default'), 'A', ['A 10.244.1.1']],
  [
    'an endpoint without hostname is found by its dashed address',
    svc('10-244-1-2.headless.default'),
    'A',
    ['A 10.244.1.2'],
  ],
  ['an IPv6 endpoint is found by its dashed address', svc('fd00--7.six.default'), 'AAAA', ['AAAA fd00::7']],
  ['an endpoint with hostname is not found by its address', svc('10-244-1-1.headless.default'), 'A', ['NXDOMAIN']],
  ['an endpoint that is not ready is not found', svc('10-244-1-3.headless.default'), 'A', ['NXDOMAIN']],
  ['an endpoint of a ClusterIP Service is found', svc('10-244-0-1.virtual.default'), 'A', ['A 10.244.0.1']],
  ['SRV of an endpoint is its ports', svc('web-0.headless.default'), 'SRV', ['SRV 8080 web-0.headless.default']],
  ['nothing stands below an endpoint', svc('a.web-0.headless.default'), 'A', ['NXDOMAIN']],

  [
    'the endpoints form names ready endpoints even of a ClusterIP Service',
    'virtual.default.endpoints.cluster.local',
    'A',
    ['A 10.244.0.1', 'A 10.244.0.2'],
  ],
  [
    'the endpoints form has a second spelling',
    `_endpoints.${svc('virtual.default')}`,
    'A',
    ['A 10.244.0.1', 'A 10.244.0.2'],
  ],
  [
    'the endpoints form leaves out who is not ready',
    'headless.default.endpoints.cluster.local',
    'A',
    ['A 10.244.1.1', 'A 10.244.1.2', 'A 10.244.1.4'],
  ],
  [
    'the endpoints form labels endpoints with the FNV-1a hash of their address',
    '_http._tcp.virtual.default.endpoints.cluster.local',
    'SRV',
    [
      'SRV 8080 c9d6f34f.virtual.default.endpoints.cluster.local',
      'SRV 8080 cad6f4e2.virtual.default.endpoints.cluster.local',
    ],
  ],
  ['such a label resolves', 'cad6f4e2.virtual.default.endpoints.cluster.local', 'A', ['A 10.244.0.2']],
  [
    'the endpoints form finds a port by its number in the Service',
    '_80._tcp.virtual.default.endpoints.cluster.local',
    'SRV',
    [
      'SRV 8080 c9d6f34f.virtual.default.endpoints.cluster.local',
      'SRV 8080 cad6f4e2.virtual.default.endpoints.cluster.local',
    ],
  ],
  [
    'the endpoints form finds an unnamed port by its number',
    '_80._tcp.unnamed.default.endpoints.cluster.local',
    'SRV',
    ['SRV 8080 59532ae6.unnamed.default.endpoints.cluster.local'],
  ],
  [
    'a number that is no Service port does not exist',
    '_8080._tcp.virtual.default.endpoints.cluster.local',
    'SRV',
    ['NXDOMAIN'],
  ],
  [
    'an unknown port name in the endpoints form falls back to all',
    '_grpc._tcp.unnamed.default.endpoints.cluster.local',
    'SRV',
    ['SRV 8080 59532ae6.unnamed.default.endpoints.cluster.local'],
  ],
  ['the endpoints form keeps hostnames', 'web-0.headless.default.endpoints.cluster.local', 'A', ['A 10.244.1.1']],

  ['a dashed address spells its Pod', '10-1-2-3.default.pod.cluster.local', 'A', ['A 10.1.2.3']],
  ['a dashed IPv6 address spells its Pod', '2001-db8--1.default.pod.cluster.local', 'AAAA', ['AAAA 2001:db8::1']],
  ['a Pod in an unknown namespace does not exist', '10-1-2-3.nowhere.pod.cluster.local', 'A', ['NXDOMAIN']],
  ['a Pod label that is no address does not exist', '10-1-2-333.default.pod.cluster.local', 'A', ['NXDOMAIN']],

  ['an ExternalName outside the zone is only an alias', svc('outside.default'), 'A', ['CNAME www.example.com']],
  [
    'an ExternalName inside the zone brings its target along',
    svc('alias.default'),
    'A',
    ['A 10.244.1.1', 'A 10.244.1.2', 'A 10.244.1.4', 'CNAME headless.default.svc.cluster.local'],
  ],
  [
    'who asks for the alias gets the alias',
    svc('alias.default'),
    'CNAME',
    ['CNAME headless.default.svc.cluster.local'],
  ],
  [
    'an ExternalName has no records of its own in the endpoints form',
    'outside.default.endpoints.cluster.local',
    'A',
    ['CNAME www.example.com'],
  ],
  ['an ExternalName has no ports', `_http._tcp.${svc('outside.default')}`, 'SRV', ['NXDOMAIN']],
  ['an ExternalName that cannot be written as a name is empty', svc('broken.default'), 'A', ['NOERROR']],

  ['a cluster address names its Service', '10.0.96.10.in-addr.arpa', 'PTR', ['PTR virtual.default.svc.cluster.local']],
  [
    'an IPv6 cluster address names its Service',
    reverse6('fd000000000000000000000000000011'),
    'PTR',
    ['PTR dual.default.svc.cluster.local'],
  ],
  [
    'an endpoint address names the endpoint',
    '1.1.244.10.in-addr.arpa',
    'PTR',
    ['PTR web-0.headless.default.svc.cluster.local'],
  ],
  [
    'an IPv6 endpoint address names the endpoint',
    reverse6('fd000000000000000000000000000007').toUpperCase(),
    'PTR',
    ['PTR fd00--7.six.default.svc.cluster.local'],
  ],
  ['the address of an endpoint that is not ready has no name', '3.1.244.10.in-addr.arpa', 'PTR', ['NXDOMAIN']],
  [
    "an address that is a Service's and an endpoint's names the Service",
    '13.0.96.10.in-addr.arpa',
    'PTR',
    ['PTR looped.default.svc.cluster.local'],
  ],
  ['an address nobody has does not exist', '9.9.9.9.in-addr.arpa', 'PTR', ['NXDOMAIN']],
  ['half an address does not exist', '244.10.in-addr.arpa', 'PTR', ['NXDOMAIN']],

  ['the version of the specification is told', 'dns-version.cluster.local', 'TXT', ['TXT 1.1.0']],
  ['the version has no address', 'dns-version.cluster.local', 'A', ['NOERROR']],
  ['the zone has a start of authority', 'cluster.local', 'SOA', ['SOA']],
  ['the zone has a name server', 'cluster.local', 'NS', ['NS ns.dns.cluster.local']],
  ['the name server has an address', 'ns.dns.cluster.local', 'A', ['A 127.0.0.1']],
  ['everything at once is what stands there', 'cluster.local', 'ANY', ['NS ns.dns.cluster.local', 'SOA']],
  ['a name the zone does not hold does not exist', 'www.cluster.local', 'A', ['NXDOMAIN']],

  ['a wildcard Service is every Service of the namespace', svc('*.other'), 'A', ['A 10.96.1.1', 'A 10.96.1.2']],
  ['the word any is a wildcard', svc('any.default'), 'AAAA', ['AAAA fd00::11', 'AAAA fd00::7']],
  ['a Service called any wins over the wildcard', svc('any.other'), 'A', ['A 10.96.1.2']],
  ['a wildcard namespace finds the Service anywhere', svc('shop.*'), 'A', ['A 10.96.1.1']],
  ['a wildcard in an unknown namespace matches nobody', svc('*.nowhere'), 'A', ['NXDOMAIN']],
  ['a wildcard endpoint is every ready endpoint', svc('*.virtual.default'), 'A', ['A 10.244.0.1', 'A 10.244.0.2']],
  [
    'a wildcard port is every port of the protocol',
    `_*._tcp.${svc('virtual.default')}`,
    'SRV',
    ['SRV 80 virtual.default'],
  ],
  [
    'a wildcard port finds unnamed ports',
    `*._tcp.${svc('unnamed.default')}`,
    'SRV',
    ['SRV 8080 10-244-3-1.unnamed.default'],
  ],
  [
    'wildcard port and protocol are every port',
    `_any._any.${svc('virtual.default')}`,
    'SRV',
    ['SRV 53 virtual.default', 'SRV 80 virtual.default'],
  ],

  ['a short name is completed in the search namespace', 'virtual', 'A', ['A 10.96.0.10']],
  ['a short name with namespace is completed', 'shop.other', 'A', ['A 10.96.1.1']],
  ['a short name with svc is completed', 'shop.other.svc', 'A', ['A 10.96.1.1']],
  [
    'a short name in the endpoints form is completed',
    'virtual.default.endpoints',
    'A',
    ['A 10.244.0.1', 'A 10.244.0.2'],
  ],
  ['a short name of a port is completed', '_http._tcp.virtual', 'SRV', ['SRV 80 virtual.default']],
  ['a short name of an empty Service is empty', 'down', 'A', ['NOERROR']],
  ['a short name that completes to no Service is refused', 'default', 'A', ['REFUSED']],
  ['a name outside the zone is refused', 'www.example.com', 'A', ['REFUSED']],
  ['the root is refused', '.', 'NS', ['REFUSED']],
  ['a zone transfer is refused', 'cluster.local', 'AXFR', ['REFUSED']],
]

function reverse6(digits: string): string {
  return `${digits.split('').toReversed().join('.')}.ip6.arpa`
}

describe('a question about one name', () => {
  for (const [why, name, type, expected] of rows) {
    test(`${why}: ${name} ${type}`, () => {
      expect(printed(zone().answer({ name, type }))).toEqual(expected)
    })
  }
})

describe('an answer', () => {
  test('spells the name as the question did', () => {
    const { answers } = ask('Virtual.DEFAULT.svc.cluster.local', 'A')
    expect(answers.map((each) => each.name)).toEqual(['Virtual.DEFAULT.svc.cluster.local'])
  })

  test('without records carries the start of authority with the time it may be kept', () => {
    for (const name of [svc('nobody.default'), svc('down.default')]) {
      const { authorities } = ask(name, 'A', { ttlSeconds: 7, serial: 3 })
      expect(authorities).toEqual([
        {
          name: 'cluster.local',
          type: 'SOA',
          ttl: 7,
          data: {
            mname: 'ns.dns.cluster.local',
            rname: 'hostmaster.cluster.local',
            serial: 3,
            refresh: 7200,
            retry: 1800,
            expire: 86400,
            minimum: 7,
          },
        },
      ])
    }
  })

  test('to SRV brings the addresses of its targets', () => {
    const { additionals } = ask(`_http._tcp.${svc('headless.default')}`, 'SRV')
    expect(additionals).toContainEqual({ name: svc('web-0.headless.default'), type: 'A', ttl: 5, data: '10.244.1.1' })
    expect(additionals).toHaveLength(3)
    expect(ask(svc('virtual.default'), 'SRV').additionals.map(print)).toEqual(['A 10.96.0.10'])
  })

  test('of SRV records has the weights of its form', () => {
    expect(ask(`_http._tcp.${svc('virtual.default')}`, 'SRV').answers[0]?.data).toMatchObject({
      priority: 10,
      weight: 100,
    })
    expect(ask('_http._tcp.virtual.default.endpoints.cluster.local', 'SRV').answers[0]?.data).toMatchObject({
      priority: 10,
      weight: 10,
    })
  })

  test('through an alias into the zone says whether the target exists', () => {
    const { rcode, answers, authorities } = ask(svc('dangling.default'), 'A')
    expect([rcode, answers.map(print), authorities.length]).toEqual([
      'NXDOMAIN',
      ['CNAME nobody.default.svc.cluster.local'],
      1,
    ])
  })

  test('that is an alias and nothing more lacks nothing', () => {
    expect(ask(svc('alias.default'), 'CNAME').authorities).toEqual([])
    expect(ask(svc('outside.default'), 'A').authorities).toEqual([])
  })

  test('to an alias of itself ends', () => {
    expect(ask(svc('loop.default'), 'A').answers).toHaveLength(8)
  })

  test('is authoritative unless refused', () => {
    expect(ask(svc('nobody.default'), 'A').authoritative).toBe(true)
    expect(ask('example.com', 'A').authoritative).toBe(false)
  })

  test('is in an order that chance decides', () => {
    const numbers = [0.9, 0.1, 0.5]
    const shuffled = ask(svc('headless.default'), 'A', { random: () => numbers.shift() ?? 0 })
    expect(shuffled.answers.map(print)).toEqual(['A 10.244.1.2', 'A 10.244.1.4', 'A 10.244.1.1'])
  })

  test('names each address once though several slices do', () => {
    const twice = new ResourceSet([
      service('web', { clusterIP: 'None' }),
      slice('web', ['10.0.0.1'], [{ name: 'a', port: 1 }]),
      slice('web', ['10.0.0.1'], [{ name: 'b', port: 2 }]),
    ])
    expect(printed(ask(svc('web.default'), 'A', { resources: twice }))).toEqual(['A 10.0.0.1'])
    expect(printed(ask(svc('web.default'), 'SRV', { resources: twice }))).toHaveLength(2)
  })

  test('about a class that is not the Internet is refused', () => {
    expect(zone().answer({ name: 'dns-version.cluster.local', type: 'TXT', class: 'CH' }).rcode).toBe('REFUSED')
  })
})

describe('a zone', () => {
  test('lies below the domain it is given', () => {
    const shifted = zone({ clusterDomain: '.Corp.Example.' })
    expect(printed(shifted.answer({ name: 'virtual.default.svc.corp.example', type: 'A' }))).toEqual(['A 10.96.0.10'])
    expect(printed(shifted.answer({ name: svc('virtual.default'), type: 'A' }))).toEqual(['REFUSED'])
  })

  test('can say of a Service with nobody ready that it does not exist', () => {
    const strict = zone({ emptyService: 'nxdomain' })
    expect(printed(strict.answer({ name: svc('down.default'), type: 'A' }))).toEqual(['NXDOMAIN'])
    expect(printed(strict.answer({ name: `_http._tcp.${svc('down.default')}`, type: 'SRV' }))).toEqual(['NXDOMAIN'])
    expect(printed(strict.answer({ name: svc('virtual.default'), type: 'AAAA' }))).toEqual(['NOERROR'])
  })

  test('can leave short names alone, or complete them in another namespace', () => {
    expect(printed(zone({ searchNamespace: undefined }).answer({ name: 'virtual', type: 'A' }))).toEqual(['REFUSED'])
    expect(printed(zone({ searchNamespace: 'other' }).answer({ name: 'shop', type: 'A' }))).toEqual(['A 10.96.1.1'])
  })

  test('turns any time to live into one the wire can carry', () => {
    for (const [given, used] of [
      [0, 0],
      [-1, 0],
      [2.7, 2],
      [Number.NaN, 0],
      [1e12, 0x7fff_ffff],
    ] as const) {
      expect(zone({ ttlSeconds: given }).answer({ name: svc('virtual.default'), type: 'A' }).answers[0]?.ttl).toBe(used)
    }
  })

  test('answers every name without failing, positively only about what it holds', () => {
    const label = fc.constantFrom(
      'web',
      'virtual',
      'headless',
      'default',
      'other',
      'svc',
      'pod',
      'endpoints',
      '_http',
      '_tcp',
      '*',
      'any',
      '_endpoints',
      'cluster',
      'local',
      'arpa',
      'in-addr',
      'ip6',
      '10',
      '',
      'constructor',
      '__proto__',
      'x'.repeat(70),
    )
    const type = fc.constantFrom('A', 'AAAA', 'SRV', 'TXT', 'PTR', 'CNAME', 'NS', 'SOA', 'ANY', 'UNKNOWN_65')
    fc.assert(
      fc.property(fc.array(label, { maxLength: 8 }), type, (labels, asked) => {
        const { rcode, answers } = zone().answer({ name: labels.join('.'), type: asked })
        expect(rcode === 'NOERROR' || answers.length === 0).toBe(true)
        if (asked !== 'ANY') expect(answers.every((each) => each.type === asked || each.type === 'CNAME')).toBe(true)
      }),
    )
  })
})

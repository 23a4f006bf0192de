/**
 * Our DNS server as dig sees it: every form of name, over UDP and TCP.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { DnsServer } from '#cluster/dns-server.ts'
import { startDnsServer } from '#cluster/dns-server.ts'
import { Zone } from '#cluster/zone.ts'
import { ResourceSet } from '#resource/resource-set.ts'
import { silentLog } from '#telemetry/log.ts'
import { service, slice } from '../support/cluster-objects.ts'
import { run } from './part.ts'

const many = Array.from({ length: 200 }, (_, i) => `10.1.0.${i + 1}`)
const objects = [
  service('web', { clusterIP: '10.96.0.10', clusterIPs: ['10.96.0.10', 'fd00::10'] }),
  slice('web', ['10.0.0.1', '10.0.0.2']),
  service('headless', { clusterIP: 'None' }),
  slice('headless', [{ address: '10.0.1.1', hostname: 'web-0' }, '10.0.1.2', { address: '10.0.1.3', ready: false }]),
  service('down', { clusterIP: 'None' }),
  service('many', { clusterIP: 'None' }),
  slice('many', many),
  service('alias', { type: 'ExternalName', externalName: 'headless.default.svc.cluster.local' }),
  service('outside', { type: 'ExternalName', externalName: 'www.example.com' }),
]

let server: DnsServer
beforeAll(async () => {
  const zone = new Zone({ resources: new ResourceSet(objects), clusterDomain: 'cluster.local', ttlSeconds: 7 })
  server = await startDnsServer({ zone, host: '127.0.0.1', port: 0, log: silentLog })
})
afterAll(() => server.close())

const dig = (...words: readonly string[]) =>
  run('dig', '@127.0.0.1', '-p', String(server.port), '+tries=1', '+time=5', ...words)
const short = async (...words: readonly string[]) =>
  (await dig('+short', ...words))
    .split('\n')
    .filter((line) => line !== '')
    .toSorted()

for (const [what, words, expected] of [
  ['the cluster address', ['web.default.svc.cluster.local', 'A'], ['10.96.0.10']],
  ['the IPv6 cluster address', ['web.default.svc.cluster.local', 'AAAA'], ['fd00::10']],
  ['the ready endpoints of a headless Service', ['headless.default.svc.cluster.local', 'A'], ['10.0.1.1', '10.0.1.2']],
  ['a port', ['_http._tcp.web.default.svc.cluster.local', 'SRV'], ['10 100 80 web.default.svc.cluster.local.']],
  [
    'the ports of a headless Service',
    ['_http._tcp.headless.default.svc.cluster.local', 'SRV'],
    [
      '10 100 8080 10-0-1-2.headless.default.svc.cluster.local.',
      '10 100 8080 web-0.headless.default.svc.cluster.local.',
    ],
  ],
  ['an endpoint by hostname', ['web-0.headless.default.svc.cluster.local', 'A'], ['10.0.1.1']],
  ['an endpoint by address', ['10-0-1-2.headless.default.svc.cluster.local', 'A'], ['10.0.1.2']],
  ['the endpoints form', ['web.default.endpoints.cluster.local', 'A'], ['10.0.0.1', '10.0.0.2']],
  [
    'a port number in the endpoints form',
    ['_80._tcp.headless.default.endpoints.cluster.local', 'SRV'],
    [
      '10 10 8080 433a827b.headless.default.endpoints.cluster.local.',
      '10 10 8080 web-0.headless.default.endpoints.cluster.local.',
    ],
  ],
  ['a Pod by its dashed address', ['10-1-2-3.default.pod.cluster.local', 'A'], ['10.1.2.3']],
  [
    'an alias inside the zone',
    ['alias.default.svc.cluster.local', 'A'],
    ['10.0.1.1', '10.0.1.2', 'headless.default.svc.cluster.local.'],
  ],
  ['an alias outside the zone', ['outside.default.svc.cluster.local', 'A'], ['www.example.com.']],
  ['an address backwards', ['-x', '10.96.0.10'], ['web.default.svc.cluster.local.']],
  ['an IPv6 address backwards', ['-x', 'fd00::10'], ['web.default.svc.cluster.local.']],
  ['an endpoint backwards', ['-x', '10.0.1.1'], ['web-0.headless.default.svc.cluster.local.']],
  ['the version of the specification', ['dns-version.cluster.local', 'TXT'], ['"1.1.0"']],
  ['a wildcard Service', ['*.default.svc.cluster.local', 'AAAA'], ['fd00::10']],
  ['a wildcard port', ['_*._tcp.web.default.svc.cluster.local', 'SRV'], ['10 100 80 web.default.svc.cluster.local.']],
  ['a short name', ['web', 'A'], ['10.96.0.10']],
  ['a short name with namespace', ['headless.default', 'A'], ['10.0.1.1', '10.0.1.2']],
  ['a short name with svc', ['web.default.svc', 'A'], ['10.96.0.10']],
  [
    'the start of authority',
    ['cluster.local', 'SOA'],
    ['ns.dns.cluster.local. hostmaster.cluster.local. 1 7200 1800 86400 7'],
  ],
  ['the name server', ['cluster.local', 'NS'], ['ns.dns.cluster.local.']],
] as const) {
  for (const transport of ['+notcp', '+tcp']) {
    test(`dig ${transport} finds ${what}: ${words.join(' ')}`, async () => {
      expect(await short(transport, ...words)).toEqual(expected)
    })
  }
}

describe('dig reads', () => {
  for (const [what, words, status] of [
    ['that a Service does not exist', ['nobody.default.svc.cluster.local', 'A'], 'NXDOMAIN'],
    ['that nobody is ready', ['down.default.svc.cluster.local', 'A'], 'NOERROR'],
    ['that another zone is none of ours', ['www.example.com', 'A'], 'REFUSED'],
    ['that another class is none of ours', ['-c', 'CH', 'version.bind', 'TXT'], 'REFUSED'],
    ['that an unknown operation is not done', ['+opcode=NOTIFY', 'cluster.local', 'SOA'], 'NOTIMP'],
  ] as const) {
    test(`${what}: ${words.join(' ')}`, async () => {
      const text = await dig(...words)
      expect(text).toContain(`status: ${status}`)
      expect(text).not.toMatch(/WARNING.*(mismatch|malformed|extra bytes)|Got bad packet/)
      if (status === 'NXDOMAIN' || status === 'NOERROR')
        expect(text).toMatch(/AUTHORITY SECTION:\ncluster\.local\.\s+7\s+IN\s+SOA/)
    })
  }

  test("the time to live, the authority, the case of its question and the targets' addresses", async () => {
    const text = await dig('_HTTP._tcp.Headless.default.svc.cluster.local', 'SRV')
    expect(text).toMatch(/flags: qr aa rd;/)
    expect(text).toMatch(/_HTTP\._tcp\.Headless\.default\.svc\.cluster\.local\. 7 IN SRV/)
    expect(text).toMatch(
      /ADDITIONAL SECTION:[^]*web-0\.headless\.default\.svc\.cluster\.local\. 7 IN\s+A\s+10\.0\.1\.1/,
    )
  })

  test('all of an answer that a datagram cannot hold, by asking again over TCP', async () => {
    expect(await dig('+ignore', '+noedns', 'many.default.svc.cluster.local', 'A')).toMatch(/flags: qr aa tc rd;/)
    expect(await short('many.default.svc.cluster.local', 'A')).toEqual(many.toSorted())
  })

  test('a refused zone transfer', async () => {
    expect(await dig('cluster.local', 'AXFR')).toContain('Transfer failed')
  })

  test('the version of EDNS that is spoken here', async () => {
    expect(await dig('+edns=1', '+noednsneg', 'web', 'A')).toContain('status: BADVERS')
  })
})

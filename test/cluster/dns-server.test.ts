import type { Answer } from 'dns-packet'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { DnsServer } from '#cluster/dns-server.ts'
import { startDnsServer } from '#cluster/dns-server.ts'
import { Zone } from '#cluster/zone.ts'
import type { Resource } from '#resource/resource.ts'
import { ResourceSet } from '#resource/resource-set.ts'
import { silentLog } from '#telemetry/log.ts'
import { service, slice } from '../support/cluster-objects.ts'
import { decoded, exchangeTcp, exchangeUdp, framed, question } from '../support/dns-question.ts'

const zoneOf = (...resources: readonly Resource[]) =>
  new Zone({ resources: new ResourceSet(resources), clusterDomain: 'cluster.local' })

const web = 'web.default.svc.cluster.local'
const addresses = (count: number) => Array.from({ length: count }, (_, i) => `10.0.${i >> 8}.${i & 255}`)
const scaled = (count: number) => zoneOf(service('web', { clusterIP: 'None' }), slice('web', addresses(count)))
const values = (answers: readonly Answer[] | undefined) =>
  (answers ?? []).map((each) => ('data' in each ? each.data : undefined))

let server: DnsServer
beforeEach(async () => {
  server = await startDnsServer({ zone: scaled(2), host: '127.0.0.1', port: 0, log: silentLog })
})
afterEach(() => server.close())

/** Proof that the server is alive after whatever came before. */
const expectAlive = async () => expect(decoded(await exchangeUdp(server, question(web, 'A'))).answers).toHaveLength(2)

describe('a question over UDP', () => {
  test('is answered with its id, its question and the flags of an authority that does not recurse', async () => {
    const reply = decoded(await exchangeUdp(server, question('WEB.default.svc.cluster.local', 'A')))
    expect(reply).toMatchObject({
      id: 4711,
      rcode: 'NOERROR',
      flag_qr: true,
      flag_aa: true,
      flag_rd: true,
      flag_ra: false,
      flag_tc: false,
    })
    expect(reply.questions).toMatchObject([{ name: 'WEB.default.svc.cluster.local', type: 'A', class: 'IN' }])
    expect(new Set(values(reply.answers))).toEqual(new Set(['10.0.0.0', '10.0.0.1']))
    expect(reply.answers?.map((each) => each.name)).toEqual([
      'WEB.default.svc.cluster.local',
      'WEB.default.svc.cluster.local',
    ])
  })

  test('about what does not exist is told so, with the start of authority', async () => {
    const reply = decoded(await exchangeUdp(server, question('nobody.default.svc.cluster.local', 'A')))
    expect(reply).toMatchObject({
      rcode: 'NXDOMAIN',
      answers: [],
      authorities: [{ type: 'SOA', name: 'cluster.local' }],
    })
  })

  test('about another zone is refused', async () => {
    expect(decoded(await exchangeUdp(server, question('example.com', 'A')))).toMatchObject({
      rcode: 'REFUSED',
      flag_aa: false,
    })
  })

  test('without EDNS is answered in 512 bytes and told that more was cut', async () => {
    server.use(scaled(100))
    const bytes = await exchangeUdp(server, question(web, 'A'))
    const reply = decoded(bytes)
    expect(bytes.length).toBeLessThanOrEqual(512)
    expect(reply.flag_tc).toBe(true)
    expect(reply.answers?.length).toBeGreaterThan(20)
    expect(reply.additionals).toEqual([])
  })

  test('with EDNS is answered in the size it says', async () => {
    server.use(scaled(70))
    const bytes = await exchangeUdp(server, question(web, 'A', 1232))
    expect(bytes.length).toBeGreaterThan(512)
    expect(decoded(bytes)).toMatchObject({ flag_tc: false, additionals: [{ type: 'OPT', ednsVersion: 0 }] })
    expect(decoded(bytes).answers).toHaveLength(70)
    expect(decoded(await exchangeUdp(server, question(web, 'A', 600))).flag_tc).toBe(true)
  })

  test('with EDNS is never answered in more than 4096 bytes', async () => {
    server.use(scaled(400))
    const bytes = await exchangeUdp(server, question(web, 'A', 65_000))
    expect(bytes.length).toBeLessThanOrEqual(4096)
    expect(decoded(bytes).flag_tc).toBe(true)
  })

  test('gives up the additional section before it says that something is missing', async () => {
    server.use(scaled(8))
    const reply = decoded(await exchangeUdp(server, question(`_http._tcp.${web}`, 'SRV', 600)))
    expect(reply.flag_tc).toBe(false)
    expect(reply.answers).toHaveLength(8)
    expect(reply.additionals?.filter((each) => each.type === 'A').length).toBeLessThan(8)
  })

  test('of an EDNS version not known is told which is (RFC 6891 section 6.1.3)', async () => {
    const asked = question(web, 'A', 1232)
    asked[asked.length - 11 + 6] = 1
    const reply = decoded(await exchangeUdp(server, asked))
    expect(reply.answers).toEqual([])
    expect(reply.additionals).toMatchObject([{ type: 'OPT', extendedRcode: 1, ednsVersion: 0 }])
  })

  test('is answered from the newest zone', async () => {
    server.use(scaled(3))
    expect(decoded(await exchangeUdp(server, question(web, 'A'))).answers).toHaveLength(3)
  })
})

describe('a message that is no proper question', () => {
  const valid = question(web, 'A')
  const changed = (change: (bytes: Buffer) => void) => {
    const bytes = Buffer.from(valid)
    change(bytes)
    return bytes
  }

  for (const [why, bytes, rcode] of [
    ['two questions', Buffer.concat([changed((each) => each.writeUInt16BE(2, 4)), valid.subarray(12)]), 'FORMERR'],
    ['no question', changed((each) => each.writeUInt16BE(0, 4)), 'FORMERR'],
    ['a question that ends early', valid.subarray(0, valid.length - 3), 'FORMERR'],
    ['a name that points at itself', changed((each) => each.writeUInt16BE(0xc00c, 12)), 'FORMERR'],
    ['a label longer than its message', changed((each) => each.writeUInt8(63, 12)), 'FORMERR'],
    ['records that are not there', changed((each) => each.writeUInt16BE(9, 10)), 'FORMERR'],
    [
      'two EDNS records',
      Buffer.concat([
        changed((each) => each.writeUInt16BE(2, 10)),
        ...[1, 2].map(() => question(web, 'A', 1232).subarray(-11)),
      ]),
      'FORMERR',
    ],
    ['another operation', changed((each) => each.writeUInt8(0x28, 2)), 'NOTIMP'],
  ] as const) {
    test(`${why} is answered with ${rcode} and its id`, async () => {
      expect(decoded(await exchangeUdp(server, bytes))).toMatchObject({ id: 4711, rcode, answers: [] })
      await expectAlive()
    })
  }

  test('an answer, a fragment and nothing at all are met with silence', async () => {
    const response = changed((each) => each.writeUInt8(0x80, 2))
    const reply = await exchangeUdp(
      server,
      response,
      valid.subarray(0, 11),
      Buffer.alloc(0),
      question('other.default.svc.cluster.local', 'A'),
    )
    expect(decoded(reply).questions?.[0]?.name).toBe('other.default.svc.cluster.local')
  })

  test('any byte of a question may be anything and the server lives', async () => {
    const asked = question(web, 'A', 1232)
    const broken = Array.from({ length: asked.length }, (_, i) => {
      const bytes = Buffer.from(asked)
      bytes[i]! ^= 0xff
      return bytes
    })
    // What is marked as an answer now gets none.
    for (const each of broken) if ((each[2]! & 0x80) === 0) await exchangeUdp(server, each)
    await expectAlive()
  })
})

describe('a question over TCP', () => {
  test('is answered whole however many endpoints there are', async () => {
    server.use(scaled(3000))
    const [reply] = await exchangeTcp(server, [framed(question(web, 'A'))])
    expect(decoded(reply!).answers).toHaveLength(3000)
    expect(decoded(reply!).flag_tc).toBe(false)
  })

  test('that not even TCP can answer whole is cut and says so', async () => {
    server.use(scaled(5000))
    const [reply] = await exchangeTcp(server, [framed(question(web, 'A'))])
    expect(reply!.length).toBeLessThanOrEqual(65_535)
    expect(decoded(reply!).flag_tc).toBe(true)
  })

  test('may follow another at once, and may come byte by byte', async () => {
    const two = Buffer.concat([framed(question(web, 'A')), framed(question(web, 'AAAA'))])
    const replies = await exchangeTcp(
      server,
      Array.from(two, (byte) => Buffer.from([byte])),
      2,
    )
    expect(replies.map((each) => decoded(each).answers?.length)).toEqual([2, 0])
  })

  test('that is none ends the connection', async () => {
    expect(await exchangeTcp(server, [framed(Buffer.alloc(3))])).toEqual([])
    await expectAlive()
  })
})

test('a zone that fails costs only the question', async () => {
  const broken = zoneOf()
  broken.answer = () => {
    throw new Error('a bug')
  }
  server.use(broken)
  expect(decoded(await exchangeUdp(server, question(web, 'A')))).toMatchObject({
    id: 4711,
    rcode: 'SERVFAIL',
    answers: [],
  })
  server.use(scaled(2))
  await expectAlive()
})

test("a port that is taken is refused with the system's own word", async () => {
  await expect(
    startDnsServer({ zone: scaled(1), host: '127.0.0.1', port: server.port, log: silentLog }),
  ).rejects.toMatchObject({ code: 'EADDRINUSE' })
})

test('closing ends connections that are open', async () => {
  const idle = exchangeTcp(server, [Buffer.from([0])])
  await expectAlive()
  await server.close()
  await expect(idle.catch(() => [])).resolves.toEqual([])
  server = await startDnsServer({ zone: scaled(2), host: '127.0.0.1', port: 0, log: silentLog })
})

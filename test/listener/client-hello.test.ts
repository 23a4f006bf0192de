import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import { connect } from 'node:tls'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { longestHello, mostRecords, readClientHello } from '#listener/client-hello.ts'
import { after } from '../support/closing.ts'

const vector = (size: 1 | 2, ...parts: readonly (Buffer | string)[]): Buffer => {
  const content = Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part, 'latin1') : part)))
  const length = Buffer.alloc(size)
  length.writeUIntBE(content.length, 0, size)
  return Buffer.concat([length, content])
}
const extension = (type: number, content: Buffer): Buffer =>
  Buffer.concat([Buffer.from([type >> 8, type & 255]), vector(2, content)])
const nameEntry = (name: string, type = 0): Buffer => Buffer.concat([Buffer.from([type]), vector(2, name)])
const serverName = (name: string): Buffer => extension(0, vector(2, nameEntry(name)))
const alpn = extension(16, vector(2, vector(1, 'h2')))

type Parts = {
  readonly extensions?: readonly Buffer[] | undefined
  readonly session?: Buffer
  readonly suites?: Buffer
  readonly compressions?: Buffer
  readonly tail?: Buffer
  readonly type?: number
}

/** The handshake message, header included. Without `extensions` there is not even their length. */
function message({ extensions, session, suites, compressions, tail, type = 1 }: Parts = {}): Buffer {
  const body = Buffer.concat([
    Buffer.from([3, 3]),
    Buffer.alloc(32, 7),
    vector(1, session ?? Buffer.alloc(32)),
    vector(2, suites ?? Buffer.from([0x13, 1])),
    vector(1, compressions ?? Buffer.from([0])),
    ...(extensions === undefined ? [] : [vector(2, ...extensions)]),
    tail ?? Buffer.alloc(0),
  ])
  const header = Buffer.alloc(4)
  header[0] = type
  header.writeUIntBE(body.length, 1, 3)
  return Buffer.concat([header, body])
}

function records(content: Buffer, size = 16_384, type = 22): Buffer {
  const parts: Buffer[] = []
  for (let at = 0; at < content.length; at += size)
    parts.push(Buffer.from([type, 3, 1]), vector(2, content.subarray(at, at + size)))
  return Buffer.concat(parts)
}

const hello = (...extensions: readonly Buffer[]): Buffer => records(message({ extensions }))

describe('a ClientHello', () => {
  test.each<[string, Buffer, string | undefined]>([
    ['names a server', hello(alpn, serverName('shop.test'), alpn), 'shop.test'],
    ['names it in any case, with a dot behind', hello(serverName('Shop.TEST.')), 'shop.test'],
    ['names none', hello(alpn), undefined],
    ['has no extensions', records(message()), undefined],
    ['has an empty list of them', hello(), undefined],
    ['comes with more behind it', Buffer.concat([hello(serverName('a.test')), Buffer.from('early')]), 'a.test'],
  ])('%s', (_, bytes, expected) => {
    expect(readClientHello(bytes)).toEqual({ kind: 'hello', serverName: expected })
  })

  test.each<[string, Buffer]>([
    ['plain HTTP', Buffer.from('GET / HTTP/1.1\r\n\r\n')],
    ['SSL 2', Buffer.from([0x80, 0x2e, 1, 3, 1])],
    ['another record', records(message(), 16_384, 23)],
    ['another record within', Buffer.concat([records(message().subarray(0, 20)), records(Buffer.alloc(4), 4, 21)])],
    ['another major version', Buffer.from([22, 2, 0, 0, 4])],
    ['an empty record', Buffer.from([22, 3, 1, 0, 0])],
    ['a record that is too long', Buffer.from([22, 3, 1, 0x40, 1])],
    ['another message', records(message({ type: 2 }))],
    ['a message that is too long', records(Buffer.from([1, 1, 0, 0, 0]))],
    ['a session that is too long', records(message({ session: Buffer.alloc(33) }))],
    ['an odd list of suites', records(message({ suites: Buffer.alloc(3) }))],
    ['no suites', records(message({ suites: Buffer.alloc(0) }))],
    ['no compressions', records(message({ compressions: Buffer.alloc(0) }))],
    ['bytes behind its extensions', records(message({ extensions: [alpn], tail: Buffer.alloc(1) }))],
    ['half a length of extensions', records(message({ tail: Buffer.alloc(1) }))],
    ['an extension that is cut off', hello(serverName('a.test').subarray(0, -1))],
    ['two server name extensions', hello(serverName('a.test'), serverName('a.test'))],
    ['two names', hello(extension(0, vector(2, nameEntry('a.test'), nameEntry('b.test'))))],
    ['an empty list of names', hello(extension(0, vector(2)))],
    ['an empty extension', hello(extension(0, Buffer.alloc(0)))],
    ['an empty name', hello(serverName(''))],
    ['a name of another type', hello(extension(0, vector(2, nameEntry('a.test', 1))))],
    ['a name with a zero byte', hello(serverName('a.test\0.b.test'))],
    ['a name with a blank', hello(serverName('a test'))],
    ['a name beyond ASCII', hello(serverName('ä.test'))],
    ['a name that is too long', hello(serverName('a'.repeat(256)))],
  ])('%s is unreadable', (_, bytes) => {
    expect(readClientHello(bytes).kind).toBe('unreadable')
  })

  test('says how many bytes it wants, and reads the same however it is cut up', () => {
    const content = message({ extensions: [alpn, serverName('shop.test')] })
    fc.assert(
      fc.property(fc.integer({ min: Math.ceil(content.length / mostRecords), max: content.length }), (size) => {
        const bytes = records(content, size)
        let length = 0
        for (let rounds = 0; rounds <= bytes.length; rounds++) {
          const reading = readClientHello(bytes.subarray(0, length))
          if (reading.kind !== 'more') {
            expect(reading).toEqual({ kind: 'hello', serverName: 'shop.test' })
            return
          }
          expect(reading.atLeast).toBeGreaterThan(length)
          expect(reading.atLeast).toBeLessThanOrEqual(bytes.length)
          length = reading.atLeast
        }
        expect.unreachable()
      }),
      { numRuns: 50 },
    )
  })

  test('of whatever bytes: never throws, never wants more than its bound', () => {
    const noise = fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes))
    const damaged = fc
      .tuple(fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 4 }), fc.nat(90))
      .map(([changes, cut]) => {
        const bytes = hello(alpn, serverName('shop.test'))
        for (const [at, value] of changes) bytes[at % bytes.length] = value
        return bytes.subarray(0, bytes.length - (cut % bytes.length))
      })
    fc.assert(
      fc.property(fc.oneof(noise, damaged), (bytes) => {
        const reading = readClientHello(bytes)
        if (reading.kind === 'more') expect(reading.atLeast).toBeLessThanOrEqual(longestHello)
        if (reading.kind === 'hello') expect(reading.serverName ?? 'a').toMatch(/^[\x21-\x7e]{1,255}$/)
      }),
      { numRuns: 500 },
    )
  })

  test.each([
    ['of the longest records ends at its bound', 16_384, 'too long'],
    ['in the smallest possible pieces ends after a few', 1, 'too many records'],
  ])('%s', (_, size, reason) => {
    const longest = Buffer.concat([Buffer.from([1, 0, 0x7f, 0xf0]), Buffer.alloc(40_000)])
    expect(readClientHello(records(longest, size))).toEqual({ kind: 'unreadable', reason })
  })

  test('is given up before more records than a client could need have come', () => {
    const tiny = records(Buffer.concat([Buffer.from([1, 0, 0x70, 0]), Buffer.alloc(100)]), 1)
    const each = tiny.length / 104
    expect(readClientHello(tiny.subarray(0, mostRecords * each)).kind).toBe('more')
    expect(readClientHello(tiny.subarray(0, (mostRecords + 1) * each)).kind).toBe('unreadable')
  })

  test.each(['TLSv1.2', 'TLSv1.3'] as const)('of %s as OpenSSL makes it', async (version) => {
    const server = createServer()
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    after(() => void server.close())
    const address = server.address()
    const port = typeof address === 'object' ? address!.port : 0
    const client = connect({
      port,
      host: '127.0.0.1',
      servername: 'real.test',
      minVersion: version,
      maxVersion: version,
    })
    client.on('error', () => {})
    after(() => void client.destroy())
    const [socket] = (await once(server, 'connection')) as [Socket]
    after(() => void socket.destroy())
    const [bytes] = (await once(socket, 'data')) as [Buffer]
    expect(readClientHello(bytes)).toEqual({ kind: 'hello', serverName: 'real.test' })
  })
})

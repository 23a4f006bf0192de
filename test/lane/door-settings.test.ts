import { expect, test } from 'vitest'
import { describeLanes } from '../support/lanes.ts'
import { openDoor } from '../support/door.ts'
import { startOrigin } from '../support/origin.ts'
import { connectRaw, talk } from '../support/raw-client.ts'
import { until } from '../support/until.ts'
import type { DoorLimitsSpec, DoorSpec } from '#snapshot/snapshot.ts'

const get = 'GET / HTTP/1.1\r\nHost: a.test\r\n'
const close = 'Connection: close\r\n\r\n'
const ok = /200 OK[^]*ok$/

const origin = () => startOrigin((_request, response) => response.setHeader('Content-Length', 2).end('ok'))

describeLanes(() => {
  const changed = async (limits: DoorLimitsSpec) => {
    const endpoint = await origin()
    const door = await openDoor({ endpoints: [endpoint.port] })
    const before = await connectRaw(door.http)
    before.write(`${get}\r\n`)
    await before.until(ok)
    door.apply({ snapshot: { door: { limits } } })
    return { door, endpoint, before }
  }

  test('connections are not kept alive from now on, and those there are get their answers', async () => {
    const { door, before } = await changed({ idleTimeoutMs: 0 })
    const client = await connectRaw(door.http)
    client.write(`${get}\r\n`)
    expect(await client.end()).toMatch(/Connection: close\r\n[^]*ok$/)
    before.write(`${get}\r\n`)
    expect((await before.end()).match(/200 OK/g)).toHaveLength(2)
  })

  test('an idle connection is closed after another time', async () => {
    const { door } = await changed({ idleTimeoutMs: 60 })
    const client = await connectRaw(door.http)
    client.write(`${get}\r\n`)
    expect(await client.end()).toMatch(ok)
  })

  test('the n-th request on a connection is its last one', async () => {
    const { door } = await changed({ requestsPerConnection: 2 })
    const client = await connectRaw(door.http)
    client.write(`${get}\r\n`)
    expect(await client.until(ok)).toContain('Connection: keep-alive')
    client.write(`${get}\r\n`)
    expect(await client.end()).toContain('Connection: close')
  })

  test('a head and a target may be as long as is said, on connections from now on', async () => {
    const { door } = await changed({ headerBytes: 2048, targetBytes: 256 })
    expect(await talk(door.http, `${get}X-Long: ${'a'.repeat(3000)}\r\n${close}`)).toMatch(/^HTTP\/1\.1 431 /)
    expect(await talk(door.http, `${get.replace('/', `/${'a'.repeat(300)}`)}${close}`)).toMatch(/^HTTP\/1\.1 414 /)
    door.apply({ snapshot: {} })
    expect(await talk(door.http, `${get}X-Long: ${'a'.repeat(3000)}\r\n${close}`)).toMatch(/^HTTP\/1\.1 200 /)
  })

  test('a target that a connection has sent before is judged by the bound of now', async () => {
    const { door, before } = await changed({})
    const request = `GET /${'a'.repeat(20)} HTTP/1.1\r\nHost: a.test\r\n\r\n`
    before.write(request)
    await before.until(/200 OK[^]*200 OK[^]*ok$/)
    door.apply({ snapshot: { door: { limits: { targetBytes: 16 } } } })
    before.write(request)
    await before.until(/200 OK[^]*200 OK[^]*HTTP\/1\.1 414 /)
  })

  test('a head takes as long as is said', async () => {
    const { door } = await changed({ headerTimeoutMs: 60 })
    const client = await connectRaw(door.http)
    client.write('GET / HTTP/1.1\r\n')
    expect(await client.end()).toMatch(/^HTTP\/1\.1 408 /)
  })

  test('a body takes as long between two reads as is said', async () => {
    const endpoint = await startOrigin((request, response) => void request.resume().on('end', () => response.end()))
    const door = await openDoor({
      endpoints: [endpoint.port],
      snapshot: { door: { limits: { bodyIdleTimeoutMs: 60 } } },
    })
    const client = await connectRaw(door.http)
    client.write('POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 9\r\n\r\na')
    expect(await client.end()).toMatch(/^HTTP\/1\.1 408 /)
  })

  const upstream: readonly [what: string, limits: DoorLimitsSpec, connections: number][] = [
    ['one connection', {}, 1],
    ['another connection after so many requests', { upstreamRequests: 2 }, 2],
    ['another connection for each request where none is kept', { upstreamIdleConnections: 0 }, 4],
  ]
  test.each(upstream)('four requests to an endpoint take %s', async (_, limits, connections) => {
    const endpoint = await origin()
    const door = await openDoor({ endpoints: [endpoint.port], snapshot: { door: { limits } } })
    for (let count = 1; count <= 4; count++) {
      expect(await talk(door.http, `${get}${close}`)).toMatch(ok)
      // A connection that is not kept is gone before the next request; one that is kept is there.
      if (connections === 4) await until(() => endpoint.connections.size === 0)
      else await door.nth(count)
    }
    expect(endpoint.accepted()).toBe(connections)
  })

  test('a connection to an endpoint that is too old is not kept', async () => {
    const endpoint = await startOrigin((_request, response) => {
      setTimeout(() => response.setHeader('Content-Length', 2).end('ok'), 60)
    })
    const door = await openDoor({
      endpoints: [endpoint.port],
      snapshot: { door: { limits: { upstreamLifetimeMs: 20 } } },
    })
    for (let count = 1; count <= 2; count++) expect(await talk(door.http, `${get}${close}`)).toMatch(ok)
    await until(() => endpoint.connections.size === 0)
  })

  test('an idle connection to an endpoint is closed after another time', async () => {
    const { door, endpoint } = await changed({})
    await talk(door.http, `${get}${close}`)
    door.apply({ snapshot: { door: { limits: { upstreamIdleTimeoutMs: 60 } } } })
    await talk(door.http, `${get}${close}`)
    await until(() => endpoint.connections.size === 0)
    expect(endpoint.requests).toHaveLength(3)
  })

  test('whose word counts changes for connections that are there, too', async () => {
    const endpoint = await startOrigin((request, response) => {
      const seen = ['x-real-ip', 'x-forwarded-for'].map((name) => String(request.headers[name])).join(' ')
      response.setHeader('X-Seen', seen).setHeader('Content-Length', 2).end('ok')
    })
    const door = await openDoor({ endpoints: [endpoint.port] })
    const client = await connectRaw(door.http)
    const ask = async (count: number): Promise<string | undefined> => {
      client.write(`${get}X-Forwarded-For: 9.9.9.9\r\n\r\n`)
      const text = await client.until(new RegExp(`(?:X-Seen[^]*?\\r\\n\\r\\nok[^]*){${count}}`))
      return [...text.matchAll(/X-Seen: (.*)\r/g)][count - 1]?.[1]
    }
    const forwarding = {
      trusted: ['127.0.0.0/8'],
      believes: 'all',
      listField: 'x-forwarded-for',
      tells: 'client',
    } as const
    const told: readonly [DoorSpec, string][] = [
      [{ forwarding }, '9.9.9.9 9.9.9.9'],
      [{ forwarding: { ...forwarding, tells: 'chain' } }, '9.9.9.9 9.9.9.9, 127.0.0.1'],
      [{}, '127.0.0.1 127.0.0.1'],
    ]
    expect(await ask(1)).toBe('127.0.0.1 127.0.0.1')
    for (const [index, [spec, seen]] of told.entries()) {
      door.apply({ snapshot: { door: spec } })
      expect(await ask(index + 2)).toBe(seen)
    }
  })
})

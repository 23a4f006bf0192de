/** What becomes of a connection whose last bytes cannot be a request, while requests in front of them wait their turn. */
import { expect, test } from 'vitest'
import { openDoor } from '../support/door.ts'
import { startOrigin } from '../support/origin.ts'
import { describeLanes, leftToGeneral } from '../support/lanes.ts'
import { connectRaw } from '../support/raw-client.ts'

const host = 'Host: a.test\r\n'
/** Of both lanes the general one serves it, and all that comes behind it. */
const old = `GET /old HTTP/1.0\r\n${host}Connection: keep-alive\r\n\r\n`
const chunked = `POST /chunked HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n`

describeLanes(() => {
  test('a request that breaks off while it waits is refused when it is its turn, not waited for', async () => {
    leftToGeneral('version')
    const origin = await startOrigin((_request, response) => void response.end('ok'))
    const door = await openDoor({ endpoints: [origin.port] })
    const client = await connectRaw(door.http)
    client.write(`${old}${chunked}no chunk\r\n`)
    expect(await client.end()).toMatch(/^HTTP\/1\.1 200 [^]*HTTP\/1\.1 400 [^]*connection: close/i)
    expect(origin.requests.map(({ url }) => url)).toEqual(['/old'])
    expect(door.finished.map(({ failure }) => failure?.cause)).toEqual([undefined, 'bad_request'])
  })

  test.each([
    ['behind a request of the other lane', old],
    ['at first', ''],
  ])('trailers that say close end the connection, %s', async (_name, before) => {
    leftToGeneral('version')
    const origin = await startOrigin((_request, response) => void response.end('ok'))
    const door = await openDoor({ endpoints: [origin.port] })
    const client = await connectRaw(door.http)
    client.write(`${before}${chunked}0\r\nConnection: close\r\n\r\nGET /behind HTTP/1.1\r\n${host}\r\n`)
    expect(await client.end()).not.toMatch(/HTTP\/1\.1 4/)
    expect(origin.requests.map(({ url }) => url)).toEqual(before === '' ? ['/chunked'] : ['/old', '/chunked'])
  })
})

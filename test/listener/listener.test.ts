import { createServer } from 'node:net'
import { expect, test } from 'vitest'
import { BindError } from '#listener/listener.ts'
import { after } from '../support/closing.ts'
import { openDoor } from '../support/door.ts'
import { startOrigin } from '../support/origin.ts'
import { connectRaw, talk } from '../support/raw-client.ts'
import { until } from '../support/until.ts'
import { describeLanes } from '../support/lanes.ts'

describeLanes('ports', () => {
  async function takenPort(): Promise<number> {
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    after(() => void server.close())
    return (server.address() as { port: number }).port
  }

  test('one that is taken is named, with the reason', async () => {
    const port = await takenPort()
    const error = await openDoor({ init: { httpPort: port } }).catch((caught: unknown) => caught)
    expect(error).toBeInstanceOf(BindError)
    expect(error).toMatchObject({
      code: 'EADDRINUSE',
      port,
      message: `port ${port} of 127.0.0.1 cannot be bound: another program listens there`,
    })
  })

  test('an address this machine does not have is named', async () => {
    await expect(openDoor({ init: { bind: '192.0.2.1' } })).rejects.toThrow(
      'port 0 of 192.0.2.1 cannot be bound: this machine has no such address',
    )
  })

  test('a free one is taken instead when that is wanted, and told', async () => {
    const port = await takenPort()
    const door = await openDoor({ init: { httpPort: port, portConflict: 'free' } })
    expect(door.http).not.toBe(port)
    expect(door.frontDoor.moved).toEqual([
      { wanted: port, taken: door.http, reason: expect.stringContaining('another program') },
    ])
    expect(await talk(door.http, 'GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n')).toMatch(
      /^HTTP\/1\.1 503/,
    )
  })

  test('a failed https port gives the http port back', async () => {
    const port = await takenPort()
    const http = await openDoor()
    await http.frontDoor.close()
    await expect(openDoor({ init: { httpPort: http.http, httpsPort: port } })).rejects.toThrow(`port ${port}`)
    expect((await openDoor({ init: { httpPort: http.http } })).http).toBe(http.http)
  })

  test('two front doors may share one when both say so', async () => {
    const one = await openDoor({ init: { reusePort: true, httpsPort: undefined } })
    const two = await openDoor({ init: { reusePort: true, httpPort: one.http, httpsPort: undefined } })
    expect(two.http).toBe(one.http)
    expect(one.https).toBe(0)
  })

  test('every address of both families can be asked for', async () => {
    const door = await openDoor({ init: { bind: '::' } })
    expect(await talk(door.http, 'GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n')).toMatch(
      /^HTTP\/1\.1 503/,
    )
    expect((await door.nth(1)).connection).toMatchObject({ address: '127.0.0.1', scheme: 'http', port: door.http })
  })
})

describeLanes('the connection limit', () => {
  test('closes what is too much at once, over all listeners, and lets others in again', async () => {
    const origin = await startOrigin((_request, response) => void response.end('ok'))
    const door = await openDoor({ endpoints: [origin.port], limits: { connections: 2 } })
    const clients = [await connectRaw(door.http), await connectRaw(door.https)]
    await until(() => door.open() === 2)
    expect(await talk(door.http, 'GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n')).toBe('')
    expect(door.open()).toBe(2)
    clients[0]!.socket.destroy()
    await until(() => door.open() === 1)
    expect(await talk(door.http, 'GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n')).toMatch(/ok$/)
    expect(door.refused()).toBe(1)
  })
})

import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { expect, test } from 'vitest'
import { after } from '../support/closing.ts'
import { siteManifests, startFrontDoor } from '../support/front-door.ts'
import { until } from '../support/until.ts'
import { describeLanes } from '../support/lanes.ts'

/** Answers when it is told to. */
async function startPatient(): Promise<{ readonly port: number; readonly waiting: ServerResponse[] }> {
  const waiting: ServerResponse[] = []
  const server = createServer((_, response) => void waiting.push(response))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  after(async () => {
    server.closeAllConnections()
    await new Promise((done) => server.close(done))
  })
  // A listening TCP server has an address object, never a pipe's path.
  return { port: (server.address() as AddressInfo).port, waiting }
}

type Caller = { readonly socket: Socket; status: number }

function call(port: number): Caller {
  const socket = connect(port, '127.0.0.1')
  const caller: Caller = { socket, status: 0 }
  let heard = ''
  socket.on('data', (bytes) => {
    heard += bytes.toString('latin1')
    caller.status = Number(/^HTTP\/1\.1 (\d{3})/.exec(heard)?.[1] ?? 0)
  })
  socket.on('error', () => {})
  socket.write('GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n')
  after(() => void socket.destroy())
  return caller
}

describeLanes(() => {
  test('a client that leaves gives back its place, in the queue and behind it', async () => {
    const patient = await startPatient()
    const { genkan } = await startFrontDoor(
      siteManifests([
        { host: 'a.test', port: patient.port, annotations: { 'genkan.dev/concurrency-limit': '1; queue 1 wait 60s' } },
      ]),
    )
    after(() => genkan.close())
    const { http } = genkan.ports
    const first = call(http)
    await until(() => patient.waiting.length === 1)
    // One of two waits in the queue, and the other finds it full.
    const [one, other] = [call(http), call(http)]
    await until(() => one.status === 429 || other.status === 429)
    const queued = one.status === 429 ? other : one
    queued.socket.destroy()
    first.socket.destroy()
    let next = call(http)
    await until(() => {
      if (next.status === 429) next = call(http)
      return patient.waiting.length === 2
    })
    patient.waiting[1]!.end('done')
    await until(() => next.status === 200)
    expect([first.status, queued.status]).toEqual([0, 0])
  })
})

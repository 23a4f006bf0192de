/** A bug in what only watches costs no connection, and never the worker. */
import { expect, test } from 'vitest'
import { silentObserver } from '#proxy/observer.ts'
import { openDoor } from '../support/door.ts'
import { startOrigin } from '../support/origin.ts'
import { describeLanes } from '../support/lanes.ts'
import { connectRaw } from '../support/raw-client.ts'

describeLanes(() => {
  test('a request that cannot be counted or logged is answered, and so is the next one', async () => {
    const origin = await startOrigin((request, response) => void response.end(request.url))
    const finished: string[] = []
    const onFinish = (): void => {
      finished.push('one')
      throw new Error('no room in the log')
    }
    const door = await openDoor({ endpoints: [origin.port], init: { observer: { ...silentObserver, onFinish } } })
    const client = await connectRaw(door.http)
    for (const target of ['/first', '/second', '/third']) {
      client.write(`GET ${target} HTTP/1.1\r\nHost: a.test\r\n\r\n`)
      await client.until(new RegExp(`${target}$`))
    }
    client.write('GET / HTTP/1.1\r\nHost: a b\r\n\r\n')
    expect(await client.end()).toMatch(/HTTP\/1\.1 400 /)
    expect(finished).toHaveLength(4)
    const said = door.errors.splice(0)
    expect(said).toHaveLength(4)
    expect(said[0]).toMatch(/^a finished exchange was not counted or logged .*no room in the log/)
  })
})

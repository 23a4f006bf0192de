/** The main thread may stand still; traffic goes on. */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { after } from '../support/closing.ts'
import { startOrigin } from '../support/origin.ts'
import { steadyLoad } from '../support/steady-load.ts'
import { describeLanes, laneUnderTest } from '../support/lanes.ts'

describeLanes(() => {
  test('requests are served while the main thread does nothing for seconds', async () => {
    const origin = await startOrigin((_, response) => response.end('ok'))
    const args = [String(origin.port), laneUnderTest()]
    const child = fork(join(import.meta.dirname, '../fixtures/stalling-door.ts'), args, { execArgv: [] })
    after(() => void child.kill('SIGKILL'))
    const [port] = (await once(child, 'message')) as [number] // What the fixture says first.
    const load = steadyLoad(port, 'a.test')
    await load.more(20)
    let awake = false
    child.on('message', (message) => (awake ||= message === 'awake'))
    child.send('stall')
    await once(child, 'message')
    await load.more(100)
    expect(awake).toBe(false)
    const { good, bad } = await load.stop()
    expect(bad).toEqual([])
    expect(good).toBeGreaterThanOrEqual(120)
  }, 30_000)
})

/** Several real workers on one port. */
import { connect } from 'node:net'
import { createServer } from 'node:net'
import * as tls from 'node:tls'
import { setImmediate as turn } from 'node:timers/promises'
import { request } from 'undici'
import { expect, test } from 'vitest'
import { after } from '../support/closing.ts'
import { setOf } from '../support/door.ts'
import { startOrigin } from '../support/origin.ts'
import { openPool, poolSettings, snapshotOf } from '../support/pool.ts'
import { steadyLoad } from '../support/steady-load.ts'
import { until } from '../support/until.ts'
import { WorkerPool } from '../../src/worker/pool.ts'
import { silentLog } from '../../src/telemetry/log.ts'
import { describeLanes } from '../support/lanes.ts'

/** Answers to as many new connections, one after the other. */
async function askAnew(port: number, times: number): Promise<ReadonlySet<string>> {
  const answers = new Set<string>()
  for (let i = 0; i < times; i++) {
    const { statusCode, body } = await request(`http://127.0.0.1:${port}/`, { reset: true })
    answers.add(`${statusCode} ${await body.text()}`)
  }
  return answers
}

/** Of each worker that serves, and at the end of those that died. */
const counts = async (pool: WorkerPool): Promise<readonly number[]> =>
  (await pool.tallies()).families.map(
    (families) => families.find(({ name }) => name === 'genkan_connections_total')?.values[0]!.value ?? 0,
  )

describeLanes('two workers', () => {
  test('share the connections to one port', async () => {
    const origin = await startOrigin((_, response) => response.end('ok'))
    const { pool, ports } = await openPool(2)
    await pool.apply(snapshotOf(1), [setOf([origin.port])])
    expect(await askAnew(ports.http, 60)).toEqual(new Set(['200 ok']))
    const [one = 0, two = 0] = await counts(pool)
    expect(one + two).toBe(60)
    expect(Math.min(one, two)).toBeGreaterThan(0)
  })

  test('both go by a change once it is settled, of routes and of endpoints', async () => {
    const [one, two] = [
      await startOrigin((_, response) => response.end('one')),
      await startOrigin((_, response) => response.end('two')),
    ]
    const { pool, ports } = await openPool(2)
    await pool.apply(snapshotOf(1), [setOf([one.port])])
    expect(await askAnew(ports.http, 30)).toEqual(new Set(['200 one']))
    pool.endpoints([setOf([two.port])])
    await pool.settled()
    expect(await askAnew(ports.http, 30)).toEqual(new Set(['200 two']))
    await pool.apply(snapshotOf(2, { path: { kind: 'exact', value: '/other' } }), [setOf([two.port])])
    expect(pool.generation()).toBe(2)
    const answers = await askAnew(ports.http, 30)
    expect([...answers].map((each) => each.slice(0, 3))).toEqual(['404'])
  })

  test('lose nothing but what was under way in the one that dies, and are two again', async () => {
    const origin = await startOrigin((_, response) => response.end('ok'))
    const { pool, ports, threads } = await openPool(2)
    await pool.apply(snapshotOf(1), [setOf([origin.port])])
    const clients = 8
    const load = steadyLoad(ports.http, 'a.test', { clients })
    await load.more(200)
    for (let death = 0; death < 2; death++) {
      await threads.at(death === 0 ? 0 : -1)!.terminate()
      await load.more(100)
      await until(() => pool.states().serving === 2, 15_000)
      await load.more(100)
    }
    const { good, bad } = await load.stop()
    expect(pool.restarts()).toBe(2)
    // Each client has one request under way at most, and its connection is reset once.
    expect(bad.length).toBeLessThanOrEqual(clients * 2)
    expect(bad.filter((each) => /^\d/.test(each))).toEqual([])
    expect(good).toBeGreaterThan(500)
    // The replacements take their share, and know everything.
    const before = await counts(pool)
    expect(await askAnew(ports.http, 60)).toEqual(new Set(['200 ok']))
    const now = await counts(pool)
    expect(now.map((count, worker) => count > before[worker]!)).toEqual([true, true, false])
  }, 40_000)

  test('never count less than before, whoever dies', async () => {
    const origin = await startOrigin((_, response) => response.end('ok'))
    const { pool, ports, threads } = await openPool(2)
    await pool.apply(snapshotOf(1), [setOf([origin.port])])
    await askAnew(ports.http, 40)
    const [one = 0, two = 0] = await counts(pool)
    expect(one + two).toBe(40)
    await threads[0]!.terminate()
    await until(() => pool.restarts() === 1)
    expect((await counts(pool)).reduce((sum, count) => sum + count, 0)).toBe(40)
    await until(() => pool.states().serving === 2, 15_000)
    expect(await counts(pool)).toEqual([0, two, one])
  }, 20_000)

  test('resume the TLS sessions of each other', async () => {
    const { ports } = await openPool(2)
    const { session } = await handshake(ports.https, undefined)
    const resumed = await Promise.all(Array.from({ length: 24 }, () => handshake(ports.https, session)))
    expect(resumed.map((each) => each.isResumed)).toEqual(resumed.map(() => true))
  })

  test('finish what is under way in both when they drain, and accept no more', async () => {
    const waiting: (() => void)[] = []
    const origin = await startOrigin((_, response) => void waiting.push(() => response.end('late')))
    const { pool, ports } = await openPool(2)
    await pool.apply(snapshotOf(1), [setOf([origin.port])])
    const asked = Array.from({ length: 16 }, () => request(`http://127.0.0.1:${ports.http}/`, { reset: true }))
    await until(() => waiting.length === 16)
    const drained = pool.drain(10_000)
    while (await accepts(ports.http)) await turn()
    for (const answer of waiting) answer()
    const texts = await Promise.all(asked.map(async (each) => (await each).body.text()))
    expect(new Set(texts)).toEqual(new Set(['late']))
    expect(await drained).toBe(0)
  })

  test('take no port that another program listens on, even one that would share it', async () => {
    const other = createServer()
    await new Promise<void>((listening) => other.listen({ port: 0, host: '127.0.0.1', reusePort: true }, listening))
    after(() => void other.close())
    // A server that listens on TCP has an address with a port.
    const { port } = other.address() as { port: number }
    const pool = new WorkerPool({
      settings: await poolSettings(2, { httpPort: port }),
      workers: 2,
      seed: 1,
      log: silentLog,
      onSuspect: () => {},
      onOutcomes: () => {},
    })
    after(() => pool.close())
    await expect(pool.start()).rejects.toThrow(/another program listens/)
  })
})

/** A connection with TLS 1.2, where a session is known as soon as the handshake is over. */
function handshake(
  port: number,
  session: Buffer | undefined,
): Promise<{ readonly session: Buffer | undefined; readonly isResumed: boolean }> {
  return new Promise((resolve, reject) => {
    const socket = tls.connect(
      { port, host: '127.0.0.1', rejectUnauthorized: false, maxVersion: 'TLSv1.2', ...(session && { session }) },
      () => {
        resolve({ session: socket.getSession(), isResumed: socket.isSessionReused() })
        socket.destroy()
      },
    )
    socket.on('error', reject)
  })
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy()
      resolve(true)
    })
    socket.on('error', () => resolve(false))
  })
}

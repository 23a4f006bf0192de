/** What the pool makes of what threads do; the threads are stand-ins that do as they are told. */
import { EventEmitter } from 'node:events'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { silentLog } from '../../src/telemetry/log.ts'
import type { Thread } from '../../src/worker/handle.ts'
import type { Counted, FromWorker, ToWorker, WorkerSettings } from '../../src/worker/message.ts'
import { WorkerPool } from '../../src/worker/pool.ts'
import { setOf } from '../support/door.ts'
import { poolSettings, snapshotOf } from '../support/pool.ts'

class FakeThread extends EventEmitter {
  readonly settings: WorkerSettings
  readonly received: ToWorker[] = []

  constructor(settings: WorkerSettings) {
    super()
    this.settings = settings
  }

  postMessage(message: ToWorker): void {
    this.received.push(message)
  }

  async terminate(): Promise<number> {
    this.emit('exit', 1)
    return 1
  }

  say(message: FromWorker): void {
    this.emit('message', message)
  }

  listen(http = this.settings.httpPort || 8001): void {
    this.say({ kind: 'listening', http, https: http + 1, moved: [] })
  }

  /** The newest change, as if it had been applied. */
  apply(): void {
    const change = this.received.findLast((each) => each.kind === 'change')!
    this.say({ kind: 'applied', sequence: change.sequence, generation: change.snapshot?.generation ?? 0 })
  }

  die(): void {
    this.emit('error', new Error('out of memory'))
    this.emit('exit', 1)
  }
}

const threads: FakeThread[] = []
const logged: string[] = []
let pool: WorkerPool

async function create(workers: number, settings: Partial<WorkerSettings> = {}): Promise<void> {
  pool = new WorkerPool({
    settings: await poolSettings(workers, { lane: 'general', ...settings }),
    workers,
    seed: 1,
    log: { ...silentLog, warn: (message) => void logged.push(message), error: (message) => void logged.push(message) },
    onSuspect: () => {},
    onOutcomes: () => {},
    startThread: (given) => {
      const thread = new FakeThread(given)
      threads.push(thread)
      // The pool uses no more of a thread than what this one has.
      return thread as unknown as Thread
    },
  })
}

async function started(workers: number): Promise<void> {
  await create(workers)
  const ports = pool.start()
  threads[0]!.listen()
  await turn()
  for (const thread of threads.slice(1)) thread.listen()
  await ports
}

/** Everything that waits for promises only. */
async function turn(): Promise<void> {
  for (let i = 0; i < 20; i++) await Promise.resolve()
}

const counted = (value: number): Counted => ({
  families: [
    { name: 'genkan_x_total', help: 'x', type: 'counter', aggregator: 'sum', values: [{ value, labels: {} }] },
  ],
  endpoints: [],
  delay: { p50: 0, p99: 0, max: 0, longestSlice: 0 },
})

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  threads.length = 0
  logged.length = 0
})
afterEach(() => {
  vi.useRealTimers()
})

describe('starting', () => {
  test('the first worker finds the ports, and the others join it there', async () => {
    await started(3)
    expect(
      threads.map(({ settings }) => [
        settings.row,
        settings.httpPort,
        settings.httpsPort,
        settings.isFirst,
        settings.reusePort,
      ]),
    ).toEqual([
      [0, 0, 0, true, true],
      [1, 8001, 8002, false, true],
      [2, 8001, 8002, false, true],
    ])
    expect(pool.states()).toEqual({ serving: 3, starting: 0, waiting: 0 })
  })

  test('one worker alone does not share its port, so that nobody else can have it', async () => {
    await started(1)
    expect(threads[0]!.settings.reusePort).toBe(false)
  })

  test('one worker serves, and the log says so, where the system cannot share ports', async () => {
    await create(4)
    const ports = pool.start()
    threads[0]!.say({ kind: 'failed', code: 'ENOTSUP', message: 'the system cannot share a port between listeners' })
    await turn()
    threads[1]!.listen()
    expect((await ports).http).toBe(8001)
    expect(threads).toHaveLength(2)
    expect(threads[1]!.settings.reusePort).toBe(false)
    expect(pool.states().serving).toBe(1)
    expect(logged).toEqual(['this system cannot share a port between workers: one worker serves'])
  })

  test('a port that cannot be bound is an error for people, and nothing is started again', async () => {
    await create(2)
    const ports = pool.start()
    threads[0]!.say({
      kind: 'failed',
      code: 'EADDRINUSE',
      message: 'port 80 cannot be bound: another program listens there',
    })
    await expect(ports).rejects.toEqual(new Error('port 80 cannot be bound: another program listens there'))
    await vi.advanceTimersByTimeAsync(60_000)
    expect(threads).toHaveLength(1)
  })
})

describe('changes', () => {
  test('are encoded once, and settled when the slowest worker has applied them', async () => {
    await started(2)
    let settled = false
    void pool.apply(snapshotOf(1), [setOf([1])]).then(() => (settled = true))
    const parcels = threads.map(({ received }) => received.find((each) => each.kind === 'change')!.parcel)
    expect(parcels[0]!.bytes).toBe(parcels[1]!.bytes)
    threads[0]!.apply()
    await turn()
    expect([settled, pool.generation()]).toEqual([false, 0])
    threads[1]!.apply()
    await turn()
    expect([settled, pool.generation()]).toEqual([true, 1])
  })

  test('send endpoints that workers have already no second time', async () => {
    await started(1)
    const set = setOf([1])
    void pool.apply(snapshotOf(1), [set])
    pool.endpoints([set])
    expect(threads[0]!.received).toHaveLength(1)
    pool.endpoints([setOf([1, 2])])
    expect(threads[0]!.received).toHaveLength(2)
  })

  test('that a worker refuses are settled all the same, and reported', async () => {
    await started(1)
    const applied = pool.apply(snapshotOf(1), [])
    threads[0]!.say({ kind: 'refused', sequence: 1, message: 'no policy of kind x' })
    await applied
    expect(pool.generation()).toBe(0)
    expect(logged).toEqual(['a worker cannot run the new configuration and goes on with the last one'])
  })

  test('do not wait for a worker that is dead', async () => {
    await started(2)
    const applied = pool.apply(snapshotOf(1), [])
    threads[0]!.apply()
    threads[1]!.die()
    await applied
    expect(pool.generation()).toBe(1)
  })
})

describe('a worker that dies', () => {
  test('is replaced on the same ports, and gets everything before it listens', async () => {
    await started(2)
    void pool.apply(snapshotOf(1), [setOf([1])])
    threads[1]!.die()
    expect(pool.states()).toEqual({ serving: 1, starting: 0, waiting: 1 })
    await vi.advanceTimersByTimeAsync(200)
    const replacement = threads[2]!
    expect(replacement.settings).toMatchObject({
      row: 1,
      httpPort: 8001,
      reusePort: true,
      isFirst: false,
      listensLater: true,
    })
    expect(replacement.received).toHaveLength(1)
    expect(pool.states()).toEqual({ serving: 1, starting: 1, waiting: 0 })
    replacement.apply()
    replacement.listen()
    await turn()
    expect(pool.states()).toEqual({ serving: 2, starting: 0, waiting: 0 })
    expect(pool.restarts()).toBe(1)
  })

  test('is replaced by one that seals tickets with the keys that the others were given since', async () => {
    await started(2)
    const keys = new Uint8Array(48).fill(3)
    pool.useTicketKeys(keys)
    expect(threads.map(({ received }) => received)).toEqual([
      [{ kind: 'ticketKeys', keys }],
      [{ kind: 'ticketKeys', keys }],
    ])
    threads[1]!.die()
    await vi.advanceTimersByTimeAsync(200)
    expect(threads[2]!.settings.ticketKeys).toBe(keys)
  })

  test('is replaced by one that staples what the others were given since', async () => {
    await started(2)
    const staples = [{ certificate: 'c', response: new Uint8Array(1) }]
    pool.useStaples(staples)
    expect(threads.map(({ received }) => received)).toEqual([
      [{ kind: 'staples', staples }],
      [{ kind: 'staples', staples }],
    ])
    threads[1]!.die()
    await vi.advanceTimersByTimeAsync(200)
    expect(threads[2]!.settings.staples).toBe(staples)
  })

  test('again and again is started later and later, and the others serve', async () => {
    await started(2)
    void pool.apply(snapshotOf(1), [])
    const pauses: number[] = []
    for (let death = 0; death < 8; death++) {
      threads.at(-1)!.die()
      const count = threads.length
      let pause = 0
      for (; threads.length === count; pause += 100) await vi.advanceTimersByTimeAsync(100)
      pauses.push(pause)
    }
    expect(pauses).toEqual([200, 400, 800, 1_600, 3_200, 6_400, 10_000, 10_000])
    expect(pool.states().serving).toBe(1)
    expect(pool.restarts()).toBe(8)
  })

  test('leaves nothing under way in the row it had', async () => {
    await create(1)
    const settings = await poolSettings(1, { lane: 'general' })
    pool = new WorkerPool({
      settings,
      workers: 1,
      seed: 1,
      log: silentLog,
      onSuspect: () => {},
      onOutcomes: () => {},
      startThread: (given) => {
        threads.push(new FakeThread(given))
        return threads.at(-1)! as unknown as Thread
      },
    })
    const ports = pool.start()
    threads[0]!.listen()
    await ports
    const cells = new Int32Array(settings.counters.inFlight, 8)
    cells.fill(3)
    threads[0]!.die()
    expect(cells.every((each) => each === 0)).toBe(true)
  })

  test('during a drain is not replaced, and cuts nobody else', async () => {
    await started(2)
    const cut = pool.drain(1_000)
    threads[0]!.die()
    threads[1]!.say({ kind: 'drained', cut: 3 })
    expect(await cut).toBe(3)
    await vi.advanceTimersByTimeAsync(60_000)
    expect(threads).toHaveLength(2)
  })
})

describe('tallies', () => {
  const valuesOf = async (request: number, answers: readonly (number | undefined)[]): Promise<readonly number[]> => {
    const tallies = pool.tallies()
    for (const [index, value] of answers.entries())
      if (value !== undefined) threads[index]!.say({ kind: 'tallies', request, counted: counted(value) })
    return (await tallies).families.flat().flatMap(({ values }) => values.map(({ value }) => value))
  }

  test('never go back when workers die: what the dead had counted stays', async () => {
    await started(2)
    expect(await valuesOf(1, [10, 7])).toEqual([10, 7])
    threads[0]!.die()
    expect(await valuesOf(2, [undefined, 8])).toEqual([8, 10])
    vi.advanceTimersToNextTimer()
    threads[2]!.listen()
    await turn()
    expect(await valuesOf(3, [undefined, 8, 1])).toEqual([1, 8, 10])
    threads[2]!.die()
    expect(await valuesOf(4, [undefined, 8])).toEqual([8, 11])
  })

  test('are those of all workers', async () => {
    await started(2)
    const tallies = pool.tallies()
    for (const [index, thread] of threads.entries())
      thread.say({ kind: 'tallies', request: 1, counted: counted(index + 1) })
    expect((await tallies).families.flat().map(({ values }) => values[0]!.value)).toEqual([1, 2])
  })

  test('of a worker that does not answer in time are those it gave before', async () => {
    await started(2)
    const first = pool.tallies()
    for (const thread of threads) thread.say({ kind: 'tallies', request: 1, counted: counted(5) })
    await first
    const second = pool.tallies()
    threads[0]!.say({ kind: 'tallies', request: 2, counted: counted(6) })
    await vi.advanceTimersByTimeAsync(2_000)
    expect((await second).families.flat().map(({ values }) => values[0]!.value)).toEqual([6, 5])
  })
})

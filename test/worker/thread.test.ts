/** One worker thread and the messages it takes. */
import { once } from 'node:events'
import type { Worker } from 'node:worker_threads'
import { request } from 'undici'
import { expect, test } from 'vitest'
import { emptySnapshot, patchOf } from '../../src/snapshot/patch.ts'
import type { EndpointSet, Snapshot } from '../../src/snapshot/snapshot.ts'
import { hashKey } from '../../src/route/hash.ts'
import { packRoutes } from '../../src/route/packing.ts'
import { startWorkerThread } from '../../src/worker/handle.ts'
import type { FromWorker, ToWorker, WorkerSettings } from '../../src/worker/message.ts'
import { pack } from '../../src/worker/parcel.ts'
import { after } from '../support/closing.ts'
import { setOf } from '../support/door.ts'
import { closedPort, startOrigin } from '../support/origin.ts'
import { describeLanes } from '../support/lanes.ts'
import { poolSettings, snapshotOf } from '../support/pool.ts'

async function startThread(settings: Partial<WorkerSettings>): Promise<Worker> {
  const joining = { row: 0, reusePort: false, isFirst: false, listensLater: true } as const
  // `startWorkerThread` starts real ones.
  const thread = startWorkerThread({ ...(await poolSettings(1)), ...joining, ...settings }) as Worker
  after(async () => void (await thread.terminate()))
  return thread
}

function changeTo(
  snapshot: Snapshot,
  sequence: number,
  before = emptySnapshot,
  sets: readonly EndpointSet[] = [],
): ToWorker {
  const table = { seed: 1, packed: packRoutes(snapshot.routes, hashKey(1), { shared: true }) }
  return {
    kind: 'change',
    sequence,
    parcel: pack({ patch: patchOf(before, snapshot), sets }),
    snapshot: { generation: snapshot.generation, table },
  }
}

function tell(thread: Worker, message: ToWorker): void {
  thread.postMessage(message, [])
}

/** What it says next, but for its log. Listen before it speaks: nothing is kept. */
async function heard(thread: Worker): Promise<FromWorker> {
  for (;;) {
    const [message] = (await once(thread, 'message')) as [FromWorker] // A worker says nothing else.
    if (message.kind !== 'log') return message
  }
}

describeLanes(() => {
  test('a replacement listens when it has applied its first change, and not before', async () => {
    const origin = await startOrigin((_, response) => response.end('ok'))
    const [httpPort, httpsPort] = [await closedPort(), await closedPort()]
    const thread = await startThread({ httpPort, httpsPort })
    tell(thread, { kind: 'tally', request: 1 })
    expect((await heard(thread)).kind).toBe('tallies')
    await expect(request(`http://127.0.0.1:${httpPort}/`)).rejects.toThrow('ECONNREFUSED')
    tell(thread, changeTo(snapshotOf(3), 1, emptySnapshot, [setOf([origin.port])]))
    expect((await heard(thread)).kind).toBe('applied')
    expect((await heard(thread)).kind).toBe('listening')
    const { body } = await request(`http://127.0.0.1:${httpPort}/`)
    expect(await body.text()).toBe('ok')
  })

  test('a worker refuses what it cannot run, goes on with what it has, and takes the next patch all the same', async () => {
    const thread = await startThread({ listensLater: false })
    expect((await heard(thread)).kind).toBe('listening')
    const [good, bad, next] = [
      snapshotOf(1),
      snapshotOf(2, { id: 'bad', policies: [{ kind: 'tea', config: {} }] }),
      snapshotOf(3),
    ]
    for (const [index, message] of [changeTo(good, 1), changeTo(bad, 2, good), changeTo(next, 3, bad)].entries()) {
      tell(thread, message)
      expect(await heard(thread)).toMatchObject(
        [
          { kind: 'applied', generation: 1 },
          { kind: 'refused', sequence: 2 },
          { kind: 'applied', generation: 3 },
        ][index]!,
      )
    }
  })

  test('a replacement that cannot run what is live says so and does not listen', async () => {
    const thread = await startThread({ httpPort: await closedPort(), httpsPort: await closedPort() })
    tell(thread, changeTo(snapshotOf(1, { policies: [{ kind: 'tea', config: {} }] }), 1))
    expect(await heard(thread)).toMatchObject({ kind: 'failed', message: 'no policy of kind tea' })
  })

  test('objects that die young have a small place, and others as much as V8 gives', async () => {
    const thread = await startThread({})
    // Until it runs, limits of V8's own are not known.
    await once(thread, 'online')
    expect(thread.resourceLimits?.maxYoungGenerationSizeMb).toBe(24)
    // Said by V8 and not by us: a limit that is left out is its own.
    expect(thread.resourceLimits?.maxOldGenerationSizeMb).toBeGreaterThan(512)
  })
})

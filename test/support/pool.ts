/** A pool of workers in real threads, on free ports of loopback. */
import type { Worker } from 'node:worker_threads'
import { createDefaultCertificate } from '#listener/default-certificate.ts'
import { defaultLimits } from '#proxy/limits.ts'
import { emptySnapshot } from '#snapshot/patch.ts'
import type { RouteSpec, Snapshot } from '#snapshot/snapshot.ts'
import { silentLog } from '#telemetry/log.ts'
import { createCounters } from '#worker/counters.ts'
import { startWorkerThread } from '#worker/handle.ts'
import { type PoolInit, type PoolPorts, type SharedSettings, WorkerPool } from '#worker/pool.ts'
import { after } from './closing.ts'
import { routeOf } from './door.ts'
import { laneUnderTest } from './lanes.ts'

export async function poolSettings(workers: number, settings: Partial<SharedSettings> = {}): Promise<SharedSettings> {
  return {
    bind: '127.0.0.1',
    httpPort: 0,
    httpsPort: 0,
    portConflict: 'fail',
    trustedProxies: [],
    proxyProtocol: [],
    forwardedField: false,
    exposeCause: true,
    lane: settings.lane ?? laneUnderTest(),
    accessLog: undefined,
    limits: defaultLimits,
    affinityKey: new Uint8Array(32).fill(7),
    ticketKeys: new Uint8Array(48).fill(9),
    counters: createCounters(workers),
    defaultCertificate: await createDefaultCertificate(new Date()),
    ...settings,
  }
}

export type OpenPool = { readonly pool: WorkerPool; readonly ports: PoolPorts; readonly threads: readonly Worker[] }

/** Is closed when the test ends. `threads` holds every thread ever started, in that order. */
export async function openPool(
  workers: number,
  init: Partial<Omit<PoolInit, 'settings'>> & { readonly settings?: Partial<SharedSettings> } = {},
): Promise<OpenPool> {
  const threads: Worker[] = []
  const pool = new WorkerPool({
    seed: 1,
    log: silentLog,
    workers,
    onSuspect: () => {},
    onOutcomes: () => {},
    startThread: (settings) => {
      const thread = startWorkerThread(settings)
      // Nobody else starts threads here, and it starts nothing but these.
      threads.push(thread as Worker)
      return thread
    },
    ...init,
    settings: await poolSettings(workers, init.settings),
  })
  after(() => pool.close())
  return { pool, ports: await pool.start(), threads }
}

/** One route for everything, to the upstream of `setOf`. */
export function snapshotOf(generation: number, route: Partial<RouteSpec> = {}): Snapshot {
  return {
    ...emptySnapshot,
    generation,
    routes: [routeOf(route)],
    upstreams: [
      {
        id: 'test/web:80',
        namespace: 'test',
        service: 'web',
        port: { kind: 'number', number: 80 },
        protocol: 'http',
        discovery: ['slices'],
      },
    ],
  }
}

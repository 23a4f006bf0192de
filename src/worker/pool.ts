/**
 * The main thread's side of all workers: starts them, hands every change to all of them, and replaces one that dies.
 * Workers hold no authority: a replacement gets everything anew, and listens when it has applied it.
 */
import { availableParallelism } from 'node:os'
import { packRoutes } from '#route/packing.ts'
import { hashKey } from '#route/hash.ts'
import type { PackedTable } from '#proxy/runtime.ts'
import type { EndpointOutcome } from '#snapshot/outcome.ts'
import { emptySnapshot, patchOf } from '#snapshot/patch.ts'
import type { EndpointSet, Snapshot } from '#snapshot/snapshot.ts'
import type { Staple } from '#snapshot/staple.ts'
import type { Log } from '#telemetry/log.ts'
import type { MetricFamily } from '#telemetry/metric.ts'
import { forgetRow } from './counters.ts'
import { Departed } from './departed.ts'
import type { StartThread, WorkerState } from './handle.ts'
import { StartError, startWorkerThread, WorkerHandle, workerStates } from './handle.ts'
import type { EndpointUse, FromWorker, LoopDelay, MovedPort, ToWorker, WorkerSettings } from './message.ts'
import { pack } from './parcel.ts'
import { ledgerSlots, Slots } from './slots.ts'

/** What every worker is told alike. */
export type SharedSettings = Omit<WorkerSettings, 'row' | 'reusePort' | 'isFirst' | 'listensLater'>

export type PoolInit = {
  /** `counters` has a row for each worker. */
  readonly settings: SharedSettings
  readonly workers: number
  /** Secret of the route table's hash; any number. */
  readonly seed: number
  readonly log: Log
  readonly onSuspect: (upstream: string) => void
  readonly onOutcomes: (outcomes: readonly EndpointOutcome[]) => void
  readonly startThread?: StartThread
}

export type PoolPorts = { readonly http: number; readonly https: number; readonly moved: readonly MovedPort[] }

/**
 * What the workers have counted: one list of families each, those of workers that died in one more, the uses of all, and
 * how late each one's event loop was.
 */
export type Tallies = {
  readonly families: readonly (readonly MetricFamily[])[]
  readonly endpoints: readonly EndpointUse[]
  readonly delays: readonly { readonly worker: number; readonly delay: LoopDelay }[]
}

/** A worker that does not answer a scrape by then is represented by what it said at the last one. */
const tallyTimeoutMs = 2_000

/** `auto` is one worker for each core that this process may use. */
export function workerCount(wanted: number | 'auto'): number {
  return wanted === 'auto' ? availableParallelism() : wanted
}

export class WorkerPool {
  readonly #init: PoolInit
  #ticketKeys: Uint8Array
  #staples: readonly Staple[] = []
  readonly #startThread: StartThread
  #workers: readonly WorkerHandle[] = []
  #ports: PoolPorts | undefined
  #restarts = 0
  #closing = false

  #snapshot: Snapshot = emptySnapshot
  #table: PackedTable | undefined
  /** By upstream: as it was given, and as it was sent. */
  readonly #sets = new Map<string, { readonly given: EndpointSet; readonly sent: EndpointSet }>()
  readonly #slots: Slots
  #sequence = 0
  #waiting: { readonly sequence: number; readonly done: () => void }[] = []

  #tallyRequest = 0
  readonly #tallies = new Map<number, { readonly missing: Set<WorkerHandle>; readonly done: () => void }>()
  readonly #departed = new Departed()
  readonly #drained = new Map<WorkerHandle, (cut: number) => void>()

  constructor(init: PoolInit) {
    this.#init = init
    this.#ticketKeys = init.settings.ticketKeys
    this.#startThread = init.startThread ?? startWorkerThread
    const onFull = (): void =>
      init.log.error(
        `more than ${ledgerSlots} endpoints: each worker counts for itself what is under way at the others`,
      )
    this.#slots = new Slots(ledgerSlots, onFull)
  }

  /** Rejects with a sentence for people when a port cannot be bound. */
  async start(): Promise<PoolPorts> {
    const { workers, log } = this.#init
    try {
      await this.#startAll(workers)
    } catch (error) {
      // Not a word of libuv's: the system cannot do it, or this libuv cannot on this system.
      if (!(error instanceof StartError) || error.code !== 'ENOTSUP' || workers === 1) throw plain(error)
      log.warn('this system cannot share a port between workers: one worker serves', { wanted: workers })
      await this.#startAll(1).catch((again: unknown) => Promise.reject(plain(again)))
    }
    return this.#ports!
  }

  /** Resolves when every worker routes by this snapshot. */
  apply(snapshot: Snapshot, sets: readonly EndpointSet[]): Promise<void> {
    const named = new Set(sets.map(({ upstream }) => upstream))
    for (const [id, { sent }] of this.#sets) {
      if (named.has(id)) continue
      this.#slots.giveBack(sent)
      this.#sets.delete(id)
    }
    const patch = patchOf(this.#snapshot, snapshot)
    const { seed } = this.#init
    this.#table = { seed, packed: packRoutes(snapshot.routes, hashKey(seed), { shared: true }) }
    this.#snapshot = snapshot
    this.#departed.keep(snapshot)
    const parcel = pack({ patch, sets: this.#takeChanged(sets) })
    this.#sendAll({
      kind: 'change',
      sequence: ++this.#sequence,
      parcel,
      snapshot: { generation: snapshot.generation, table: this.#table },
    })
    return this.settled()
  }

  /** All workers, and those that replace them, seal TLS session tickets with these 48 bytes from now on. */
  useTicketKeys(keys: Uint8Array): void {
    this.#ticketKeys = keys
    this.#sendAll({ kind: 'ticketKeys', keys })
  }

  /** All workers, and those that replace them, staple these to handshakes from now on, and no others. */
  useStaples(staples: readonly Staple[]): void {
    this.#staples = staples
    this.#sendAll({ kind: 'staples', staples })
  }

  /** Endpoints change far more often than routes and travel alone; what the workers already have is not sent again. */
  endpoints(sets: readonly EndpointSet[]): void {
    // Before the first snapshot nobody routes to them, and it brings them all.
    if (this.#table === undefined) return
    const changed = this.#takeChanged(sets)
    if (changed.length === 0) return
    this.#sendAll({
      kind: 'change',
      sequence: ++this.#sequence,
      parcel: pack({ patch: undefined, sets: changed }),
      snapshot: undefined,
    })
  }

  /**
   * Resolves when every worker has applied all that was handed over so far. One that dies meanwhile is not waited for:
   * its replacement begins with the newest of everything, and changes must reach the others even if it keeps dying.
   */
  settled(): Promise<void> {
    const sequence = this.#sequence
    if (this.#hasApplied(sequence)) return Promise.resolve()
    return new Promise((done) => this.#waiting.push({ sequence, done }))
  }

  /** The generation that every worker that serves has applied; 0 before the first. */
  generation(): number {
    const serving = this.#workers.filter(({ state }) => state === 'serving')
    return serving.length === 0 ? 0 : Math.min(...serving.map(({ generation }) => generation))
  }

  /** How many workers are in which state. */
  states(): Readonly<Record<WorkerState, number>> {
    const count = (state: WorkerState): number => this.#workers.filter((each) => each.state === state).length
    return Object.fromEntries(workerStates.map((state) => [state, count(state)])) as Record<WorkerState, number> // One entry for each state.
  }

  /** Workers that died since the start, each of which is or will be replaced. */
  restarts(): number {
    return this.#restarts
  }

  async tallies(): Promise<Tallies> {
    const request = ++this.#tallyRequest
    const asked = this.#workers.filter(({ state }) => state === 'serving')
    await new Promise<void>((resolve) => {
      const done = (): void => {
        clearTimeout(timer)
        this.#tallies.delete(request)
        resolve()
      }
      const timer = setTimeout(done, tallyTimeoutMs)
      this.#tallies.set(request, { missing: new Set(asked), done })
      for (const worker of asked) worker.send({ kind: 'tally', request })
      this.#answered(request, undefined)
    })
    const known = asked.flatMap((each) =>
      each.counted === undefined ? [] : [{ worker: this.#workers.indexOf(each), ...each.counted }],
    )
    return {
      families: [...known.map(({ families }) => families), this.#departed.families()],
      endpoints: known.flatMap(({ endpoints }) => endpoints),
      delays: known.map(({ worker, delay }) => ({ worker, delay })),
    }
  }

  /** Resolves when the last request is finished or cut, with how many were cut. */
  async drain(timeoutMs: number): Promise<number> {
    this.#closing = true
    const cuts = await Promise.all(this.#workers.map((worker) => this.#drainOne(worker, timeoutMs)))
    await this.close()
    return cuts.reduce((sum, cut) => sum + cut, 0)
  }

  async close(): Promise<void> {
    this.#closing = true
    await Promise.all(this.#workers.map((worker) => worker.close()))
    for (const { done } of this.#waiting.splice(0)) done()
  }

  /** The first finds the ports, the others join it there. */
  async #startAll(count: number): Promise<void> {
    const workers = Array.from({ length: count }, (_, row) => this.#handle(row))
    this.#workers = workers
    const [first, ...others] = workers
    const { settings } = this.#init
    const reusePort = count > 1
    try {
      const ports = await first!.start({ ...settings, row: 0, reusePort, isFirst: reusePort, listensLater: false })
      this.#ports = ports
      await Promise.all(
        others.map((each, index) => each.start({ ...this.#joining(ports), row: index + 1, listensLater: false })),
      )
    } catch (error) {
      this.#ports = undefined
      await Promise.all(workers.map((each) => each.close()))
      throw error
    }
  }

  /** The ports that the first one found, whatever was asked for then. */
  #joining({ http, https }: PoolPorts): Omit<WorkerSettings, 'row' | 'listensLater'> {
    return {
      ...this.#init.settings,
      ticketKeys: this.#ticketKeys,
      staples: this.#staples,
      httpPort: http,
      httpsPort: https,
      portConflict: 'fail',
      reusePort: this.#workers.length > 1,
      isFirst: false,
    }
  }

  #handle(row: number): WorkerHandle {
    const handle: WorkerHandle = new WorkerHandle({
      startThread: this.#startThread,
      onMessage: (message) => this.#onMessage(handle, message),
      onDeath: (error) => this.#onDeath(handle, row, error),
      onDue: () => void this.#replace(handle, row),
    })
    return handle
  }

  #onMessage(worker: WorkerHandle, message: FromWorker): void {
    switch (message.kind) {
      case 'listening':
      case 'failed':
        return
      case 'refused':
        this.#init.log.error('a worker cannot run the new configuration and goes on with the last one', {
          error: message.message,
        })
        return this.#release()
      case 'applied':
        return this.#release()
      case 'tallies':
        worker.counted = message.counted
        return this.#answered(message.request, worker)
      case 'log':
        return this.#init.log[message.level](message.message, message.fields)
      case 'suspect':
        return this.#init.onSuspect(message.upstream)
      case 'outcomes':
        return this.#init.onOutcomes(message.outcomes)
      case 'drained':
        return this.#drained.get(worker)?.(message.cut)
    }
  }

  #onDeath(worker: WorkerHandle, row: number, error: Error | undefined): void {
    forgetRow(this.#init.settings.counters, row)
    this.#departed.add(worker.counted?.families ?? [])
    worker.counted = undefined
    this.#drained.get(worker)?.(0)
    for (const request of this.#tallies.keys()) this.#answered(request, worker)
    this.#release()
    // A worker that never listened has its failure reported by start(); only one that served is replaced.
    if (this.#closing || this.#ports === undefined) return void worker.close()
    this.#restarts++
    this.#init.log.error('a worker died; another one takes its place', {
      worker: row,
      error: error?.stack ?? error?.message,
    })
  }

  async #replace(worker: WorkerHandle, row: number): Promise<void> {
    if (this.#closing || this.#ports === undefined) return
    const { log } = this.#init
    const hasConfiguration = this.#table !== undefined
    try {
      const listening = worker.start({ ...this.#joining(this.#ports), row, listensLater: hasConfiguration })
      if (hasConfiguration) worker.send(this.#everything(this.#table!))
      await listening
      log.warn('a worker was replaced', { worker: row, restarts: this.#restarts })
    } catch (error) {
      if (!this.#closing)
        log.error('a worker could not be replaced; trying again', { worker: row, error: plain(error).message })
    }
  }

  /** All that was handed over so far, for a worker that knows nothing. */
  #everything(table: PackedTable): ToWorker {
    const parcel = pack({
      patch: patchOf(emptySnapshot, this.#snapshot),
      sets: [...this.#sets.values()].map(({ sent }) => sent),
    })
    return {
      kind: 'change',
      sequence: this.#sequence,
      parcel,
      snapshot: { generation: this.#snapshot.generation, table },
    }
  }

  /** Those that workers do not have yet, ready to be sent. */
  #takeChanged(sets: readonly EndpointSet[]): readonly EndpointSet[] {
    return sets.flatMap((given) => {
      const before = this.#sets.get(given.upstream)
      if (before?.given === given) return []
      // First the new, so that an endpoint that stays keeps its slot.
      const sent = this.#slots.take(given)
      if (before !== undefined) this.#slots.giveBack(before.sent)
      this.#sets.set(given.upstream, { given, sent })
      return [sent]
    })
  }

  #hasApplied(sequence: number): boolean {
    return this.#workers.every((each) => !each.isAlive || each.applied >= sequence)
  }

  #release(): void {
    const done = this.#waiting.filter(({ sequence }) => this.#hasApplied(sequence))
    this.#waiting = this.#waiting.filter((each) => !done.includes(each))
    for (const each of done) each.done()
  }

  /** `worker` has answered, or never will. */
  #answered(request: number, worker: WorkerHandle | undefined): void {
    const tally = this.#tallies.get(request)
    if (worker !== undefined) tally?.missing.delete(worker)
    if (tally?.missing.size === 0) tally.done()
  }

  #drainOne(worker: WorkerHandle, timeoutMs: number): Promise<number> {
    if (worker.state !== 'serving') return worker.close().then(() => 0)
    return new Promise((resolve) => {
      this.#drained.set(worker, resolve)
      worker.send({ kind: 'drain', timeoutMs })
    })
  }

  #sendAll(message: ToWorker): void {
    for (const worker of this.#workers) worker.send(message)
  }
}

/** What `start` says on purpose is an Error and nothing more special: it is shown as a sentence. */
function plain(error: unknown): Error {
  if (error instanceof StartError) return new Error(error.message)
  return error instanceof Error ? error : new Error(String(error))
}

/**
 * The main thread's side of the workers: starts them, hands every change to all of them, and replaces one that dies.
 * Workers hold no authority: a replacement gets the newest snapshot and endpoints and goes on.
 */
import { Worker } from 'node:worker_threads'
import type { EndpointOutcome } from '#snapshot/outcome.ts'
import type { EndpointSet, Snapshot } from '#snapshot/snapshot.ts'
import type { Log } from '#telemetry/log.ts'
import type { MetricFamily } from '#telemetry/metric.ts'
import type { EndpointUse, FromWorker, MovedPort, ToWorker, WorkerSettings } from './message.ts'
import { forgetRow } from './counters.ts'

export type PoolInit = {
  readonly settings: WorkerSettings
  readonly log: Log
  readonly onSuspect: (upstream: string) => void
  readonly onOutcomes: (outcomes: readonly EndpointOutcome[]) => void
}

export type PoolPorts = { readonly http: number; readonly https: number; readonly moved: readonly MovedPort[] }

/** What the workers that answered in time have counted: one list of families each, and the uses of all. */
export type Tallies = { readonly families: readonly (readonly MetricFamily[])[]; readonly endpoints: readonly EndpointUse[] }

/** A replacement waits this long, twice as long each time, so that a worker dying at once does not spin the machine. */
const firstRestartMs = 100
const lastRestartMs = 10_000
/** A worker that has lived this long starts its back-off anew. */
const steadyMs = 30_000
/** A worker that does not answer a scrape by then is left out of it. */
const tallyTimeoutMs = 2_000

export class WorkerPool {
  readonly #init: PoolInit
  #worker: Worker | undefined
  #startedAt = 0
  #restarts = 0
  #restartMs = firstRestartMs
  #ports: PoolPorts | undefined
  #closing = false

  #snapshot: Snapshot | undefined
  readonly #sets = new Map<string, EndpointSet>()
  #sequence = 0
  #applied = 0
  #generation = 0
  readonly #waiting: { readonly sequence: number; readonly done: () => void }[] = []

  #tallyRequest = 0
  readonly #tallies = new Map<number, (tallies: Tallies) => void>()
  #onDrained: ((cut: number) => void) | undefined

  constructor(init: PoolInit) {
    this.#init = init
  }

  /** Rejects with a sentence for people when a port cannot be bound. */
  async start(): Promise<PoolPorts> {
    this.#ports = await this.#spawn(this.#init.settings)
    return this.#ports
  }

  /** Resolves when every worker routes by this snapshot. */
  apply(snapshot: Snapshot, sets: readonly EndpointSet[]): Promise<void> {
    this.#snapshot = snapshot
    this.#sets.clear()
    for (const set of sets) this.#sets.set(set.upstream, set)
    this.#sendSnapshot()
    return this.settled()
  }

  /** Endpoints change far more often than routes and travel alone; what the workers already have is not sent again. */
  endpoints(sets: readonly EndpointSet[]): void {
    const changed = sets.filter((set) => this.#sets.get(set.upstream) !== set)
    if (changed.length === 0) return
    for (const set of changed) this.#sets.set(set.upstream, set)
    if (this.#snapshot !== undefined) this.#send({ kind: 'endpoints', sequence: ++this.#sequence, sets: changed })
  }

  /** Resolves when every worker has applied all that was handed over so far. */
  settled(): Promise<void> {
    if (this.#applied >= this.#sequence) return Promise.resolve()
    return new Promise((done) => this.#waiting.push({ sequence: this.#sequence, done }))
  }

  /** The generation every worker has applied; 0 before the first. */
  generation(): number {
    return this.#generation
  }

  /** Workers that died and were replaced since the start. */
  restarts(): number {
    return this.#restarts
  }

  tallies(): Promise<Tallies> {
    const request = ++this.#tallyRequest
    return new Promise((resolve) => {
      const answer = (tallies: Tallies): void => {
        clearTimeout(timer)
        this.#tallies.delete(request)
        resolve(tallies)
      }
      const timer = setTimeout(answer, tallyTimeoutMs, { families: [], endpoints: [] })
      this.#tallies.set(request, answer)
      this.#send({ kind: 'tally', request })
    })
  }

  /** Resolves when the last request is finished or cut, with how many were cut. */
  async drain(timeoutMs: number): Promise<number> {
    this.#closing = true
    const worker = this.#worker
    if (worker === undefined) return 0
    const cut = await new Promise<number>((resolve) => {
      this.#onDrained = resolve
      worker.once('exit', () => resolve(0))
      this.#send({ kind: 'drain', timeoutMs })
    })
    await this.close()
    return cut
  }

  async close(): Promise<void> {
    this.#closing = true
    const worker = this.#worker
    this.#worker = undefined
    await worker?.terminate()
    for (const { done } of this.#waiting.splice(0)) done()
  }

  #spawn(settings: WorkerSettings): Promise<PoolPorts> {
    const worker = new Worker(new URL('./thread.ts', import.meta.url), { workerData: settings })
    this.#worker = worker
    this.#startedAt = performance.now()
    return new Promise((resolve, reject) => {
      worker.on('message', (message: FromWorker) => {
        if (message.kind === 'listening') resolve({ http: message.http, https: message.https, moved: message.moved })
        else if (message.kind === 'failed') reject(new Error(message.message))
        else this.#onMessage(message)
      })
      worker.on('error', (error) => {
        this.#init.log.error('a worker died', { error: error instanceof Error ? (error.stack ?? error.message) : String(error) })
        reject(error instanceof Error ? error : new Error(String(error)))
      })
      worker.on('exit', (code) => {
        reject(new Error(`a worker ended with code ${code} before it listened`))
        if (this.#worker === worker) this.#onExit()
      })
    })
  }

  #onMessage(message: Exclude<FromWorker, { kind: 'listening' | 'failed' }>): void {
    switch (message.kind) {
      case 'applied':
        this.#applied = message.sequence
        this.#generation = message.generation
        this.#release()
        return
      case 'tallies':
        this.#tallies.get(message.request)?.({ families: [message.families], endpoints: message.endpoints })
        return
      case 'log':
        this.#init.log[message.level](message.message, message.fields)
        return
      case 'suspect':
        this.#init.onSuspect(message.upstream)
        return
      case 'outcomes':
        this.#init.onOutcomes(message.outcomes)
        return
      case 'drained':
        this.#onDrained?.(message.cut)
        return
    }
  }

  #release(): void {
    for (let i = this.#waiting.length - 1; i >= 0; i--) {
      if (this.#waiting[i]!.sequence <= this.#applied) this.#waiting.splice(i, 1)[0]!.done()
    }
  }

  #onExit(): void {
    this.#worker = undefined
    // A worker that never listened has its failure reported by start(); only one that served is replaced.
    if (this.#closing || this.#ports === undefined) return
    this.#restarts++
    this.#restartMs = performance.now() - this.#startedAt > steadyMs ? firstRestartMs : Math.min(this.#restartMs * 2, lastRestartMs)
    setTimeout(() => void this.#respawn(), this.#restartMs)
  }

  async #respawn(): Promise<void> {
    if (this.#closing || this.#ports === undefined) return
    const { settings, log } = this.#init
    forgetRow(settings.counters, settings.row)
    try {
      // The same ports as before, whatever was asked for at first.
      await this.#spawn({ ...settings, httpPort: this.#ports.http, httpsPort: this.#ports.https, portConflict: 'fail' })
      this.#sendSnapshot()
      log.warn('a worker was replaced', { restarts: this.#restarts })
    } catch (error) {
      log.error('a worker could not be replaced; trying again', { error: error instanceof Error ? error.message : String(error) })
    }
  }

  #sendSnapshot(): void {
    if (this.#snapshot === undefined) return
    const bytes = encode(this.#snapshot)
    this.#send({ kind: 'snapshot', sequence: ++this.#sequence, bytes, endpoints: [...this.#sets.values()] })
  }

  #send(message: ToWorker): void {
    this.#worker?.postMessage(message)
  }
}

/** Once per change, however many workers there are: cloning the object would cost as much again for each. */
function encode(snapshot: Snapshot): SharedArrayBuffer {
  const text = new TextEncoder().encode(JSON.stringify(snapshot))
  const bytes = new SharedArrayBuffer(text.byteLength)
  new Uint8Array(bytes).set(text)
  return bytes
}

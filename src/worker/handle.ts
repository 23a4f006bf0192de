/**
 * The main thread's side of one worker: starts its thread, starts another when that one dies, and knows what it has
 * applied. What it is told and what it tells is the pool's business.
 */
import { Worker } from 'node:worker_threads'
import type { Counted, FromWorker, ToWorker, WorkerSettings } from './message.ts'
import type { PoolPorts } from './pool.ts'

/** `waiting`: it died, and the next attempt is not due yet. */
export type WorkerState = 'starting' | 'serving' | 'waiting'
export const workerStates: readonly WorkerState[] = ['serving', 'starting', 'waiting']

/** The part of `Worker` that is needed; tests give their own. */
export type Thread = Pick<Worker, 'on' | 'postMessage' | 'terminate'>
export type StartThread = (settings: WorkerSettings) => Thread

export type HandleInit = {
  readonly startThread: StartThread
  /** Everything that the pool, and not the handle, has to act upon. */
  readonly onMessage: (message: FromWorker) => void
  /** The thread has ended, unasked. `error` when it threw. */
  readonly onDeath: (error: Error | undefined) => void
  /** It is due to be started again. */
  readonly onDue: () => void
}

/** Says why a worker did not start; `code` is that of a BindError. */
export class StartError extends Error {
  readonly code: string | undefined

  constructor(message: string, code: string | undefined) {
    super(message)
    this.code = code
  }
}

/** A worker that dies again so soon (in milliseconds) after it was started is started again later and later. */
const steadyMs = 30_000
const firstPauseMs = 200
const lastPauseMs = 10_000

/**
 * Megabytes for objects that mostly die at once: two halves of 8 and what was moved out of them, where V8 would take
 * twice as much. That costs a core's caches more than collecting half as often saves: 5 to 20 % of an HTTP/2 request.
 * As small as 2 each, what thousands of requests hold while they wait for their endpoints would be moved for nothing.
 */
const resourceLimits = { maxYoungGenerationSizeMb: 24 }

export const startWorkerThread: StartThread = (settings) =>
  new Worker(new URL('./thread.ts', import.meta.url), { workerData: settings, resourceLimits })

export class WorkerHandle {
  readonly #init: HandleInit
  #thread: Thread | undefined
  #state: WorkerState = 'starting'
  #startedAt = 0
  #pauseMs = 0
  #timer: NodeJS.Timeout | undefined
  /** The newest change it has applied, or refused. */
  applied = 0
  generation = 0
  /** What it had counted when it was last asked. */
  counted: Counted | undefined

  constructor(init: HandleInit) {
    this.#init = init
  }

  get state(): WorkerState {
    return this.#state
  }

  /** Resolves when it listens; rejects with a StartError when it ends before. */
  start(settings: WorkerSettings): Promise<PoolPorts> {
    const thread = this.#init.startThread(settings)
    this.#thread = thread
    this.#state = 'starting'
    this.#startedAt = performance.now()
    this.applied = 0
    this.generation = 0
    const { promise, resolve, reject } = Promise.withResolvers<PoolPorts>()
    let failure: Error | undefined
    thread.on('message', (message: FromWorker) => {
      if (message.kind === 'listening') {
        this.#state = 'serving'
        resolve({ http: message.http, https: message.https, moved: message.moved })
      } else if (message.kind === 'failed') {
        reject(new StartError(message.message, message.code))
        void thread.terminate()
      } else if (message.kind === 'applied' || message.kind === 'refused') {
        this.applied = message.sequence
        if (message.kind === 'applied') this.generation = message.generation
      }
      this.#init.onMessage(message)
    })
    thread.on('error', (error) => (failure = error instanceof Error ? error : new Error(String(error))))
    thread.on('exit', (code) => {
      reject(new StartError(failure?.message ?? `a worker ended with code ${code} before it listened`, undefined))
      if (this.#thread === thread) this.#died(failure)
    })
    return promise
  }

  send(message: ToWorker): void {
    this.#thread?.postMessage(message)
  }

  /** Whether there is a thread that will answer. */
  get isAlive(): boolean {
    return this.#thread !== undefined
  }

  async close(): Promise<void> {
    clearTimeout(this.#timer)
    const thread = this.#thread
    this.#thread = undefined
    await thread?.terminate()
  }

  /** At once when it had served for long; else after a pause, twice as long each time. */
  #died(error: Error | undefined): void {
    this.#thread = undefined
    this.#state = 'waiting'
    this.#pauseMs =
      performance.now() - this.#startedAt > steadyMs
        ? 0
        : Math.min(Math.max(firstPauseMs, this.#pauseMs * 2), lastPauseMs)
    this.#timer = setTimeout(this.#init.onDue, this.#pauseMs)
    this.#init.onDeath(error)
  }
}

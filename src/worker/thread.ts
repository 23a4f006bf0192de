/**
 * The entry of a worker thread: opens the front door with the settings it was given, then does what the main thread
 * says. Everything it knows arrives as messages; everything it has to tell leaves as messages.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { parentPort, workerData } from 'node:worker_threads'
import { Slices } from '#lib/slices.ts'
import { Turn } from '#lib/turn.ts'
import { BindError } from '#listener/listener.ts'
import { applyPatch, emptySnapshot } from '#snapshot/patch.ts'
import type { Snapshot } from '#snapshot/snapshot.ts'
import type { AccessLog } from '#telemetry/access-log.ts'
import { createAccessLog } from '#telemetry/access-log.ts'
import type { Log, LogFields } from '#telemetry/log.ts'
import { Tally } from '#telemetry/tally.ts'
import type { FrontDoor } from './front-door.ts'
import { createFrontDoor } from './front-door.ts'
import type { FromWorker, LoopDelay, ToWorker, WorkerSettings } from './message.ts'
import { Outcomes } from './outcomes.ts'
import { unpack } from './parcel.ts'
import { Tracing } from './tracing.ts'
import { createWitness } from './witness.ts'

type ChangeMessage = Extract<ToWorker, { kind: 'change' }>

// Only the pool starts this file, and it gives exactly this.
const settings = workerData as WorkerSettings
const port = parentPort!

const tally = new Tally()
const log = remoteLog({})
const outcomes = new Outcomes({
  tell: (news) => say({ kind: 'outcomes', outcomes: news }),
  later: (run) => void setImmediate(run),
})
/** What patches are made to, whether it could be run or not. */
let received: Snapshot = emptySnapshot
/** Of the snapshot we route by. */
let generation = 0
/** Changes are applied one after the other, however long one takes. */
let changes = Promise.resolve()
let isListening = false
/** A request that comes during a slice does not notice; after it comes everything that waits. */
const slices = new Slices({ sliceMs: 3, rest: () => new Promise<void>((go) => setImmediate(go)) })
/** Samples come this often, in milliseconds. */
const sampleMs = 10
/** What a collector may take at the end. */
const lastSpansMs = 2_000
const loopDelay = monitorEventLoopDelay({ resolution: sampleMs })

function say(message: FromWorker): void {
  port.postMessage(message)
}

/** Operational lines are written by the main thread, so that they never interleave. */
function remoteLog(fields: LogFields): Log {
  const write =
    (level: 'debug' | 'info' | 'warn' | 'error') =>
    (message: string, more: LogFields = {}) =>
      say({ kind: 'log', level, message, fields: { ...fields, ...more } })
  return {
    debug: write('debug'),
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
    with: (more) => remoteLog({ ...fields, ...more }),
  }
}

async function open(): Promise<void> {
  const accessLog =
    settings.accessLog === undefined
      ? undefined
      : createAccessLog({
          destination: settings.accessLog,
          turn: new Turn(settings.counters.logTurn, settings.row),
          onDrop: (lines) => tally.logLinesDropped(lines),
        })
  const tracing =
    settings.tracing === undefined
      ? undefined
      : new Tracing({
          settings: settings.tracing,
          log,
          onSent: (spans) => tally.spansSent(spans),
          onDropped: (reason, spans) => tally.spansDropped(reason, spans),
        })
  const observer = createWitness({
    tally,
    accessLog,
    tracing,
    onSuspect: (upstream) => say({ kind: 'suspect', upstream }),
    onOutcome: (upstream, endpoint, ok) => outcomes.note(upstream, endpoint, ok),
  })
  const door = await createFrontDoor({ ...settings, observer, tracing, log })
  if (settings.staples !== undefined) door.useStaples(settings.staples)
  if (!settings.listensLater) sayListening(door)
  port.on('message', (message: ToWorker) => obey({ door, accessLog, tracing }, message))
  loopDelay.enable()
}

function sayListening(door: FrontDoor): void {
  isListening = true
  say({ kind: 'listening', http: door.ports.http, https: door.ports.https, moved: door.moved })
}

/** What this thread runs. */
type House = {
  readonly door: FrontDoor
  readonly accessLog: AccessLog | undefined
  readonly tracing: Tracing | undefined
}

function obey(house: House, message: ToWorker): void {
  const { door } = house
  switch (message.kind) {
    case 'change':
      changes = changes.then(() => change(door, message))
      return
    case 'tally':
      say({
        kind: 'tallies',
        request: message.request,
        counted: { families: tally.families(), endpoints: door.uses(), delay: takeDelay() },
      })
      return
    case 'ticketKeys':
      door.useTicketKeys(message.keys)
      return
    case 'staples':
      door.useStaples(message.staples)
      return
    case 'drain':
      void drain(house, message.timeoutMs)
      return
  }
}

async function change(door: FrontDoor, message: ChangeMessage): Promise<void> {
  const { sequence } = message
  try {
    await slices.run(applying(door, message))
    outcomes.keep(() => door.endpointIds())
    say({ kind: 'applied', sequence, generation })
  } catch (error) {
    // One that could not even begin has nothing to offer to anybody.
    if (!isListening) return fail(error)
    return say({
      kind: 'refused',
      sequence,
      message: error instanceof Error ? (error.stack ?? error.message) : String(error),
    })
  }
  if (!isListening) await door.listen().then(() => sayListening(door), fail)
}

function* applying(door: FrontDoor, { parcel, snapshot: announced }: ChangeMessage): Generator<void, void> {
  const { patch, sets } = yield* unpack(parcel, announced?.generation)
  if (patch === undefined || announced === undefined) return yield* door.applying({ sets, snapshot: undefined })
  const snapshot = applyPatch(received, patch)
  received = snapshot
  yield
  yield* door.applying({ sets, snapshot, table: announced.table })
  generation = snapshot.generation
  yield
  tally.keep(
    new Set(
      [...snapshot.routes, ...(snapshot.unmatched === undefined ? [] : [snapshot.unmatched])].map(({ id }) => id),
    ),
  )
}

function takeDelay(): LoopDelay {
  const late = (nanoseconds: number): number => Math.max(0, nanoseconds / 1e6 - sampleMs)
  const delay = {
    p50: late(loopDelay.percentile(50)),
    p99: late(loopDelay.percentile(99)),
    max: late(loopDelay.max),
    longestSlice: slices.takeLongest(),
  }
  loopDelay.reset()
  return delay
}

async function drain({ door, accessLog, tracing }: House, timeoutMs: number): Promise<void> {
  const cut = await door.drain(timeoutMs)
  await Promise.all([accessLog?.close(), tracing?.close(lastSpansMs)])
  say({ kind: 'drained', cut })
}

function fail(error: unknown): void {
  say({
    kind: 'failed',
    code: error instanceof BindError ? error.code : undefined,
    message: error instanceof Error ? error.message : String(error),
  })
}

open().catch(fail)

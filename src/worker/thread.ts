/**
 * The entry of a worker thread: opens the front door with the settings it was given, then does what the main thread
 * says. Everything it knows arrives as messages; everything it has to tell leaves as messages.
 */
import { parentPort, workerData } from 'node:worker_threads'
import type { Snapshot } from '#snapshot/snapshot.ts'
import type { AccessLog } from '#telemetry/access-log.ts'
import { createAccessLog } from '#telemetry/access-log.ts'
import type { Log, LogFields } from '#telemetry/log.ts'
import { Tally } from '#telemetry/tally.ts'
import type { FrontDoor } from './front-door.ts'
import { createFrontDoor } from './front-door.ts'
import type { FromWorker, ToWorker, WorkerSettings } from './message.ts'
import { Outcomes } from './outcomes.ts'
import { createWitness } from './witness.ts'

// Only the pool starts this file, and it gives exactly this.
const settings = workerData as WorkerSettings
const port = parentPort!

const tally = new Tally()
const log = remoteLog({})
const outcomes = new Outcomes({ tell: (news) => say({ kind: 'outcomes', outcomes: news }), later: (run) => void setImmediate(run) })
let generation = 0

function say(message: FromWorker): void {
  port.postMessage(message)
}

/** Operational lines are written by the main thread, so that they never interleave. */
function remoteLog(fields: LogFields): Log {
  const write = (level: 'debug' | 'info' | 'warn' | 'error') => (message: string, more: LogFields = {}) =>
    say({ kind: 'log', level, message, fields: { ...fields, ...more } })
  return { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error'), with: (more) => remoteLog({ ...fields, ...more }) }
}

async function open(): Promise<void> {
  const accessLog = settings.accessLog === undefined ? undefined : createAccessLog({ destination: settings.accessLog, onDrop: () => tally.logLineDropped() })
  const observer = createWitness({
    tally,
    accessLog,
    onSuspect: (upstream) => say({ kind: 'suspect', upstream }),
    onOutcome: (upstream, endpoint, ok) => outcomes.note(upstream, endpoint, ok),
  })
  const door = await createFrontDoor({ ...settings, reusePort: false, observer, log })
  port.on('message', (message: ToWorker) => obey(door, accessLog, message))
  say({ kind: 'listening', http: door.ports.http, https: door.ports.https, moved: door.moved })
}

function obey(door: FrontDoor, accessLog: AccessLog | undefined, message: ToWorker): void {
  switch (message.kind) {
    case 'snapshot': {
      const snapshot = decode(message.bytes)
      door.apply(snapshot, message.endpoints)
      tally.keep(new Set(snapshot.routes.map((route) => route.id)))
      outcomes.keep(() => door.endpointIds())
      generation = snapshot.generation
      say({ kind: 'applied', sequence: message.sequence, generation })
      return
    }
    case 'endpoints':
      door.endpoints(message.sets)
      outcomes.keep(() => door.endpointIds())
      say({ kind: 'applied', sequence: message.sequence, generation })
      return
    case 'tally':
      say({ kind: 'tallies', request: message.request, families: tally.families(), endpoints: door.uses() })
      return
    case 'drain':
      void drain(door, accessLog, message.timeoutMs)
      return
  }
}

async function drain(door: FrontDoor, accessLog: AccessLog | undefined, timeoutMs: number): Promise<void> {
  const cut = await door.drain(timeoutMs)
  await accessLog?.close()
  say({ kind: 'drained', cut })
}

/** The bytes are the pool's own encoding of a Snapshot. */
function decode(bytes: SharedArrayBuffer): Snapshot {
  // TextDecoder refuses shared memory, so the text is copied once on its way.
  return JSON.parse(Buffer.from(new Uint8Array(bytes)).toString('utf8')) as Snapshot
}

open().catch((error: unknown) => say({ kind: 'failed', message: error instanceof Error ? error.message : String(error) }))

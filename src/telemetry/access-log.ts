/**
 * One JSON line per exchange. Requests never wait for the log: lines are collected and written in the background, and
 * when the destination is too slow lines are dropped and counted instead of remembered.
 */
import { mkdirSync, openSync } from 'node:fs'
import { dirname } from 'node:path'
import { pino } from 'pino'

/** Everything the line says; `undefined` values are left out. Times are in milliseconds, sizes in bytes. */
export type AccessRecord = {
  readonly time: string
  readonly client: string
  readonly scheme: string
  readonly method: string
  readonly host: string
  /** As received, query included. */
  readonly target: string
  readonly protocol: string
  readonly status: number
  readonly cause: string | undefined
  /** What went wrong, for the operator. */
  readonly detail: string | undefined
  readonly duration: number
  readonly requestBytes: number
  readonly responseBytes: number
  readonly route: string | undefined
  readonly backend: string | undefined
  readonly endpoint: string | undefined
  readonly attempts: number
  /** Why each further attempt was made. */
  readonly retried: string | undefined
  readonly upstreamStatus: number | undefined
  readonly requestId: string | undefined
  readonly userAgent: string | undefined
  readonly referer: string | undefined
  readonly tls: string | undefined
  readonly sni: string | undefined
  readonly lane: string
  /** Why the fast lane left the connection to the general one. */
  readonly unfit?: string | undefined
}

export interface AccessLog {
  write(record: AccessRecord): void
  /** Resolves when everything written so far has reached the destination, or has failed to. */
  close(): Promise<void>
}

export type AccessLogInit = {
  /** A file's path, or 1 for standard output. */
  readonly destination: string | 1
  readonly onDrop: () => void
}

/** Enough for a second of a busy worker; beyond it lines are dropped. */
const bufferBytes = 4 * 1024 * 1024
/** One write of this size at a time: fewer system calls than lines. */
const writeBytes = 8 * 1024
const flushMs = 250
/** What a slow destination may take at the end. */
const closeMs = 1_000

/** Throws when the file cannot be opened. */
export function createAccessLog({ destination, onDrop }: AccessLogInit): AccessLog {
  const sink = pino.destination({ dest: open(destination), sync: false, minLength: writeBytes, maxLength: bufferBytes })
  sink.on('drop', onDrop)
  // A reader that went away (EPIPE) or a full disk must not take the front door down.
  sink.on('error', onDrop)
  const logger = pino({ base: null, timestamp: false, formatters: { level: () => ({ kind: 'access' }) } }, sink)
  const timer = setInterval(() => sink.flush(), flushMs)
  timer.unref()
  return {
    write: (record) => logger.info(record),
    close: () => {
      clearInterval(timer)
      return ended(sink)
    },
  }
}

/** Not `flushSync`: it tries for ever when the disk is full. */
function ended(sink: ReturnType<typeof pino.destination>): Promise<void> {
  return new Promise((resolve) => {
    const limit = setTimeout(resolve, closeMs)
    const done = (): void => {
      clearTimeout(limit)
      resolve()
    }
    sink.once('close', done)
    sink.once('error', done)
    sink.end()
  })
}

/** Opened here and now, so that a path that cannot be written is an error at start and not a silent loss later. */
function open(destination: string | 1): number {
  if (destination === 1) return 1
  mkdirSync(dirname(destination), { recursive: true })
  return openSync(destination, 'a')
}

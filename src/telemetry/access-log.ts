/**
 * One JSON line per exchange. Requests never wait for the log: lines are collected and written in the background, and
 * when the destination is too slow lines are dropped and counted instead of remembered.
 */
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
  readonly upstreamStatus: number | undefined
  readonly requestId: string | undefined
  readonly userAgent: string | undefined
  readonly referer: string | undefined
  readonly tls: string | undefined
  readonly sni: string | undefined
  readonly lane: string
}

export interface AccessLog {
  write(record: AccessRecord): void
  /** Everything written so far reaches the destination before this returns. */
  close(): void
}

export type AccessLogInit = {
  /** A file's path, or 1 for standard output. */
  readonly destination: string | 1
  readonly onDrop: () => void
}

/** Enough for a second of a busy worker; beyond it lines are dropped. */
const bufferBytes = 4 * 1024 * 1024
/** One write of this size at a time: fewer system calls than lines. */
const writeBytes = 16 * 1024
const flushMs = 250

/** Throws when the file cannot be opened. */
export function createAccessLog({ destination, onDrop }: AccessLogInit): AccessLog {
  const sink = pino.destination({ dest: destination, sync: false, minLength: writeBytes, maxLength: bufferBytes, append: true, mkdir: true })
  sink.on('drop', onDrop)
  // A reader that went away (EPIPE) or a full disk must not take the front door down.
  sink.on('error', onDrop)
  const logger = pino({ base: null, timestamp: false, formatters: { level: () => ({}) } }, sink)
  const timer = setInterval(() => sink.flush(), flushMs)
  timer.unref()
  return {
    write: (record) => logger.info(record),
    close: () => {
      clearInterval(timer)
      try {
        sink.flushSync()
      } catch {
        onDrop()
      }
    },
  }
}

/**
 * The operational log. What the rest of the program sees is this small interface; the library behind it stays here.
 */
import { pino } from 'pino'

export type LogFields = Readonly<Record<string, unknown>>
export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent'

export interface Log {
  debug(message: string, fields?: LogFields): void
  info(message: string, fields?: LogFields): void
  warn(message: string, fields?: LogFields): void
  error(message: string, fields?: LogFields): void
  /** The same log with fields that every line carries. */
  with(fields: LogFields): Log
}

/** Says nothing: for tests and for offline commands. */
export const silentLog: Log = {
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: () => {},
  with: () => silentLog,
}

export type LogInit = {
  readonly level: LogLevel
  readonly format: 'json' | 'pretty'
  readonly write: (line: string) => void
}

/** `write` receives one line at a time, newline included. */
export function createLog({ level, format, write }: LogInit): Log {
  if (format === 'json') {
    return wrap(
      pino(
        {
          level,
          base: null,
          timestamp: pino.stdTimeFunctions.isoTime,
          formatters: { level: (label) => ({ level: label }) },
        },
        { write },
      ),
    )
  }
  return wrap(
    pino(
      { level, base: null, formatters: { level: (label) => ({ level: label }) } },
      { write: (line) => write(prettify(line)) },
    ),
  )
}

function wrap(logger: pino.Logger): Log {
  return {
    debug: (message, fields) => logger.debug(fields ?? {}, message),
    info: (message, fields) => logger.info(fields ?? {}, message),
    warn: (message, fields) => logger.warn(fields ?? {}, message),
    error: (message, fields) => logger.error(fields ?? {}, message),
    with: (fields) => wrap(logger.child(fields)),
  }
}

/** `warn   a sentence  key=value`: for a person at a terminal. */
function prettify(line: string): string {
  const { level, msg, time: _, ...rest } = JSON.parse(line) as Record<string, unknown>
  const fields = Object.entries(rest).map(
    ([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`,
  )
  return `${[String(level).padEnd(5), String(msg), ...fields].join('  ')}\n`
}

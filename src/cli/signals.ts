/**
 * Signals of a running front door: SIGTERM and SIGINT ask it to finish, a second one to stop now, SIGHUP to read again.
 */
import type { ExitCode } from './user-error.ts'

export type SignalActions = {
  /** Stop accepting and finish what is in flight. */
  readonly drain: () => Promise<unknown>
  readonly close: () => Promise<unknown>
  /** `undefined` when SIGHUP means what it first meant: the terminal is gone, so stop. */
  readonly reload: (() => void) | undefined
  readonly say: (sentence: string) => void
}

/** A terminal and the program between us and it (npm, a shell) may both pass on one and the same Ctrl-C. */
const echoMs = 250

/** Resolves with the exit code once everything is closed: 0 after a drain, 1 when it was cut short. */
export function untilStopped({ drain, close, reload, say }: SignalActions): Promise<ExitCode> {
  return new Promise((resolve, reject) => {
    let askedAt: number | undefined
    const finish = (code: ExitCode): void => {
      for (const signal of ['SIGTERM', 'SIGINT'] as const) process.off(signal, stop)
      process.off('SIGHUP', reload ?? stop)
      resolve(code)
    }
    const stop = (signal: NodeJS.Signals): void => {
      if (askedAt === undefined) {
        askedAt = performance.now()
        say(`${signal}: finishing the requests in flight; the same again stops now`)
        drain().then(() => finish(0), reject)
      } else if (performance.now() - askedAt > echoMs) {
        say(`${signal} again: stopping now`)
        close().then(() => finish(1), reject)
      }
    }
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, stop)
    process.on('SIGHUP', reload ?? stop)
  })
}

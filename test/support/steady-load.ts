/** Clients that keep asking until told to stop, and count every answer that is not the expected one. */
import { setTimeout as sleep } from 'node:timers/promises'
import { Pool } from 'undici'

export type SteadyLoad = {
  /** Resolves when at least this many more answers have come: "while under load" made an event. */
  more(answers: number): Promise<void>
  /** Stops asking; resolves with the number of good answers and every bad one. */
  stop(): Promise<{ readonly good: number; readonly bad: readonly string[] }>
}

/** `clients` kept-alive connections to a front door on loopback, each with one request at a time, and `pauseMs` between two. */
export function steadyLoad(
  port: number,
  host: string,
  init: { readonly path?: string; readonly clients?: number; readonly pauseMs?: number } = {},
): SteadyLoad {
  const { path = '/', clients = 4, pauseMs = 0 } = init
  const pool = new Pool(`http://127.0.0.1:${port}`, { connections: clients })
  const bad: string[] = []
  const waiting: { readonly at: number; readonly done: () => void }[] = []
  let good = 0
  const stop = new AbortController()
  const ask = async (): Promise<void> => {
    while (!stop.signal.aborted) {
      try {
        const { statusCode, body } = await pool.request({ path, method: 'GET', headers: { host } })
        const text = await body.text()
        if (statusCode === 200) good++
        else bad.push(`${statusCode} ${text}`)
      } catch (error) {
        bad.push(String(error))
      }
      if (pauseMs > 0) await sleep(pauseMs)
      while (waiting[0] !== undefined && waiting[0].at <= good + bad.length) waiting.shift()!.done()
    }
  }
  const asking = Array.from({ length: clients }, ask)
  return {
    more: (answers) => new Promise((done) => waiting.push({ at: good + bad.length + answers, done })),
    stop: async () => {
      stop.abort()
      await Promise.all(asking)
      await pool.close()
      return { good, bad }
    },
  }
}

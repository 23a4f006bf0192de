/**
 * autocannon in a process of its own, so that it can be bound to the load's core: `autocannon-process.ts <drive.json>`
 * prints a `Driven`.
 */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { Drive, Driven } from './drive.ts'

type Autocannon = (options: object) => Promise<{
  readonly latency: Readonly<Record<'p50' | 'p99' | 'p99_9', number>>
  readonly requests: { readonly total: number }
  readonly errors: number
  readonly timeouts: number
  readonly non2xx: number
  /** Seconds. */
  readonly duration: number
}>

// It has no types of its own; these are what its README promises.
const autocannon = createRequire(import.meta.url)('autocannon') as Autocannon

// drive.ts has written it, with the body as a string.
const drive = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8')) as Omit<Drive, 'load'> & {
  readonly load: Omit<Drive['load'], 'body'> & { readonly body: string }
}
const { load, port, hosts, cookie, seconds } = drive
const result = await autocannon({
  url: `${load.protocol}://127.0.0.1:${port}`,
  connections: load.clients,
  duration: seconds,
  timeout: 5,
  servername: hosts[0]!,
  requests: hosts.map((host) => ({
    method: load.method,
    path: load.path,
    headers: { host, ...(cookie === undefined ? {} : { cookie }) },
    ...(load.body === '' ? {} : { body: load.body }),
  })),
})
const { latency, requests, errors, timeouts, non2xx, duration } = result
const micros = (ms: number): number => ms * 1_000
const driven: Driven = {
  requests: requests.total,
  seconds: duration,
  failures: errors + timeouts + non2xx,
  p50: micros(latency.p50),
  p99: micros(latency.p99),
  p999: micros(latency.p99_9),
}
process.stdout.write(`${JSON.stringify(driven)}\n`)

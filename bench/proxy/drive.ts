/**
 * Load, by whichever driver is there: wrk where it can (it takes least of the core it shares with the endpoints), h2load
 * for HTTP/2, autocannon otherwise. All are closed loops: a client sends its next request when it has its answer, so
 * latencies are those at full load and compare proxies only with one another.
 */
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Children } from './children.ts'
import { has, output } from './children.ts'
import type { Load } from './scenario.ts'

export type Drive = {
  readonly load: Load
  readonly port: number
  readonly hosts: readonly string[]
  readonly cookie: string | undefined
  readonly seconds: number
}

/** Latencies in microseconds. */
export type Driven = {
  readonly requests: number
  readonly seconds: number
  /** Connections that failed, timeouts and answers that were no success. */
  readonly failures: number
  readonly p50: number
  readonly p99: number
  readonly p999: number
}

/** `node`: tally-process.ts, for what none of the others can count. */
export type DriverName = 'wrk' | 'autocannon' | 'h2load' | 'node'

export type DriverInit = {
  readonly children: Children
  readonly dir: string
  readonly cores: readonly number[]
  readonly wanted: 'auto' | 'wrk' | 'autocannon'
}

export const h2loadConnections = 8

export class Driver {
  readonly #init: DriverInit

  constructor(init: DriverInit) {
    this.#init = init
  }

  /** `undefined` when no installed driver speaks the protocol. */
  nameFor({ protocol, per }: Load): DriverName | undefined {
    if (per !== 'request') return 'node'
    if (protocol === 'h2') return has('h2load') ? 'h2load' : undefined
    return this.#init.wanted === 'autocannon' || !has('wrk') ? 'autocannon' : 'wrk'
  }

  drive(drive: Drive): Promise<Driven> {
    switch (this.nameFor(drive.load)) {
      case 'wrk':
        return this.#wrk(drive)
      case 'h2load':
        return this.#h2load(drive)
      case 'autocannon':
        return this.#process('autocannon', drive)
      case 'node':
        return this.#process('tally', drive)
      case undefined:
        return Promise.reject(new Error('no driver for this protocol'))
    }
  }

  async #wrk({ load, port, hosts, cookie, seconds }: Drive): Promise<Driven> {
    const { dir } = this.#init
    const [hostsFile, bodyFile] = [join(dir, 'hosts.txt'), join(dir, 'body')]
    writeFileSync(hostsFile, `${hosts.join('\n')}\n`)
    writeFileSync(bodyFile, load.body)
    const flags = [
      '-t1',
      `-c${load.clients}`,
      `-d${seconds}s`,
      '--timeout',
      '5s',
      '-s',
      join(import.meta.dirname, 'wrk.lua'),
    ]
    const url = `${load.protocol}://127.0.0.1:${port}${load.path}`
    const text = await this.#run(
      'wrk',
      [...flags, url, '--', hostsFile, load.method, load.path, bodyFile, cookie ?? ''],
      seconds,
    )
    // wrk.lua has written it.
    const result = JSON.parse(text.trim().split('\n').at(-1)!) as Readonly<Record<string, number>>
    const { requests = 0, micros = 0, socketErrors = 0, badStatuses = 0, p50 = 0, p99 = 0, p999 = 0 } = result
    return { requests, seconds: micros / 1e6, failures: socketErrors + badStatuses, p50, p99, p999 }
  }

  /** h2load knows no percentiles, but writes a line for every request: begun at, status, microseconds. */
  async #h2load({ load, port, hosts, cookie, seconds }: Drive): Promise<Driven> {
    const { dir } = this.#init
    const [log, bodyFile] = [join(dir, 'h2load.log'), join(dir, 'body')]
    rmSync(log, { force: true })
    writeFileSync(bodyFile, load.body)
    const streams = Math.max(1, load.clients / h2loadConnections)
    const flags = ['-t1', `-c${h2loadConnections}`, `-m${streams}`, `-D${seconds}`, `--log-file=${log}`]
    const fields = [`:authority: ${hosts[0]!}`, ...(cookie === undefined ? [] : [`cookie: ${cookie}`])]
    if (load.method === 'POST') flags.push('-d', bodyFile)
    const url = `https://127.0.0.1:${port}${load.path}`
    const text = await this.#run('h2load', [...flags, ...fields.flatMap((field) => ['-H', field]), url], seconds)
    const [, done = 0, good = 0] = (/(\d+) done, (\d+) succeeded/.exec(text) ?? []).map(Number)
    const lines = readFileSync(log, 'utf8')
      .trim()
      .split('\n')
      .map((line) => Number(line.split('\t')[2]))
    const sorted = Float64Array.from(lines).toSorted()
    const at = (share: number): number => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0
    return { requests: done, seconds, failures: done - good, p50: at(0.5), p99: at(0.99), p999: at(0.999) }
  }

  async #process(name: 'autocannon' | 'tally', drive: Drive): Promise<Driven> {
    const file = join(this.#init.dir, `${name}.json`)
    const { load, ...rest } = drive
    writeFileSync(file, JSON.stringify({ ...rest, load: { ...load, body: load.body.toString('latin1') } }))
    const text = await this.#run(
      process.execPath,
      [join(import.meta.dirname, `${name}-process.ts`), file],
      drive.seconds,
    )
    // The process has written it.
    return JSON.parse(text.trim().split('\n').at(-1)!) as Driven
  }

  #run(command: string, args: readonly string[], seconds: number): Promise<string> {
    const { children, cores } = this.#init
    return output(children, { command, args }, { cores, timeoutMs: seconds * 1_000 + 20_000 })
  }
}

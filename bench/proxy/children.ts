/**
 * Processes this run has started, each bound to its cores and all of them ended with it, by their numbers.
 */
import type { ChildProcess, SpawnOptions } from 'node:child_process'
import { spawn, spawnSync } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import { descendants } from './cpu.ts'
import type { Launch } from './peer.ts'

export type Child = {
  readonly pid: number
  /** The last it said, for error messages. */
  readonly said: () => string
  readonly alive: () => boolean
  readonly ended: Promise<number | null>
  /** Asks it to end, and ends it and what it started a little later. */
  readonly stop: () => Promise<void>
}

const graceMs = 3_000
const saidBytes = 2_000

export class Children {
  readonly #living = new Set<Child>()
  readonly #taskset = has('taskset')

  /** Whether processes are bound to cores at all. */
  get pinned(): boolean {
    return this.#taskset
  }

  /** Throws when the command cannot be started. */
  start(launch: Launch, cores: readonly number[]): Child {
    const { command, args } = launch
    const out = launch.output === undefined ? undefined : openSync(launch.output, 'a')
    const options: SpawnOptions = { stdio: ['ignore', out ?? 'pipe', 'pipe'], env: { ...process.env, ...launch.env } }
    const started = this.#taskset
      ? spawn('taskset', ['-c', cores.join(','), command, ...args], options)
      : spawn(command, args, options)
    if (out !== undefined) closeSync(out)
    if (started.pid === undefined) throw new Error(`${command} cannot be started`)
    const child = childOf(started, started.pid)
    this.#living.add(child)
    void child.ended.then(() => this.#living.delete(child))
    return child
  }

  async stopAll(): Promise<void> {
    await Promise.all([...this.#living].map((child) => child.stop()))
  }

  /** For the very end of this process, when nothing can be awaited any more. */
  killAll(): void {
    for (const { pid } of this.#living) for (const each of [pid, ...descendants(pid)]) signal(each, 'SIGKILL')
  }
}

/** Whether a program is on PATH. */
export function has(program: string): boolean {
  return spawnSync('sh', ['-c', 'command -v "$1"', 'sh', program], { stdio: 'ignore' }).status === 0
}

/** What a program says of itself, first line; `undefined` when it is not there. Some say it on standard error. */
export function versionOf(program: string, ...args: readonly string[]): string | undefined {
  if (!has(program)) return undefined
  const { stdout, stderr } = spawnSync(program, args, { encoding: 'utf8', timeout: 10_000 })
  return (
    `${stdout}${stderr}`
      .trim()
      .split('\n')[0]
      ?.match(/\d+(\.\d+)+/)?.[0] ?? 'of unknown version'
  )
}

/** Runs to the end and gives its standard output; rejects when it takes longer, or fails. */
export async function output(
  children: Children,
  launch: Launch,
  limits: { cores: readonly number[]; timeoutMs: number },
): Promise<string> {
  const child = children.start(launch, limits.cores)
  const timer = setTimeout(() => void child.stop(), limits.timeoutMs)
  const code = await child.ended
  clearTimeout(timer)
  if (code !== 0)
    throw new Error(`${launch.command} ended with ${code ?? 'a signal'}: ${child.said().slice(-saidBytes)}`)
  return child.said()
}

function childOf(started: ChildProcess, pid: number): Child {
  let text = ''
  const keep = (chunk: Buffer): void => void (text = `${text}${chunk.toString()}`.slice(-64 * 1_024))
  started.stdout?.on('data', keep)
  started.stderr?.on('data', keep)
  started.on('error', (error) => keep(Buffer.from(error.message)))
  const ended = new Promise<number | null>((resolve) => {
    started.on('close', resolve)
    started.on('error', () => resolve(null))
  })
  const alive = (): boolean => started.exitCode === null && started.signalCode === null
  return { pid, ended, alive, said: () => text, stop: () => stop(pid, ended, alive) }
}

async function stop(pid: number, ended: Promise<unknown>, alive: () => boolean): Promise<void> {
  if (!alive()) return
  const family = [pid, ...descendants(pid)]
  const timer = setTimeout(() => family.forEach((each) => signal(each, 'SIGKILL')), graceMs)
  signal(pid, 'SIGTERM')
  await ended
  clearTimeout(timer)
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name)
  } catch {
    // It has ended meanwhile.
  }
}

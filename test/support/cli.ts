/**
 * Genkan's command line as a child process, on the Node that runs the tests.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { laneUnderTest } from './lanes.ts'

export const root = join(import.meta.dirname, '../..')
export const bin = join(root, 'bin/genkan.js')

export type CliInit = {
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
  readonly nodeArgs?: readonly string[]
}
export type CliResult = { readonly code: number | null; readonly out: string; readonly err: string }

/** Runs a command to its end. */
export async function genkan(args: readonly string[], init: CliInit = {}): Promise<CliResult> {
  const child = startGenkan(args, init)
  const [out, err, [code]] = await Promise.all([
    text(child.stdout!),
    text(child.stderr!),
    once(child, 'exit') as Promise<[number | null]>,
  ])
  return { code, out, err }
}

/** Starts a command that stays. Whoever starts it ends it. A front door has the lane under test unless a flag says it. */
export function startGenkan(
  args: readonly string[],
  { env = {}, cwd = root, nodeArgs = [] }: CliInit = {},
): ChildProcess {
  return spawn(process.execPath, [...nodeArgs, bin, ...args], {
    cwd,
    env: { PATH: process.env['PATH'] ?? '', ...(opensDoor(args) && { GENKAN_LANE: laneUnderTest() }), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
}

function opensDoor([command = '', ...flags]: readonly string[]): boolean {
  return ['serve', 'dev'].includes(command) && flags.includes('--ports-file') && !flags.includes('--lane')
}

/** Everything a child has said so far, growing. */
export function listen(child: ChildProcess): { out: string; err: string } {
  const said = { out: '', err: '' }
  child.stdout!.setEncoding('utf8').on('data', (chunk: string) => (said.out += chunk))
  child.stderr!.setEncoding('utf8').on('data', (chunk: string) => (said.err += chunk))
  return said
}

/** Resolves once what the child says matches; rejects when the child ends or `ms` pass before. */
export function heard(
  child: ChildProcess,
  said: { readonly out: string; readonly err: string },
  pattern: RegExp,
  ms = 15_000,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const look = (): void => {
      if (pattern.test(said.out) || pattern.test(said.err)) finish(resolve)
    }
    const fail = (why: string) => (): void =>
      finish(() => reject(new Error(`${why} before ${pattern}:\n${said.out}\n${said.err}`)))
    const exited = fail('the process ended')
    const timer = setTimeout(fail(`${ms} ms passed`), ms)
    const finish = (settle: () => void): void => {
      clearTimeout(timer)
      child.stdout!.off('data', look)
      child.stderr!.off('data', look)
      child.off('exit', exited)
      settle()
    }
    child.stdout!.on('data', look)
    child.stderr!.on('data', look)
    child.on('exit', exited)
    look()
  })
}

/** Asks it to stop and waits until it has. */
export async function stop(child: ChildProcess, signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
  if (child.exitCode !== null || child.signalCode !== null) return child.exitCode
  const exit = once(child, 'exit') as Promise<[number | null]>
  child.kill(signal)
  return (await exit)[0]
}

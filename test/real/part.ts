/**
 * Real programs as test parts: found on this machine, started on loopback, stopped by their own process.
 */
import type { ChildProcess } from 'node:child_process'
import { execFile, spawn } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { accessSync, constants, readFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { createServer } from 'node:net'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'

/** The path of a command that packages.txt lists. A missing one fails the test, here as in CI: nothing is skipped. */
export function findPart(command: string): string {
  // Debian keeps servers where only root's PATH looks.
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin', '/sbin']
  const found = folders.map((folder) => join(folder, command)).find(isExecutable)
  if (found === undefined)
    throw new Error(`${command} is missing on this machine; on Debian: apt-get install ${packageOf(command)}`)
  return found
}

/** What a command prints on standard output. Rejects when it fails or takes longer than 10 s. */
export async function run(command: string, ...words: readonly string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(findPart(command), words, { timeout: 10_000, killSignal: 'SIGKILL' })
  return stdout
}

export type RunningPart = { readonly child: ChildProcess; stop(): Promise<void> }

/** Starts a program and resolves when it has printed what tells that it is ready. */
export async function startPart(command: string, words: readonly string[], ready: RegExp): Promise<RunningPart> {
  const child = spawn(findPart(command), words, { stdio: ['ignore', 'pipe', 'pipe'] })
  let printed = ''
  const exited = once(child, 'exit')
  await new Promise<void>((done, fail) => {
    const read = (chunk: Buffer) => {
      printed += chunk.toString()
      if (ready.test(printed)) done()
    }
    child.stdout.on('data', read)
    child.stderr.on('data', read)
    child.on('error', fail)
    child.on('exit', (code) => fail(new Error(`${command} ended with ${code}: ${printed}`)))
  })
  const stop = async () => {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM')
    await exited
  }
  return { child, stop }
}

/** A loopback port that is free for UDP and TCP right now. */
export async function freePort(): Promise<number> {
  for (;;) {
    const tcp = createServer().listen({ host: '127.0.0.1', port: 0 })
    await once(tcp, 'listening')
    // A listening TCP server has an address object, never a pipe's path.
    const { port } = tcp.address() as AddressInfo
    const udp = createSocket('udp4')
    const isFree = await new Promise<boolean>((done) => {
      udp.once('error', () => done(false))
      udp.bind({ address: '127.0.0.1', port }, () => done(true))
    })
    await Promise.all([
      new Promise((done) => tcp.close(done)),
      new Promise<void>((done) => (isFree ? udp.close(() => done()) : done())),
    ])
    if (isFree) return port
  }
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

function packageOf(command: string): string {
  const lines = readFileSync(join(import.meta.dirname, 'packages.txt'), 'utf8').split('\n')
  return lines.map((line) => line.split(/\s+/)).find(([name]) => name === command)?.[1] ?? command
}

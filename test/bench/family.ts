/**
 * A program for cpu.test.ts that burns processor time wherever a proxy might: in its main thread, in another thread, in
 * a child that lives, in a child's child, and in a child that has ended. Says in milliseconds how much it was, and waits.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { isMainThread, parentPort, Worker } from 'node:worker_threads'

const burnMs = 150

function burn(): void {
  const began = process.threadCpuUsage()
  let spent = 0
  while (spent < burnMs * 1_000) {
    const { user, system } = process.threadCpuUsage(began)
    spent = user + system
  }
}

function usedMs(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1_000
}

/** Resolves with what it and its own have used. */
async function child(kind: string): Promise<number> {
  const started = spawn(process.execPath, [import.meta.filename, kind], { stdio: ['ignore', 'pipe', 'inherit'] })
  const [line] = (await once(started.stdout, 'data')) as [Buffer]
  if (kind === 'ending') await once(started, 'close')
  return Number(line.toString())
}

async function main(kind: string): Promise<void> {
  burn()
  let used = 0
  if (kind === 'root') {
    await once(new Worker(new URL(import.meta.url)), 'message')
    used += await child('ending')
    used += await child('parent')
  }
  if (kind === 'parent') used += await child('leaf')
  process.stdout.write(`${used + usedMs()}\n`)
  // Whoever started it ends it: with its output nobody reads what it would say.
  if (kind !== 'ending') setInterval(() => process.ppid === 1 && process.exit(), 100)
}

if (isMainThread) await main(process.argv[2] ?? 'root')
else {
  burn()
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- threads have no origin
  parentPort?.postMessage('burnt')
  // It stays: a thread that has ended is counted by other means.
  setInterval(() => {}, 60_000)
}

/**
 * Waiting for things of other processes: ports, files, first answers.
 */
import { randomInt } from 'node:crypto'
import { createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

const pauseMs = 20

/** Asks until the answer is neither `undefined`, `false` nor an error; rejects after `limitMs`. */
export async function until<T>(what: string, limitMs: number, ask: () => Promise<T | undefined | false>): Promise<T> {
  const limit = performance.now() + limitMs
  let last = ''
  while (performance.now() < limit) {
    try {
      const answer = await ask()
      if (answer !== undefined && answer !== false) return answer
    } catch (error) {
      last = `: ${error instanceof Error ? error.message : String(error)}`
    }
    await sleep(pauseMs)
  }
  throw new Error(`waited ${limitMs} ms in vain: ${what}${last}`)
}

/** Below those that systems hand out for outgoing connections, so that the load does not take them meanwhile. */
const firstPort = 10_240
const endPort = 32_768

/** Ports of 127.0.0.1 that nobody has now, all different. */
export async function freePorts(count: number): Promise<readonly number[]> {
  const ports = new Set<number>()
  for (let tries = 0; ports.size < count && tries < 1_000; tries += 1) {
    const port = randomInt(firstPort, endPort)
    if (await isFree(port)) ports.add(port)
  }
  if (ports.size < count) throw new Error('no free ports')
  return [...ports]
}

function isFree(port: number): Promise<boolean> {
  const server = createServer()
  return new Promise((resolve) => {
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}

/**
 * Waiting for things of other processes: ports, files, first answers.
 */
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

/** Ports of 127.0.0.1 that nobody has now, all different. */
export async function freePorts(count: number): Promise<readonly number[]> {
  const servers = Array.from({ length: count }, () => createServer())
  const ports: number[] = []
  for (const server of servers) {
    await new Promise<void>((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve))
    const address = server.address()
    if (address !== null && typeof address === 'object') ports.push(address.port)
  }
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
  return ports
}

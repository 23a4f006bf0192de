/**
 * Listening sockets out of Linux's /proc.
 */
import { readFileSync } from 'node:fs'

/** `st` of proc_net_tcp(5) for a socket that listens. */
const listening = '0A'

/** How many sockets listen on this port; `undefined` without /proc. */
export function listeners(port: number): number | undefined {
  const wanted = `:${port.toString(16).toUpperCase().padStart(4, '0')}`
  let count: number | undefined
  for (const file of ['/proc/net/tcp', '/proc/net/tcp6']) {
    const sockets = read(file)
      ?.split('\n')
      .slice(1)
      .map((line) => line.trim().split(/\s+/))
    const found = sockets?.filter(([, local, , state]) => local?.endsWith(wanted) && state === listening)
    if (found !== undefined) count = (count ?? 0) + found.length
  }
  return count
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}

/**
 * Who runs where: the proxy on cores of its own as far as there are enough, the load and the endpoints on the last ones.
 */
import { availableParallelism } from 'node:os'

export type Cores = {
  readonly proxy: readonly number[]
  readonly load: readonly number[]
  readonly origin: readonly number[]
  /** Proxy and load share a core: throughput says little then, processor time per request still does. */
  readonly shared: boolean
}

export function coresFor(workers: number, count: number = availableParallelism()): Cores {
  const proxy = Array.from({ length: Math.min(workers, count) }, (_, core) => core)
  const load = [count - 1]
  const origin = [count >= workers + 2 ? count - 2 : count - 1]
  return { proxy, load, origin, shared: proxy.includes(count - 1) }
}

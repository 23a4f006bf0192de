/**
 * Measuring things too short for a clock: many of them in one long stretch.
 */
import { getHeapStatistics } from 'node:v8'

export type Stretch = { readonly nanoseconds: number; readonly allocatedBytes: number }

/** Each of the dropped stretches at the beginning is shorter than this, in ms. */
const stretchMs = 60

/**
 * Time and memory of one, where `run` does `count` of them. Time is the processor time of this thread: what else runs on
 * the machine, compiles or collects garbage on the side is left out. Some kernels count it in steps of 4 ms, hence one
 * long stretch; the first ones, the JIT being at work, are dropped.
 */
export function measureStretch(run: (count: number) => void): Stretch {
  let count = 4
  while (cpuMsOf(() => run(count)) < stretchMs) count *= 2
  count *= 4
  const before = getHeapStatistics().total_allocated_bytes
  const ms = cpuMsOf(() => run(count))
  const allocated = getHeapStatistics().total_allocated_bytes - before
  return { nanoseconds: (ms / count) * 1e6, allocatedBytes: allocated / count }
}

/** Processor time of this thread, in milliseconds. */
export function cpuMsOf(work: () => void): number {
  const started = cpuMs()
  work()
  return cpuMs() - started
}

/** The quickest of several, in milliseconds of wall time: for work of many milliseconds that runs once per change. */
export function quickestMs<T>(times: number, work: () => T): { readonly ms: number; readonly result: T } {
  let best = Infinity
  let result: T | undefined
  for (let time = 0; time < times; time += 1) {
    const started = performance.now()
    result = work()
    best = Math.min(best, performance.now() - started)
  }
  // `times` is at least one.
  return { ms: best, result: result! }
}

/** One number for a text, to compare answers by. */
export function checksum(text: string): string {
  let sum = 0
  for (let i = 0; i < text.length; i += 1) sum = (Math.imul(sum, 31) + text.charCodeAt(i)) >>> 0
  return String(sum)
}

function cpuMs(): number {
  const { user, system } = process.threadCpuUsage()
  return (user + system) / 1_000
}

import { existsSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Children } from '../../bench/proxy/children.ts'
import { descendants, treeCpuMs } from '../../bench/proxy/cpu.ts'
import { strayed } from '../../bench/proxy/pinning.ts'
import { until } from '../../bench/proxy/wait.ts'

/** The kernel's counts are rounded down to these, once for every process. */
const tickMs = 10

describe.skipIf(!existsSync('/proc/self/stat'))('of a proxy that is threads and processes', () => {
  const children = new Children()
  const core = availableParallelism() - 1
  let root: number
  let burntMs: number

  beforeAll(async () => {
    const child = children.start(
      { command: process.execPath, args: [join(import.meta.dirname, 'family.ts'), 'root'] },
      [core],
    )
    root = child.pid
    burntMs = await until('the family has burnt its time', 60_000, () => {
      if (!child.alive()) throw new Error(child.said())
      return Promise.resolve(/^([\d.]+)\n/.exec(child.said())?.[1])
    }).then(Number)
  }, 70_000)

  afterAll(() => children.stopAll())

  test('all processor time is counted, of what has ended too, and nothing twice', () => {
    // What still runs: the root, its second child and that one's child.
    expect(descendants(root)).toHaveLength(2)
    const counted = treeCpuMs(root)!
    expect(burntMs).toBeGreaterThan(5 * 150)
    expect(counted).toBeGreaterThan(burntMs - 4 * 2 * tickMs)
    expect(counted).toBeLessThan(burntMs * 1.5)
  })

  test.skipIf(!children.pinned)('every thread stays on the cores it was given, and one that may leave is found', () => {
    expect(strayed(root, [core])).toBeUndefined()
    expect(strayed(root, [core + 1])).toBe(
      `thread ${root} of process ${root} may run on core ${core}, not only on ${core + 1}`,
    )
  })
})

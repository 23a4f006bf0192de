/**
 * Processor time out of Linux's /proc: of a process with all it has started, and of the whole machine.
 */
import { readdirSync, readFileSync } from 'node:fs'

/** USER_HZ: 100 on every architecture that Node runs on. The kernel counts in nanoseconds and rounds to these. */
const ticksPerSecond = 100

type Stat = { readonly parent: number; readonly ticks: number }

/** Milliseconds of user and system time, threads and ended children included; `undefined` without /proc. */
export function treeCpuMs(root: number): number | undefined {
  const stats = allStats()
  if (stats === undefined || !stats.has(root)) return undefined
  const family = [root, ...descendantsIn(stats, root)]
  return family.reduce((sum, pid) => sum + stats.get(pid)!.ticks, 0) * (1_000 / ticksPerSecond)
}

/** Numbers of all processes that descend from this one. */
export function descendants(root: number): number[] {
  const stats = allStats()
  return stats === undefined ? [] : descendantsIn(stats, root)
}

/** Milliseconds during which the cores of this machine were busy, with whatever; `undefined` without /proc. */
export function machineBusyMs(): number | undefined {
  const line = read('/proc/stat')?.split('\n')[0]
  if (line === undefined) return undefined
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] = line.split(/\s+/).slice(1).map(Number)
  return (user + nice + system + irq + softirq + steal) * (1_000 / ticksPerSecond)
}

function descendantsIn(stats: ReadonlyMap<number, Stat>, root: number): number[] {
  const children = Map.groupBy(stats.keys(), (pid) => stats.get(pid)!.parent)
  const found: number[] = []
  const visit = (pid: number): void => {
    for (const child of children.get(pid) ?? []) {
      found.push(child)
      visit(child)
    }
  }
  visit(root)
  return found
}

function allStats(): Map<number, Stat> | undefined {
  const stats = new Map<number, Stat>()
  let names: string[]
  try {
    names = readdirSync('/proc')
  } catch {
    return undefined
  }
  for (const name of names) {
    if (!/^\d+$/.test(name)) continue
    const stat = statOf(read(`/proc/${name}/stat`))
    if (stat !== undefined) stats.set(Number(name), stat)
  }
  return stats.size === 0 ? undefined : stats
}

/** proc(5): the name in parentheses may hold anything, so fields are counted from its end. */
function statOf(text: string | undefined): Stat | undefined {
  if (text === undefined) return undefined
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  // utime, stime, and cutime and cstime of children that have ended.
  const ticks = fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0)
  return { parent: Number(fields[1]), ticks }
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}

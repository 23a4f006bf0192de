/**
 * Whether a process and all that came of it run where they were put: a thread or a child may have chosen otherwise.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { descendants } from './cpu.ts'

/** A sentence about the first thread that may run on another core; `undefined` when there is none, or no /proc. */
export function strayed(root: number, cores: readonly number[]): string | undefined {
  for (const pid of [root, ...descendants(root)]) {
    for (const thread of threadsOf(pid)) {
      const allowed = coresOf(`/proc/${pid}/task/${thread}/status`)
      const other = allowed?.find((core) => !cores.includes(core))
      if (other !== undefined)
        return `thread ${thread} of process ${pid} may run on core ${other}, not only on ${cores.join(', ')}`
    }
  }
  return undefined
}

function threadsOf(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/task`)
  } catch {
    return []
  }
}

/** `Cpus_allowed_list` of proc_pid_status(5): `0-2,5`. */
function coresOf(file: string): number[] | undefined {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch {
    // It has ended meanwhile.
    return undefined
  }
  const list = /^Cpus_allowed_list:\s*(.+)$/m.exec(text)?.[1]
  return list?.split(',').flatMap((range) => {
    const [first = 0, last = first] = range.split('-').map(Number)
    return Array.from({ length: last - first + 1 }, (_, index) => first + index)
  })
}

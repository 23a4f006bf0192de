/**
 * Where a run took place.
 */
import { spawnSync } from 'node:child_process'
import { availableParallelism, cpus, loadavg, release, totalmem, type as systemType } from 'node:os'
import type { Machine } from './result.ts'

export function machine(pinned: boolean): Machine {
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    system: `${systemType()} ${release()}`,
    node: process.version,
    pinned,
    loadBefore: loadavg()[0] ?? 0,
  }
}

/** Short name of the commit that is checked out, with a plus when files differ from it. */
export function revision(): string {
  const git = (...args: readonly string[]): string =>
    spawnSync('git', args, { cwd: import.meta.dirname, encoding: 'utf8' }).stdout?.trim() ?? ''
  const commit = git('rev-parse', '--short', 'HEAD')
  if (commit === '') return 'unknown'
  return git('status', '--porcelain', '--untracked-files=no', '--', ':/src', ':/package-lock.json') === ''
    ? commit
    : `${commit}+`
}

/**
 * A run that was broken off goes on: what its file has of whole scenarios is kept, if this run would have measured them
 * the same way.
 */
import { readFileSync } from 'node:fs'
import type { Entrant } from './contest.ts'
import type { Run } from './result.ts'

export type Resumed = { readonly run: Run } | { readonly problems: readonly string[] }

/** Reads what `bench/proxy.ts` has written, and says all that speaks against going on with it. */
export function resume(file: string, fresh: Run, entrants: readonly Entrant[]): Resumed {
  let earlier: Run
  try {
    // Written by this program; what is compared below says whether by this version of it.
    earlier = JSON.parse(readFileSync(file, 'utf8')) as Run
  } catch (error) {
    return { problems: [`${file} cannot be read: ${error instanceof Error ? error.message : String(error)}`] }
  }
  const problems = differences(earlier, fresh, entrants).map((what) => `${file} cannot be continued: ${what}`)
  if (problems.length > 0) return { problems }
  return { run: { ...earlier, scenarios: earlier.scenarios.filter(({ brokenOff }) => brokenOff !== true) } }
}

function differences(earlier: Run, fresh: Run, entrants: readonly Entrant[]): string[] {
  const facts = (run: Run): Record<string, unknown> => {
    const { cpu, cores, memoryGiB, system, node, pinned } = run.machine
    const { revision, rounds, seconds, origin } = run
    return { revision, rounds, seconds, origin, cpu, cores, memoryGiB, system, node, pinned }
  }
  const [before, now] = [facts(earlier), facts(fresh)]
  const changed = Object.keys(now).filter((name) => before[name] !== now[name])
  const racing = entrants.map(({ peer, version }) => `${peer.name} ${version}`).join(', ')
  const raced = earlier.scenarios[0]?.peers.map(({ peer, version }) => `${peer} ${version}`).join(', ') ?? racing
  return [
    ...changed.map((name) => `${name} was ${String(before[name])} and is ${String(now[name])}`),
    ...(raced === racing ? [] : [`the proxies were ${raced} and are ${racing}`]),
  ]
}

/** The one rule between process flags and global keys: a flag that somebody has given counts, and the key is told so. */
import { problemOf } from '#resource/problem.ts'
import type { Scope } from '../setting.ts'

/** Whether a key is written and must give way to a flag; reports it then. `flag` is without its dashes. */
export function givesWay(scope: Scope, key: string, flag: string, givenFlags: ReadonlySet<string>): boolean {
  if (scope.value(key) === undefined || !givenFlags.has(flag)) return false
  const message = `${key} is set, and so is --${flag}`
  const instead = 'the flag counts'
  scope.problems.push(
    problemOf(scope.resource, { severity: 'info', code: 'flag-counts', at: scope.at(key), message, instead }),
  )
  return true
}

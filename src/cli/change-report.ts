/**
 * What a change of the folder did, as lines for the person who made it.
 */
import type { Turn } from '#control/loop.ts'
import { printProblem, type Problem } from '#resource/problem.ts'
import type { Resource } from '#resource/resource.ts'
import type { RouteSpec } from '#snapshot/snapshot.ts'
import { countOf } from './columns.ts'

export type Told = Pick<Turn, 'resources' | 'problems' | 'snapshot'>

/** `changed shop.yaml: 2 routes added, 1 problem:` and the problem below it; empty when nothing to be told changed. */
export function describeChange(before: Told, now: Told): string {
  const routes = compareRoutes(before.snapshot.routes, now.snapshot.routes)
  const found = missingFrom(now.problems, before.problems)
  const solved = missingFrom(before.problems, now.problems)
  const files = changedFiles(before, now, [...found, ...solved])
  if (files.length === 0 && routes.length === 0) return ''
  const parts = [
    ...(routes.length === 0 && found.length === 0 ? ['no route changed'] : routes),
    ...(solved.length === 0 ? [] : [`${countOf(solved.length, 'problem')} gone`]),
    ...(found.length === 0 ? [] : [`${countOf(found.length, 'problem')}:`]),
  ]
  return [
    `changed ${files.join(', ')}: ${parts.join(', ')}`,
    ...found.map((problem) => `  ${printProblem(problem)}`),
    '',
  ].join('\n')
}

function compareRoutes(before: readonly RouteSpec[], now: readonly RouteSpec[]): string[] {
  const then = new Map(before.map((route) => [route.id, print(route)]))
  const ids = new Set(now.map(({ id }) => id))
  const counts = {
    added: now.filter(({ id }) => !then.has(id)).length,
    changed: now.filter((route) => then.has(route.id) && then.get(route.id) !== print(route)).length,
    removed: before.filter(({ id }) => !ids.has(id)).length,
  }
  return Object.entries(counts)
    .filter(([, count]) => count > 0)
    .map(([what, count]) => `${countOf(count, 'route')} ${what}`)
}

/** Where a route is written moves with every line above it: that is no change. */
function print(route: RouteSpec): string {
  return JSON.stringify({ ...route, origin: { ...route.origin, line: 0 } })
}

function missingFrom(problems: readonly Problem[], others: readonly Problem[]): Problem[] {
  const known = new Set(others.map(keyOf))
  return problems.filter((problem) => !known.has(keyOf(problem)))
}

function keyOf({ file, severity, object, path, message }: Problem): string {
  return JSON.stringify([file, severity, object, path, message])
}

/** Objects of a file that was not touched stay the very same. */
function changedFiles(before: Told, now: Told, problems: readonly Problem[]): string[] {
  const then = new Set<Resource>(before.resources)
  const since = new Set<Resource>(now.resources)
  const changed = [...then.symmetricDifference(since)].map((resource) => resource.origin.file)
  return [...new Set([...changed, ...problems.map(({ file }) => file)])].toSorted()
}

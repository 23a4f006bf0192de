/**
 * The matching rules written the obvious way: what the route table is held against.
 */
import type { RouteSpec } from '#snapshot/snapshot.ts'

type Rule = Pick<RouteSpec, 'host' | 'path'>

/** Index of the route that gets the request, -1 for none. */
export function plainMatch(routes: readonly Rule[], host: string, path: string): number {
  const owner = [isExactly, isWildcardFor, isForEveryHost].find((knows) => routes.some((route) => knows(route.host, host)))
  if (owner === undefined) return -1
  const own = [...routes.entries()].filter(([, route]) => owner(route.host, host))
  const exact = own.find(([, route]) => route.path.kind === 'exact' && route.path.value === path)
  if (exact !== undefined) return exact[0]
  const prefixes = own.filter(([, route]) => route.path.kind === 'prefix' && isBelow(route.path.value, path))
  prefixes.sort(([, a], [, b]) => b.path.value.length - a.path.value.length)
  return prefixes[0]?.[0] ?? -1
}

const isExactly = (rule: string, host: string): boolean => rule !== '' && rule === host
const isForEveryHost = (rule: string): boolean => rule === ''

function isWildcardFor(rule: string, host: string): boolean {
  const [first, ...others] = host.split('.')
  return rule.startsWith('*.') && first !== '' && rule === ['*', ...others].join('.')
}

/** By path element: every segment of the prefix equals the segment of the path in its place. */
function isBelow(prefix: string, path: string): boolean {
  const wanted = prefix === '/' ? [''] : prefix.split('/')
  const segments = path.split('/')
  return wanted.length <= segments.length && wanted.every((segment, index) => segment === segments[index])
}

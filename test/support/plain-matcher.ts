/**
 * The matching rules written the obvious way: what the route table is held against.
 */
import type { RouteSpec } from '#snapshot/snapshot.ts'

type Rule = Pick<RouteSpec, 'host' | 'path'>

/** Index of the route that gets the request, -1 for none. */
export function plainMatch(routes: readonly Rule[], host: string, path: string): number {
  const owner = [isExactly, isWildcardFor, isForEveryHost].find((knows) =>
    routes.some((route) => knows(route.host, host)),
  )
  if (owner === undefined) return -1
  const own = [...routes.entries()].filter(([, route]) => owner(route.host, host))
  const exact = own.find(([, route]) => route.path.kind === 'exact' && route.path.value === path)
  if (exact !== undefined) return exact[0]
  const others = own.filter(
    ([
      ,
      {
        path: { kind, value },
      },
    ]) => (kind === 'prefix' ? isBelow(value, path) : kind === 'regex' && isMatch(value, path)),
  )
  others.sort(([, a], [, b]) => (order(a.path) < order(b.path) ? 1 : order(a.path) > order(b.path) ? -1 : 0))
  return others[0]?.[0] ?? -1
}

/** Sorts descending by length; of one length prefixes are above every expression. */
function order({ kind, value }: RouteSpec['path']): string {
  return `${String(value.length).padStart(6, '0')}${kind === 'prefix' ? '\uffff' : value}`
}

/** By the engine of the language: the expressions of tests are short and harmless. */
function isMatch(expression: string, path: string): boolean {
  return new RegExp(`^(?:${expression})`, 'i').test(path)
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

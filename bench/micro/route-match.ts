/**
 * The route table against find-my-way and a linear scan, at three sizes. All of them must give the same answers.
 *
 * find-my-way has no host table: its `host` constraint allows 31 handlers per node, which a common path such as `/`
 * exceeds at once, and tries wildcard hosts one regular expression after another. So it gets one router per host behind
 * a Map, the form a host with many tenants would choose, and a second look-up by suffix for wildcards. The Map profits
 * from hashes that V8 keeps inside request strings which are asked for again and again; a live request would pay for
 * them. Its `compile()` mode is left out: it turns every router into source text, 20,000 of them at the largest size.
 */
import Router from 'find-my-way'
import { RouteTable } from '#route/table.ts'
import type { RouteSpec } from '#snapshot/snapshot.ts'
import type { Bench, CaseResult, Sample } from '../run.ts'
import type { Request } from './route-set.ts'
import { requestSet, routeSet } from './route-set.ts'
import { checksum, measureStretch } from './stopwatch.ts'

type Match = (host: string, path: string) => number

const sizes = [100, 10_000, 100_000]
const matchers: Readonly<Record<string, (routes: readonly RouteSpec[]) => Match>> = {
  RouteTable: routeTable,
  'find-my-way': findMyWay,
  'linear scan': linearScan,
}

export const routeMatch: Bench = {
  name: 'route-match',
  title: 'Matching host and path to a route',
  file: import.meta.filename,
  rounds: 4,
  cases: sizes.flatMap((size) =>
    Object.keys(matchers).map((matcher) => ({
      labels: { routes: size.toLocaleString('en-US'), matcher },
      group: `${size} routes`,
      args: [matcher, String(size)],
    })),
  ),
  metrics: [
    { name: 'matchNs', title: 'match, CPU ns', digits: 0 },
    { name: 'buildMs', title: 'build, ms', digits: 1 },
    { name: 'bytesPerRoute', title: 'bytes/route', digits: 0 },
    { name: 'allocatedBytes', title: 'allocated/match', digits: 0 },
  ],
  conclude,
}

function conclude(results: readonly CaseResult[]): string[] {
  const timeOf = (matcher: string, size: string): number => {
    const found = results.find(({ labels, group }) => labels['matcher'] === matcher && group === size)
    return found?.metrics['matchNs']?.median ?? NaN
  }
  return Object.keys(matchers).map((matcher) => {
    const ratio = timeOf(matcher, '100000 routes') / timeOf(matcher, '100 routes')
    const times = ratio.toLocaleString('en-US', { maximumFractionDigits: ratio < 100 ? 2 : 0 })
    return `${matcher}: a match among 100,000 routes takes ${times} times as long as among 100`
  })
}

function routeTable(routes: readonly RouteSpec[]): Match {
  const table = new RouteTable(routes, { seed: 0x5eed })
  return (host, path) => table.match(host, path)
}

function findMyWay(routes: readonly RouteSpec[]): Match {
  const routers = new Map<string, Router.Instance<Router.HTTPVersion.V1>>()
  const taken = new Set<string>()
  const add = (host: string, path: string, index: number): void => {
    if (taken.has(`${host} ${path}`)) return
    taken.add(`${host} ${path}`)
    let router = routers.get(host)
    if (router === undefined) routers.set(host, (router = Router()))
    router.on('GET', path, () => {}, index + 1)
  }
  const indexed = [...routes.entries()].map(([index, route]) => ({ ...route, index, key: route.host.replace('*', '') }))
  for (const { key, path, index } of indexed) if (path.kind === 'exact') add(key, path.value, index)
  for (const { key, path, index } of indexed) {
    if (path.kind !== 'prefix') continue
    add(key, path.value, index)
    add(key, path.value === '/' ? '/*' : `${path.value}/*`, index)
  }
  const every = routers.get('')
  return (host, path) => {
    const router = routers.get(host) ?? routers.get(host.slice(host.indexOf('.'))) ?? every
    // What `on` was given to store above, counted from one because a 0 would be dropped: so the cast cannot lie.
    return ((router?.find('GET', path)?.store as number | undefined) ?? 0) - 1
  }
}

function linearScan(routes: readonly RouteSpec[]): Match {
  return (host, path) => {
    let best = -1
    let bestRank = 0
    let bestOwner = 0
    for (let index = 0; index < routes.length; index += 1) {
      const route = routes[index]!
      const owner = ownership(route.host, host)
      if (owner === 0 || owner < bestOwner) continue
      if (owner > bestOwner) {
        best = -1
        bestRank = 0
        bestOwner = owner
      }
      const rank = rankOf(route, path)
      if (rank > bestRank) {
        best = index
        bestRank = rank
      }
    }
    return best
  }
}

function ownership(rule: string, host: string): number {
  if (rule === host) return 3
  if (rule === '') return 1
  if (!rule.startsWith('*.') || host.indexOf('.') !== host.length - rule.length + 1) return 0
  return host.endsWith(rule.slice(1)) ? 2 : 0
}

function rankOf({ path: { kind, value } }: RouteSpec, path: string): number {
  if (kind === 'exact') return path === value ? Infinity : 0
  if (value === '/') return 1
  return path.startsWith(value) && (path.length === value.length || path[value.length] === '/') ? value.length : 0
}

/** Runs in a fresh process: `route-match.ts <matcher> <routes>`. */
function measureCase(matcher: string, size: number): Sample {
  const build = matchers[matcher]!
  const routes = routeSet(size)
  const requests = requestSet(routes, 4_096)
  measureBuild(build, routes.slice(0, 1_000))
  const { match, buildMs, bytes } = measureBuild(build, routes)
  const check = checksum(
    requests
      .slice(0, 200)
      .map(({ host, path }) => match(host, path))
      .join(' '),
  )
  const { matchNs, allocatedBytes } = measureMatches(match, requests)
  return { check, metrics: { matchNs, buildMs, bytesPerRoute: bytes / size, allocatedBytes } }
}

type Built = { readonly match: Match; readonly buildMs: number; readonly bytes: number }

/** Small matchers are built many times over, so that their memory stands out from the noise. Once before it counts. */
function measureBuild(build: (routes: readonly RouteSpec[]) => Match, routes: readonly RouteSpec[]): Built {
  const copies = Math.ceil(10_000 / routes.length)
  const before = memoryInUse()
  const started = performance.now()
  const match = build(routes)
  const buildMs = performance.now() - started
  const others = Array.from({ length: copies - 1 }, () => build(routes))
  const bytes = (memoryInUse() - before) / copies
  if (others.includes(match)) throw new Error('every build makes a matcher of its own, and all live until here')
  return { match, buildMs, bytes }
}

function memoryInUse(): number {
  globalThis.gc!()
  globalThis.gc!()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

/** Each stretch goes on through the requests where the one before stopped. */
function measureMatches(match: Match, requests: readonly Request[]): { matchNs: number; allocatedBytes: number } {
  let next = 0
  let sum = 0
  const { nanoseconds, allocatedBytes } = measureStretch((count) => {
    for (let i = 0; i < count; i += 1) {
      const { host, path } = requests[next]!
      sum = (sum + match(host, path)) | 0
      next = next + 1 === requests.length ? 0 : next + 1
    }
  })
  if (Number.isNaN(sum)) throw new Error('every match gives a number')
  return { matchNs: nanoseconds, allocatedBytes }
}

if (import.meta.main) {
  const [matcher = '', size = ''] = process.argv.slice(2)
  process.stdout.write(JSON.stringify(measureCase(matcher, Number(size))))
}

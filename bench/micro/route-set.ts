/**
 * Routes and requests as a shared cluster would have them; the same ones on every run.
 *
 * About five routes per host, one host in twenty a wildcard, one big host that holds a tenth of all routes, three rules
 * for every host. Paths have one to five segments, one in five is Exact. Request texts are flat one-byte strings, each
 * an object of its own, as they come out of a parser.
 */
import type { RouteSpec } from '#snapshot/snapshot.ts'

export type Request = { readonly host: string; readonly path: string }

type Random = (below: number) => number

const words =
  'api v1 v2 users orders cart static assets search account billing invoices items events hooks admin'.split(' ')

export function routeSet(count: number): RouteSpec[] {
  const random = randomOf(count)
  const hosts = Math.ceil(count / 5)
  const seen = new Set<string>()
  const routes: RouteSpec[] = []
  while (routes.length < count) {
    const host = routes.length < 3 ? '' : hostOf(random, hosts)
    const value = host !== '' && random(6) === 0 ? '/' : pathOf(random)
    const kind = random(5) === 0 ? 'exact' : 'prefix'
    const id = `${host} ${kind} ${value}`
    if (seen.has(id)) continue
    seen.add(id)
    routes.push(routeOf(id, host, { kind, value }))
  }
  return routes
}

/** Nine in ten ask for a route drawn uniformly; the others for an unknown host or an unknown path of a known one. */
export function requestSet(routes: readonly RouteSpec[], count: number): Request[] {
  const random = randomOf(count + 1)
  return Array.from({ length: count }, () => {
    const { host, path } = routes[random(routes.length)]!
    const known = host === '' ? `nobody-${random(1_000)}.elsewhere.test` : host.replace('*', `tenant-${random(100)}`)
    const dice = random(20)
    if (dice === 0) return request(`nobody-${random(1_000)}.example.com`, path.value)
    if (dice === 1) return request(known, `/unknown${pathOf(random)}`)
    if (path.kind === 'exact') return request(known, path.value)
    const below = ['', `/${random(10_000)}`, `/${random(10_000)}/edit`][random(3)]!
    return request(known, `${path.value === '/' ? '' : path.value}${below}` || '/')
  })
}

function request(host: string, path: string): Request {
  return { host: flat(host), path: flat(path) }
}

/** A concatenation is a tree of strings until somebody reads it; a parser hands out plain ones. */
function flat(text: string): string {
  return Buffer.from(text, 'latin1').toString('latin1')
}

function hostOf(random: Random, hosts: number): string {
  if (random(10) === 0) return 'gateway.example.com'
  const host = random(hosts)
  return `${host % 20 === 0 ? '*.' : ''}svc-${host}.team-${host % 97}.example.com`
}

function pathOf(random: Random): string {
  const segments = Array.from({ length: 1 + random(5) }, () => {
    const word = words[random(words.length)]!
    return random(3) === 0 ? `${word}-${random(1_000)}` : word
  })
  return `/${segments.join('/')}`
}

function routeOf(id: string, host: string, path: RouteSpec['path']): RouteSpec {
  return {
    id: flat(id),
    host: flat(host),
    path: { kind: path.kind, value: flat(path.value) },
    origin: { object: 'Ingress default/web', namespace: 'default', name: 'web', file: 'web.yaml', line: 1 },
    upstream: 'default/web:80',
    policies: [],
    timeouts: { connectMs: 5_000, sendMs: 60_000, readMs: 60_000 },
    maxBodyBytes: 1_048_576,
  }
}

/** mulberry32: a sequence that is the same everywhere. */
function randomOf(seed: number): Random {
  let state = seed
  return (below) => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below
  }
}

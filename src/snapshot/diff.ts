/**
 * What changed between two snapshots: for the log line of a new generation, and to tell whether there is one at all.
 * Private keys, certificates' texts and policies' configurations are compared but never shown.
 */
import { differenceOf } from './difference.ts'
import { printValue } from './print.ts'
import type { RouteSpec, Snapshot } from './snapshot.ts'

/**
 * Whether both mean the same: all of it but the generation. The order of routes counts, for it is their precedence,
 * and so does where a rule is written, or `explain` would be wrong; the order of everything else does not.
 */
export function isSame(a: Snapshot, b: Snapshot): boolean {
  if (!isEqual(a.routes, b.routes) || !isEqual(a.tracing, b.tracing) || !isEqual(a.listener, b.listener)) return false
  const [inA, inB] = apart(a, b)
  return kinds.every(({ byId }) => isEqual(byId(inA), byId(inB)))
}

/**
 * One line per change: `+ upstream default/web:80`, `- route …`, `~ route …: upstream "a" -> "b"`. Empty exactly
 * when both are the same. Behind `most` lines the rest is a count.
 */
export function diffSnapshots(first: Snapshot, second: Snapshot, most = Infinity): string[] {
  const [before, after] = apart(first, second)
  const lines: string[] = []
  const moved: RouteSpec[] = []
  for (const { name, byId, unshown } of kinds) {
    const [old, now] = [byId(before), byId(after)]
    for (const id of old.keys()) if (!now.has(id)) lines.push(`- ${name} ${id}`)
    for (const [id, item] of now) {
      const was = old.get(id)
      if (was === undefined) lines.push(`+ ${name} ${id}${name === 'route' ? printTarget(item) : ''}`)
      else if (!isEqual(was, item)) {
        const changes = describeChanges(was, item, unshown)
        if (changes.length > 0) lines.push(`~ ${name} ${id}: ${changes.join(', ')}`)
        else moved.push(item as RouteSpec) // Only routes have an origin, and nothing but an origin goes undescribed.
      }
    }
  }
  lines.push(...describeMoves(moved), ...describeOrder(before.routes, after.routes))
  if (!isEqual(before.tracing, after.tracing))
    lines.push(`~ tracing ${printValue(before.tracing)} -> ${printValue(after.tracing)}`)
  if (!isEqual(before.listener, after.listener))
    lines.push(`~ listener ${printValue(before.listener)} -> ${printValue(after.listener)}`)
  return lines.length <= most ? lines : [...lines.slice(0, most), `… and ${lines.length - most} more`]
}

/** Both without what they begin and end with in common: no line is about that, and it is nearly all there is. */
function apart(a: Snapshot, b: Snapshot): readonly [Snapshot, Snapshot] {
  const [routes, routesOfB] = partOf(a.routes, b.routes)
  const [upstreams, upstreamsOfB] = partOf(a.upstreams, b.upstreams)
  const [certificates, certificatesOfB] = partOf(a.certificates, b.certificates)
  const [tlsHosts, tlsHostsOfB] = partOf(a.tlsHosts, b.tlsHosts)
  return [
    { ...a, routes, upstreams, certificates, tlsHosts },
    { ...b, routes: routesOfB, upstreams: upstreamsOfB, certificates: certificatesOfB, tlsHosts: tlsHostsOfB },
  ]
}

function partOf<T>(a: readonly T[], b: readonly T[]): readonly [readonly T[], readonly T[]] {
  const { from, end, endAfter } = differenceOf(a, b)
  return [a.slice(from, end), b.slice(from, endAfter)]
}

type Items = ReadonlyMap<string, object>

type Kind = {
  readonly name: string
  readonly byId: (snapshot: Snapshot) => Items
  /** Fields whose text tells a reader nothing, or must not be read. */
  readonly unshown: readonly string[]
}

const kinds: readonly Kind[] = [
  { name: 'route', byId: ({ routes }) => index(routes), unshown: ['policies'] },
  {
    name: 'default backend',
    byId: ({ unmatched }) => index(unmatched === undefined ? [] : [unmatched]),
    unshown: ['policies'],
  },
  { name: 'upstream', byId: ({ upstreams }) => index(upstreams), unshown: ['tls'] },
  { name: 'certificate', byId: ({ certificates }) => index(certificates), unshown: ['certificate', 'key'] },
  { name: 'front door', byId: ({ door }) => new Map(door === undefined ? [] : [['settings', door]]), unshown: [] },
  { name: 'access log', byId: ({ accessLog = {} }) => new Map([['of all routes', accessLog]]), unshown: [] },
  { name: 'tls host', byId: ({ tlsHosts }) => new Map(tlsHosts.map((each) => [each.host, each])), unshown: [] },
  {
    name: 'server name',
    byId: ({ serverNames }) => new Map(serverNames.map((each) => [each.host === '' ? '(any other)' : each.host, each])),
    unshown: [],
  },
  { name: 'client authorities', byId: ({ clientAuths }) => index(clientAuths), unshown: ['ca', 'crl'] },
]

function index(items: readonly { readonly id: string }[]): Items {
  return new Map(items.map((each) => [each.id, each]))
}

function printTarget(item: object): string {
  return 'upstream' in item && typeof item.upstream === 'string' ? ` -> ${item.upstream}` : ''
}

/** Field by field; where a rule is written is left out, what else is called an origin is not. */
function describeChanges(before: object, after: object, unshown: readonly string[]): string[] {
  const old = new Map<string, unknown>(Object.entries(before))
  const now = new Map<string, unknown>(Object.entries(after))
  const names = [...new Set([...old.keys(), ...now.keys()])].filter(
    (name) => name !== 'origin' || typeof now.get(name) === 'string',
  )
  return names.flatMap((name) => {
    const [was, is] = [old.get(name), now.get(name)]
    if (isEqual(was, is)) return []
    if (unshown.includes(name)) return [`${name} changed`]
    if (isPlain(was) && isPlain(is)) return describeChanges(was, is, []).map((change) => `${name}.${change}`)
    return [`${name} ${printValue(was)} -> ${printValue(is)}`]
  })
}

function describeMoves(moved: readonly RouteSpec[]): string[] {
  const [first] = moved
  if (first === undefined) return []
  const place = `${first.origin.file}:${first.origin.line}`
  if (moved.length === 1) return [`~ route ${first.id}: now written at ${place}`]
  return [`~ ${moved.length} routes: now written elsewhere, the first at ${place}`]
}

function describeOrder(before: readonly RouteSpec[], after: readonly RouteSpec[]): string[] {
  const old = new Set(before.map(({ id }) => id))
  const now = new Set(after.map(({ id }) => id))
  const kept = after.filter(({ id }) => old.has(id)).map(({ id }) => id)
  const keptBefore = before.filter(({ id }) => now.has(id)).map(({ id }) => id)
  return isEqual(kept, keptBefore) ? [] : ['~ order of routes']
}

/** Deep equality of plain data; a field that is `undefined` equals one that is not there, as JSON has it. */
export function isEqual(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true
  if (a instanceof Map && b instanceof Map) {
    return a.size === b.size && [...a].every(([key, each]) => isEqual(each, b.get(key)))
  }
  if (Array.isArray(a) && Array.isArray(b)) {
    return a.length === b.length && a.every((each, position) => isEqual(each, b[position]))
  }
  if (!isPlain(a) || !isPlain(b)) return false
  for (const key in a) if (!isEqual(a[key], b[key])) return false
  for (const key in b) if (!(key in a) && b[key] !== undefined) return false
  return true
}

function isPlain(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Map)
}

/**
 * What turns one snapshot into the next: a change of one route among ten thousand is a few numbers and that route, so
 * that nobody who has the first must be told, or read, all of the second.
 */
import { isEqual } from './diff.ts'
import { differenceOf } from './difference.ts'
import type {
  AccessLogSpec,
  CertificateSpec,
  ClientAuthSpec,
  DoorSpec,
  ListenerSpec,
  RouteSpec,
  ServerNameSpec,
  Snapshot,
  TlsHostSpec,
  TracingSpec,
  UpstreamSpec,
} from './snapshot.ts'

/** In order: `count` items of the list before, from `from` on, or new items. */
export type Run<T> = { readonly from: number; readonly count: number } | { readonly items: readonly T[] }

export type SnapshotPatch = {
  readonly generation: number
  readonly routes: readonly Run<RouteSpec>[]
  readonly upstreams: readonly Run<UpstreamSpec>[]
  readonly certificates: readonly Run<CertificateSpec>[]
  readonly tlsHosts: readonly Run<TlsHostSpec>[]
  readonly serverNames: readonly Run<ServerNameSpec>[]
  readonly clientAuths: readonly Run<ClientAuthSpec>[]
  /** As it is afterwards: it is small. */
  readonly tracing?: TracingSpec
  readonly door?: DoorSpec
  readonly listener?: ListenerSpec
  /** One at most. */
  readonly unmatched: readonly Run<RouteSpec>[]
  readonly accessLog: readonly Run<AccessLogSpec>[]
}

/** The snapshot that everybody has who has none. */
export const emptySnapshot: Snapshot = {
  generation: 0,
  routes: [],
  upstreams: [],
  certificates: [],
  tlsHosts: [],
  serverNames: [],
  clientAuths: [],
}

/**
 * The second snapshot, with the objects of the first wherever they say the same. Whoever compares the two afterwards
 * need only look at identity.
 */
export function adopt(before: Snapshot, after: Snapshot): Snapshot {
  return {
    generation: after.generation,
    routes: adoptList(before.routes, after.routes, idOf),
    upstreams: adoptList(before.upstreams, after.upstreams, idOf),
    certificates: adoptList(before.certificates, after.certificates, idOf),
    tlsHosts: adoptList(before.tlsHosts, after.tlsHosts, hostOf),
    serverNames: adoptList(before.serverNames, after.serverNames, hostOf),
    clientAuths: adoptList(before.clientAuths, after.clientAuths, idOf),
    ...smallOf(after),
    ...adoptDoor(before.door, after.door),
    ...optional(
      adoptList(listOf(before.unmatched), listOf(after.unmatched), idOf),
      adoptList(listOf(before.accessLog), listOf(after.accessLog), () => ''),
    ),
  }
}

/** `applyPatch(before, patchOf(before, after))` is `after`. Items are the same only when they are the same object. */
export function patchOf(before: Snapshot, after: Snapshot): SnapshotPatch {
  return {
    generation: after.generation,
    routes: runsOf(before.routes, after.routes),
    upstreams: runsOf(before.upstreams, after.upstreams),
    certificates: runsOf(before.certificates, after.certificates),
    tlsHosts: runsOf(before.tlsHosts, after.tlsHosts),
    serverNames: runsOf(before.serverNames, after.serverNames),
    clientAuths: runsOf(before.clientAuths, after.clientAuths),
    ...smallOf(after),
    ...(after.door === undefined ? {} : { door: after.door }),
    unmatched: runsOf(listOf(before.unmatched), listOf(after.unmatched)),
    accessLog: runsOf(listOf(before.accessLog), listOf(after.accessLog)),
  }
}

/** Items that stay are the objects of `before`, and so are lists. */
export function applyPatch(before: Snapshot, patch: SnapshotPatch): Snapshot {
  return {
    generation: patch.generation,
    routes: applyRuns(before.routes, patch.routes),
    upstreams: applyRuns(before.upstreams, patch.upstreams),
    certificates: applyRuns(before.certificates, patch.certificates),
    tlsHosts: applyRuns(before.tlsHosts, patch.tlsHosts),
    serverNames: applyRuns(before.serverNames, patch.serverNames),
    clientAuths: applyRuns(before.clientAuths, patch.clientAuths),
    ...smallOf(patch),
    ...adoptDoor(before.door, patch.door),
    ...optional(
      applyRuns(listOf(before.unmatched), patch.unmatched),
      applyRuns(listOf(before.accessLog), patch.accessLog),
    ),
  }
}

function smallOf({
  tracing,
  listener,
}: Pick<SnapshotPatch, 'tracing' | 'listener'>): Pick<Snapshot, 'tracing' | 'listener'> {
  return { ...(tracing === undefined ? {} : { tracing }), ...(listener === undefined ? {} : { listener }) }
}

function listOf<T>(item: T | undefined): readonly T[] {
  return item === undefined ? [] : [item]
}

/** Parts that are there or are not, never `undefined`. */
function optional(
  [unmatched]: readonly RouteSpec[],
  [accessLog]: readonly AccessLogSpec[],
): Pick<Snapshot, 'unmatched' | 'accessLog'> {
  return { ...(unmatched === undefined ? {} : { unmatched }), ...(accessLog === undefined ? {} : { accessLog }) }
}

const idOf = ({ id }: { readonly id: string }): string => id
const hostOf = ({ host }: { readonly host: string }): string => host

function adoptList<T>(before: readonly T[], after: readonly T[], keyOf: (item: T) => string): readonly T[] {
  const { from, end, endAfter } = differenceOf(before, after)
  if (from === before.length && from === after.length) return before
  const known = new Map(before.slice(from, end).map((item) => [keyOf(item), item]))
  const changed = after.slice(from, endAfter).map((item) => {
    const old = known.get(keyOf(item))
    return old !== undefined && isEqual(old, item) ? old : item
  })
  return [...after.slice(0, from), ...changed, ...after.slice(endAfter)]
}

function adoptDoor(before: DoorSpec | undefined, after: DoorSpec | undefined): Pick<Snapshot, 'door'> {
  if (after === undefined) return {}
  return { door: before !== undefined && isEqual(before, after) ? before : after }
}

function runsOf<T extends object>(before: readonly T[], after: readonly T[]): readonly Run<T>[] {
  const { from, end, endAfter } = differenceOf(before, after)
  const places = new Map(before.slice(from, end).map((item, place) => [item, from + place]))
  const runs: ({ readonly from: number; count: number } | { readonly items: T[] })[] = []
  if (from > 0) runs.push({ from: 0, count: from })
  for (const item of after.slice(from, endAfter)) {
    const last = runs.at(-1)
    const place = places.get(item)
    if (place === undefined) {
      if (last !== undefined && 'items' in last) last.items.push(item)
      else runs.push({ items: [item] })
    } else if (last !== undefined && 'from' in last && last.from + last.count === place) last.count++
    else runs.push({ from: place, count: 1 })
  }
  const rest = before.length - end
  const last = runs.at(-1)
  if (rest > 0 && last !== undefined && 'from' in last && last.from + last.count === end) last.count += rest
  else if (rest > 0) runs.push({ from: end, count: rest })
  return runs
}

function applyRuns<T>(before: readonly T[], runs: readonly Run<T>[]): readonly T[] {
  const [first] = runs
  if (runs.length === 1 && first !== undefined && 'from' in first && first.count === before.length) return before
  const parts = runs.map((run) => ('items' in run ? run.items : before.slice(run.from, run.from + run.count)))
  return parts.length === 1 ? parts[0]! : parts.flat()
}

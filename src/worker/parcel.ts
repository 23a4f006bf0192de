/**
 * A change on its way to the workers: encoded once on the main thread, in memory that all of them share, and in parts so
 * small that reading one never holds up a request.
 */
import type { Run, SnapshotPatch } from '#snapshot/patch.ts'
import type { DoorSpec, EndpointSet, ListenerSpec, TracingSpec } from '#snapshot/snapshot.ts'

/** Part `i` is UTF-8 JSON, from the end of the one before to `ends[i]`. */
export type Parcel = { readonly bytes: SharedArrayBuffer; readonly ends: readonly number[] }

export type Contents = { readonly patch: SnapshotPatch | undefined; readonly sets: readonly EndpointSet[] }

/** A part is read in well under a millisecond; one larger item has a part of its own. */
const partChars = 64 * 1024

const lists = [
  'routes',
  'upstreams',
  'certificates',
  'tlsHosts',
  'serverNames',
  'clientAuths',
  'unmatched',
  'accessLog',
] as const

type List = (typeof lists)[number]
type Section = List | 'sets' | 'door' | 'tracing' | 'listener'
type Part = readonly [section: Section, items: readonly unknown[]]

export function pack({ patch, sets }: Contents): Parcel {
  const parts = [
    ...partsOf(
      'sets',
      sets.map((each) => JSON.stringify(each)),
    ),
  ]
  if (patch !== undefined) for (const list of lists) parts.push(...partsOf(list, textsOf(patch[list])))
  for (const part of ['tracing', 'door', 'listener'] as const)
    if (patch?.[part] !== undefined) parts.push(...partsOf(part, [JSON.stringify(patch[part])]))
  const encoded = parts.map((part) => Buffer.from(part))
  const bytes = new Uint8Array(new SharedArrayBuffer(encoded.reduce((sum, part) => sum + part.length, 0)))
  let end = 0
  const ends = encoded.map((part) => {
    bytes.set(part, end)
    return (end += part.length)
  })
  return { bytes: bytes.buffer, ends }
}

/** Yields between parts. `generation` is that of the patch; `undefined` when the parcel holds none. */
export function* unpack({ bytes, ends }: Parcel, generation: number | undefined): Generator<void, Contents> {
  const found: Record<Section, unknown[]> = {
    sets: [],
    tracing: [],
    listener: [],
    routes: [],
    upstreams: [],
    certificates: [],
    tlsHosts: [],
    serverNames: [],
    clientAuths: [],
    door: [],
    unmatched: [],
    accessLog: [],
  }
  let start = 0
  for (const end of ends) {
    // Text is decoded from memory of our own only, so the part is copied once on its way. It is what `pack` wrote.
    const [section, items] = JSON.parse(Buffer.from(new Uint8Array(bytes, start, end - start)).toString('utf8')) as Part
    for (const item of items) found[section].push(item)
    start = end
    yield
  }
  // Every list holds what `pack` filed under its name.
  const { sets, door, tracing, listener, ...runs } = found as Found
  const patch = {
    ...runs,
    ...(door[0] === undefined ? {} : { door: door[0] }),
    ...(tracing[0] === undefined ? {} : { tracing: tracing[0] }),
    ...(listener[0] === undefined ? {} : { listener: listener[0] }),
  }
  return { sets, patch: generation === undefined ? undefined : { generation, ...patch } }
}

/** `door`, `tracing` and `listener` hold one item, or none. */
type Found = {
  readonly sets: EndpointSet[]
  readonly door: readonly DoorSpec[]
  readonly tracing: readonly TracingSpec[]
  readonly listener: readonly ListenerSpec[]
} & Pick<SnapshotPatch, List>

/** New items become runs of one, so that a part can end behind any of them. */
function textsOf(runs: readonly Run<object>[]): readonly string[] {
  return runs.flatMap((run) =>
    'items' in run ? run.items.map((item) => `{"items":[${JSON.stringify(item)}]}`) : [JSON.stringify(run)],
  )
}

function* partsOf(list: Section, texts: readonly string[]): Generator<string, void> {
  let part: string[] = []
  let chars = 0
  for (const text of texts) {
    if (part.length > 0 && chars + text.length > partChars) {
      yield `["${list}",[${part.join()}]]`
      part = []
      chars = 0
    }
    part.push(text)
    chars += text.length
  }
  if (part.length > 0) yield `["${list}",[${part.join()}]]`
}

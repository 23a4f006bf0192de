/**
 * A snapshot's way to a worker: what changed is found and packed once on the main thread, unpacked, applied and built
 * into a runtime by every worker. All of it when a worker starts, and after one Ingress among ten thousand has changed.
 */
import { compile as compileSnapshot } from '#compile/compile.ts'
import { hashKey } from '#route/hash.ts'
import { packRoutes } from '#route/packing.ts'
import { RuntimeBuilder } from '#proxy/runtime.ts'
import { readDocuments } from '#resource/documents.ts'
import { ResourceSet } from '#resource/resource-set.ts'
import { adopt, applyPatch, emptySnapshot, patchOf } from '#snapshot/patch.ts'
import type { Snapshot } from '#snapshot/snapshot.ts'
import { UpstreamRegistry } from '#upstream/registry.ts'
import { affinityKeyBytes, SessionSeal } from '#upstream/session.ts'
import { pack, unpack } from '#worker/parcel.ts'
import { filterEnv } from '../../test/support/filter-env.ts'
import type { Bench, Sample } from '../run.ts'
import { compileOptions } from '../../test/support/compile-options.ts'
import { ingress, manifests } from './manifests.ts'
import { checksum } from './stopwatch.ts'

const cases = ['everything', 'one of them'] as const
const sizes = [1_000, 10_000]
/** Of these the last is measured: the code is warm by then, as in a process that has run for a while. */
const turns = 5
const seed = 0x5eed

export const snapshot: Bench = {
  name: 'snapshot',
  title: 'From the main thread to a worker, wall time',
  file: import.meta.filename,
  rounds: 3,
  cases: sizes.flatMap((size) =>
    cases.map((what) => ({
      labels: { ingresses: size.toLocaleString('en-US'), changed: what },
      group: `${size} ${what}`,
      args: [String(size), what],
    })),
  ),
  metrics: [
    { name: 'tableMs', title: 'main: route table, ms', digits: 1 },
    { name: 'packMs', title: 'main: patch and pack, ms', digits: 1 },
    { name: 'bytes', title: 'bytes', digits: 0 },
    { name: 'unpackMs', title: 'worker: unpack and apply, ms', digits: 1 },
    { name: 'buildMs', title: 'worker: build, ms', digits: 1 },
    { name: 'stallMs', title: 'longest step of the worker, ms', digits: 1 },
  ],
  conclude: () => [
    'a worker serves requests between its steps; the longest of them is what a request may have to wait for',
  ],
}

/** Runs in a fresh process: `snapshot.ts <ingresses> <what changed>`. */
function measureCase(size: number, what: string): Sample {
  const resources = manifests(size).flatMap((text, index) => readDocuments(text, `${index}.yaml`).resources)
  const seal = new SessionSeal(new Uint8Array(affinityKeyBytes))
  const newBuilder = (): RuntimeBuilder =>
    new RuntimeBuilder(new UpstreamRegistry({ now: () => 1_000, random: () => 0.5, seal }), filterEnv())
  let builder = newBuilder()
  let live: Snapshot = { ...compileSnapshot(new ResourceSet(resources), compileOptions).snapshot, generation: 1 }
  let received = live
  finish(builder.build(live))
  let metrics: Record<string, number> = {}
  for (let turn = 0; turn < turns; turn += 1) {
    const changed = readDocuments(ingress(7, `/turn-${turn}`), 'changed.yaml').resources
    const compiled = compileSnapshot(new ResourceSet([...changed, ...resources]), compileOptions).snapshot
    const next = adopt(live, { ...compiled, generation: live.generation + 1 })
    if (what === 'everything') builder = newBuilder()
    const before = what === 'everything' ? emptySnapshot : live
    const table = timed(() => ({ seed, packed: packRoutes(next.routes, hashKey(seed), { shared: true }) }))
    const packed = timed(() => pack({ patch: patchOf(before, next), sets: [] }))
    const opened = finish(unpack(packed.result, next.generation))
    const applied = timed(() => applyPatch(what === 'everything' ? emptySnapshot : received, opened.result.patch!))
    const built = finish(builder.build(applied.result, table.result))
    metrics = {
      tableMs: table.ms,
      packMs: packed.ms,
      bytes: packed.result.bytes.byteLength,
      unpackMs: opened.ms + applied.ms,
      buildMs: built.ms,
      stallMs: Math.max(opened.longestMs, applied.ms, built.longestMs),
    }
    live = next
    received = applied.result
    // A worker that has nothing gets objects of its own; one that has the rest must route the changed one alike.
    if (built.result.match('svc-7.team-7.example.com', `/turn-${turn}`) === undefined)
      throw new Error('the change did not arrive')
  }
  return { check: checksum(received.routes.map(({ id }) => id).join('\n')), metrics }
}

function timed<T>(work: () => T): { readonly ms: number; readonly result: T } {
  const started = performance.now()
  const result = work()
  return { ms: performance.now() - started, result }
}

function finish<T>(steps: Generator<void, T>): { readonly ms: number; readonly longestMs: number; readonly result: T } {
  let ms = 0
  let longestMs = 0
  for (;;) {
    const step = timed(() => steps.next())
    ms += step.ms
    longestMs = Math.max(longestMs, step.ms)
    if (step.result.done === true) return { ms, longestMs, result: step.result.value }
  }
}

if (import.meta.main) {
  const [size = '', what = ''] = process.argv.slice(2)
  process.stdout.write(JSON.stringify(measureCase(Number(size), what)))
}

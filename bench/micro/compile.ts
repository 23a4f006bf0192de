/**
 * Ten thousand Ingresses from YAML text to a snapshot, and what is done again when one of them changes.
 */
import { compile as compileSnapshot } from '#compile/compile.ts'
import { CompileMemo } from '#compile/memo.ts'
import { readDocuments } from '#resource/documents.ts'
import { ResourceSet } from '#resource/resource-set.ts'
import type { Resource } from '#resource/resource.ts'
import { compileOptions } from '../../test/support/compile-options.ts'
import type { Bench, Sample } from '../run.ts'
import { median } from '../run.ts'
import { ingress, manifests } from './manifests.ts'
import { checksum, cpuMsOf, quickestMs } from './stopwatch.ts'

const sizes = [1_000, 10_000]

export const compile: Bench = {
  name: 'compile',
  title: 'Compiling Ingresses, wall time',
  file: import.meta.filename,
  rounds: 3,
  cases: sizes.map((size) => ({
    labels: { ingresses: size.toLocaleString('en-US') },
    group: String(size),
    args: [String(size)],
  })),
  metrics: [
    { name: 'readMs', title: 'read all YAML, ms', digits: 0 },
    { name: 'firstMs', title: 'first compile, ms', digits: 0 },
    { name: 'againMs', title: 'compile anew after a change, ms', digits: 0 },
    { name: 'changeMs', title: 'a change as serve takes it, CPU ms', digits: 0 },
    { name: 'routes', title: 'routes', digits: 0 },
  ],
  conclude: () => [
    'reading is done once per file that changed; a compile looks at all objects, but takes over what nothing touched',
  ],
}

/** Runs in a fresh process: `compile.ts <ingresses>`. */
function measureCase(size: number): Sample {
  const texts = manifests(size)
  const started = performance.now()
  const resources = texts.flatMap((text, index) => readDocuments(text, `${index}.yaml`).resources)
  const readMs = performance.now() - started
  const first = quickestMs(1, () => compileSnapshot(new ResourceSet(resources), compileOptions))
  const changed = readDocuments(ingress(7, '/changed'), 'changed.yaml').resources
  const again = quickestMs(3, () => compileSnapshot(new ResourceSet([...changed, ...resources]), compileOptions))
  const { routes } = again.result.snapshot
  const check = checksum(routes.map(({ id, upstream }) => `${id} ${upstream}`).join('\n'))
  const changeMs = changeInPlace(resources)
  return { check, metrics: { readMs, firstMs: first.ms, againMs: again.ms, changeMs, routes: routes.length } }
}

/** The middle of several changes of one Ingress, with what the compilation before left: its set of resources and all. */
function changeInPlace(resources: readonly Resource[]): number {
  const memo = new CompileMemo()
  const at = resources.findIndex(({ kind, metadata }) => kind === 'Ingress' && metadata.name === 'web-7')
  let set = new ResourceSet(resources)
  compileSnapshot(set, compileOptions, memo)
  const times = Array.from({ length: 9 }, (_, turn) => {
    const next = resources.with(at, readDocuments(ingress(7, `/turn-${turn}`), 'changed.yaml').resources[0]!)
    return cpuMsOf(() => {
      set = set.next(next)
      compileSnapshot(set, compileOptions, memo)
    })
  })
  return median(times)
}

if (import.meta.main) process.stdout.write(JSON.stringify(measureCase(Number(process.argv[2]))))

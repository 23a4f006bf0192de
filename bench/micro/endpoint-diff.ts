/**
 * What every DNS answer costs, changed or not: is it the set that is known already?
 */
import type { EndpointInit } from '#discovery/answer.ts'
import { canonical, endpointAt, sameSet } from '#discovery/answer.ts'
import type { EndpointSet } from '#snapshot/snapshot.ts'
import type { Bench, Sample } from '../run.ts'
import { measureStretch } from './stopwatch.ts'

const sizes = [10, 1_000]
/** Given the endpoints known, those of the new answer. */
const changes: Readonly<Record<string, (known: readonly EndpointInit[]) => readonly EndpointInit[]>> = {
  nothing: (known) => known.map((each) => ({ ...each })),
  'order only': (known) => known.toReversed().map((each) => ({ ...each })),
  'the last one': (known) => [...known.slice(0, -1), { address: '10.250.0.1', port: 8080 }],
  'one more': (known) => [...known, { address: '10.250.0.1', port: 8080 }],
}

export const endpointDiff: Bench = {
  name: 'endpoint-diff',
  title: 'Comparing a DNS answer with the endpoints known',
  file: import.meta.filename,
  rounds: 3,
  cases: sizes.flatMap((size) =>
    Object.keys(changes).map((change) => ({
      labels: { endpoints: size.toLocaleString('en-US'), changed: change },
      group: `${change === 'nothing' || change === 'order only' ? 'same' : 'other'} ${size}`,
      args: [String(size), change],
    })),
  ),
  metrics: [
    { name: 'canonicalUs', title: 'sort and merge, CPU µs', digits: 1 },
    { name: 'compareUs', title: 'compare, CPU µs', digits: 2 },
    { name: 'allocatedBytes', title: 'allocated/answer', digits: 0 },
  ],
  conclude: () => [],
}

/** Runs in a fresh process: `endpoint-diff.ts <endpoints> <change>`. */
function measureCase(size: number, change: string): Sample {
  const known = Array.from({ length: size }, (_, index) => ({
    address: `10.${index >> 16}.${(index >> 8) & 255}.${index & 255}`,
    port: 8080,
  }))
  const answer = changes[change]!(known).map((each) => endpointAt(each))
  const before = setOf(known.map((each) => endpointAt(each)))
  const after = setOf(answer)
  let seen = 0
  const sorting = measureStretch((count) => {
    for (let i = 0; i < count; i += 1) seen = (seen + canonical(answer).length) | 0
  })
  const comparing = measureStretch((count) => {
    for (let i = 0; i < count; i += 1) seen = (seen + Number(sameSet(before, after))) | 0
  })
  if (Number.isNaN(seen)) throw new Error('every answer is counted')
  const metrics = {
    canonicalUs: sorting.nanoseconds / 1_000,
    compareUs: comparing.nanoseconds / 1_000,
    allocatedBytes: sorting.allocatedBytes + comparing.allocatedBytes,
  }
  return { check: String(sameSet(before, after)), metrics }
}

function setOf(endpoints: Parameters<typeof canonical>[0]): EndpointSet {
  return { upstream: 'default/web:80', state: 'live', mode: 'dns', endpoints: canonical(endpoints) }
}

if (import.meta.main) {
  const [size = '', change = ''] = process.argv.slice(2)
  process.stdout.write(JSON.stringify(measureCase(Number(size), change)))
}

/** What is asked again after a change, and what stays as it was. */
import { setImmediate } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { readDocuments } from '../../src/resource/documents.ts'
import { ResourceSet } from '../../src/resource/resource-set.ts'
import type { Resource } from '../../src/resource/resource.ts'
import { House, upstream } from './house.ts'

/** One object in several versions; which of them is there, if any, is what changes. */
const versions: readonly (readonly string[])[] = [
  ...['web', 'api'].flatMap((name) => [
    ['80', '81'].map(
      (port) =>
        `{apiVersion: v1, kind: Service, metadata: {name: ${name}}, spec: {type: NodePort, selector: {app: ${name}}, ports: [{port: 80, targetPort: 80${port}, nodePort: 300${port}}]}}`,
    ),
    ['10.1.0.1', '10.1.0.2'].map(
      (address) =>
        `{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, metadata: {name: ${name}, labels: {kubernetes.io/service-name: ${name}}}, addressType: IPv4, endpoints: [{addresses: [${address}]}], ports: [{name: "", port: 8080}]}`,
    ),
  ]),
  ['web', 'api'].map(
    (name) =>
      `{apiVersion: v1, kind: Endpoints, metadata: {name: ${name}}, subsets: [{addresses: [{ip: 10.2.0.1}], ports: [{name: "", port: 8080}]}]}`,
  ),
  ['web', 'api'].map(
    (name) =>
      `{apiVersion: v1, kind: Pod, metadata: {name: one, labels: {app: ${name}}}, spec: {containers: [{name: a}]}, status: {podIP: 10.3.0.1, phase: Running, conditions: [{type: Ready, status: "True"}]}}`,
  ),
  ['10.4.0.1', '10.4.0.2'].map(
    (address) =>
      `{apiVersion: v1, kind: Node, metadata: {name: one}, status: {addresses: [{type: InternalIP, address: ${address}}], conditions: [{type: Ready, status: "True"}]}}`,
  ),
]

/** Read once, as sources do: what has not changed is the very same object. */
const objects: readonly (readonly Resource[])[] = versions.map((texts, number) =>
  texts.flatMap((text, version) => readDocuments(text, `${number}-${version}.yaml`).resources),
)

const upstreams = ['web', 'api'].map((name) => upstream(`default/${name}:80`, 'slices', 'pods', 'nodeport'))

/** For every object the number of its version; one beyond the last for none. */
const moments = fc.tuple(...objects.map((each) => fc.nat(each.length)))

describe('following the same upstreams through changes', () => {
  test('finds what a discovery finds that begins with the last of them', async () => {
    expect(objects.map(({ length }) => length)).toEqual(versions.map(({ length }) => length))
    await fc.assert(
      fc.asyncProperty(fc.array(moments, { minLength: 2, maxLength: 6 }), async (history) => {
        const house = new House()
        for (const chosen of history) {
          const resources = new ResourceSet(objects.flatMap((each, number) => each[chosen[number]!] ?? []))
          await house.discovery.follow(resources, upstreams)
          const anew = new House()
          await anew.discovery.follow(resources, upstreams)
          expect(house.discovery.reports()).toEqual(anew.discovery.reports())
          anew.discovery.close()
        }
        house.discovery.close()
      }),
      { numRuns: 200 },
    )
  })

  test('keeps nothing of what was there before', async () => {
    const house = new House()
    const gone: WeakRef<ResourceSet>[] = []
    for (let change = 0; change < 5; change++) {
      // What does not change is what one moment is compared with the next for.
      const resources = new ResourceSet(objects.map((each) => each[0]!))
      if (change < 3) gone.push(new WeakRef(resources))
      await house.discovery.follow(resources, upstreams)
    }
    // A reference that was asked about is held until the jobs under way are done.
    await setImmediate()
    collectGarbage()
    expect(gone.map((each) => each.deref())).toEqual([undefined, undefined, undefined])
    house.discovery.close()
  })
})

function collectGarbage(): void {
  setFlagsFromString('--expose-gc')
  // The flag is asked for when a context is made.
  const collect = runInNewContext('gc') as () => void
  collect()
}

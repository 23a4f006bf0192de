import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { readDocuments } from '../../src/resource/documents.ts'
import { ResourceSet } from '../../src/resource/resource-set.ts'
import type { Resource } from '../../src/resource/resource.ts'

const read = (text: string): Resource => readDocuments(text, 'x.yaml').resources[0]!

/** Several objects of one name, so that some are ignored; and Workloads, which are never. */
const objects: readonly Resource[] = ['a', 'b', 'c'].flatMap((name) => [
  ...['one', 'two', 'one'].map((namespace) =>
    read(
      `{apiVersion: v1, kind: Service, metadata: {name: ${name}, namespace: ${namespace}}, spec: {ports: [{port: 80}]}}`,
    ),
  ),
  read(`{apiVersion: v1, kind: Secret, metadata: {name: ${name}}}`),
  read(`{apiVersion: v1, kind: Node, metadata: {name: ${name}}}`),
  read(
    `{apiVersion: apps/v1, kind: Deployment, metadata: {name: ${name}}, spec: {selector: {matchLabels: {app: a}}, template: {metadata: {labels: {app: a}}, spec: {containers: [{name: a}]}}}}`,
  ),
])

const kinds = ['Service', 'Secret', 'Node', 'Workload', 'Ingress'] as const

/** A list of most of them and what is done to it next: a few taken out somewhere, a few put there. */
const edit = fc.record({
  at: fc.nat(20),
  gone: fc.nat(3),
  fresh: fc.array(fc.constantFrom(...objects), { maxLength: 3 }),
})

describe('the resources of the next moment', () => {
  test('are the same as a set made anew, whatever is taken out and put in', () => {
    fc.assert(
      fc.property(fc.shuffledSubarray([...objects]), fc.array(edit, { maxLength: 8 }), (start, edits) => {
        let list: readonly Resource[] = start
        let set = new ResourceSet(list)
        for (const { at, gone, fresh } of edits) {
          list = list.toSpliced(at, gone, ...fresh)
          const before = [...set]
          const next = set.next(list)
          expect([...set]).toEqual(before)
          set = next
          const anew = new ResourceSet(list)
          expect(set.size).toBe(anew.size)
          expect([...set]).toEqual([...anew])
          for (const kind of kinds) expect(set.list(kind)).toEqual(anew.list(kind))
          for (const { kind, metadata } of objects) {
            if (kind !== 'Workload')
              expect(set.get(kind, metadata.namespace, metadata.name)).toBe(
                anew.get(kind, metadata.namespace, metadata.name),
              )
          }
        }
      }),
      { numRuns: 500 },
    )
  })
})

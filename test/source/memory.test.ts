import { describe, expect, test } from 'vitest'
import { printProblem } from '../../src/resource/problem.ts'
import { MemorySource } from '../../src/source/memory.ts'
import type { Batch } from '../../src/source/source.ts'
import { served } from '../support/folder-bench.ts'
import { resourcesFrom } from '../support/resources.ts'

const service = (name: string, port = 80): string =>
  `apiVersion: v1\nkind: Service\nmetadata: {name: ${name}}\nspec: {ports: [{port: ${port}}]}\n`

describe('a memory source', () => {
  test('gives the whole set at once and after every change, until it is told to stop', async () => {
    const source = new MemorySource()
    source.apply(service('a'))
    const batches: Batch[] = []
    const stop = new AbortController()
    const running = source.run((batch) => batches.push(batch), stop.signal)
    source.set(...resourcesFrom(service('b')))
    expect(source.delete('Service default/a')).toBe(true)
    expect(source.delete('Service default/a')).toBe(false)
    source.replace(resourcesFrom(service('c')))
    stop.abort()
    await running
    source.apply(service('d'))
    expect(batches.map(served)).toEqual([
      ['Service default/a'],
      ['Service default/a', 'Service default/b'],
      ['Service default/b'],
      ['Service default/c'],
    ])
  })

  test('replaces objects of the same name', () => {
    const source = new MemorySource()
    source.apply(`${service('a', 1)}---\n${service('b', 1)}`)
    source.apply(service('a', 2))
    const ports = source
      .current()
      .resources.map((each) => (each.kind === 'Service' ? `${each.metadata.name} ${each.spec.ports[0]?.port}` : ''))
    expect(ports.toSorted()).toEqual(['a 2', 'b 1'])
  })

  test('keeps the last good version of what is broken, and says where the mistake is', () => {
    const source = new MemorySource({ file: 'scenario.yaml' })
    source.apply(service('a'))
    expect(source.apply(service('a', 0)).resources).toEqual([])
    const { resources, problems, documents } = source.current()
    expect(resources).toHaveLength(1)
    expect(documents.map(({ state }) => state)).toEqual(['stale'])
    expect(problems.map(printProblem)).toEqual([
      'scenario.yaml:4:23: error: Service default/a: spec.ports[0].port: expected an integer from 1 to 65535, found the number 0; its last good version stays in use',
    ])
    source.apply(service('a'))
    expect(source.current().problems).toEqual([])
  })
})

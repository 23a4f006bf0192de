import { describe, expect, test } from 'vitest'
import type { Held } from '../../src/resource/documents.ts'
import { joinReadings } from '../../src/resource/documents.ts'
import { readText } from '../../src/resource/read.ts'
import { holdLastGood } from '../../src/source/hold.ts'

const service = (name: string): string =>
  `apiVersion: v1\nkind: Service\nmetadata: {name: ${name}}\nspec: {ports: [{port: 80}]}\n`
const wrong = (name: string): string => service(name).replace('80', '0')
const unnamed = 'kind: [\n'
const join = (texts: readonly string[]): string => texts.join('---\n')
const short = (object: string | undefined): string => object?.replace('Service default/', '') ?? '?'

/** What is served after the versions of a file came one after the other. */
function after(...versions: readonly (readonly string[])[]): readonly string[] {
  let held: readonly Held[] = []
  for (const version of versions) held = holdLastGood(held, readText(join(version), 'f'))
  return joinReadings(held).documents.map(({ object, state }) => `${short(object)} ${state}`)
}

const [a, b, c] = ['a', 'b', 'c'].map(service) as [string, string, string]

describe('the last good version', () => {
  for (const [why, versions, expected] of [
    [
      'is kept by name',
      [
        [a, b, c],
        [a, wrong('b'), c],
      ],
      ['a live', 'b stale', 'c live'],
    ],
    [
      'is kept by name when the order changed',
      [
        [a, b, c],
        [c, wrong('a'), b],
      ],
      ['c live', 'a stale', 'b live'],
    ],
    [
      'is kept by position from the start',
      [
        [a, b],
        [unnamed, b],
      ],
      ['a stale', 'b live'],
    ],
    [
      'is kept by position from the end',
      [
        [a, b],
        [c, a, unnamed],
      ],
      ['c live', 'a live', 'b stale'],
    ],
    [
      'outlives many broken versions',
      [
        [a, b],
        [unnamed, b],
        [wrong('a'), b],
        [unnamed, b],
      ],
      ['a stale', 'b live'],
    ],
    ['does not come back once the object was deleted', [[a, b], [b], [wrong('a'), b]], ['a rejected', 'b live']],
    ['is not taken from another object', [[a], [wrong('b'), c]], ['b rejected', 'c live']],
    [
      'is replaced by a good one',
      [
        [a, b],
        [wrong('a'), b],
        [a, b],
      ],
      ['a live', 'b live'],
    ],
    ['of everything is kept when nothing can be read', [[a, b, c], [unnamed]], ['a stale', 'b stale', 'c stale']],
    [
      'of the rest is kept when the file breaks off',
      [
        [a, b, c],
        [a, wrong('b')],
      ],
      ['a live', 'b stale', 'c stale'],
    ],
    [
      'of what does not say yet what it is is kept',
      [
        [a, b],
        [a, 'apiVersion: v1\n'],
      ],
      ['a live', '? ignored', 'b stale'],
    ],
    [
      'of what says it wrongly is kept',
      [
        [a, b],
        [a, 'apiVersion: v1\nkind: Servic\n'],
      ],
      ['a live', '? ignored', 'b stale'],
    ],
    [
      'of what a damaged marker swallowed is kept',
      [
        [a, b, c],
        [`${a}--\n${b}`, c],
      ],
      ['a stale', 'c live', 'b stale'],
    ],
    [
      'of a deleted object is not kept by a named mistake elsewhere',
      [
        [a, b, c],
        [wrong('a'), c],
      ],
      ['a stale', 'c live'],
    ],
    ['of a deleted object goes when the file is whole again', [[a, b, c], [unnamed], [a]], ['a live']],
    ['goes with the contents of the file', [[a, b], []], []],
  ] as const) {
    test(why, () => expect(after(...versions)).toEqual(expected))
  }
})

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { EndpointSet } from '../../src/snapshot/snapshot.ts'
import { emptySnapshot, patchOf } from '../../src/snapshot/patch.ts'
import { applyPatch } from '../../src/snapshot/patch.ts'
import { type Contents, pack, type Parcel, unpack } from '../../src/worker/parcel.ts'
import { routeOf, setOf } from '../support/door.ts'

/** The contents, and how often reading them rested. */
function read(parcel: Parcel, generation: number | undefined): { readonly contents: Contents; readonly rests: number } {
  const work = unpack(parcel, generation)
  for (let rests = 0; ; rests++) {
    const step = work.next()
    if (step.done === true) return { contents: step.value, rests }
  }
}

const before = { ...emptySnapshot, routes: ['a.test', 'b.test'].map((id) => routeOf({ id, host: id })) }

describe('a parcel', () => {
  test('gives back what was put into it, in any language', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.string({ unit: 'grapheme' })), (names) => {
        const after = {
          ...before,
          generation: 3,
          ...(names.length > 1 && { door: { drainMs: names.length } }),
          routes: [before.routes[1]!, ...names.map((id) => routeOf({ id })), before.routes[0]!],
        }
        const { contents } = read(pack({ patch: patchOf(before, after), sets: [] }), 3)
        expect(applyPatch(before, contents.patch!)).toEqual(after)
      }),
    )
  })

  test('of endpoints alone holds no patch', () => {
    const sets: readonly EndpointSet[] = [setOf([1, 2])]
    expect(read(pack({ patch: undefined, sets }), undefined).contents).toEqual({
      patch: undefined,
      sets: JSON.parse(JSON.stringify(sets)),
    })
  })

  test('of ten thousand routes is read in many small parts, so that requests can be served in between', () => {
    const after = {
      ...emptySnapshot,
      generation: 1,
      routes: Array.from({ length: 10_000 }, (_, index) => routeOf({ id: `r${index}` })),
    }
    const parcel = pack({ patch: patchOf(emptySnapshot, after), sets: [] })
    const sizes = parcel.ends.map((end, index) => end - (parcel.ends[index - 1] ?? 0))
    expect(Math.max(...sizes)).toBeLessThan(70_000)
    const { contents, rests } = read(parcel, 1)
    expect(rests).toBe(sizes.length)
    expect(applyPatch(emptySnapshot, contents.patch!)).toEqual(JSON.parse(JSON.stringify(after)))
  })

  test('lies in memory that threads share, so that it is encoded once for all of them', () => {
    expect(pack({ patch: undefined, sets: [setOf([1])] }).bytes).toBeInstanceOf(SharedArrayBuffer)
  })
})

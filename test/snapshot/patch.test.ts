import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { adopt, applyPatch, emptySnapshot, patchOf } from '../../src/snapshot/patch.ts'
import type { RouteSpec, Snapshot, TlsHostSpec } from '../../src/snapshot/snapshot.ts'
import { routeOf } from '../support/door.ts'

const host = fc.constantFrom('a.test', 'b.test', 'c.test', 'd.test', 'e.test')
const routes = fc.uniqueArray(fc.record({ host, seconds: fc.integer({ min: 1, max: 2 }) }), {
  selector: ({ host: each }) => each,
})
const tlsHosts: fc.Arbitrary<TlsHostSpec[]> = fc.uniqueArray(
  fc.record({ host, certificate: fc.constantFrom('x', 'y') }),
  { selector: (each) => each.host },
)

/** New objects every time, as compile makes them. */
const snapshots: fc.Arbitrary<Snapshot> = fc
  .record({
    routes,
    tlsHosts,
    door: fc.option(fc.record({ drainMs: fc.integer({ min: 1, max: 2 }) })),
    unmatched: fc.option(host),
    skip: fc.option(host),
  })
  .map((each) => ({
    ...emptySnapshot,
    generation: 1,
    routes: each.routes.map((route) => specOf(route.host, route.seconds)),
    tlsHosts: each.tlsHosts,
    ...(each.door && { door: each.door }),
    ...(each.unmatched === null ? {} : { unmatched: specOf(each.unmatched) }),
    ...(each.skip === null ? {} : { accessLog: { skip: [{ kind: 'text', text: each.skip }] } }),
  }))

function specOf(name: string, seconds = 1): RouteSpec {
  return routeOf({ id: name, host: name, timeouts: { connectMs: 1_000, sendMs: 1_000, readMs: seconds * 1_000 } })
}

function snapshotOf(...specs: readonly RouteSpec[]): Snapshot {
  return { ...emptySnapshot, generation: 1, routes: specs }
}

describe('a patch', () => {
  test('makes the second snapshot of the first, whatever they hold', () => {
    fc.assert(
      fc.property(snapshots, snapshots, (before, after) => {
        expect(applyPatch(before, patchOf(before, after))).toEqual(after)
        const adopted = adopt(before, after)
        expect(applyPatch(before, patchOf(before, adopted))).toEqual(after)
      }),
    )
  })

  test('survives being text', () => {
    fc.assert(
      fc.property(snapshots, snapshots, (before, after) => {
        const patch = patchOf(before, adopt(before, after))
        expect(applyPatch(before, JSON.parse(JSON.stringify(patch)))).toEqual(after)
      }),
    )
  })

  test('leaves a list that says the same as it is, so that nobody need look into it', () => {
    fc.assert(
      fc.property(snapshots, snapshots, (before, after) => {
        const kept = { ...after, tlsHosts: [...before.tlsHosts] }
        const adopted = adopt(before, kept)
        expect(adopted.tlsHosts).toBe(before.tlsHosts)
        if (before.tlsHosts.length > 0)
          expect(applyPatch(before, patchOf(before, adopted)).tlsHosts).toBe(before.tlsHosts)
      }),
    )
  })

  test('of one route among many holds that route and nothing else', () => {
    const names = Array.from({ length: 1_000 }, (_, index) => `host-${index}.test`)
    const before = snapshotOf(...names.map((name) => specOf(name)))
    const after = snapshotOf(...names.map((name, index) => specOf(name, index === 500 ? 2 : 1)))
    const { routes: runs } = patchOf(before, adopt(before, after))
    expect(runs).toEqual([{ from: 0, count: 500 }, { items: [specOf('host-500.test', 2)] }, { from: 501, count: 499 }])
  })

  test('leaves what stays the very objects they were', () => {
    const before = snapshotOf(specOf('a.test'), specOf('b.test'))
    const after = adopt(before, snapshotOf(specOf('b.test'), specOf('new.test'), specOf('a.test')))
    const patched = applyPatch(before, patchOf(before, after))
    expect(patched.routes[0]).toBe(before.routes[1])
    expect(patched.routes[2]).toBe(before.routes[0])
  })
})

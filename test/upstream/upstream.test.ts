import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { DiscoveryState, EndpointSpec } from '#snapshot/snapshot.ts'
import type { Endpoint } from '#upstream/endpoint.ts'
import { UpstreamRegistry } from '#upstream/registry.ts'
import { type Asker, Upstream } from '#upstream/upstream.ts'
import { endpointOf } from '../support/door.ts'
import { upstreamEnv } from '../support/proxy-env.ts'

const asker: Asker = {
  received: { method: 'GET', target: '/', version: '1.1', fields: [] },
  client: { address: '127.0.0.1', scheme: 'http' },
  host: 'a.test',
  path: '/',
  query: '',
}

function upstreamOf(specs: readonly Partial<EndpointSpec>[], state: DiscoveryState = 'live'): Upstream {
  const upstream = new Upstream('test/web:80', upstreamEnv())
  upstream.update({
    upstream: 'test/web:80',
    state,
    mode: 'slices',
    endpoints: specs.map((spec, at) => endpointOf({ port: at + 1, ...spec })),
  })
  return upstream
}

function picks(upstream: Upstream, times: number, tried: readonly Endpoint[] = []): (number | undefined)[] {
  return Array.from({ length: times }, () => upstream.pick(asker, tried)?.spec.port)
}

describe('a pick', () => {
  const rows: readonly [
    why: string,
    specs: readonly Partial<EndpointSpec>[],
    expected: readonly (number | undefined)[],
  ][] = [
    ['takes equal endpoints in turn', [{}, {}, {}], [1, 2, 3, 1, 2, 3]],
    ['skips those that are not ready', [{ ready: false }, {}, { ready: false }], [2, 2, 2]],
    ['never takes one that terminates', [{ terminating: true }, {}], [2, 2]],
    ['takes only the lowest priority', [{ priority: 5 }, { priority: 1 }, { priority: 1 }], [2, 3, 2]],
    [
      'takes the next priority when the lowest has nobody ready',
      [{ priority: 1, ready: false }, { priority: 2 }],
      [2, 2],
    ],
    ['spreads weights without bursts', [{ weight: 3 }, { weight: 1 }], [1, 1, 2, 1, 1, 1, 2, 1]],
    ['leaves out weight 0 beside others', [{ weight: 0 }, { weight: 1 }], [2, 2, 2]],
    ['takes weight 0 when nobody else is there', [{ weight: 0 }, { weight: 0 }], [1, 2, 1]],
    ['finds nobody in an empty set', [], [undefined]],
  ]
  test.each(rows)('%s', (_, specs, expected) => {
    expect(picks(upstreamOf(specs), expected.length)).toEqual(expected)
  })

  test('skips those already tried, then goes to the next priority', () => {
    const upstream = upstreamOf([{ weight: 2 }, { weight: 1 }, { priority: 1 }])
    const tried: Endpoint[] = []
    for (let next = upstream.pick(asker, tried); next !== undefined; next = upstream.pick(asker, tried))
      tried.push(next)
    expect(tried.map(({ spec }) => spec.port)).toEqual([1, 2, 3])
  })

  test('takes weight 0 when the others were tried', () => {
    const upstream = upstreamOf([{ weight: 1 }, { weight: 0 }])
    expect(upstream.pick(asker, [upstream.pick(asker, [])!])?.spec.port).toBe(2)
  })

  test('follows the weights exactly over every full turn, whatever they are', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 8 }), (weights) => {
        const total = weights.reduce((sum, weight) => sum + weight, 0)
        const upstream = upstreamOf(weights.map((weight) => ({ weight })))
        // Equal weights are plain turns: a full turn is then one pick each.
        const turn = new Set(weights).size === 1 ? weights.length : total
        const counts = weights.map(() => 0)
        for (const port of picks(upstream, turn)) counts[port! - 1]!++
        expect(counts).toEqual(turn === total ? weights : weights.map(() => 1))
      }),
    )
  })
})

describe('why nobody could be picked', () => {
  test.each([
    ['pending', 'dns_pending'],
    ['failed', 'dns_failed'],
    ['empty', 'no_ready_endpoints'],
    ['stale', 'no_ready_endpoints'],
    ['live', 'no_ready_endpoints'],
  ] as const)('%s: %s', (state, cause) => {
    expect(upstreamOf([], state).unavailable()).toBe(cause)
  })

  test('an upstream nothing was ever said of is pending', () => {
    expect(new Upstream('a', upstreamEnv()).unavailable()).toBe('dns_pending')
  })
})

describe('an update', () => {
  test('keeps what is known of endpoints that stay', () => {
    const upstream = upstreamOf([{}, {}])
    const first = upstream.pick(asker, [])!
    first.acquire(7)
    upstream.update({
      upstream: 'test/web:80',
      state: 'live',
      mode: 'slices',
      endpoints: [endpointOf({ port: 1, weight: 9 })],
    })
    const [only] = [...upstream.endpoints()]
    expect(only).toBe(first)
    expect(only).toMatchObject({ inFlight: 1, lastUsedAt: 7, spec: { weight: 9 } })
    first.release()
    expect(only!.inFlight).toBe(0)
  })

  test('takes effect at the next pick', () => {
    const upstream = upstreamOf([{}])
    upstream.update({ upstream: 'test/web:80', state: 'live', mode: 'slices', endpoints: [endpointOf({ port: 9 })] })
    expect(picks(upstream, 1)).toEqual([9])
  })
})

describe('the registry', () => {
  test('gives the same upstream for the same id until it is let go', () => {
    const registry = new UpstreamRegistry(upstreamEnv())
    registry.update([{ upstream: 'a', state: 'live', mode: 'dns', endpoints: [endpointOf({ port: 1 })] }])
    registry.update([{ upstream: 'b', state: 'live', mode: 'dns', endpoints: [endpointOf({ port: 2, ready: false })] }])
    const before = registry.of('a')
    expect(registry.endpointIds()).toEqual(new Set(['127.0.0.1:1', '127.0.0.1:2']))
    registry.keep(new Set(['b']))
    expect(registry.endpointIds()).toEqual(new Set(['127.0.0.1:2']))
    expect(registry.of('a')).not.toBe(before)
    expect(before.pick(asker, [])).toBeDefined()
  })
})

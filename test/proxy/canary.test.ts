import { describe, expect, test } from 'vitest'
import type { RequestHead } from '#http/head.ts'
import { compilePattern } from '#lib/pattern.ts'
import { type Canary, chooseUpstream } from '#proxy/canary.ts'
import { Exchange } from '#proxy/exchange.ts'
import { clearOver, createRoute, splitFilters } from '#proxy/route.ts'
import { emptyRuntime } from '#proxy/runtime.ts'
import type { CanarySpec } from '#snapshot/snapshot.ts'
import { Upstream } from '#upstream/upstream.ts'
import { endpointOf, routeOf } from '../support/door.ts'
import { testSeal, upstreamEnv } from '../support/proxy-env.ts'

type Case = {
  readonly spec?: Partial<CanarySpec>
  readonly fields?: readonly string[]
  readonly random?: number
  /** Endpoints of the canary. */
  readonly endpoints?: number
}

const affinity = { kind: 'cookie', mode: 'persistent', cookieName: 'S' } as const

function upstreamOf(id: string, endpoints: number): Upstream {
  const upstream = new Upstream(id, upstreamEnv())
  upstream.configure({ protocol: 'http', affinity }, Infinity)
  upstream.update({
    upstream: id,
    state: 'live',
    mode: 'slices',
    endpoints: Array.from({ length: endpoints }, (_, at) => endpointOf({ port: at + 1 })),
  })
  return upstream
}

function choose({ spec = {}, fields = [], random = 0.999, endpoints = 1 }: Case): string {
  const full: CanarySpec = {
    upstream: 'canary',
    origin: routeOf({}).origin,
    weight: 0,
    total: 100,
    affinity: 'sticky',
    ...spec,
  }
  const source = full.header?.pattern
  const compiled = source === undefined ? undefined : compilePattern(source)
  const canary: Canary = {
    spec: full,
    upstream: upstreamOf('canary', endpoints),
    pattern: compiled?.ok === true ? compiled.pattern : undefined,
  }
  const route = createRoute(routeOf({}), {
    upstream: upstreamOf('main', 1),
    canary,
    filters: splitFilters([]),
    clear: clearOver(['http']),
    number: 0,
  })
  const received: RequestHead = { method: 'GET', target: '/', version: '1.1', fields }
  const connection = { address: '127.0.0.1', remotePort: 1, scheme: 'http', port: 80, tls: undefined } as const
  // The lane is never asked anything here.
  const exchange = new Exchange(
    { received, connection, transport: undefined as never, runtime: emptyRuntime, lane: 'general', headOnly: false },
    0,
    0,
  )
  return chooseUpstream(exchange, route, { random: () => random, seal: testSeal })!.id
}

function session(upstream: string): string {
  return `S=${testSeal.seal({ mode: 'persistent', upstream, token: 'A'.repeat(16) })}`
}

const byHeader = { header: { name: 'x-new' } }
const byCookie = { cookie: 'new' }
const all = { weight: 100 }

describe('a canary', () => {
  const rows: readonly [why: string, given: Case, expected: 'main' | 'canary'][] = [
    ['without rules gets nothing', {}, 'main'],
    ['header always', { spec: byHeader, fields: ['X-New', ' always '] }, 'canary'],
    [
      'header never, whatever the weight',
      { spec: { ...byHeader, ...all }, fields: ['X-New', 'never'], random: 0 },
      'main',
    ],
    [
      'another header value asks the next rule',
      { spec: { ...byHeader, ...all }, fields: ['X-New', 'maybe'] },
      'canary',
    ],
    [
      'no header asks the next rule',
      { spec: { ...byHeader, ...byCookie }, fields: ['Cookie', 'new=always'] },
      'canary',
    ],
    [
      'header value, exactly',
      { spec: { header: { name: 'x-new', value: 'blue' } }, fields: ['x-new', 'blue'] },
      'canary',
    ],
    [
      'header value in another case',
      { spec: { header: { name: 'x-new', value: 'blue' } }, fields: ['x-new', 'Blue'] },
      'main',
    ],
    [
      'with a value, always means nothing',
      { spec: { header: { name: 'x-new', value: 'blue' } }, fields: ['x-new', 'always'] },
      'main',
    ],
    [
      'with a value, never means nothing',
      { spec: { header: { name: 'x-new', value: 'blue' }, ...all }, fields: ['x-new', 'never'] },
      'canary',
    ],
    [
      'header pattern, anywhere',
      { spec: { header: { name: 'x-new', pattern: 'b[lr]ue?' } }, fields: ['x-new', 'dark blue'] },
      'canary',
    ],
    [
      'a pattern that does not match asks the next rule',
      {
        spec: { header: { name: 'x-new', pattern: '^red$' }, ...byCookie },
        fields: ['x-new', 'blue', 'cookie', 'a=b; new=always'],
      },
      'canary',
    ],
    [
      'header before cookie',
      { spec: { ...byHeader, ...byCookie }, fields: ['x-new', 'never', 'cookie', 'new=always'] },
      'main',
    ],
    [
      'cookie never, whatever the weight',
      { spec: { ...byCookie, ...all }, fields: ['Cookie', 'new=never'], random: 0 },
      'main',
    ],
    ['another cookie value asks the weight', { spec: { ...byCookie, ...all }, fields: ['Cookie', 'new=1'] }, 'canary'],
    ['weight 30 of 100: chance below', { spec: { weight: 30 }, random: 0.2999 }, 'canary'],
    ['weight 30 of 100: chance above', { spec: { weight: 30 }, random: 0.3 }, 'main'],
    ['weight 30 of 1000', { spec: { weight: 30, total: 1000 }, random: 0.0299 }, 'canary'],
    ['weight 0 never', { spec: { weight: 0 }, random: 0 }, 'main'],
    ['weight of the total always', { spec: { weight: 100 }, random: 0.9999 }, 'canary'],
    ['nobody ready: nothing by chance', { spec: all, endpoints: 0 }, 'main'],
    ['nobody ready: always still means it', { spec: byHeader, fields: ['x-new', 'always'], endpoints: 0 }, 'canary'],
    [
      'a session of the canary stays there, before every other rule',
      { spec: byHeader, fields: ['x-new', 'never', 'cookie', session('canary')] },
      'canary',
    ],
    [
      'a session of the main upstream stays there',
      { spec: { ...byHeader, ...all }, fields: ['x-new', 'always', 'cookie', session('main')] },
      'main',
    ],
    [
      'legacy: rules before sessions',
      { spec: { ...byHeader, affinity: 'legacy' }, fields: ['x-new', 'never', 'cookie', session('canary')] },
      'main',
    ],
    [
      'a session of another upstream is none',
      { spec: byHeader, fields: ['x-new', 'always', 'cookie', session('other')] },
      'canary',
    ],
    [
      'a session of a canary with nobody ready is bound anew',
      { spec: {}, fields: ['cookie', session('canary')], endpoints: 0 },
      'main',
    ],
  ]
  test.each(rows)('%s', (_, given, expected) => {
    expect(choose(given)).toBe(expected)
  })
})

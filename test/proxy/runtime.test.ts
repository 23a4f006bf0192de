import { describe, expect, test } from 'vitest'
import { httpsRedirect } from '#policy/https-redirect.ts'
import { hsts } from '#policy/hsts.ts'
import { buildRuntime, type Runtime, RuntimeBuilder } from '#proxy/runtime.ts'
import { hashKey } from '#route/hash.ts'
import { packRoutes } from '#route/packing.ts'
import type { Snapshot, UpstreamSpec } from '#snapshot/snapshot.ts'
import { UpstreamRegistry } from '#upstream/registry.ts'
import { routeOf } from '../support/door.ts'
import { emptySnapshot } from '#snapshot/patch.ts'
import { filterEnv } from '../support/filter-env.ts'
import { upstreamEnv } from '../support/proxy-env.ts'

const env = filterEnv()
const empty = { ...emptySnapshot, generation: 7 }

test('routes match and carry their filters by phase, upstreams outlive snapshots', () => {
  const upstreams = new UpstreamRegistry(upstreamEnv())
  const policies = [
    httpsRedirect.spec({ status: 308 }),
    hsts.spec({ maxAge: 1, includeSubDomains: false, preload: false }),
  ]
  const routes = [routeOf({ id: 'a', host: 'a.test', policies }), routeOf({ id: 'b', host: '', upstream: undefined })]
  const runtime = buildRuntime({ ...empty, routes }, upstreams, env)
  expect(runtime.generation).toBe(7)
  const a = runtime.match('a.test', '/x')!
  expect(a.spec.id).toBe('a')
  expect([a.requestFilters.length, a.responseFilters.length]).toEqual([1, 1])
  expect(runtime.match('c.test', '/x')).toMatchObject({ spec: { id: 'b' }, upstream: undefined })
  expect(buildRuntime({ ...empty, routes: [] }, upstreams, env).match('a.test', '/')).toBeUndefined()
  expect(buildRuntime({ ...empty, routes }, upstreams, env).match('a.test', '/')!.upstream).toBe(a.upstream)
})

test('a policy this build does not have cannot be run', () => {
  const routes = [routeOf({ policies: [{ kind: 'tea', config: {} }] })]
  expect(() => buildRuntime({ ...empty, routes }, new UpstreamRegistry(upstreamEnv()), env)).toThrow(
    'no policy of kind tea',
  )
})

describe('one runtime after the other', () => {
  const build = (builder: RuntimeBuilder, snapshot: Snapshot): Runtime => {
    const work = builder.build(snapshot)
    for (;;) {
      const step = work.next()
      if (step.done === true) return step.value
    }
  }
  const upstream = (protocol: 'http' | 'https'): UpstreamSpec => ({
    id: 'test/web:80',
    namespace: 'test',
    service: 'web',
    port: { kind: 'number', number: 80 },
    protocol,
    discovery: [],
  })
  const policies = [hsts.spec({ maxAge: 1, includeSubDomains: false, preload: false })]

  test('keeps the route, filters and all, whose spec is the same object, and no other', () => {
    const builder = new RuntimeBuilder(new UpstreamRegistry(upstreamEnv()), env)
    const [kept, changed] = [
      routeOf({ id: 'kept', host: 'a.test', policies }),
      routeOf({ id: 'changed', host: 'b.test', policies }),
    ]
    const before = build(builder, { ...empty, routes: [kept, changed] })
    const after = build(builder, { ...empty, routes: [kept, { ...changed }] })
    expect(after.match('a.test', '/')).toBe(before.match('a.test', '/'))
    expect(after.match('b.test', '/')).not.toBe(before.match('b.test', '/'))
  })

  test('builds a route anew when its upstream is spoken to in another way, or is another one', () => {
    const upstreams = new UpstreamRegistry(upstreamEnv())
    const builder = new RuntimeBuilder(upstreams, env)
    const routes = [routeOf({ host: 'a.test' })]
    build(builder, { ...empty, routes, upstreams: [upstream('http')] })
    const encrypted = build(builder, { ...empty, routes, upstreams: [upstream('https')] })
    expect(encrypted.match('a.test', '/')!.clear).toEqual({ http: false, https: false })
    upstreams.keep(new Set())
    const fresh = build(builder, { ...empty, routes, upstreams: [upstream('https')] })
    expect(fresh.match('a.test', '/')!.upstream).toBe(upstreams.of('test/web:80'))
  })

  test('rests between routes, so that thousands of them hold up no request', () => {
    const work = new RuntimeBuilder(new UpstreamRegistry(upstreamEnv()), env).build({
      ...empty,
      routes: Array.from({ length: 1_000 }, (_, index) => routeOf({ id: `${index}`, host: `h${index}.test` })),
    })
    let rests = 0
    while (work.next().done !== true) rests++
    expect(rests).toBeGreaterThan(10)
  })

  test('matches by a table that was packed elsewhere, in memory that is shared', () => {
    const routes = [
      routeOf({ id: 'a', host: 'a.test' }),
      routeOf({ id: 'b', host: '*.b.test', path: { kind: 'regex', value: '/x[0-9]' } }),
    ]
    const packed = packRoutes(routes, hashKey(5), { shared: true })
    expect(packed.words.buffer).toBeInstanceOf(SharedArrayBuffer)
    const work = new RuntimeBuilder(new UpstreamRegistry(upstreamEnv()), env).build(
      { ...empty, routes },
      { seed: 5, packed: structuredClone(packed) },
    )
    let step = work.next()
    while (step.done !== true) step = work.next()
    expect(step.value.match('a.test', '/')?.spec.id).toBe('a')
    expect(step.value.match('any.b.test', '/x7')?.spec.id).toBe('b')
    expect(step.value.match('any.b.test', '/y')).toBeUndefined()
  })
})

import { expect, test } from 'vitest'
import { httpsRedirect } from '#policy/https-redirect.ts'
import { hsts } from '#policy/hsts.ts'
import { buildRuntime } from '#proxy/runtime.ts'
import { UpstreamRegistry } from '#upstream/registry.ts'
import { routeOf } from '../support/door.ts'
import { filterEnv } from '../support/filter-env.ts'
import { upstreamEnv } from '../support/proxy-env.ts'

const env = filterEnv()
const empty = { generation: 7, routes: [], upstreams: [], certificates: [], tlsHosts: [] }

test('routes match and carry their filters by phase, upstreams outlive snapshots', () => {
  const upstreams = new UpstreamRegistry(upstreamEnv())
  const policies = [httpsRedirect.spec({ status: 308 }), hsts.spec({ maxAge: 1, includeSubDomains: false, preload: false })]
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
  expect(() => buildRuntime({ ...empty, routes }, new UpstreamRegistry(upstreamEnv()), env)).toThrow('no policy of kind tea')
})

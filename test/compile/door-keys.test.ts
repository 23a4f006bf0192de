import { describe, expect, test } from 'vitest'
import { compile, type CompileOptions } from '#compile/compile.ts'
import { configMapKeys } from '#compile/ingress-nginx/config-map.ts'
import { printProblem } from '#resource/problem.ts'
import type { DoorSpec } from '#snapshot/snapshot.ts'
import { compileOptions } from '../support/compile-options.ts'
import { resourcesFrom } from '../support/resources.ts'

type Read = { readonly door: DoorSpec | undefined; readonly problems: readonly string[] }

function read(data: Record<string, string>, options: Partial<CompileOptions> = {}): Read {
  const text = JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'c' }, data }, undefined, 1)
  const { snapshot, problems } = compile(resourcesFrom(text), { ...compileOptions, configMap: 'default/c', ...options })
  return { door: snapshot.door, problems: problems.map(printProblem) }
}

const given = (...names: readonly string[]) => ({ givenFlags: new Set(names) })

test('no key is in the table twice', () => {
  const names = configMapKeys.rows.map(({ name }) => name)
  expect(names.filter((name, at) => names.indexOf(name) !== at)).toEqual([])
})

test('a key that tunes what nginx is made of says why it has no effect', () => {
  const { door, problems } = read({ 'worker-processes': '8', 'server-name-hash-max-size': '4096' })
  expect(door).toBeUndefined()
  expect(problems).toEqual([
    expect.stringContaining('worker-processes has no effect here; a process setting, which no file changes'),
    expect.stringContaining('server-name-hash-max-size has no effect here; tables grow as they must'),
  ])
})

describe('keys about connections', () => {
  const rows: readonly [data: Record<string, string>, door: DoorSpec | undefined][] = [
    [{}, undefined],
    [{ 'keep-alive': '140' }, { limits: { idleTimeoutMs: 140_000 } }],
    [{ 'keep-alive': '0' }, { limits: { idleTimeoutMs: 0 } }],
    [{ 'keep-alive-requests': '200' }, { limits: { requestsPerConnection: 200 } }],
    [{ 'client-header-timeout': '7' }, { limits: { headerTimeoutMs: 7_000 } }],
    [{ 'client-body-timeout': '8' }, { limits: { bodyIdleTimeoutMs: 8_000 } }],
    [{ 'large-client-header-buffers': '8 16k' }, { limits: { headerBytes: 131_072, targetBytes: 16_384 } }],
    [{ 'upstream-keepalive-connections': '128' }, { limits: { upstreamIdleConnections: 128 } }],
    [{ 'upstream-keepalive-timeout': '120' }, { limits: { upstreamIdleTimeoutMs: 120_000 } }],
    [{ 'upstream-keepalive-time': '75s' }, { limits: { upstreamLifetimeMs: 75_000 } }],
    [{ 'upstream-keepalive-time': '1h 30m' }, { limits: { upstreamLifetimeMs: 5_400_000 } }],
    [{ 'upstream-keepalive-requests': '200' }, { limits: { upstreamRequests: 200 } }],
    [{ 'worker-shutdown-timeout': '240s' }, { drainMs: 240_000 }],
    [{ 'worker-shutdown-timeout': '60' }, { drainMs: 60_000 }],
    [{ 'enable-underscores-in-headers': 'true' }, { underscores: true }],
    [{ 'enable-underscores-in-headers': 'false' }, undefined],
  ]
  test.each(rows)('%j', (data, door) => {
    expect(read(data)).toEqual({ door, problems: [] })
  })

  test.each([
    ['keep-alive', '75s', 'a whole number from 0 to 2147483 (seconds, without a unit)'],
    ['keep-alive-requests', '0', 'a whole number from 1 to 1000000000'],
    ['client-header-timeout', '0', 'a whole number from 1 to 2147483 (seconds, without a unit)'],
    ['large-client-header-buffers', '4', 'a number and a size such as 4 8k, together 1k to 1m'],
    ['large-client-header-buffers', '4 1m', 'a number and a size such as 4 8k, together 1k to 1m'],
    ['upstream-keepalive-time', 'soon', 'a time such as 75s, 30m or 1h'],
    ['worker-shutdown-timeout', '0s', 'a time such as 75s, 30m or 1h'],
  ])('%s: %s cannot be read', (key, value, expected) => {
    const { door, problems } = read({ [key]: value })
    expect(door).toBeUndefined()
    expect(problems).toHaveLength(1)
    expect(problems[0]).toMatch(/^test\.yaml:\d+:\d+: warning: ConfigMap default\/c: data\./)
    expect(problems[0]).toContain(`${key}: expected ${expected}, found "${value}"`)
  })

  test.each([
    ['keep-alive', '9', 'limit-idle-timeout'],
    ['keep-alive-requests', '9', 'limit-requests-per-connection'],
    ['client-header-timeout', '9', 'limit-header-timeout'],
    ['client-body-timeout', '9', 'limit-body-idle-timeout'],
    ['upstream-keepalive-connections', '9', 'limit-upstream-idle-connections'],
    ['upstream-keepalive-timeout', '9', 'limit-upstream-idle-timeout'],
    ['upstream-keepalive-time', '9', 'limit-upstream-lifetime'],
    ['upstream-keepalive-requests', '9', 'limit-upstream-requests'],
    ['worker-shutdown-timeout', '9', 'drain-timeout'],
    ['proxy-real-ip-cidr', '10.0.0.0/8', 'trusted-proxies'],
  ])('%s gives way to a flag that is given', (key, value, flag) => {
    const { door, problems } = read({ [key]: value }, given(flag))
    expect(door).toBeUndefined()
    expect(problems).toEqual([expect.stringContaining(`${key} is set, and so is --${flag}; the flag counts`)])
  })

  test('one of two bounds of a key may have a flag', () => {
    const { door } = read({ 'large-client-header-buffers': '4 8k' }, given('limit-header-bytes'))
    expect(door).toEqual({ limits: { targetBytes: 8_192 } })
  })
})

describe('keys about proxies in front', () => {
  const on = { 'use-forwarded-headers': 'true', 'proxy-real-ip-cidr': '10.0.0.0/8, 192.0.2.1' }
  const trusted = ['10.0.0.0/8', '192.0.2.1']
  const base = { believes: 'all', listField: 'x-forwarded-for', tells: 'client' } as const
  const rows: readonly [data: Record<string, string>, options: Partial<CompileOptions>, door: DoorSpec | undefined][] =
    [
      [{ 'proxy-real-ip-cidr': '10.0.0.0/8' }, {}, undefined],
      [{ 'forwarded-for-header': 'CF-Connecting-IP' }, {}, undefined],
      [on, {}, { forwarding: { ...base, trusted } }],
      [{ ...on, 'compute-full-forwarded-for': 'true' }, {}, { forwarding: { ...base, trusted, tells: 'chain' } }],
      [{ ...on, 'forwarded-for-header': 'X-Real' }, {}, { forwarding: { ...base, trusted, listField: 'x-real' } }],
      [{ ...on, 'enable-real-ip': 'true' }, {}, { forwarding: { ...base, trusted } }],
      [
        { 'enable-real-ip': 'true', 'proxy-real-ip-cidr': '10.0.0.1' },
        {},
        { forwarding: { ...base, trusted: ['10.0.0.1'], believes: 'address' } },
      ],
      [
        { 'use-forwarded-headers': 'true' },
        { compat: 'ingress-nginx' },
        { forwarding: { ...base, trusted: ['0.0.0.0/0'] } },
      ],
      [
        { 'forwarded-for-header': 'X-Real', 'compute-full-forwarded-for': 'false' },
        given('trusted-proxies'),
        { forwarding: { believes: 'all', listField: 'x-real', tells: 'client' } },
      ],
      [
        { 'forwarded-for-header': 'X-Real' },
        given('trusted-proxies'),
        { forwarding: { ...base, listField: 'x-real', tells: 'chain' } },
      ],
    ]
  test.each(rows)('%j with %j', (data, options, door) => {
    expect(read(data, options)).toEqual({ door, problems: [] })
  })

  test('where nobody is named, strangers are not believed, and that is said', () => {
    const { door, problems } = read({ 'use-forwarded-headers': 'true' })
    expect(door?.forwarding?.trusted).toContain('10.0.0.0/8')
    expect(door?.forwarding?.trusted).not.toContain('0.0.0.0/0')
    expect(problems).toEqual([expect.stringContaining('proxy-real-ip-cidr does not say whom to believe')])
  })

  test('a part that is no address is nobody', () => {
    const { door, problems } = read({ ...on, 'proxy-real-ip-cidr': '10.0.0.0/33,10.0.0.1' })
    expect(door?.forwarding?.trusted).toEqual(['10.0.0.1'])
    expect(problems).toEqual([expect.stringContaining('with 10.0.0.0/33; nobody is believed for that part')])
  })

  test('a name that is none is not looked for', () => {
    const { door, problems } = read({ ...on, 'forwarded-for-header': 'no name' })
    expect(door?.forwarding?.listField).toBe('x-forwarded-for')
    expect(problems).toEqual([expect.stringContaining('forwarded-for-header: expected the name of a field')])
  })
})

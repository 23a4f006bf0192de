import { describe, expect, test } from 'vitest'
import { compile } from '#compile/compile.ts'
import type { ListenerSpec } from '#snapshot/snapshot.ts'
import { compileOptions } from '../support/compile-options.ts'
import { resourcesFrom } from '../support/resources.ts'

type Read = { readonly listener: ListenerSpec | undefined; readonly problems: readonly string[] }

function read(data: Readonly<Record<string, string>>): Read {
  const map = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'c', namespace: 'n' }, data }
  const { snapshot, problems } = compile(resourcesFrom(JSON.stringify(map)), { ...compileOptions, configMap: 'n/c' })
  return { listener: snapshot.listener, problems: problems.map(({ severity, code }) => `${severity} ${code}`) }
}

describe('keys of the ConfigMap about connections', () => {
  test.each<[Readonly<Record<string, string>>, ListenerSpec | undefined]>([
    [{}, undefined],
    [{ 'use-proxy-protocol': 'false' }, undefined],
    [{ 'use-proxy-protocol': 'true' }, { proxyProtocol: true }],
    [{ 'proxy-protocol-header-timeout': '30s' }, { proxyHeaderMs: 30_000 }],
  ])('%j', (data, listener) => {
    expect(read(data)).toEqual({ listener, problems: [] })
  })

  test.each([
    ['use-proxy-protocol', 'on'],
    ['proxy-protocol-header-timeout', '5'],
  ])('%s: %s is reported, and changes nothing', (key, value) => {
    expect(read({ [key]: value })).toEqual({ listener: undefined, problems: ['warning invalid-annotation-value'] })
  })
})

import { describe, expect, test } from 'vitest'
import { compile } from '#compile/compile.ts'
import { printValue } from '#snapshot/print.ts'
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
    [{ 'ssl-protocols': 'TLSv1.2 TLSv1.3' }, undefined],
    [{ 'ssl-protocols': 'TLSv1.3' }, { tls: { minVersion: 'TLSv1.3' } }],
    [{ 'ssl-protocols': 'TLSv1.2' }, { tls: { maxVersion: 'TLSv1.2' } }],
    [{ 'ssl-ciphers': 'HIGH:!aNULL@STRENGTH' }, { tls: { ciphers: 'HIGH:!aNULL@STRENGTH' } }],
    [{ 'ssl-ecdh-curve': 'auto' }, undefined],
    [{ 'ssl-ecdh-curve': 'X25519:P-256' }, { tls: { curves: 'X25519:P-256' } }],
    [{ 'ssl-session-tickets': 'true' }, undefined],
    [{ 'ssl-session-tickets': 'false' }, { tls: { tickets: false } }],
    [{ 'ssl-session-timeout': '10m' }, { tls: { sessionSeconds: 600 } }],
    [{ 'ssl-reject-handshake': 'true' }, { tls: { strict: true } }],
    [{ 'use-http2': 'false' }, { tls: { http2: false } }],
    [{ 'enable-ocsp': 'true' }, { tls: { ocsp: true } }],
    [{ 'enable-ocsp': 'false' }, undefined],
  ])('%j', (data, listener) => {
    expect(read(data)).toEqual({ listener, problems: [] })
  })

  test.each([
    ['ssl-session-cache', 'false', 'info annotation-no-effect'],
    ['ssl-session-cache-size', '20m', 'info annotation-no-effect'],
    ['ssl-early-data', 'true', 'info annotation-no-effect'],
    ['ssl-dh-param', 'n/dh', 'info annotation-no-effect'],
  ])('%s: %s is %s', (key, value, problem) => {
    expect(read({ [key]: value })).toEqual({ listener: undefined, problems: [problem] })
  })

  test('ssl-session-ticket-key is put in the order of node, and not shown', () => {
    const [name, aes, hmac] = [1, 2, 3].map((byte) => Buffer.alloc(16, byte))
    const text = Buffer.concat([name!, aes!, hmac!]).toString('base64')
    const secret = Buffer.concat([name!, hmac!, aes!]).toString('base64')
    for (const written of [text, `${text.slice(0, 40)}\n${text.slice(40)}\n`])
      expect(read({ 'ssl-session-ticket-key': written })).toEqual({
        listener: { tls: { ticketKey: { secret } } },
        problems: [],
      })
    expect(printValue({ ticketKey: { secret } })).not.toContain(secret)
  })

  test.each([
    [Buffer.alloc(80, 7).toString('base64'), 'found 80 bytes; 80 are for AES-256, which the TLS library does not take'],
    [Buffer.alloc(47, 7).toString('base64'), 'found 47 bytes'],
    [`${'x'.repeat(63)}!`, 'found no base64'],
    ['x'.repeat(63), 'found no base64'],
  ])('ssl-session-ticket-key: %s is none, and no log repeats it', (value, found) => {
    const map = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'c', namespace: 'n' } }
    const text = JSON.stringify({ ...map, data: { 'ssl-session-ticket-key': value } })
    const { snapshot, problems } = compile(resourcesFrom(text), { ...compileOptions, configMap: 'n/c' })
    expect(snapshot.listener).toBeUndefined()
    expect(problems).toMatchObject([
      { severity: 'warning', message: `ssl-session-ticket-key: expected base64 of 48 bytes, ${found}`, line: 1 },
    ])
    expect(JSON.stringify(problems)).not.toContain(value)
  })

  test('http2-max-concurrent-streams is a bound', () => {
    const map = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'c', namespace: 'n' } }
    const text = JSON.stringify({ ...map, data: { 'http2-max-concurrent-streams': '7' } })
    const { snapshot } = compile(resourcesFrom(text), { ...compileOptions, configMap: 'n/c' })
    expect(snapshot.door?.limits).toEqual({ streamsPerConnection: 7 })
  })

  test.each([
    ['use-proxy-protocol', 'on'],
    ['proxy-protocol-header-timeout', '5'],
    ['ssl-protocols', 'TLSv1.1'],
    ['ssl-ciphers', 'HIGH;'],
    ['ssl-ecdh-curve', 'X25519,P-256'],
    ['ssl-session-tickets', 'off'],
    ['ssl-session-timeout', '600'],
    ['ssl-reject-handshake', 'yes'],
    ['use-http2', 'off'],
    ['http2-max-concurrent-streams', '0'],
  ])('%s: %s is reported, and changes nothing', (key, value) => {
    expect(read({ [key]: value })).toEqual({ listener: undefined, problems: ['warning invalid-annotation-value'] })
  })
})

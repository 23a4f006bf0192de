import { describe, expect, test } from 'vitest'
import { blocklist } from '#policy/blocklist.ts'
import { hsts } from '#policy/hsts.ts'
import { httpsRedirect, type HttpsRedirectConfig } from '#policy/https-redirect.ts'
import type { FilterContext, FilterEnv } from '#policy/policy.ts'
import { filterEnv } from '../support/filter-env.ts'
import { inOrder, policies } from '#policy/registry.ts'

const env: FilterEnv = filterEnv()

function contextOf(change: Partial<FilterContext> = {}): FilterContext {
  return {
    connection: { tls: undefined },
    client: { address: '127.0.0.1', scheme: 'http', port: 80 },
    received: { method: 'GET', target: '/a', version: '1.1', fields: [] },
    host: 'shop.test',
    path: '/a',
    query: '',
    sent: { method: 'GET', target: '/a', fields: [] },
    ...change,
  }
}

const https = { address: '127.0.0.1', scheme: 'https', port: 443 } as const

describe('https-redirect', () => {
  const rows: readonly [
    why: string,
    context: Partial<FilterContext>,
    env: Partial<FilterEnv>,
    config: HttpsRedirectConfig,
    location: string | undefined,
  ][] = [
    [
      'sends plain clients to the same path and query',
      { path: '/a/b', query: '?c=d' },
      {},
      { status: 308 },
      'https://shop.test/a/b?c=d',
    ],
    ['names a port that is not 443', {}, { httpsPort: 8443 }, { status: 301 }, 'https://shop.test:8443/a'],
    ['names 443 too where it shall', {}, {}, { status: 308, namesPort: true }, 'https://shop.test:443/a'],
    ['lets clients that came by https pass', { client: https }, {}, { status: 308 }, undefined],
    ['lets clients pass that named no host', { host: '' }, {}, { status: 308 }, undefined],
    ['keeps the brackets of an address', { host: '[::1]' }, {}, { status: 308 }, 'https://[::1]/a'],
  ]
  test.each(rows)('%s', (...row) => {
    const [, context, change, config, location] = row
    const { onRequest } = httpsRedirect.create(config, { ...env, ...change })
    const reply = onRequest!(contextOf(context))
    expect(reply).toEqual(
      location === undefined ? undefined : { status: config.status, fields: ['Location', location], body: '' },
    )
  })
})

describe('blocklist', () => {
  const config = {
    addresses: ['10.0.0.0/8'],
    userAgents: [{ kind: 'pattern', source: 'bot', ignoreCase: true }],
    referers: [{ kind: 'text', text: 'http://spam.test/' }],
  } as const
  test.each<[string, Partial<FilterContext['client']>, readonly string[], number | undefined]>([
    ['an address', { address: '10.1.2.3' }, [], 403],
    ['another address', { address: '11.1.2.3' }, [], undefined],
    ['an agent', {}, ['User-Agent', 'SomeBot'], 403],
    ['a second agent', {}, ['User-Agent', 'fine', 'user-agent', 'bot'], 403],
    ['an agent too long to be judged', {}, ['User-Agent', 'a'.repeat(10_000)], 403],
    ['a referer', {}, ['Referer', 'http://Spam.test/'], 403],
    ['a long referer, where no expression is', {}, ['Referer', 'a'.repeat(10_000)], undefined],
    ['nobody in particular', {}, [], undefined],
  ])('judges %s', (_, client, fields, status) => {
    const context = contextOf()
    const { onRequest } = blocklist.create(config, env)
    const reply = onRequest!({
      ...context,
      client: { ...context.client, ...client },
      received: { ...context.received, fields },
    })
    expect(reply).toEqual(
      status === undefined ? undefined : expect.objectContaining({ status, cause: 'access_denied' }),
    )
  })
})

describe('hsts', () => {
  test.each([
    [{ maxAge: 31_536_000, includeSubDomains: true, preload: false }, 'max-age=31536000; includeSubDomains'],
    [{ maxAge: 60, includeSubDomains: false, preload: true }, 'max-age=60; preload'],
    [{ maxAge: 0, includeSubDomains: false, preload: false }, 'max-age=0'],
  ])('%j is %s, instead of what the endpoint says', (config, value) => {
    const head = {
      status: 200,
      reason: '',
      fields: ['strict-transport-security', 'max-age=1', 'X-A', '1', 'Strict-Transport-Security', 'max-age=2'],
    }
    hsts.create(config, env).onResponse!(contextOf({ client: https }), head)
    expect(head.fields).toEqual(['Strict-Transport-Security', value, 'X-A', '1'])
  })

  test('is never said over plain http', () => {
    const head = { status: 200, reason: '', fields: [] }
    hsts.create({ maxAge: 1, includeSubDomains: false, preload: false }, env).onResponse!(contextOf(), head)
    expect(head.fields).toEqual([])
  })
})

test('policies run in one order, whoever asks for them', () => {
  const kinds = (...specs: readonly string[]): readonly string[] =>
    inOrder(specs.map((kind) => ({ kind }))).map(({ kind }) => kind)
  const order = [
    'https-redirect',
    'rate-limit',
    'concurrency-limit',
    'network-policy',
    'access',
    'basic-auth',
    'external-auth',
  ]
  expect(kinds(...order.toReversed())).toEqual(order)
})

test('the registry knows every policy by its kind', () => {
  for (const [kind, policy] of policies) expect(policy.kind).toBe(kind)
  expect(hsts.spec({ maxAge: 1, includeSubDomains: false, preload: false })).toEqual({
    kind: 'hsts',
    config: { maxAge: 1, includeSubDomains: false, preload: false },
  })
})

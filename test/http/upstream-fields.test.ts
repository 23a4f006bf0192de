import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { all, get } from '#http/fields.ts'
import { type ResolvedClient, resolveClient } from '#http/forwarded.ts'
import type { RequestHead } from '#http/head.ts'
import { admitRequest } from '#http/request.ts'
import { type PreparedOptions, preparedFields, requestIdOf, withAuthority } from '#http/upstream-fields.ts'

const bounds = { headerBytes: 32_768, headerCount: 128, targetBytes: 8192 }
const options: PreparedOptions = { forwarded: false }
const newId = '0123456789abcdef0123456789abcdef'
const stranger: ResolvedClient = {
  address: '203.0.113.7',
  scheme: 'http',
  port: 80,
  host: undefined,
  peer: '203.0.113.7',
  trusted: false,
}
const proxied: ResolvedClient = {
  address: '198.51.100.1',
  scheme: 'https',
  port: 443,
  host: 'shop.test',
  peer: '10.0.0.1',
  trusted: true,
}

function send(
  fields: readonly string[],
  client = stranger,
  more: Partial<PreparedOptions> & Partial<RequestHead> = {},
): string[] {
  const head: RequestHead = {
    method: more.method ?? 'GET',
    target: more.target ?? '/',
    version: more.version ?? '1.1',
    fields,
  }
  const admitted = admitRequest(head, bounds)
  if ('cause' in admitted) throw new Error(admitted.detail)
  return upstreamFields(head, admitted, client, { ...options, ...more })
}

/** With an id, as the proxy sends them. */
function upstreamFields(...[head, ...rest]: Parameters<typeof preparedFields>): string[] {
  return [...preparedFields(head, ...rest).slice(0, -1), requestIdOf(head.fields) ?? newId]
}

/** All names but the one that only an untrusted peer's request gets. */
function names(fields: readonly string[]): string[] {
  return fields.filter((each, at) => at % 2 === 0 && each !== 'X-Original-Forwarded-For').toSorted()
}

test('a plain request arrives with Host first, its own fields, and ours', () => {
  expect(send(['Accept', ' */*\t', 'Host', 'A.test:8080', 'X-A', '1', 'x-a', '2'])).toEqual([
    'Host',
    'A.test:8080',
    'Accept',
    '*/*',
    'X-A',
    '1',
    'x-a',
    '2',
    'X-Forwarded-For',
    '203.0.113.7',
    'X-Forwarded-Proto',
    'http',
    'X-Forwarded-Host',
    'A.test:8080',
    'X-Forwarded-Port',
    '80',
    'X-Forwarded-Scheme',
    'http',
    'X-Scheme',
    'http',
    'X-Real-IP',
    '203.0.113.7',
    'X-Request-ID',
    '0123456789abcdef0123456789abcdef',
  ])
})

test('an HTTP/1.0 request without a host is given one', () => {
  expect(send([], stranger, { version: '1.0' }).slice(0, 2)).toEqual(['Host', 'localhost'])
  expect(send([], stranger, { version: '1.0', fallbackAuthority: 'b.test' }).slice(0, 2)).toEqual(['Host', 'b.test'])
})

describe('hop-by-hop fields', () => {
  test.each([
    [
      ['Connection', 'close, X-Foo', 'X-Foo', 'secret'],
      ['connection', 'x-foo'],
    ],
    [
      ['Connection', 'x-fOO , ,X-BAR', 'X-Foo', '1', 'x-bar', '2'],
      ['x-foo', 'x-bar'],
    ],
    [['Connection', 'a', 'Connection', 'x-foo', 'X-Foo', '1'], ['x-foo']],
    [
      ['Connection', 'Authorization, Cookie', 'Authorization', 'Basic a', 'Cookie', 'a=b'],
      ['authorization', 'cookie'],
    ],
    [
      ['Keep-Alive', 'timeout=1', 'Proxy-Connection', 'close', 'Trailer', 'X-T', 'Proxy', 'evil'],
      ['keep-alive', 'proxy-connection', 'trailer', 'proxy'],
    ],
    [['Proxy-Authorization', 'Basic a'], ['proxy-authorization']],
    [['TE', 'chunked, gzip', 'Connection', 'TE'], ['te']],
    [
      ['Upgrade', 'h2c', 'Connection', 'Upgrade, HTTP2-Settings', 'HTTP2-Settings', 'AAAA'],
      ['upgrade', 'connection', 'http2-settings'],
    ],
    [
      ['Upgrade', 'TLS/1.0', 'Connection', 'Upgrade'],
      ['upgrade', 'connection'],
    ],
    [['Expect', '100-continue', 'Content-Length', '1'], ['expect']],
  ])('%j: without %j', (fields, absent) => {
    const sent = send(['Host', 'a.test', ...fields])
    for (const name of absent) expect(get(sent, name)).toBeUndefined()
  })

  test('Connection removes neither Host, nor the length, nor what we add', () => {
    const sent = send([
      'Host',
      'a.test',
      'Content-Length',
      '07',
      'Connection',
      'Host, Content-Length, X-Forwarded-For, X-Real-IP, X-Request-ID',
    ])
    expect(all(sent, 'host')).toEqual(['a.test'])
    expect(all(sent, 'content-length')).toEqual(['7'])
    expect(all(sent, 'x-forwarded-for')).toEqual(['203.0.113.7'])
    expect(all(sent, 'x-real-ip')).toEqual(['203.0.113.7'])
    expect(all(sent, 'x-request-id')).toHaveLength(1)
  })

  test('the wish for trailers is passed on, whatever else TE says', () => {
    expect(all(send(['Host', 'a.test', 'TE', 'gzip, Trailers', 'Connection', 'TE']), 'te')).toEqual(['trailers'])
    expect(all(send(['Host', 'a.test', 'TE', 'trailers;q=0.5']), 'te')).toEqual([])
  })

  test('chunked framing is left to the lane that writes the body', () => {
    const sent = send(['Host', 'a.test', 'Transfer-Encoding', 'chunked'], stranger, { method: 'POST' })
    expect([get(sent, 'transfer-encoding'), get(sent, 'content-length')]).toEqual([undefined, undefined])
  })

  test('a websocket handshake is asked for anew, without the protocols beside it', () => {
    const sent = send([
      'Host',
      'a.test',
      'Upgrade',
      'h2c, WebSocket',
      'Connection',
      'Upgrade',
      'Sec-WebSocket-Key',
      'AAAA',
      'Sec-WebSocket-Version',
      '13',
    ])
    expect([all(sent, 'connection'), all(sent, 'upgrade'), all(sent, 'sec-websocket-key')]).toEqual([
      ['Upgrade'],
      ['websocket'],
      ['AAAA'],
    ])
  })
})

describe('forwarded fields', () => {
  test('what an untrusted peer claims is replaced; its X-Forwarded-For stays visible under another name', () => {
    const sent = send([
      'Host',
      'a.test',
      'X-Forwarded-For',
      '6.6.6.6',
      'x-forwarded-for',
      '7.7.7.7',
      'X-Forwarded-Proto',
      'https',
      'X-Real-IP',
      '6.6.6.6',
      'X-Forwarded-Foo',
      'x',
      'Forwarded',
      'for=6.6.6.6',
      'X-Original-URL',
      '/admin',
      'X-Rewrite-URL',
      '/admin',
      'X-Original-Forwarded-For',
      '8.8.8.8',
      'SSL-Client-Verify',
      'SUCCESS',
      'X-Forwarded-Client-Cert',
      'x',
      'X-Scheme',
      'https',
    ])
    expect(sent.slice(2)).toEqual([
      'X-Forwarded-For',
      '203.0.113.7',
      'X-Original-Forwarded-For',
      '6.6.6.6, 7.7.7.7',
      'X-Forwarded-Proto',
      'http',
      'X-Forwarded-Host',
      'a.test',
      'X-Forwarded-Port',
      '80',
      'X-Forwarded-Scheme',
      'http',
      'X-Scheme',
      'http',
      'X-Real-IP',
      '203.0.113.7',
      'X-Request-ID',
      '0123456789abcdef0123456789abcdef',
    ])
  })

  test('a trusted peer is appended to the chain and its claims travel on', () => {
    const sent = send(
      ['Host', 'a.test', 'X-Forwarded-For', '198.51.100.1', 'X-Forwarded-Prefix', '/p', 'SSL-Client-Verify', 'SUCCESS'],
      proxied,
    )
    expect(all(sent, 'x-forwarded-for')).toEqual(['198.51.100.1, 10.0.0.1'])
    expect(all(sent, 'x-real-ip')).toEqual(['198.51.100.1'])
    expect(all(sent, 'x-forwarded-host')).toEqual(['shop.test'])
    expect(all(sent, 'x-forwarded-proto')).toEqual(['https'])
    expect(all(sent, 'x-forwarded-prefix')).toEqual(['/p'])
    expect(all(sent, 'ssl-client-verify')).toEqual(['SUCCESS'])
    expect(all(sent, 'host')).toEqual(['a.test'])
  })

  test('a client known from Forwarded alone begins the X-Forwarded-For chain', () => {
    const fields = ['Host', 'a.test', 'Forwarded', 'for=198.51.100.1']
    const client = resolveClient(
      { address: '10.0.0.1', scheme: 'http', port: 80 },
      fields,
      (address) => address === '10.0.0.1',
    )
    expect(all(send(fields, client), 'x-forwarded-for')).toEqual(['198.51.100.1, 10.0.0.1'])
  })

  test('Forwarded is written only when asked for, behind those of trusted peers', () => {
    const fields = ['Host', 'a.test:8080', 'Forwarded', 'for=6.6.6.6']
    expect(all(send(fields), 'forwarded')).toEqual([])
    expect(all(send(fields, stranger, { forwarded: true }), 'forwarded')).toEqual([
      'for=203.0.113.7;host="a.test:8080";proto=http',
    ])
    const ipv6 = { ...proxied, peer: 'fd00::1' }
    expect(all(send(fields, ipv6, { forwarded: true }), 'forwarded')).toEqual([
      'for=6.6.6.6',
      'for="[fd00::1]";host="a.test:8080";proto=https',
    ])
  })

  test.each([
    ['abc-123', 'abc-123'],
    [' abc ', 'abc'],
    ['x'.repeat(128), 'x'.repeat(128)],
    ['x'.repeat(129), undefined],
    ['a b', undefined],
    ['', undefined],
    ['caf\xe9', undefined],
  ])('X-Request-ID %j is taken over as %j', (value, id) => {
    expect(all(send(['Host', 'a.test', 'X-Request-ID', value]), 'x-request-id')).toEqual([id ?? newId])
  })
})

describe('names with underscores', () => {
  const fields = [
    'Host',
    'a.test',
    'X_Forwarded_For',
    '6.6.6.6',
    'Transfer_Encoding',
    'chunked',
    'SSL_Client-Verify',
    'SUCCESS',
    'API_Key',
    '1',
  ]
  test('are dropped', () => {
    expect(send(fields).filter((each) => each.includes('_'))).toEqual([])
  })
  test('are kept on wish, unless they imitate a name that matters', () => {
    expect(send(fields, stranger, { keepUnderscores: true }).filter((each) => each.includes('_'))).toEqual(['API_Key'])
  })
})

test('cookie lines and crumbs become one line', () => {
  expect(
    all(
      send(['host', 'a.test', 'cookie', 'a=1', 'accept', 'x', 'cookie', 'b=2', 'cookie', 'c=3'], stranger, {
        version: '2',
      }),
      'cookie',
    ),
  ).toEqual(['a=1; b=2; c=3'])
})

test('whatever is sent would be admitted again and sent the same', () => {
  const name = fc.constantFrom(
    'Connection',
    'TE',
    'Upgrade',
    'Content-Length',
    'Cookie',
    'X-Forwarded-For',
    'Forwarded',
    'X-Request-ID',
    'Sec-WebSocket-Key',
    'Sec-WebSocket-Version',
    'Expect',
    'X_A',
    'X-A',
    'Proxy',
    'Keep-Alive',
    'Trailer',
    'Authorization',
  )
  const value = fc.constantFrom(
    '',
    'close',
    'Upgrade',
    'x-a, upgrade',
    'websocket',
    'h2c, websocket',
    '5',
    '05',
    'trailers',
    'a=1',
    '10.0.0.1',
    'for=1.2.3.4',
    '100-continue',
    '\tx ',
    'caf\xe9',
  )
  const request = fc.record({
    fields: fc.array(fc.tuple(name, value), { maxLength: 8 }).map((pairs) => ['Host', 'A.test:080', ...pairs.flat()]),
    target: fc.constantFrom('/', '//a/./b', '/%7e?x=1', 'http://a.test:80/x'),
    version: fc.constantFrom<RequestHead['version']>('1.0', '1.1'),
    client: fc.constantFrom(stranger, proxied),
    forwarded: fc.boolean(),
  })
  fc.assert(
    fc.property(request, ({ fields, target, version, client, forwarded }) => {
      const head: RequestHead = { method: 'GET', target, version, fields }
      const first = admitRequest(head, bounds)
      if ('cause' in first) return
      const sent = upstreamFields(head, first, client, { ...options, forwarded })
      const again: RequestHead = { method: 'GET', target: first.target, version: '1.1', fields: sent }
      const second = admitRequest(again, bounds)
      if ('cause' in second) throw new Error(second.detail)
      expect(second).toEqual({ ...first, expectContinue: false })
      const resent = upstreamFields(again, second, { ...client, trusted: true }, { ...options, forwarded: false })
      expect(names(resent)).toEqual(names(sent))
    }),
    { numRuns: 2000 },
  )
})

test('fields made for one authority become those of another, whoever the client is', () => {
  const pairs = fc.array(
    fc.tuple(
      fc.constantFrom('X-A', 'X-Forwarded-Host', 'Forwarded', 'X-Forwarded-For', 'Cookie', 'Connection'),
      fc.constantFrom('a.test', 'X-Forwarded-Host', 'Forwarded', 'for=1.2.3.4', 'close'),
    ),
    { maxLength: 5 },
  )
  const authorities = fc.constantFrom('a.test', 'B.test:81', '[::1]', 'c.test.', 'X-Forwarded-Host', 'Forwarded')
  fc.assert(
    fc.property(
      pairs,
      fc.tuple(authorities, authorities),
      fc.constantFrom(stranger, proxied),
      fc.boolean(),
      (more, [one, other], client, forwarded) => {
        const made = (authority: string): string[] => {
          const head = {
            method: 'GET',
            target: '/',
            version: '1.1' as const,
            fields: ['Host', authority, ...more.flat()],
          }
          const admitted = admitRequest(head, bounds)
          if ('cause' in admitted) return []
          return preparedFields(head, { ...admitted, authority }, client, { forwarded })
        }
        const fields = made(one)
        if (fields.length === 0) return
        withAuthority(fields, other, client, { forwarded })
        expect(fields).toEqual(made(other))
      },
    ),
    { numRuns: 500 },
  )
})

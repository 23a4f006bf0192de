import { describe, expect, test } from 'vitest'
import type { RequestHead } from '#http/head.ts'
import { type Admitted, type Refusal, admitRequest, versionOf } from '#http/request.ts'

const bounds = { headerBytes: 1000, headerCount: 10, targetBytes: 200 }
const host = ['Host', 'a.test'] as const

type Given = Partial<RequestHead> & { scheme?: 'http' | 'https' }

function admit({ method = 'GET', target = '/', version = '1.1', fields = host, scheme }: Given): Admitted | Refusal {
  return admitRequest({ method, target, version, fields }, scheme === undefined ? bounds : { ...bounds, scheme })
}

function admitted(given: Given): Admitted {
  const verdict = admit(given)
  if ('cause' in verdict) throw new Error(`refused: ${verdict.detail}`)
  return verdict
}

function causeOf(given: Given): string | undefined {
  const verdict = admit(given)
  return 'cause' in verdict ? verdict.cause : undefined
}

test('an admitted request says everything that routing and forwarding need', () => {
  expect(
    admitted({
      method: 'POST',
      target: '/a/../b%7e?x=%7e&y',
      fields: ['hOST', ' A.Test:8080', 'Content-Length', '05', 'expect', '100-Continue'],
    }),
  ).toEqual({
    host: 'a.test',
    authority: 'A.Test:8080',
    port: 8080,
    path: '/b~',
    query: '?x=%7e&y',
    target: '/b~?x=%7e&y',
    framing: { kind: 'length', bytes: 5 },
    upgrade: undefined,
    expectContinue: true,
  })
})

describe('methods', () => {
  test.each(['GET', 'M-SEARCH', "!#$%&'*+.^_`|~9"])('%s is a method', (method) => {
    expect(causeOf({ method })).toBeUndefined()
  })
  test.each(['', 'GET,', 'G\0T', '"GET"', 'GE\\T', 'G{T', 'G=T', 'GET/', 'G\xc9T', 'M'.repeat(65)])(
    '%j is none',
    (method) => {
      expect(causeOf({ method })).toBe('bad_request')
    },
  )
  test.each([
    ['CONNECT', 'a.test:443'],
    ['TRACE', '/'],
    ['OPTIONS', '*'],
  ])('%s %s is not served', (method, target) => {
    expect(causeOf({ method, target })).toBe('method_not_allowed')
  })
})

describe('targets', () => {
  test.each([
    ['/ok?', '/ok', '?'],
    ['/?a?b/../c', '/', '?a?b/../c'],
    ['/??', '/', '??'],
    ['http://a.test/ok?x=1', '/ok', '?x=1'],
    ['HTTP://A.TEST/ok', '/ok', ''],
    ['http://a.test', '/', ''],
    ['http://a.test?x=1', '/', '?x=1'],
    ['//b.test/x', '/b.test/x', ''],
  ])('%s leads to path %s and query %s', (target, path, query) => {
    expect(admitted({ target })).toMatchObject({ host: 'a.test', path, query, target: path + query })
  })
  test.each([
    '',
    '*',
    '?x=1',
    'a.test:80',
    'ok',
    '/a#b',
    '/a?b#c',
    '/a?b c',
    '/a?\x01',
    '/a?\xe9',
    '/..',
    'ftp://a.test/',
    'http:/a.test/',
    'http://',
    'http:///x',
    'http://u:p@a.test/',
    'http://a.test\\@b.test/',
    'http://a.te\x01st/',
    'http://a.test#x',
    'http://b.test/',
    'http://a.test:81/',
  ])('%j is refused', (target) => {
    expect(causeOf({ target })).toBe('bad_request')
  })
  test('an absolute target must name the scheme of the connection', () => {
    expect(causeOf({ target: 'https://a.test/', scheme: 'http' })).toBe('bad_request')
    expect(causeOf({ target: 'https://a.test/', scheme: 'https' })).toBeUndefined()
  })
  test('a long target has its own cause', () => {
    expect(causeOf({ target: `/${'a'.repeat(199)}` })).toBeUndefined()
    expect(causeOf({ target: `/${'a'.repeat(200)}` })).toBe('uri_too_long')
  })
})

describe('hosts', () => {
  test.each<[string, Given]>([
    ['missing', { fields: [] }],
    ['repeated', { fields: [...host, ...host] }],
    ['repeated in another case', { fields: [...host, 'hOsT', 'b.test'] }],
    ['empty', { fields: ['Host', ''] }],
    ['white space', { fields: ['Host', ' \t'] }],
    ['empty beside an absolute target', { fields: ['Host', ''], target: 'http://a.test/' }],
    ['missing beside an absolute target', { fields: [], target: 'http://a.test/' }],
    ['a list', { fields: ['Host', 'a.test, b.test'] }],
    ['repeated in 1.0', { version: '1.0', fields: [...host, ...host] }],
    ['invalid in 1.0', { version: '1.0', fields: ['Host', 'a b'] }],
    ['missing in HTTP/2', { version: '2', fields: [] }],
  ])('%s: refused', (_name, given) => {
    expect(causeOf(given)).toBe('bad_request')
  })
  test.each([
    ['a.test.', 'a.test', 'a.test.'],
    ['A.test:', 'a.test', 'A.test'],
    ['a.test:0080', 'a.test', 'a.test:80'],
    ['[::1]:', '[::1]', '[::1]'],
    ['[::1]', '[::1]', '[::1]'],
    ['[::A]:8080', '[::a]', '[::A]:8080'],
  ])('%s routes as %s and is forwarded as %s', (value, routed, forwarded) => {
    expect(admitted({ fields: ['Host', value] })).toMatchObject({ host: routed, authority: forwarded })
  })
  test('the authority of an absolute target is the one that counts', () => {
    expect(admitted({ target: 'http://A.test:80/', fields: ['Host', 'a.test:0080'] })).toMatchObject({
      host: 'a.test',
      authority: 'A.test:80',
      port: 80,
    })
  })
  test.each<[string, Given, string]>([
    ['without Host', { fields: [] }, ''],
    ['with an empty Host', { fields: ['Host', ''] }, ''],
    ['with an absolute target instead', { fields: [], target: 'http://a.test/' }, 'a.test'],
  ])('HTTP/1.0 %s is admitted', (_name, given, routed) => {
    expect(admitted({ ...given, version: '1.0' })).toMatchObject({ host: routed, authority: routed })
  })
})

describe('fields', () => {
  test.each([
    '',
    'X A',
    'X-A ',
    'X-A\t',
    'X\0',
    'X-\xe9',
    'X(A',
    'X)A',
    'X<A',
    'X@A',
    'X,A',
    'X;A',
    'X\\A',
    'X"A',
    'X/A',
    'X[A',
    'X?A',
    'X=A',
    'X{A',
    'X:A',
    '\rX',
  ])('the name %j is refused', (name) => {
    expect(causeOf({ fields: [...host, name, 'v'] })).toBe('bad_request')
  })
  test.each(['b\0', '\x01', 'b\x08c', '\x0b', '\x0c', '\x1b', '\x1f', '\x7f', 'b\rc', 'b\nc', 'b\r\n c', '\u0100'])(
    'the value %j is refused',
    (value) => {
      expect(causeOf({ fields: [...host, 'X-A', value] })).toBe('bad_request')
    },
  )
  test.each(['', 'a b\tc', 'caf\xe9\x80\xff', '"\\'])('the value %j is admitted', (value) => {
    expect(causeOf({ fields: [...host, "X-!#$%&'*+.^_`|~1", value] })).toBeUndefined()
  })
  test('their number and their bytes are bounded', () => {
    expect(causeOf({ fields: [...host, ...Array.from({ length: 9 }, () => ['A', 'b']).flat()] })).toBeUndefined()
    expect(causeOf({ fields: [...host, ...Array.from({ length: 10 }, () => ['A', 'b']).flat()] })).toBe(
      'header_too_large',
    )
    expect(causeOf({ fields: [...host, 'A', 'b'.repeat(1000 - 14 - 5)] })).toBeUndefined()
    expect(causeOf({ fields: [...host, 'A', 'b'.repeat(1000 - 14 - 4)] })).toBe('header_too_large')
  })
  test('two credentials are refused, two content types are not ours to judge', () => {
    expect(causeOf({ fields: [...host, 'Authorization', 'Basic a', 'authorization', 'Basic b'] })).toBe('bad_request')
    expect(causeOf({ fields: [...host, 'Content-Type', 'a/b', 'Content-Type', 'c/d'] })).toBeUndefined()
  })
  test.each([
    [['Content-Length', '5', 'content-length', '5']],
    [['Content-Length', '5', 'Transfer-Encoding', 'chunked']],
    [['Transfer-Encoding', 'chunked', 'transfer-encoding', 'chunked']],
    [['Transfer-Encoding', 'chunked', 'Connection', 'Transfer-Encoding']],
    [['Connection', '"close"']],
    [['Connection', 'a b']],
    [['Connection', 'close', 'Connection', 'x=1']],
  ])('%j is refused', (fields) => {
    expect(causeOf({ method: 'POST', fields: [...host, ...fields] })).toBe('bad_request')
  })
  test('names that only resemble framing do not frame', () => {
    const fields = [
      'Content-Length',
      '5',
      'Transfer_Encoding',
      'chunked',
      'Transfer-%45ncoding',
      'chunked',
      'X-Transfer-Encoding',
      'chunked',
    ]
    expect(admitted({ fields: [...host, ...fields] }).framing).toEqual({ kind: 'length', bytes: 5 })
  })
})

describe('expectations', () => {
  const body = [...host, 'Content-Length', '5']
  test.each(['100-continue, x', 'y 100-continue', '200-ok', '', '100-continue;q=1'])('%j is not met', (value) => {
    expect(causeOf({ fields: [...body, 'Expect', value] })).toBe('expectation_failed')
  })
  test('the same expectation twice is not met', () => {
    expect(causeOf({ fields: [...body, 'Expect', '100-continue', 'Expect', '100-continue'] })).toBe(
      'expectation_failed',
    )
  })
  test('HTTP/1.0 has none, and without a body there is nothing to wait for', () => {
    expect(admitted({ version: '1.0', fields: [...body, 'Expect', 'x'] }).expectContinue).toBe(false)
    expect(admitted({ fields: [...host, 'Expect', '100-continue'] }).expectContinue).toBe(false)
  })
})

describe('upgrades', () => {
  const handshake = [
    'Connection',
    'keep-alive, UPGRADE',
    'Upgrade',
    'WebSocket',
    'Sec-WebSocket-Key',
    'AAAA',
    'Sec-WebSocket-Version',
    '13',
  ]
  const without = (name: string): string[] =>
    handshake.flatMap((each, at) => (at % 2 === 0 && each !== name ? [each, handshake[at + 1]!] : []))

  test.each<[string, Given]>([
    ['a plain handshake', { fields: [...host, ...handshake] }],
    [
      'beside other protocols',
      { fields: [...host, ...without('Upgrade'), 'Upgrade', 'h2c', 'upgrade', 'x/1, websocket'] },
    ],
    ['with an empty body', { fields: [...host, ...handshake, 'Content-Length', '0'] }],
  ])('%s asks for websocket', (_name, given) => {
    expect(admitted(given).upgrade).toBe('websocket')
  })
  test.each<[string, Given]>([
    ['HTTP/1.0', { version: '1.0', fields: [...host, ...handshake] }],
    ['no connection option', { fields: [...host, ...without('Connection')] }],
    ['no protocol', { fields: [...host, ...without('Upgrade')] }],
    ['h2c', { fields: [...host, 'Connection', 'Upgrade, HTTP2-Settings', 'Upgrade', 'h2c', 'HTTP2-Settings', 'AAAA'] }],
    ['an unknown protocol', { fields: [...host, 'Connection', 'Upgrade', 'Upgrade', 'foo'] }],
  ])('%s asks for nothing', (_name, given) => {
    expect(admitted(given).upgrade).toBeUndefined()
  })
  test.each<[string, Given]>([
    ['POST', { method: 'POST', fields: [...host, ...handshake] }],
    ['a body', { fields: [...host, ...handshake, 'Content-Length', '5'] }],
    ['a chunked body', { fields: [...host, ...handshake, 'Transfer-Encoding', 'chunked'] }],
    ['no key', { fields: [...host, ...without('Sec-WebSocket-Key')] }],
    ['two keys', { fields: [...host, ...handshake, 'Sec-WebSocket-Key', 'BBBB'] }],
    ['no version', { fields: [...host, ...without('Sec-WebSocket-Version')] }],
  ])('a handshake with %s is refused', (_name, given) => {
    expect(causeOf(given)).toBe('bad_request')
  })
})

describe('HTTP/2', () => {
  test.each([
    [['connection', 'close']],
    [['keep-alive', 'timeout=1']],
    [['proxy-connection', 'close']],
    [['transfer-encoding', 'chunked']],
    [['upgrade', 'websocket']],
    [['te', 'gzip']],
    [['te', 'trailers, gzip']],
    [['X-Upper', '1']],
    [[':x', '1']],
    [['host', 'b.test']],
  ])('%j is refused', (fields) => {
    expect(causeOf({ version: '2', fields: ['host', 'a.test', ...fields] })).toBe('bad_request')
  })
  test('te: trailers is admitted', () => {
    expect(causeOf({ version: '2', fields: ['host', 'a.test', 'te', 'Trailers'] })).toBeUndefined()
  })
})

test('only 1.0 and 1.1 are versions of HTTP/1', () => {
  expect(['1.1', '1.0', '1.2', '0.9', '2.0', '1.10', ''].map(versionOf)).toEqual([
    '1.1',
    '1.0',
    undefined,
    undefined,
    undefined,
    undefined,
    undefined,
  ])
})

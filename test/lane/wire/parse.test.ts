import { describe, expect, test } from 'vitest'
import { isWorthKeeping } from '#lane/wire/block.ts'
import { BodyDecoder } from '#lane/wire/body.ts'
import { HeadParser, type Parsed } from '#lane/wire/parse.ts'
import { readFast } from '../../support/fast-reader.ts'

const get = 'GET /a?b HTTP/1.1\r\nHost: a.test\r\n'

function parser(): HeadParser {
  return new HeadParser({ bytes: 1_000, fields: 8 })
}

function parse(text: string): Parsed {
  const bytes = Buffer.from(text, 'latin1')
  return parser().request(bytes, 0, bytes.length)
}

describe('a request head', () => {
  test('is taken apart, values without the white space around them', () => {
    const bytes = Buffer.from(`\r\n${get}X-A: \t b c \t\r\nX-B:\r\nX-O: \xe9\r\n\r\nrest`, 'latin1')
    const reader = parser()
    expect(reader.request(bytes, 0, bytes.length)).toBe('head')
    expect(reader).toMatchObject({ method: 'GET', target: '/a?b', version: '1.1', end: bytes.length - 4 })
    expect(reader.requestBlock.fields).toEqual(['Host', 'a.test', 'X-A', 'b c', 'X-B', '', 'X-O', '\xe9'])
    expect(reader.requestBlock.hasTabs).toBe(true)
    expect(reader.requestBlock.scan.host).toBe('a.test')
  })

  test('whose fields are those of the last one is not read again', () => {
    const reader = parser()
    const read = (text: string): HeadParser['requestBlock'] => {
      const bytes = Buffer.from(text, 'latin1')
      expect(reader.request(bytes, 0, bytes.length, reader.requestBlock)).toBe('head')
      expect(reader.end).toBe(bytes.length)
      return reader.requestBlock
    }
    const first = read(`${get}X-A: b\r\n\r\n`)
    expect(read('PUT /other HTTP/1.1\r\nHost: a.test\r\nX-A: b\r\n\r\n')).toBe(first)
    expect(reader).toMatchObject({ method: 'PUT', target: '/other' })
    expect(read(`${get}X-A: c\r\n\r\n`).fields).toEqual(['Host', 'a.test', 'X-A', 'c'])
    expect(read(`${get}X-A: c\r\nX-B: d\r\n\r\n`).fields).toEqual(['Host', 'a.test', 'X-A', 'c', 'X-B', 'd'])
    expect(read(`${get}\r\n`).fields).toEqual(['Host', 'a.test'])
  })

  test.each([
    ['of an ordinary length', 8_000, true],
    ['long enough to be a burden on thousands of idle connections', 8_200, false],
  ])('%s is worth keeping: %i bytes, %s', (_, length, isKept) => {
    const reader = new HeadParser({ bytes: 10_000, fields: 8 })
    for (const host of ['a.test', '[::1]']) {
      const bytes = Buffer.from(`GET / HTTP/1.1\r\nHost: ${host}\r\nX: ${'x'.repeat(length)}\r\n\r\n`)
      expect(reader.request(bytes, 0, bytes.length)).toBe('head')
      expect(isWorthKeeping(reader.requestBlock)).toBe(isKept)
    }
  })

  test('whose fields differ by Host alone is akin to the last one, wherever Host stands', () => {
    const reader = parser()
    const read = (text: string): HeadParser['requestBlock'] => {
      const bytes = Buffer.from(`GET / HTTP/1.1\r\n${text}\r\n\r\n`, 'latin1')
      expect(reader.request(bytes, 0, bytes.length, reader.requestBlock)).toBe('head')
      expect(reader.end).toBe(bytes.length)
      return reader.requestBlock
    }
    const first = read('X-A: b\r\nhost:\ta.test\r\nX-Long: a value that is longer than most of them are')
    const second = read('X-A: b\r\nhost:\tlonger.b.test:80\r\nX-Long: a value that is longer than most of them are')
    expect(second.kin).toBe(first.kin)
    expect(second).toMatchObject({ hasTabs: true, scan: { hosts: 1, host: 'longer.b.test:80' } })
    expect(second.fields).toEqual(['X-A', 'b', 'host', 'longer.b.test:80', ...first.fields.slice(4)])
    expect(first).toMatchObject({ fields: first.kin, scan: { host: 'a.test' } })
    const unlike = [
      'Host: c.test\r\nHost: c.test',
      'Host: c.test ',
      'Host: [::1]',
      'Host:',
      'X-A: c.test',
      'Host: c\xe9',
    ]
    for (const text of unlike) {
      const before = read('Host: a.test')
      const other = read(text)
      expect(other.kin, text).not.toBe(before.kin)
      expect(read(text), text).toBe(other)
      expect(read(`${text}\r\nX-B: c`).fields.slice(-2), text).toEqual(['X-B', 'c'])
    }
  })

  const rows: readonly [why: string, text: string, outcome: Parsed][] = [
    ['more empty lines than allowed', `${'\r\n'.repeat(5)}${get}\r\n`, 'bad'],
    ['as many as allowed', `${'\r\n'.repeat(4)}${get}\r\n`, 'head'],
    ['a bare LF in front', `\n${get}\r\n`, 'bad'],
    ['two spaces', 'GET  /a HTTP/1.1\r\n\r\n', 'bad'],
    ['a tab in the line', 'GET\t/a HTTP/1.1\r\n\r\n', 'bad'],
    ['no version', 'GET /a\r\n\r\n', 'bad'],
    ['another version', 'GET /a HTTP/1.2\r\n\r\n', 'bad'],
    ['a fourth part', 'GET /a HTTP/1.1 x\r\n\r\n', 'bad'],
    ['a control character in the target', 'GET /\x01 HTTP/1.1\r\n\r\n', 'bad'],
    ['a raw byte above 0x7F in the target', 'GET /\xe9 HTTP/1.1\r\n\r\n', 'bad'],
    ['a bare LF', 'GET / HTTP/1.1\nHost: a\r\n\r\n', 'bad'],
    ['a bare CR in a value', `${get}X-A: b\rc\r\n\r\n`, 'bad'],
    ['NUL in a value', `${get}X-A: b\0\r\n\r\n`, 'bad'],
    ['DEL in a value', `${get}X-A: b\x7f\r\n\r\n`, 'bad'],
    ['a space in front of the colon', `${get}X-A : b\r\n\r\n`, 'bad'],
    ['an empty name', `${get}: b\r\n\r\n`, 'bad'],
    ['a folded line', `${get}X-A: b\r\n c\r\n\r\n`, 'bad'],
    ['no colon', `${get}X-A\r\n\r\n`, 'bad'],
    ['an end of LF alone', `${get}\n`, 'bad'],
    ['a method that never ends', 'M'.repeat(50), 'bad'],
    ['too many fields', `${get}${'X: y\r\n'.repeat(8)}\r\n`, 'large'],
    ['too many bytes', `${get}X-A: ${'a'.repeat(1_000)}\r\n\r\n`, 'large'],
    ['too many bytes and no end', `${get}X-A: ${'a'.repeat(1_000)}`, 'large'],
    ['a line cut short', 'GET / HTT', 'more'],
    ['nothing behind the last field', get, 'more'],
    ['half of the last line end', `${get}\r`, 'more'],
  ]
  test.each(rows)('with %s', (_, text, outcome) => expect(parse(text)).toBe(outcome))
})

describe('a response head', () => {
  test.each<[string, Parsed]>([
    ['Transfer-Encoding: chunked', 'head'],
    ['Transfer-Encoding:  chunked ', 'head'],
    ['Transfer-Encoding: chunked\t', 'bad'],
    ['X-A: b\r\ntransfer-encoding:\tchunked', 'bad'],
    ['X-A:\tb\r\nTransfer-Encoding: chunked', 'head'],
    ['Content-Length:\t5\r\nX-Transfer-Encoding:\tchunked', 'head'],
  ])('with %j: tabs around a coding are read in two ways', (fields, outcome) => {
    const bytes = Buffer.from(`HTTP/1.1 200 OK\r\n${fields}\r\n\r\n`, 'latin1')
    expect(parser().response(bytes, 0, bytes.length)).toBe(outcome)
  })
})

describe('what is left to the general lane', () => {
  const rows: readonly [why: string, head: string][] = [
    ['HTTP/1.0', 'GET / HTTP/1.0\r\nHost: a.test\r\n\r\n'],
    ['a method that is none of the usual ones', 'PROPFIND / HTTP/1.1\r\nHost: a.test\r\n\r\n'],
    ['an absolute target', 'GET http://a.test/ HTTP/1.1\r\nHost: a.test\r\n\r\n'],
    ['the server as a target', 'OPTIONS * HTTP/1.1\r\nHost: a.test\r\n\r\n'],
    ['a tab beside a value', `${get}X-A:\tb\r\n\r\n`],
    ['an expectation', `${get}Expect: 100-continue\r\n\r\n`],
    ['an upgrade', `${get}Upgrade: websocket\r\n\r\n`],
    ['an upgrade that Connection alone names', `${get}Connection: x, Upgrade\r\n\r\n`],
    ['another coding', `${get}Transfer-Encoding: gzip, chunked\r\n\r\n`],
  ]
  test.each(rows)('%s', (_, head) => expect(readFast([Buffer.from(head)])).toEqual({ messages: [], stop: 'unfit' }))
})

describe('a chunked body', () => {
  function decode(text: string): { body: string; broken: boolean; done: boolean; left: string } {
    const decoder = new BodyDecoder(parser(), 'request')
    const bytes = Buffer.from(text, 'latin1')
    decoder.begin({ kind: 'chunked' })
    decoder.decode(bytes, 0, bytes.length)
    return {
      body: bytes.toString('latin1', 0, decoder.length),
      broken: decoder.broken !== undefined,
      done: decoder.done,
      left: bytes.toString('latin1', decoder.end),
    }
  }

  test('comes out in one piece, extensions and trailers dropped, what follows untouched', () => {
    const text = '2;a;b=c;d="e \\" f"\r\nhe\r\n003\r\nllo\r\n0\r\nX-T: 1\r\n\r\nGET'
    expect(decode(text)).toEqual({ body: 'hello', broken: false, done: true, left: 'GET' })
  })

  const broken = [
    '\r\n',
    'x\r\n',
    '-1\r\n',
    '0x1\r\n',
    '1 \r\na\r\n',
    ' 1\r\na\r\n',
    '1\na\r\n',
    '1\r\r\na',
    '1\r\nab\r\n',
    '1\r\na\n',
    '1\r\na\rx',
    '1; a\r\na\r\n',
    '1;=a\r\na\r\n',
    '1;a=\r\na\r\n',
    '1;a="b\r\na\r\n',
    '1;a="b"c\r\na\r\n',
    '1;a\x01\r\n',
    '1;\r\na\r\n',
    '1;a="\x80"\r\n',
    '00000000000000001\r\na\r\n',
    '20000000000001\r\n',
    'ffffffffffffffff\r\n',
    `1;${'a'.repeat(17_000)}\r\n`,
    '1;aaaaaaaaaaaaaaaaaaaa\r\na\r\n'.repeat(900),
    '0\r\nX T: 1\r\n\r\n',
    '0\r\nX-T: 1\r\n folded\r\n\r\n',
    '0\r\n\rX',
    '0\r\n\n',
    '0\r\nContent-Length: 1\r\n\r\n',
    '0\r\nTransfer-Encoding: chunked\r\n\r\n',
    `0\r\nX-T: ${'a'.repeat(9_000)}`,
  ]
  test.each(broken.map((text) => [text.length > 60 ? `${text.slice(0, 60)}…` : text, text]))(
    'that says %j is broken',
    (_, text) => expect(decode(text).broken).toBe(true),
  )
})

import { describe, expect, test } from 'vitest'
import { ResponseReader, type WireResponse } from '../../src/scenario/response-reader.ts'

/** Pushed byte by byte, so that no case depends on where a packet ends. */
function read(text: string, method = 'GET'): WireResponse | undefined {
  const reader = new ResponseReader(method)
  for (const byte of Buffer.from(text, 'latin1')) {
    const response = reader.push(Buffer.from([byte]))
    if (response !== undefined) return response
  }
  return reader.end()
}

describe('a response', () => {
  for (const [what, text, method, expected] of [
    [
      'with a length',
      'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-A:  b \r\n\r\nhello',
      'GET',
      { status: 200, body: 'hello', isTruncated: false },
    ],
    [
      'in chunks',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n',
      'GET',
      { status: 200, body: 'hello', isTruncated: false },
    ],
    [
      'with trailers',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nx-t: 1\r\n\r\n',
      'GET',
      { status: 200, body: 'x', isTruncated: false },
    ],
    [
      'until the end of the connection',
      'HTTP/1.1 200 OK\r\n\r\nhello',
      'GET',
      { status: 200, body: 'hello', isTruncated: false },
    ],
    [
      'behind an interim one',
      'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n',
      'GET',
      { status: 204, body: '', isTruncated: false },
    ],
    ['to HEAD', 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n', 'HEAD', { status: 200, body: '', isTruncated: false }],
    [
      'that breaks off',
      'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel',
      'GET',
      { status: 200, body: 'hel', isTruncated: true },
    ],
    [
      'whose chunks break off',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nl',
      'GET',
      { status: 200, body: 'hel', isTruncated: true },
    ],
    [
      'that switches protocols',
      'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n',
      'GET',
      { status: 101, body: '', isTruncated: false },
    ],
  ] as const) {
    test(`${what} is read`, () => {
      const response = read(text, method)!
      expect({ status: response.status, body: response.body.toString(), isTruncated: response.isTruncated }).toEqual(
        expected,
      )
    })
  }

  test('keeps its fields in order and case, without the space around values', () => {
    expect(read('HTTP/1.1 200 OK\r\nX-B:  b \r\nx-a: 1\r\nX-B: c\r\n\r\n')!.fields).toEqual([
      'X-B',
      'b',
      'x-a',
      '1',
      'X-B',
      'c',
    ])
  })

  test('is none when the connection ends in its head', () => {
    expect(read('HTTP/1.1 200 OK\r\nConte')).toBeUndefined()
  })

  test('is refused when it is no HTTP', () => {
    expect(() => read('SSH-2.0-OpenSSH\r\n\r\n')).toThrow(/expected a status line/)
  })
})

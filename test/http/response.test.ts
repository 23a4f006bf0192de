import { describe, expect, test } from 'vitest'
import { admitResponse, downstreamFields } from '#http/response.ts'

const head = (status: number, ...fields: string[]) => ({ status, reason: '', fields })

describe('admitResponse', () => {
  test.each([
    [head(200, 'Content-Length', '2'), { kind: 'length', bytes: 2 }],
    [head(200, 'Content-Length', '2', 'content-length', ' 2'), { kind: 'length', bytes: 2 }],
    [head(200, 'Transfer-Encoding', 'chunked'), { kind: 'chunked' }],
    [head(200), { kind: 'untilClose' }],
    [head(204), { kind: 'none' }],
    [head(103, 'Link', '</a>'), { kind: 'none' }],
    [head(200, 'X-A', 'caf\xe9\xff'), { kind: 'untilClose' }],
  ])('%j is framed as %j', (given, framing) => {
    expect(admitResponse(given, { method: 'GET' })).toEqual({ framing })
  })

  test.each([
    head(99),
    head(600),
    head(20),
    head(Number.NaN),
    head(200.5),
    head(101, 'Upgrade', 'websocket'),
    head(200, 'X A', '1'),
    head(200, '', 'v'),
    head(200, 'X-A', 'b\0c'),
    head(200, 'X-A', 'b\rSet-Cookie: x'),
    head(200, 'X-A', 'b\nc'),
    head(200, 'Content-Length', '2', 'Content-Length', '3'),
    head(200, 'Content-Length', '2', 'Transfer-Encoding', 'chunked'),
    head(200, 'Content-Length', '+2'),
    head(200, 'Transfer-Encoding', 'foo'),
    head(200, 'Content-Length', '2, 2'),
  ])('%j is refused', (given) => {
    expect(admitResponse(given, { method: 'GET' })).toHaveProperty('detail')
  })

  test('a 101 that was asked for is admitted, and HEAD has no body', () => {
    expect(admitResponse(head(101), { method: 'GET', upgrade: 'websocket' })).toEqual({ framing: { kind: 'none' } })
    expect(admitResponse(head(200, 'Content-Length', '9'), { method: 'HEAD' })).toEqual({ framing: { kind: 'none' } })
  })
})

describe('downstreamFields', () => {
  test('fields of the connection and those it names stay behind', () => {
    const fields = [
      'Connection',
      'X-Foo, close',
      'X-Foo',
      '1',
      'Keep-Alive',
      'timeout=1',
      'Proxy-Authenticate',
      'x',
      'Upgrade',
      'h2c',
      'Trailer',
      'X-T',
      'Proxy-Connection',
      'close',
      'TE',
      'x',
      'Server',
      'origin',
      'Set-Cookie',
      'a=1',
      'Set-Cookie',
      'b=2',
      'X-B',
      ' v\t',
    ]
    expect(downstreamFields(head(200, ...fields))).toEqual([
      'Server',
      'origin',
      'Set-Cookie',
      'a=1',
      'Set-Cookie',
      'b=2',
      'X-B',
      'v',
    ])
  })
  test.each([
    [head(200, 'Content-Length', '02', 'content-length', '02'), ['Content-Length', '2']],
    [head(304, 'Content-Length', '99'), ['Content-Length', '99']],
    [head(200, 'Connection', 'Content-Length', 'Content-Length', '2'), ['Content-Length', '2']],
    [head(204, 'Content-Length', '0'), []],
    [head(103, 'Content-Length', '0'), []],
    [head(200, 'Transfer-Encoding', 'chunked'), []],
    [head(200, 'Transfer-Encoding', 'chunked', 'Content-Length', '5'), []],
  ])('%j frames itself with %j', (given, expected) => {
    expect(downstreamFields(given)).toEqual(expected)
  })
  test('a switch that was asked for is announced anew', () => {
    const given = head(101, 'Upgrade', 'WebSocket, x', 'Connection', 'upgrade, x', 'Sec-WebSocket-Accept', 'k')
    expect(downstreamFields(given, { upgrade: 'websocket' })).toEqual([
      'Sec-WebSocket-Accept',
      'k',
      'Connection',
      'Upgrade',
      'Upgrade',
      'websocket',
    ])
    expect(downstreamFields(given)).toEqual(['Sec-WebSocket-Accept', 'k'])
  })
})

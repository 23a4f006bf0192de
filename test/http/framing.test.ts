import { describe, expect, test } from 'vitest'
import { type BodyFraming, parseLength, requestFraming, responseFraming } from '#http/framing.ts'

/** Lines as `cl=…` and `te=…`. */
function lines(...given: readonly string[]): Parameters<typeof requestFraming>[1] {
  const lengths = given.filter((each) => each.startsWith('cl=')).map((each) => each.slice(3))
  const codings = given.filter((each) => each.startsWith('te=')).map((each) => each.slice(3))
  return {
    lengths: lengths.length,
    length: lengths.at(-1) ?? '',
    codings: codings.length,
    coding: codings.at(-1) ?? '',
  }
}

describe('requests', () => {
  test.each<[readonly string[], BodyFraming]>([
    [[], { kind: 'none' }],
    [['cl=0'], { kind: 'length', bytes: 0 }],
    [['cl=5'], { kind: 'length', bytes: 5 }],
    [['cl= 5\t'], { kind: 'length', bytes: 5 }],
    [['cl=010'], { kind: 'length', bytes: 10 }],
    [['cl=9007199254740991'], { kind: 'length', bytes: Number.MAX_SAFE_INTEGER }],
    [['te=chunked'], { kind: 'chunked' }],
    [['te=\tChUnKeD '], { kind: 'chunked' }],
  ])('%j frames as %j', (given, framing) => {
    expect(requestFraming('1.1', lines(...given))).toEqual(framing)
  })

  test.each([
    [['cl=5', 'cl=5']],
    [['cl=0', 'cl=40']],
    [['cl=5, 5']],
    [['cl=,5']],
    [['te=chunked', 'cl=5']],
    [['te=chunked', 'te=chunked']],
    [['te=chunked', 'te=identity']],
    [['te=gzip, chunked']],
    [['te=chunked, gzip']],
    [['te=chunked, chunked']],
    [['te=,chunked']],
    [['te=chunked,']],
    [['te=']],
    [['te=identity']],
    [['te=xchunked']],
    [['te=chunkedx']],
    [['te=chunk']],
    [['te="chunked"']],
    [['te=chunked;']],
    [['te=chunked;q=1']],
    [['te=chunked\x0b']],
    [['te=\xa0chunked']],
    [['te=chun\u212aed']],
    [['te=%63hunked']],
  ])('%j is refused', (given) => {
    expect(requestFraming('1.1', lines(...given))).toBeTypeOf('string')
  })

  test('a coding in HTTP/1.0 or HTTP/2 is refused', () => {
    expect(requestFraming('1.0', lines('te=chunked'))).toBeTypeOf('string')
    expect(requestFraming('2', lines('te=chunked'))).toBeTypeOf('string')
  })

  test('an HTTP/2 request without a length ends with its stream', () => {
    expect(requestFraming('2', lines())).toEqual({ kind: 'untilClose' })
  })
})

test.each([
  '',
  ' ',
  '+5',
  '-1',
  '0x5',
  '5e0',
  '5 0',
  '5.0',
  'abc',
  '5abc',
  '5;x=1',
  '"5"',
  '\uff15',
  '5\x00',
  '5\x0b',
  '\xa05',
  '%35',
  'Infinity',
  '1n',
  '18446744073709551621',
  '9007199254740992',
  '9007199254740993',
  '00000000000000005',
])('%j is no length', (value) => {
  expect(parseLength(value)).toBeUndefined()
})

describe('responses', () => {
  test.each<[number, string, readonly string[], BodyFraming]>([
    [200, 'GET', [], { kind: 'untilClose' }],
    [200, 'GET', ['cl=2'], { kind: 'length', bytes: 2 }],
    [200, 'GET', ['te=chunked'], { kind: 'chunked' }],
    [200, 'HEAD', ['cl=99'], { kind: 'none' }],
    [200, 'HEAD', ['te=chunked'], { kind: 'none' }],
    [204, 'GET', ['cl=5'], { kind: 'none' }],
    [304, 'GET', ['cl=99'], { kind: 'none' }],
    [103, 'GET', [], { kind: 'none' }],
    [101, 'GET', [], { kind: 'none' }],
  ])('%i to %s with %j frames as %j', (status, method, given, framing) => {
    expect(responseFraming(status, method, lines(...given))).toEqual(framing)
  })

  test.each([
    [['cl=2', 'te=chunked']],
    [['te=foo']],
    [['te=gzip, chunked']],
    [['te=chunked', 'te=chunked']],
    [['cl=-1']],
    [['cl=2, 2']],
  ])('%j is refused, for HEAD and 304 too', (given) => {
    for (const [status, method] of [
      [200, 'GET'],
      [200, 'HEAD'],
      [304, 'GET'],
    ] as const) {
      expect(responseFraming(status, method, lines(...given))).toBeTypeOf('string')
    }
  })
})

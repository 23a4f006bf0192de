import { describe, expect, test } from 'vitest'
import { get } from '#http/fields.ts'
import type { RequestHead, ResponseHead } from '#http/head.ts'
import { type CompressConfig, compress } from '#policy/compress.ts'
import type { Encoder } from '#policy/policy.ts'
import { filterEnv } from '../support/filter-env.ts'

const gzip = { coding: 'gzip', level: 1, minBytes: 256 } as const
const br = { coding: 'br', level: 4, minBytes: 20, types: ['text/html'] } as const

function encoderOf(config: Partial<CompressConfig> = {}): Encoder {
  const { encoder } = compress.create({ codings: [gzip], exceptAgents: [], ...config }, filterEnv())
  return encoder!
}

function asks(...fields: readonly string[]): RequestHead {
  return { method: 'GET', target: '/', version: '1.1', fields: ['Host', 'a.test', ...fields] }
}

const accepts = asks('Accept-Encoding', 'gzip, br')
const page = (fields: readonly string[] = [], status = 200): ResponseHead => ({
  status,
  reason: '',
  fields: ['Content-Type', 'text/html; charset=utf-8', ...fields],
})

describe('a compressed response', () => {
  test('says so, and nothing any more that was true of the bytes before', () => {
    const head = page(['Content-Length', '1000', 'ETag', '"a"', 'Accept-Ranges', 'bytes', 'Vary', 'Origin'])
    expect(encoderOf().encode(accepts, head)).toEqual({ coding: 'gzip', level: 1, bytes: 1000 })
    expect(head.fields).toEqual([
      'Content-Type',
      'text/html; charset=utf-8',
      'ETag',
      'W/"a"',
      'Vary',
      'Origin',
      'Vary',
      'Accept-Encoding',
      'Content-Encoding',
      'gzip',
    ])
  })

  test('keeps a validator that is weak already, and one Vary', () => {
    const head = page(['ETag', 'W/"a"', 'Vary', 'accept-encoding, Origin'])
    expect(encoderOf().encode(accepts, head)).toEqual({ coding: 'gzip', level: 1, bytes: undefined })
    expect(get(head.fields, 'etag')).toBe('W/"a"')
    expect(head.fields.filter((each) => each === 'Vary')).toHaveLength(1)
  })

  test('is told the same for HEAD as for GET', () => {
    const head = page(['Content-Length', '1000'])
    encoderOf().encode({ ...accepts, method: 'HEAD' }, head)
    expect(get(head.fields, 'content-encoding')).toBe('gzip')
    expect(get(head.fields, 'content-length')).toBeUndefined()
  })

  test('has the coding that fits it: each has its own lengths and types', () => {
    const encoder = encoderOf({ codings: [br, gzip] })
    expect(encoder.encode(accepts, page(['Content-Length', '100']))?.coding).toBe('br')
    expect(encoder.encode(accepts, { ...page(), fields: ['Content-Type', 'text/css'] })?.coding).toBe('gzip')
    expect(encoder.encode(asks('Accept-Encoding', 'gzip'), page(['Content-Length', '100']))).toBeUndefined()
  })
})

const untouched: [why: string, head: ResponseHead, config?: Partial<CompressConfig>][] = [
  ['a length below the least', page(['Content-Length', '255'])],
  ['no body', page(['Content-Length', '0']), { codings: [{ ...gzip, minBytes: 0 }] }],
  ['a coding of its own', page(['Content-Encoding', 'br'])],
  ['a part', page(['Content-Range', 'bytes 0-9/10'], 206)],
  ['no-transform', page(['Cache-Control', 'max-age=3, No-Transform'])],
  ['a digest', page(['Content-Digest', 'sha-256=:x:'])],
  ['another type', { ...page(), fields: ['Content-Type', 'image/png'] }],
  ['no type', { ...page(), fields: [] }],
  ['gRPC', { ...page(), fields: ['Content-Type', 'application/grpc+proto'] }, { codings: [{ ...gzip, types: ['*'] }] }],
  ...[201, 204, 205, 206, 301, 304, 500].map(
    (status) => [`status ${status}`, page([], status)] satisfies [string, ResponseHead],
  ),
]

describe('a response that has', () => {
  test.each(untouched)('%s is passed on as it is', (_, head, config) => {
    const before = [...head.fields]
    expect(encoderOf(config).encode(accepts, head)).toBeUndefined()
    expect(head.fields).toEqual(before)
  })

  test.each([
    [403, page([], 403)],
    [404, page([], 404)],
    ['identity as its coding', page(['Content-Encoding', 'identity'])],
  ])('%s is compressed', (_, head) => {
    expect(encoderOf().encode(accepts, head)?.coding).toBe('gzip')
    expect(head.fields.filter((each) => each === 'Content-Encoding')).toHaveLength(1)
  })
})

describe('a client that', () => {
  test.each<[string, RequestHead, Partial<CompressConfig>?]>([
    ['says nothing of codings', asks()],
    ['accepts none of them', asks('Accept-Encoding', 'br;q=1, gzip;q=0')],
    ['speaks HTTP/1.0', { ...accepts, version: '1.0' }],
    [
      'is excepted',
      { ...accepts, fields: [...accepts.fields, 'User-Agent', 'Old/1 msie'] },
      { exceptAgents: ['MSIE'] },
    ],
  ])('%s gets the bytes as they are, and caches are told that others do not', (_, request, config) => {
    const encoder = encoderOf(config)
    const head = page(['Content-Length', '1000'])
    expect(encoder.mayEncode(request)).toBe(false)
    expect(encoder.encode(request, head)).toBeUndefined()
    expect(head.fields.slice(2)).toEqual(['Content-Length', '1000', 'Vary', 'Accept-Encoding'])
  })

  test('accepts one may get it', () => {
    expect(encoderOf().mayEncode(accepts)).toBe(true)
    expect(encoderOf({ exceptAgents: ['MSIE'] }).mayEncode(accepts)).toBe(true)
  })
})

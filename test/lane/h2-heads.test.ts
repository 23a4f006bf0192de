import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { H2RequestHeads, H2ResponseHeads } from '#lane/general/h2-heads.ts'

const bounds = { headerBytes: 4_096, headerCount: 16 }
const raw = (path: string, ...more: string[]): string[] => [
  ':method',
  'GET',
  ':scheme',
  'https',
  ':authority',
  'a.test',
  ':path',
  path,
  'accept',
  '*/*',
  ...more,
]

describe('request heads of an HTTP/2 connection', () => {
  test('those that differ by their path alone share their fields', () => {
    const heads = new H2RequestHeads(bounds)
    const [first, second] = [heads.read(raw('/a')), heads.read(raw('/b'))]
    expect(first.received).toEqual({
      method: 'GET',
      target: '/a',
      version: '2',
      fields: ['host', 'a.test', 'accept', '*/*'],
    })
    expect(second.received.target).toBe('/b')
    expect(second.received.fields).toBe(first.received.fields)
    expect(second.scan).toBe(first.scan)
  })

  test('what was read before never changes what is read', () => {
    const name = fc.constantFrom(':method', ':path', ':authority', ':scheme', 'accept', 'host', 'te', 'X', 'cookie')
    const value = fc.constantFrom('GET', '/', '/:path', 'a.test', 'trailers', 'gzip', '\n')
    const list = fc.array(fc.tuple(name, value), { maxLength: 6 }).map((pairs) => pairs.flat())
    fc.assert(
      fc.property(fc.array(list, { maxLength: 12 }), (lists) => {
        const heads = new H2RequestHeads(bounds)
        for (const each of [...lists, ...lists]) expect(heads.read(each)).toEqual(new H2RequestHeads(bounds).read(each))
      }),
    )
  })

  test('of two paths the last one counts, each time', () => {
    const heads = new H2RequestHeads(bounds)
    heads.read(raw('/a', ':path', '/b'))
    expect(heads.read(raw('/a', ':path', '/c')).received.target).toBe('/c')
    expect(heads.read(raw('/d', ':path', '/b')).received.target).toBe('/b')
  })

  test.each([
    ['a connection field', ['connection', 'close']],
    ['too many fields', Array.from({ length: 40 }, () => 'x')],
    ['a control character', ['x', 'a\nb']],
  ])('%s is left to be refused, and not remembered', (_, more) => {
    const heads = new H2RequestHeads(bounds)
    expect(heads.read(raw('/', ...more)).scan).toBeUndefined()
    expect(heads.read(raw('/', ...more)).scan).toBeUndefined()
    expect(heads.read(raw('/')).scan).toBeDefined()
  })
})

describe('response heads for an HTTP/2 connection', () => {
  const dated = { status: 200, fields: ['Date', 'today', 'X-A', '1'] }

  test('names are in lower case behind the status', () => {
    const heads = new H2ResponseHeads()
    expect(heads.list(dated)).toEqual([':status', '200', 'date', 'today', 'x-a', '1'])
    expect(heads.list({ ...dated, status: 404 })).toEqual([':status', '404', 'date', 'today', 'x-a', '1'])
    expect(heads.list({ ...dated, fields: ['X-A', '2'] })).toEqual([':status', '200', 'x-a', '2'])
  })

  test('a list that node will add a date to is nobody else’s', () => {
    const heads = new H2ResponseHeads()
    const plain = { status: 200, fields: ['X-A', '1'] }
    heads.list(plain).push('date', 'today')
    expect(heads.list(plain)).toEqual([':status', '200', 'x-a', '1'])
  })
})

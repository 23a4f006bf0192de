import { describe, expect, test } from 'vitest'
import { nodeAddress, resolveClient } from '#http/forwarded.ts'

const trusts = (address: string): boolean => address.startsWith('10.') || address === 'fd00::1'
const trusted = { address: '10.0.0.1', scheme: 'http', port: 80 } as const
const stranger = { address: '203.0.113.7', scheme: 'http', port: 80 } as const

describe('X-Forwarded-For', () => {
  test.each([
    [[], '10.0.0.1'],
    [['198.51.100.1'], '198.51.100.1'],
    [['6.6.6.6, 198.51.100.1, 10.0.0.9'], '198.51.100.1'],
    [['6.6.6.6', '198.51.100.1'], '198.51.100.1'],
    [['6.6.6.6,198.51.100.1', '10.0.0.9'], '198.51.100.1'],
    [['10.0.0.8, 10.0.0.9'], '10.0.0.8'],
    [['198.51.100.1:4711'], '198.51.100.1'],
    [['[2001:DB8::1]:4711'], '2001:db8::1'],
    [['[2001:db8::1]'], '2001:db8::1'],
    [['2001:db8::1'], '2001:db8::1'],
    [['::ffff:198.51.100.1'], '198.51.100.1'],
    [['fe80::1%eth0'], 'fe80::1'],
    [['6.6.6.6, garbage'], '10.0.0.1'],
    [['6.6.6.6, garbage, 10.0.0.9'], '10.0.0.9'],
    [['6.6.6.6,'], '10.0.0.1'],
    [['unknown'], '10.0.0.1'],
    [[''], '10.0.0.1'],
    [['198.51.100.1, fd00::1'], '198.51.100.1'],
  ])('%j from a trusted peer: the client is %s', (values, address) => {
    const fields = values.flatMap((value) => ['x-forwarded-FOR', value])
    expect(resolveClient(trusted, fields, trusts)).toMatchObject({ address, peer: '10.0.0.1', trusted: true })
  })

  test('nothing an untrusted peer says is believed', () => {
    const fields = [
      'X-Forwarded-For',
      '10.0.0.1',
      'X-Forwarded-Proto',
      'https',
      'X-Forwarded-Host',
      'b.test',
      'X-Forwarded-Port',
      '1',
      'Forwarded',
      'for=1.1.1.1',
    ]
    const expected = {
      address: '203.0.113.7',
      scheme: 'http',
      port: 80,
      host: undefined,
      peer: '203.0.113.7',
      trusted: false,
    }
    expect(resolveClient(stranger, fields, trusts)).toEqual(expected)
  })

  test('a dual-stack socket reports IPv4 peers in IPv6 form', () => {
    expect(resolveClient({ ...trusted, address: '::ffff:10.0.0.1' }, [], trusts)).toMatchObject({
      address: '10.0.0.1',
      trusted: true,
    })
  })
})

describe('Proto, Host and Port', () => {
  test.each([
    [['X-Forwarded-Proto', 'https'], { scheme: 'https', port: 443, host: undefined }],
    [['X-Forwarded-Proto', 'HTTPS , http'], { scheme: 'https', port: 443 }],
    [['X-Forwarded-Proto', 'wss'], { scheme: 'https' }],
    [['X-Forwarded-Proto', 'gopher'], { scheme: 'http', port: 80 }],
    [['X-Forwarded-Port', '8443,80', 'X-Forwarded-Proto', 'https'], { scheme: 'https', port: 8443 }],
    [['X-Forwarded-Port', '0'], { port: 80 }],
    [['X-Forwarded-Port', '65536'], { port: 80 }],
    [['X-Forwarded-Host', 'b.test:81, c.test'], { host: 'b.test:81' }],
    [['X-Forwarded-Host', 'b.test\\x'], { host: undefined }],
  ])('%j tells %j', (fields, expected) => {
    expect(resolveClient(trusted, fields, trusts)).toMatchObject(expected)
  })
})

describe('Forwarded', () => {
  test.each([
    [
      'for=198.51.100.1;proto=https;host="b.test:8443"',
      { address: '198.51.100.1', scheme: 'https', host: 'b.test:8443', port: 8443 },
    ],
    ['For="[2001:db8::1]:4711"; Proto=https', { address: '2001:db8::1', scheme: 'https', port: 443 }],
    [
      'for=6.6.6.6;proto=https, for=198.51.100.1;proto=http, for=10.0.0.9;proto=https',
      { address: '198.51.100.1', scheme: 'http' },
    ],
    ['for=6.6.6.6, for=unknown', { address: '10.0.0.1', scheme: 'http' }],
    ['for=6.6.6.6, for=_hidden', { address: '10.0.0.1' }],
    ['for=6.6.6.6, proto=https', { address: '10.0.0.1', scheme: 'http' }],
    [String.raw`for="198.51.\100.1"`, { address: '198.51.100.1' }],
    ['for="6.6.6.6, for=198.51.100.1', { address: '10.0.0.1' }],
  ])('%s tells %j', (value, expected) => {
    expect(resolveClient(trusted, ['Forwarded', value], trusts)).toMatchObject(expected)
  })

  test('it does not count beside X-Forwarded fields, which the proxy writes that passes it on', () => {
    const fields = ['Forwarded', 'for=6.6.6.6;host=evil.test;proto=https', 'X-Forwarded-For', '198.51.100.1']
    expect(resolveClient(trusted, fields, trusts)).toMatchObject({
      address: '198.51.100.1',
      host: undefined,
      scheme: 'http',
    })
  })
})

describe('what is read of a trusted peer', () => {
  const fields = [
    'X-Forwarded-For',
    '198.51.100.1',
    'X-Forwarded-Proto',
    'https',
    'X-Forwarded-Host',
    'b.test',
    'CF-Connecting-IP',
    '203.0.113.5',
    'Forwarded',
    'for=6.6.6.6',
  ]
  const xff = 'x-forwarded-for'
  test.each([
    [
      { believes: 'all', listField: xff },
      { address: '198.51.100.1', scheme: 'https', host: 'b.test', trusted: true },
    ],
    [
      { believes: 'address', listField: xff },
      { address: '198.51.100.1', scheme: 'http', host: undefined, trusted: false },
    ],
    [
      { believes: 'all', listField: 'cf-connecting-ip' },
      { address: '203.0.113.5', scheme: 'https' },
    ],
    [
      { believes: 'address', listField: 'cf-connecting-ip' },
      { address: '203.0.113.5', trusted: false },
    ],
    [
      { believes: 'all', listField: 'x-client' },
      { address: '10.0.0.1', scheme: 'https' },
    ],
    [
      { believes: 'address', listField: 'x-client' },
      { address: '10.0.0.1', scheme: 'http' },
    ],
  ] as const)('%j: %j', (reading, expected) => {
    expect(resolveClient(trusted, fields, trusts, reading)).toMatchObject(expected)
    expect(resolveClient(stranger, fields, trusts, reading).address).toBe(stranger.address)
  })

  test('another field of addresses keeps Forwarded from being read', () => {
    const only = ['Forwarded', 'for=198.51.100.1;proto=https']
    const reading = { believes: 'all', listField: 'x-client' } as const
    expect(resolveClient(trusted, only, trusts, reading)).toMatchObject({ address: '10.0.0.1', scheme: 'http' })
  })
})

test.each(['1.2.3.4:', '1.2.3.4:x', '1.2.3.4:123456', '[::1', '[::1]x', '[1.2.3.4:80', '', '_x', 'a.test'])(
  '%j names no address',
  (node) => {
    expect(nodeAddress(node)).toBeUndefined()
  },
)

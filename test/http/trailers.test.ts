import { expect, test } from 'vitest'
import { passableTrailers } from '#http/trailers.ts'

test.each(['X-Sum', 'Grpc-Status', 'grpc-message', 'ETag', 'Server-Timing', 'Content-Digest'])(
  '%s may follow the body',
  (name) => {
    expect(passableTrailers([name, ' v '])).toEqual([name, 'v'])
  },
)

test.each([
  'Content-Length',
  'transfer-encoding',
  'Host',
  'X-Forwarded-For',
  'X_Forwarded_For',
  'Connection',
  'Cookie',
  'Set-Cookie',
  'Content-Type',
  'Content-Encoding',
  'Authorization',
  'X-Real-IP',
  'Trailer',
  'TE',
  'Upgrade',
  'Forwarded',
  'X-Original-URL',
  'Cache-Control',
  ':status',
  'X A',
  '',
])('%j must not', (name) => {
  expect(passableTrailers(['X-Sum', '1', name, 'v'])).toEqual(['X-Sum', '1'])
})

test('a trailer with a control character is dropped', () => {
  expect(passableTrailers(['X-T', 'a\0b', 'X-U', 'a\r\n b'])).toEqual([])
})

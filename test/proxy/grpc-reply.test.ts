import { describe, expect, test } from 'vitest'
import { grpcReply, isGrpc } from '#proxy/grpc-reply.ts'

describe('answers to gRPC clients', () => {
  test.each([
    [400, '13'],
    [401, '16'],
    [403, '7'],
    [404, '12'],
    [413, '2'],
    [429, '14'],
    [500, '2'],
    [502, '14'],
    [503, '14'],
    [504, '14'],
  ])('%i is grpc-status %s', (status, code) => {
    const reply = grpcReply({
      status,
      fields: ['Content-Type', 'text/plain', 'Retry-After', '5'],
      body: `${status} x\n`,
    })
    expect(reply).toEqual({
      status: 200,
      body: '',
      fields: [
        'Content-Type',
        'application/grpc',
        'grpc-status',
        code,
        'grpc-message',
        `${status} x`,
        'Retry-After',
        '5',
      ],
    })
  })

  test('what is no refusal stays as it is', () => {
    const reply = { status: 308, fields: ['Location', 'https://a'], body: '' }
    expect(grpcReply(reply)).toBe(reply)
  })

  test('messages are percent-encoded', () => {
    expect(grpcReply({ status: 403, fields: [], body: '100 % né\r\n' }).fields[5]).toBe('100 %25 n%C3%A9')
  })

  test.each([
    ['application/grpc', true],
    [' Application/gRPC+proto', true],
    ['application/grpc-web+proto', false],
    ['application/json', false],
  ])('%s: %s', (type, expected) => {
    expect(isGrpc({ method: 'POST', target: '/', version: '2', fields: ['content-type', type] })).toBe(expected)
  })
})

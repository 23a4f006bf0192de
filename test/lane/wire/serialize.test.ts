import { expect, test } from 'vitest'
import { RequestWriter } from '#lane/wire/serialize.ts'

const unchecked = { received: { method: '', target: '' }, requestId: '' }

test.each([
  ['a value', ['Host', 'a.test', 'X-A', 'a\r\nX-B: b', 'X-Request-ID', '1']],
  ['a name', ['Host', 'a.test', 'X-A: a\r\nX-B', 'b', 'X-Request-ID', '1']],
  ['the value that changes from request to request', ['Host', 'a.test', 'X-Request-ID', '1\r\nX-B: b']],
])('%s that would end its line is refused however often it comes', (_, fields) => {
  const writer = new RequestWriter()
  const write = (): string => writer.text({ method: 'GET', target: '/', fields }, 'asIs', unchecked)
  for (let time = 0; time < 3; time++) expect(write).toThrow('cannot be sent')
})

test('what was refused leaves what is known as it was', () => {
  const writer = new RequestWriter()
  const write = (value: string): string =>
    writer.text({ method: 'GET', target: '/', fields: ['Host', value, 'X-Request-ID', value] }, 'asIs', unchecked)
  const sent = 'GET / HTTP/1.1\r\nHost: a\r\nX-Request-ID: a\r\n\r\n'
  expect(write('a')).toBe(sent)
  expect(() => write('a\nb')).toThrow('cannot be sent')
  expect(() => write('a\nb')).toThrow('cannot be sent')
  expect(write('a')).toBe(sent)
})

const received = { method: 'GET', target: '/a' }

test.each([
  ['method', { method: 'GET /x HTTP/1.1', target: '/a' }, '1'],
  ['target', { method: 'GET', target: '/a HTTP/1.1\r\nX-B: b' }, '1'],
  ['request id', received, '1\r\nX-B: b'],
])('a %s that is another one than was received is looked at', (_, line, id) => {
  const writer = new RequestWriter()
  const write = (head: typeof received, value: string): string =>
    writer.text({ ...head, fields: ['Host', 'a', 'X-Request-ID', value] }, 'asIs', { received, requestId: '1' })
  expect(write(received, '1')).toBe('GET /a HTTP/1.1\r\nHost: a\r\nX-Request-ID: 1\r\n\r\n')
  expect(() => write(line, id)).toThrow('cannot be sent')
})

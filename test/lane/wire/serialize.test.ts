import { expect, test } from 'vitest'
import { RequestWriter } from '#lane/wire/serialize.ts'

test.each([
  ['a value', ['Host', 'a.test', 'X-A', 'a\r\nX-B: b', 'X-Request-ID', '1']],
  ['a name', ['Host', 'a.test', 'X-A: a\r\nX-B', 'b', 'X-Request-ID', '1']],
  ['the value that changes from request to request', ['Host', 'a.test', 'X-Request-ID', '1\r\nX-B: b']],
])('%s that would end its line is refused however often it comes', (_, fields) => {
  const writer = new RequestWriter()
  const write = (): string => writer.text({ method: 'GET', target: '/', fields }, 'asIs', false)
  for (let time = 0; time < 3; time++) expect(write).toThrow('cannot be sent')
})

test('what was refused leaves what is known as it was', () => {
  const writer = new RequestWriter()
  const write = (value: string): string =>
    writer.text({ method: 'GET', target: '/', fields: ['Host', value, 'X-Request-ID', value] }, 'asIs', false)
  const sent = 'GET / HTTP/1.1\r\nHost: a\r\nX-Request-ID: a\r\n\r\n'
  expect(write('a')).toBe(sent)
  expect(() => write('a\nb')).toThrow('cannot be sent')
  expect(() => write('a\nb')).toThrow('cannot be sent')
  expect(write('a')).toBe(sent)
})

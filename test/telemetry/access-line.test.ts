import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type AccessAsked, AccessLines, type AccessRecord, printAsked } from '#telemetry/access-line.ts'
import { accessAsked, accessRecord } from '../support/access-record.ts'

/** What a reader must find: the same facts, times and versions in the form that the documentation says. */
function read({ time, duration, ...facts }: AccessRecord, { version, ...asked }: AccessAsked): object {
  return JSON.parse(
    JSON.stringify({
      ...facts,
      ...asked,
      kind: 'access',
      time: new Date(time).toISOString(),
      protocol: asked.lane === 'stream' ? 'TLS' : `HTTP/${version}`,
      duration: Math.round(duration * 1000) / 1000,
    }),
  ) as object
}

/** Any bytes as a lane reads them, any text at all, and what JSON and terminals take for something special. */
const text = fc.oneof(
  fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes).toString('latin1')),
  fc.string({ unit: 'binary', maxLength: 20 }),
  fc.string({ unit: fc.integer({ min: 0, max: 0xffff }).map((unit) => String.fromCharCode(unit)), maxLength: 20 }),
  fc.constantFrom(
    '',
    '"',
    '\\',
    '\\"',
    '\\u0022',
    '\r\n',
    '"}\n{"status":200}',
    '\u001b[31m',
    '\u2028',
    '\ud800',
    '\x7f',
  ),
)
const maybe = fc.option(text, { nil: undefined })
const size = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER })
const requests: fc.Arbitrary<AccessAsked> = fc.record({
  client: text,
  scheme: fc.constantFrom('http' as const, 'https' as const),
  method: text,
  host: text,
  target: text,
  version: text,
  route: maybe,
  backend: maybe,
  userAgent: maybe,
  referer: maybe,
  tls: maybe,
  sni: maybe,
  lane: fc.constantFrom('general' as const, 'fast' as const, 'stream' as const),
  unfit: maybe,
})
const records: fc.Arbitrary<AccessRecord> = fc.record({
  time: fc.integer({ min: 0, max: Date.UTC(2100, 0) }),
  status: fc.integer({ min: 0, max: 999 }),
  cause: maybe,
  detail: maybe,
  duration: fc.double({ min: 0, max: 1e9, noNaN: true }),
  requestBytes: size,
  responseBytes: size,
  endpoint: maybe,
  attempts: fc.nat(),
  retried: maybe,
  upstreamStatus: fc.option(fc.integer({ min: 100, max: 599 }), { nil: undefined }),
  requestId: maybe,
  traceId: maybe,
})

const plain = printAsked(accessAsked())

describe('an access line', () => {
  test('is one line of printable ASCII that reads as what it was made of, whatever a client sends', () => {
    const lines = new AccessLines()
    fc.assert(
      fc.property(records, requests, (record, asked) => {
        const line = lines.print(record, printAsked(asked))
        expect(line).toMatch(/^[ -~]+\n$/)
        expect(JSON.parse(line)).toEqual(read(record, asked))
      }),
      { numRuns: 2_000 },
    )
  })

  test('says its time to the millisecond, forwards and backwards', () => {
    const lines = new AccessLines()
    for (const time of ['2026-01-01T00:00:00.000Z', '2026-01-01T00:00:00.999Z', '2026-12-31T23:59:59.070Z']) {
      for (const early of [0, 1, 1_000]) {
        const moment = Date.parse(time) - early
        const line = lines.print(accessRecord({ time: moment }), plain)
        expect(JSON.parse(line)).toHaveProperty('time', new Date(moment).toISOString())
      }
    }
  })

  test('says a duration in milliseconds, rounded to microseconds', () => {
    const lines = new AccessLines()
    for (const [duration, printed] of [
      [0, '0.000'],
      [0.0004, '0.000'],
      [0.9996, '1.000'],
      [1.25, '1.250'],
      [60_000.0625, '60000.063'],
    ] as const)
      expect(lines.print(accessRecord({ duration }), plain)).toContain(`"duration":${printed},`)
  })
})

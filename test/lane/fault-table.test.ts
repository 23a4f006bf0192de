/**
 * What becomes of an exchange whose endpoint or client goes wrong, stage by stage, whoever serves it. Each row is tried
 * with requests that have arrived whole and with uploads that are under way, and the endpoint breaks in four ways.
 */
import type { Socket } from 'node:net'
import { describe, expect, test } from 'vitest'
import type { Cause } from '#proxy/failure.ts'
import { type Door, openDoor, timeouts } from '../support/door.ts'
import { describeLanes } from '../support/lanes.ts'
import { startRawOrigin } from '../support/origin.ts'
import { connectRaw, talk } from '../support/raw-client.ts'
import { until } from '../support/until.ts'

const breaks = {
  /** It still reads. */
  FIN: (socket: Socket): void => void socket.end(),
  RST: (socket: Socket): void => void socket.resetAndDestroy(),
  silence: (): void => {},
  garbage: (socket: Socket): void => void socket.write('\0\u0001garbage\r\n\r\n'),
} as const

type Break = keyof typeof breaks

/** Status, cause unless all went well, bytes of the body that the client got. */
type Outcome = readonly [status: number, cause: Cause | undefined, bytes: number]
type Row = readonly [stage: string, sent: string, outcomes: Readonly<Record<Break, Outcome>>]

const asked = 'GET /a HTTP/1.1\r\nHost: a.test\r\n\r\n'
const whole = [
  asked,
  'POST /a HTTP/1.1\r\nHost: a.test\r\nContent-Length: 5\r\n\r\nhello',
  'POST /a HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n',
]
const uploading = [
  'POST /a HTTP/1.1\r\nHost: a.test\r\nContent-Length: 10\r\n\r\nhello',
  'POST /a HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n',
]

const ofLength = 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n'
const inChunks = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n'

/** Our answers have these lengths. */
const [is502, is504] = [502, 504].map(
  (status) => `${status} ${status === 502 ? 'Bad Gateway' : 'Gateway Timeout'}\n`.length,
)
const unanswered = {
  FIN: [502, 'upstream_reset', is502!],
  RST: [502, 'upstream_reset', is502!],
  silence: [504, 'upstream_timeout', is504!],
  garbage: [502, 'upstream_protocol', is502!],
} as const

/** Whose body breaks off behind so many bytes. */
function truncated(bytes: number): Readonly<Record<Break, Outcome>> {
  const cut = [200, 'upstream_truncated', bytes] as const
  return { FIN: cut, RST: cut, garbage: cut, silence: [200, 'upstream_timeout', bytes] }
}

function answered(bytes: number): Readonly<Record<Break, Outcome>> {
  const good = [200, undefined, bytes] as const
  return { FIN: good, RST: good, silence: good, garbage: good }
}

const rows: readonly Row[] = [
  ['before its answer', '', unanswered],
  ['behind an interim answer', 'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n', unanswered],
  ['within a head', 'HTTP/1.1 200 OK\r\nX-A: b\r\nConten', unanswered],
  // Whatever the rest of a body of this length is, it is the body.
  ['behind a head with a length', ofLength, { ...truncated(0), garbage: [200, undefined, 10] }],
  ['within a body with a length', `${ofLength}hello`, { ...truncated(5), garbage: [200, undefined, 10] }],
  ['behind a head without one', inChunks, truncated(0)],
  ['within a chunk', `${inChunks}5\r\nhel`, truncated(3)],
  ['behind a chunk', `${inChunks}5\r\nhello\r\n`, truncated(5)],
  ['within trailers', `${inChunks}5\r\nhello\r\n0\r\nX-T: 1\r\n`, truncated(5)],
  [
    'within a body that ends with the connection',
    'HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhello',
    { ...truncated(5), FIN: [200, undefined, 5], garbage: [200, 'upstream_timeout', 18] },
  ],
  ['behind an answer with a length', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok', answered(2)],
  ['behind an answer in chunks', `${inChunks}2\r\nok\r\n0\r\n\r\n`, answered(2)],
]

/** Sends this to the first request, then breaks; answers all others with `fine`. */
async function openBefore(sent: string, how: Break): Promise<Door> {
  const origin = await startRawOrigin((socket, connection) => {
    let requests = 0
    socket.on('data', () => {
      requests++
      if (connection > 1 || requests > 1) socket.write('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine')
      else if (sent === '') breaks[how](socket)
      // On its way first: what has arrived and its end are two events.
      else socket.write(sent, () => setTimeout(() => breaks[how](socket), 5))
    })
  })
  return openDoor({
    endpoints: [origin.port],
    route: { timeouts: { ...timeouts, readMs: 80 } },
    limits: { bodyIdleTimeoutMs: 300, idleTimeoutMs: 100, lingerMs: 50 },
  })
}

async function tryOut(sent: string, how: Break, request: string): Promise<Outcome> {
  const door = await openBefore(sent, how)
  const client = await connectRaw(door.http)
  client.write(request)
  const answer = await client.end()
  const { status, failure, responseBytes } = await door.nth(1)
  expect(answer.match(/HTTP\/1\.1 [2-5]\d\d/g), 'final answers').toEqual([`HTTP/1.1 ${status}`])
  if (status === 200 && failure !== undefined) expect(isWhole(answer), 'a body that breaks off looks whole').toBe(false)
  // Nothing is left of it for whoever comes next.
  expect(await talk(door.http, 'GET /b HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n')).toMatch(/200 [^]*fine$/)
  return [status, failure?.cause, responseBytes]
}

function isWhole(answer: string): boolean {
  const end = answer.indexOf('\r\n\r\n', answer.indexOf('HTTP/1.1 200')) + 4
  const length = /content-length: (\d+)/i.exec(answer.slice(0, end))?.[1]
  return length === undefined ? answer.endsWith('\r\n0\r\n\r\n') : answer.length - end >= Number(length)
}

/** Who waits for the rest of an upload blames the client that sends none, and not the endpoint. */
function ofUpload(outcome: Outcome): Outcome {
  const [status, cause, bytes] = outcome
  if (cause !== 'upstream_timeout') return outcome
  return status === 504 ? [408, 'body_timeout', '408 Request Timeout\n'.length] : [status, 'body_timeout', bytes]
}

describeLanes(() => {
  describe('an endpoint that breaks', () => {
    test.each(rows)('%s', async (_, sent, outcomes) => {
      const hows = ['FIN', 'RST', 'silence', 'garbage'] as const
      const tried = hows.flatMap((how) => [...whole, ...uploading].map((request) => tryOut(sent, how, request)))
      const expected = hows.flatMap((how) => [
        ...whole.map(() => outcomes[how]),
        ...uploading.map(() => ofUpload(outcomes[how])),
      ])
      expect(await Promise.all(tried)).toEqual(expected)
    })
  })

  describe('a client that leaves', () => {
    const [length, chunked] = uploading as [string, string]
    const stages: readonly (readonly [
      stage: string,
      sent: string,
      answer: string,
      outcome: readonly [number, Cause],
    ])[] = [
      ['behind the head of an upload', length.slice(0, -5), '', [0, 'client_abort']],
      ['within a body with a length', length, '', [0, 'client_abort']],
      ['within a chunk', chunked.slice(0, -4), '', [0, 'client_abort']],
      ['behind a chunk', chunked, '', [0, 'client_abort']],
      ['while it waits', asked, '', [0, 'client_abort']],
      ['within a head of the endpoint', asked, 'HTTP/1.1 200 OK\r\nConten', [0, 'client_abort']],
      ['behind the head of its answer', asked, ofLength, [200, 'client_abort']],
      ['within the body of its answer', asked, `${ofLength}hello`, [200, 'client_abort']],
      ['within a chunk of its answer', asked, `${inChunks}5\r\nhel`, [200, 'client_abort']],
    ]
    const cases = stages.flatMap(([stage, sent, answer, outcome]) =>
      (['FIN', 'RST'] as const).map((how) => ({ stage, sent, answer, outcome, how })),
    )
    test.each(cases)(
      '$stage by $how: $outcome, and the endpoint is let off',
      async ({ sent, answer, outcome, how }) => {
        const arrived: string[] = []
        const origin = await startRawOrigin((socket) => {
          socket.once('data', (data) => {
            arrived.push(data.toString('latin1'))
            socket.write(answer)
          })
        })
        const door = await openDoor({ endpoints: [origin.port] })
        const client = await connectRaw(door.http)
        client.write(sent)
        await until(() => arrived.length > 0)
        // A part of a head stays in the door; a head is passed on, and so is what is there of a body.
        if (outcome[0] === 200) await client.until(/\r\n\r\n/)
        breaks[how](client.socket)
        const { status, failure } = await door.nth(1)
        expect([status, failure?.cause]).toEqual(outcome)
        await until(() => origin.connections.size === 0)
      },
    )

    test.each(['FIN', 'RST'] as const)('within a head by %s: no endpoint hears of it', async (how) => {
      const origin = await startRawOrigin(() => {})
      const door = await openDoor({ endpoints: [origin.port] })
      const client = await connectRaw(door.http)
      client.write('GET /a HTTP/1.1\r\nHos')
      await until(() => door.open() === 1)
      breaks[how](client.socket)
      await until(() => door.open() === 0)
      expect(origin.accepted()).toBe(0)
      expect(door.finished.map(({ failure }) => failure?.cause)).toEqual(how === 'FIN' ? ['client_abort'] : [])
    })
  })
})

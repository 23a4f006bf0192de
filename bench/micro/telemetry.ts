/**
 * What it costs to tell of a request: to count it, and to print its line for the access log. Writing goes on in the
 * background, and `npm run bench:proxy` measures it.
 */
import type { AccessAsked, AccessRecord } from '#telemetry/access-line.ts'
import { AccessLines, printAsked } from '#telemetry/access-line.ts'
import { Tally } from '#telemetry/tally.ts'
import type { Bench, Sample } from '../run.ts'
import { measureStretch } from './stopwatch.ts'

/** Head fields as a lane has them: pieces of one text, of a browser's size. */
const received = `GET /catalogue/shoes?size=42&page=3 HTTP/1.1\r\nHost: shop.test\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r\nReferer: https://shop.test/catalogue\r\nCookie: bench=ü"`
const lines = 4_096

const ways: Readonly<Record<string, () => (turn: number) => number>> = {
  'count in metrics': () => {
    const tally = new Tally()
    return (turn) => {
      tally.started()
      tally.finished({
        route: 'default/web/0/0',
        backend: 'default/web:80',
        status: 200,
        cause: '',
        durationMs: (turn % 5_000) / 1_000,
        requestBytes: 0,
        responseBytes: 64,
      })
      return 1
    }
  },
  'print a line, the request as before': () => {
    const asked = Buffer.from(printAsked(askedWith(pieceOf('User-Agent: ')))).toString()
    return gathering(() => asked)
  },
  'print a line': () => {
    const asked = askedWith(pieceOf('User-Agent: '))
    return gathering(() => printAsked(asked))
  },
  'print a line that must be escaped': () => {
    const asked = askedWith(pieceOf('Cookie: '))
    return gathering(() => printAsked(asked))
  },
}

export const telemetry: Bench = {
  name: 'telemetry',
  title: 'Telling of a request',
  file: import.meta.filename,
  rounds: 3,
  cases: Object.keys(ways).map((way) => ({ labels: { what: way }, group: way, args: [way] })),
  metrics: [
    { name: 'nanoseconds', title: 'CPU ns', digits: 0 },
    { name: 'allocatedBytes', title: 'allocated', digits: 0 },
  ],
  conclude: () => ['lines that must be escaped are those with anything but printable ASCII in them'],
}

/** Runs in a fresh process: `telemetry.ts <way>`. */
function measureCase(name: string): Sample {
  const way = ways[name]!()
  let sum = 0
  const { nanoseconds, allocatedBytes } = measureStretch((count) => {
    for (let turn = 0; turn < count; turn += 1) sum = (sum + way(turn)) | 0
  })
  return { check: sum === 0 ? 'nothing' : 'something', metrics: { nanoseconds, allocatedBytes } }
}

/** Into chunks, as telemetry/line-sink.ts does: only then is a text more than a list of its pieces. */
function gathering(asked: () => string): (turn: number) => number {
  const printer = new AccessLines()
  const records = recordsOf()
  let text = ''
  return (turn) => {
    text += printer.print(records[turn % lines]!, asked())
    if (text.length < 65_536) return 0
    const { length } = Buffer.from(text, 'latin1')
    text = ''
    return length
  }
}

function askedWith(userAgent: string): AccessAsked {
  return {
    client: '192.0.2.7',
    scheme: 'https',
    method: 'GET',
    host: 'shop.test',
    target: pieceOf('GET ', ' HTTP'),
    version: '1.1',
    route: 'default/web/0/0',
    backend: 'default/web:80',
    userAgent,
    referer: pieceOf('Referer: '),
    tls: 'TLSv1.3',
    sni: 'shop.test',
    lane: 'fast',
    unfit: undefined,
  }
}

function recordsOf(): AccessRecord[] {
  const start = Date.UTC(2026, 0, 1)
  return Array.from({ length: lines }, (_, turn) => ({
    time: start + (turn >> 3),
    status: 200,
    cause: undefined,
    detail: undefined,
    duration: (turn % 5_000) / 1_000,
    requestBytes: 0,
    responseBytes: 64 + turn,
    endpoint: `10.0.0.${turn % 10}:8080`,
    attempts: 1,
    retried: undefined,
    upstreamStatus: 200,
    requestId: turn.toString(16).padStart(32, '7'),
    traceId: undefined,
  }))
}

function pieceOf(before: string, after = '\r\n'): string {
  const start = received.indexOf(before) + before.length
  const end = received.indexOf(after, start)
  return received.slice(start, end < 0 ? undefined : end)
}

if (import.meta.main) process.stdout.write(JSON.stringify(measureCase(process.argv[2] ?? '')))

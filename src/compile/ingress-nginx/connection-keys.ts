/** Global keys about connections: of clients, and to endpoints. They count for the connections that come after them. */
import { parseBytes, printBytes } from '#lib/bytes.ts'
import { longestTimerMs, parseDuration } from '#lib/duration.ts'
import type { DoorLimitsSpec } from '#snapshot/snapshot.ts'
import type { AnnotationRow } from '../annotation.ts'
import { honoured, noEffect } from '../annotation.ts'
import type { Scope } from '../setting.ts'
import { readInteger, readText, report } from '../setting.ts'
import type { DoorOptions } from './door.ts'
import { givesWay } from './flag-rule.ts'

type LimitKey = keyof DoorLimitsSpec

/** A key that replaces one bound of the process, and the flag that counts before it. */
type Bound = {
  readonly row: AnnotationRow
  readonly flag: string
  readonly limit: LimitKey
  readonly read: (scope: Scope, name: string) => number | undefined
}

const seconds =
  (min: number) =>
  (scope: Scope, name: string): number | undefined => {
    const value = readInteger(scope, name, undefined, { min, max: Math.floor(longestTimerMs / 1000), unit: 'seconds' })
    return value === undefined ? undefined : value * 1000
  }

const count =
  (min: number) =>
  (scope: Scope, name: string): number | undefined =>
    readInteger(scope, name, undefined, { min, max: 10 ** 9 })

const bounds: readonly Bound[] = [
  {
    row: honoured(
      'keep-alive',
      'seconds (75); 0 keeps no connection',
      'How long a client connection without a request is kept. `--limit-idle-timeout` counts before it.',
    ),
    flag: 'limit-idle-timeout',
    limit: 'idleTimeoutMs',
    read: seconds(0),
  },
  {
    row: honoured(
      'keep-alive-requests',
      'a whole number of at least 1 (no bound)',
      'Requests on one client connection, after which it is closed. `--limit-requests-per-connection` counts before it.',
      { difference: 'In ingress-nginx the default is 1000.' },
    ),
    flag: 'limit-requests-per-connection',
    limit: 'requestsPerConnection',
    read: count(1),
  },
  {
    row: honoured(
      'http2-max-concurrent-streams',
      'a whole number of at least 1 (128)',
      'Concurrent HTTP/2 streams of one client connection. `--limit-streams-per-connection` counts before it.',
    ),
    flag: 'limit-streams-per-connection',
    limit: 'streamsPerConnection',
    read: count(1),
  },
  {
    row: honoured(
      'client-header-timeout',
      'seconds (60)',
      'Until the head of a request is complete (408). `--limit-header-timeout` counts before it.',
    ),
    flag: 'limit-header-timeout',
    limit: 'headerTimeoutMs',
    read: seconds(1),
  },
  {
    row: honoured(
      'client-body-timeout',
      'seconds (60)',
      'Between two reads of a request body (408). `--limit-body-idle-timeout` counts before it.',
    ),
    flag: 'limit-body-idle-timeout',
    limit: 'bodyIdleTimeoutMs',
    read: seconds(1),
  },
  {
    row: honoured(
      'upstream-keepalive-connections',
      'a whole number (16384); 0 keeps none',
      'Idle connections that a worker keeps, to all endpoints together. `--limit-upstream-idle-connections` counts before it.',
      { difference: 'In ingress-nginx the default is 320.' },
    ),
    flag: 'limit-upstream-idle-connections',
    limit: 'upstreamIdleConnections',
    read: count(0),
  },
  {
    row: honoured(
      'upstream-keepalive-timeout',
      'seconds (60)',
      'How long an idle connection to an endpoint is kept. `--limit-upstream-idle-timeout` counts before it.',
    ),
    flag: 'limit-upstream-idle-timeout',
    limit: 'upstreamIdleTimeoutMs',
    read: seconds(1),
  },
  {
    row: honoured(
      'upstream-keepalive-time',
      'a time such as 75s, 30m or 1h (1h)',
      'Age from which an HTTP/1 connection to an endpoint is closed behind its request. `--limit-upstream-lifetime` counts before it.',
    ),
    flag: 'limit-upstream-lifetime',
    limit: 'upstreamLifetimeMs',
    read: readTime,
  },
  {
    row: honoured(
      'upstream-keepalive-requests',
      'a whole number of at least 1 (10000)',
      'Requests on one HTTP/1 connection to an endpoint, after which it is closed. `--limit-upstream-requests` counts before it.',
    ),
    flag: 'limit-upstream-requests',
    limit: 'upstreamRequests',
    read: count(1),
  },
]

export const connectionKeys: readonly AnnotationRow[] = [
  ...bounds.map(({ row }) => row),
  honoured(
    'large-client-header-buffers',
    'a number and a size (4 8k, that is 32k in all)',
    'Both multiplied bound the whole head of a request (431), the size alone its target (414). `--limit-header-bytes` and `--limit-target-bytes` count before it.',
    {
      difference:
        'A single field may be as long as the whole head. ingress-nginx answers 400 where this is 431. Where the key is not written a target may have 16k.',
    },
  ),
  noEffect(
    'client-header-buffer-size',
    'A head is bounded as a whole, by `large-client-header-buffers`; there is no smaller buffer before that.',
  ),
  honoured(
    'worker-shutdown-timeout',
    'a time such as 240s (30s)',
    'How long requests in flight may take when the process ends. `--drain-timeout` counts before it.',
    {
      difference:
        'In ingress-nginx every change of configuration begins such an end for all connections, and the default is 240s; here a change never closes a connection.',
    },
  ),
  honoured(
    'enable-underscores-in-headers',
    'true, false (false)',
    'Fields with underscores in their names go on to endpoints.',
    {
      difference:
        'Names that would pass for one that we or a trusted proxy vouch for, such as `X_Real_IP`, still do not.',
    },
  ),
  noEffect(
    'ignore-invalid-headers',
    'A field name that is no name is refused with 400, neither dropped nor passed on: two readers could understand it differently.',
    { idle: ['true', ''] },
  ),
]

/** `undefined` when no key replaces a bound. */
export function readConnectionLimits(scope: Scope, { givenFlags }: DoorOptions): DoorLimitsSpec | undefined {
  const found: [LimitKey, number][] = []
  for (const { row, flag, limit, read } of bounds) {
    if (givesWay(scope, row.name, flag, givenFlags)) continue
    const value = read(scope, row.name)
    if (value !== undefined) found.push([limit, value])
  }
  found.push(...readHeadBounds(scope, givenFlags))
  return found.length === 0 ? undefined : Object.fromEntries(found)
}

/** Milliseconds; `undefined` when the process's own setting stays. */
export function readDrain(scope: Scope, { givenFlags }: DoorOptions): number | undefined {
  const name = 'worker-shutdown-timeout'
  return givesWay(scope, name, 'drain-timeout', givenFlags) ? undefined : readTime(scope, name)
}

const smallestHead = 1_024
const largestHead = 1_024 * 1_024

function readHeadBounds(scope: Scope, givenFlags: ReadonlySet<string>): [LimitKey, number][] {
  const name = 'large-client-header-buffers'
  const text = readText(scope, name)
  if (text === undefined) return []
  const [, number = '', size = ''] = /^(\d{1,4})\s+(\d{1,9}[km]?)$/i.exec(text) ?? []
  const each = parseBytes(size)
  const all = each === undefined ? Number.NaN : Number(number) * each
  if (each === undefined || !(all >= smallestHead && all <= largestHead)) {
    const range = `${printBytes(smallestHead)} to ${printBytes(largestHead)}`
    report(scope, name, {
      expected: `a number and a size such as 4 8k, together ${range}`,
      instead: 'the bounds of the process stay',
    })
    return []
  }
  const wanted = [
    ['headerBytes', all, 'limit-header-bytes'],
    ['targetBytes', each, 'limit-target-bytes'],
  ] as const
  return wanted
    .filter(([, , flag]) => !givesWay(scope, name, flag, givenFlags))
    .map(([limit, bytes]): [LimitKey, number] => [limit, bytes])
}

/** As nginx writes times, seconds where there is no unit; in milliseconds. */
function readTime(scope: Scope, name: string): number | undefined {
  const text = readText(scope, name)
  if (text === undefined) return undefined
  const ms = /^\d{1,7}$/.test(text) ? Number(text) * 1000 : parseDuration(text.replaceAll(' ', ''))
  if (ms !== undefined && ms >= 1 && ms <= longestTimerMs) return ms
  report(scope, name, { expected: 'a time such as 75s, 30m or 1h', instead: 'it is ignored' })
  return undefined
}

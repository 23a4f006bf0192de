/**
 * What the access log says of one exchange, and how: a JSON object in one line of printable ASCII. Whatever a client
 * sends, it cannot begin a line, end a string or reach a terminal.
 */

/** What stays the same for requests that a client repeats; `undefined` values are left out. */
export type AccessAsked = {
  readonly client: string
  readonly scheme: 'http' | 'https'
  readonly method: string
  readonly host: string
  /** As received, query included. */
  readonly target: string
  /** Of HTTP; not told of a connection that was passed on unread. */
  readonly version: string
  readonly route: string | undefined
  readonly backend: string | undefined
  readonly userAgent: string | undefined
  readonly referer: string | undefined
  readonly tls: string | undefined
  readonly sni: string | undefined
  readonly lane: 'general' | 'fast' | 'stream'
  /** Why the fast lane left the connection to the general one. */
  readonly unfit: string | undefined
}

/** Everything else that the line says; `undefined` values are left out. Times are in milliseconds, sizes in bytes. */
export type AccessRecord = {
  /** Since the epoch. */
  readonly time: number
  readonly status: number
  readonly cause: string | undefined
  /** What went wrong, for the operator. */
  readonly detail: string | undefined
  readonly duration: number
  readonly requestBytes: number
  readonly responseBytes: number
  readonly endpoint: string | undefined
  readonly attempts: number
  /** Why each further attempt was made. */
  readonly retried: string | undefined
  readonly upstreamStatus: number | undefined
  readonly requestId: string | undefined
  /** Of the trace that the request is in. */
  readonly traceId: string | undefined
}

/** The part of a line that `AccessLines.print` wants, and that may be used again. */
export function printAsked(asked: AccessAsked): string {
  const { client, scheme, method, host, target, version, lane } = asked
  let text = `"client":"${safe(client)}","scheme":"${scheme}","method":"${safe(method)}","host":"${safe(host)}","target":"${safe(target)}","protocol":"${lane === 'stream' ? 'TLS' : `HTTP/${safe(version)}`}"`
  if (asked.route !== undefined) text += `,"route":"${safe(asked.route)}"`
  if (asked.backend !== undefined) text += `,"backend":"${safe(asked.backend)}"`
  if (asked.userAgent !== undefined) text += `,"userAgent":"${safe(asked.userAgent)}"`
  if (asked.referer !== undefined) text += `,"referer":"${safe(asked.referer)}"`
  if (asked.tls !== undefined) text += `,"tls":"${safe(asked.tls)}"`
  if (asked.sni !== undefined) text += `,"sni":"${safe(asked.sni)}"`
  if (asked.unfit !== undefined) text += `,"unfit":"${safe(asked.unfit)}"`
  return `${text},"lane":"${lane}"`
}

export class AccessLines {
  /** Of the last line, in seconds since the epoch. */
  #second: number
  /** That second as text, up to the point. */
  #secondText: string

  constructor() {
    this.#second = NaN
    this.#secondText = ''
  }

  /** As many bytes as characters, the line break counted in. `asked` comes from `printAsked`. */
  print(record: AccessRecord, asked: string): string {
    const { status, requestBytes, responseBytes, attempts, upstreamStatus } = record
    let line = `{"kind":"access","time":"${this.#timeText(record.time)}",${asked},"status":${status},"duration":${durationText(record.duration)},"requestBytes":${requestBytes},"responseBytes":${responseBytes},"attempts":${attempts}`
    if (record.cause !== undefined) line += `,"cause":"${safe(record.cause)}"`
    if (record.detail !== undefined) line += `,"detail":"${safe(record.detail)}"`
    if (record.endpoint !== undefined) line += `,"endpoint":"${safe(record.endpoint)}"`
    if (record.retried !== undefined) line += `,"retried":"${safe(record.retried)}"`
    if (upstreamStatus !== undefined) line += `,"upstreamStatus":${upstreamStatus}`
    if (record.traceId !== undefined) line += `,"traceId":"${safe(record.traceId)}"`
    if (record.requestId !== undefined) line += `,"requestId":"${safe(record.requestId)}"`
    return line + '}\n'
  }

  #timeText(time: number): string {
    const second = Math.floor(time / 1000)
    if (second !== this.#second) {
      this.#second = second
      this.#secondText = new Date(second * 1000).toISOString().slice(0, -'000Z'.length)
    }
    return this.#secondText + thousandths[Math.floor(time - second * 1000)]! + 'Z'
  }
}

const thousandths = Array.from({ length: 1000 }, (_, count) => String(count).padStart(3, '0'))

/** Microseconds are the most that a reader can use; whole numbers are printed several times as quickly as others. */
function durationText(ms: number): string {
  const micros = Math.round(ms * 1000)
  const whole = Math.floor(micros / 1000)
  return `${whole}.${thousandths[micros - whole * 1000]!}`
}

/** All but printable ASCII, and what means something within a JSON string (RFC 8259 section 7). */
const unsafe = /[^ !#-[\]-~]/

/** The inside of a JSON string. */
function safe(text: string): string {
  return unsafe.test(text)
    ? JSON.stringify(text)
        .slice(1, -1)
        .replace(/[^ -~]/g, escaped)
    : text
}

function escaped(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`
}

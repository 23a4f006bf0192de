/** The response cases: what each line of h1-resp-cases.jsonl means, and how an outcome is judged against it. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Script } from '../support/scripted-origin.ts'

export type ResponseCase = {
  readonly id: string
  readonly method: string
  /** The bytes the endpoint sends, one character each; `{{text*count}}` is a repetition when `macro` is set. */
  readonly raw: string
  readonly macro?: boolean
  readonly end: Script['end']
  readonly expect: 'forward' | 'forward-normalised' | '502' | 'truncated' | 'either'
  readonly also?: readonly number[]
  /** Whether the connection to the endpoint may carry another request. */
  readonly reuse: 'may' | 'must-not'
  /** Text that no client may receive, whatever its case. */
  readonly client_absent?: readonly string[]
}

/** One response as a client reads it. */
export type Answer = { readonly received: string; readonly closed: boolean }

export type ResponseOutcome = {
  readonly first: Answer
  readonly second: Answer
  /** The second request came on the connection of the first. */
  readonly reused: boolean
}

type Parsed = {
  readonly status: number | undefined
  readonly body: string
  /** `undefined` when only the end of the connection can tell. */
  readonly complete: boolean | undefined
}

export function loadResponseCases(): readonly ResponseCase[] {
  const lines = readFileSync(join(import.meta.dirname, 'h1-resp-cases.jsonl'), 'latin1')
    .trim()
    .split('\n')
  // The data file is part of this repository and has these fields.
  return lines.map((line) => JSON.parse(line) as ResponseCase)
}

/** Every way in which the outcome fails the case; empty when it passes. */
export function judgeResponse(given: ResponseCase, { first, second, reused }: ResponseOutcome): string[] {
  const faults: string[] = []
  const answer = parseAnswer(first.received, given.method)
  if (!isAsExpected(given, answer, first.closed)) {
    const got = `status ${answer.status}, ${first.closed ? 'closed' : 'open'}, complete ${answer.complete}`
    faults.push(`expected ${given.expect}: ${got}`)
  }
  const all = `${first.received}|${second.received}`.toLowerCase()
  for (const text of given.client_absent ?? []) {
    if (all.includes(text.toLowerCase())) faults.push(`a client received ${JSON.stringify(text)}`)
  }
  if (given.reuse === 'must-not' && reused) faults.push('the connection to the endpoint was used again')
  const next = parseAnswer(second.received, 'GET')
  if (next.status !== 200 || next.body !== 'second') {
    faults.push(`the next request got ${next.status} ${JSON.stringify(next.body.slice(0, 30))}`)
  }
  return faults
}

/** Whether a final response is there, and all of it as far as its head tells. */
export function isWhole(received: string, method: string): boolean {
  return parseAnswer(received, method).complete !== false
}

function isAsExpected(given: ResponseCase, { status, complete }: Parsed, closed: boolean): boolean {
  if (status === undefined && !closed) return false
  const isGateway =
    status !== undefined && ([500, 502, 503, 504].includes(status) || (given.also ?? []).includes(status))
  const wanted = wantedStatus(given)
  const isGiven = status === wanted && complete !== false
  const isCut = closed && (status === undefined || (status === wanted && complete === false))
  switch (given.expect) {
    case '502':
      return isGateway
    case 'truncated':
      return isGateway || isCut
    case 'either':
      return isGateway || isGiven || isCut
    default:
      return isGiven
  }
}

/** The status of the scripted final response; 200 when it has none that can be read. */
function wantedStatus({ raw }: ResponseCase): number {
  const final = raw.replaceAll(/HTTP\/1\.1 1\d\d[\s\S]*?\r\n\r\n/g, '')
  return Number(/HTTP\/1\.\d (\d{3})/.exec(final)?.[1] ?? 200)
}

function parseAnswer(received: string, method: string): Parsed {
  const final = received.replace(/^(?:HTTP\/1\.[01] 1(?!01)\d\d[\s\S]*?\r\n\r\n)+/, '')
  const status = /^HTTP\/1\.[01] (\d{3})/.exec(final)?.[1]
  const end = final.indexOf('\r\n\r\n')
  if (status === undefined || end < 0)
    return { status: status === undefined ? undefined : Number(status), body: '', complete: false }
  const head = final.slice(0, end)
  const body = final.slice(end + 4)
  return { status: Number(status), body, complete: isComplete(head, body, method, Number(status)) }
}

function isComplete(head: string, body: string, method: string, status: number): boolean | undefined {
  if (method === 'HEAD' || status === 204 || status === 304) return true
  if (/\r\ntransfer-encoding:.*chunked/i.test(head)) return /(?:^|\r\n)0\r\n(?:[^\r\n]+\r\n)*\r\n$/.test(body)
  const length = /\r\ncontent-length:\s*(\d+)/i.exec(head)?.[1]
  return length === undefined ? undefined : body.length >= Number(length)
}

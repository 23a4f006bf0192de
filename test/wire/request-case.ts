/** The request cases: what each line of h1-cases.jsonl means, and how an outcome is judged against it. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Recording } from '../support/recording-origin.ts'

export type RequestCase = {
  readonly id: string
  /** The bytes the client sends, one character each. */
  readonly raw: string
  /** `{{text*count}}` in `raw` stands for a repetition. */
  readonly macro?: boolean
  readonly expect: 'forward' | 'forward-normalised' | 'reject-400' | 'reject-4xx-or-close' | 'either'
  /** The branch of `either` to take. */
  readonly strict?: string
  /** Final statuses that are as good as the expected one. */
  readonly also?: readonly number[]
  /** The most complete requests the endpoint may see. */
  readonly max_backend: number
  readonly close?: 'must' | 'may'
  /** Text that must not, or must, be among the bytes the endpoint receives, whatever its case. */
  readonly backend_absent?: readonly string[]
  readonly backend_present?: readonly string[]
  /** The body the endpoint must have read. */
  readonly body?: string
  /** The client half-closes behind the bytes. */
  readonly fin?: boolean
}

export type Outcome = {
  /** Final statuses the client received, in order. */
  readonly finals: readonly number[]
  readonly closed: boolean
  readonly recording: Recording
}

export type Verdict = {
  /** Empty when the case passes. */
  readonly faults: readonly string[]
  /** False when the case passes by the branch that is not the strict one. */
  readonly strict: boolean
}

/** All cases, in the order of the file. */
export function loadRequestCases(): readonly RequestCase[] {
  const lines = readFileSync(join(import.meta.dirname, 'h1-cases.jsonl'), 'latin1')
    .trim()
    .split('\n')
  // The data file is part of this repository and has these fields.
  return lines.map((line) => JSON.parse(line) as RequestCase)
}

/**
 * The case with `a.test` renamed to `<letter>.test` everywhere, so that cases can run beside each other: names of equal
 * length keep every declared length true.
 */
export function withHostLetter(given: RequestCase, letter: string): RequestCase {
  const renamed = JSON.stringify(given).replaceAll(/\ba(?=\.test)/gi, letter)
  // Only characters inside of strings have changed.
  return JSON.parse(renamed) as RequestCase
}

/** The bytes to send. */
export function requestBytes({ raw, macro }: { readonly raw: string; readonly macro?: boolean }): Buffer {
  const expanded = macro
    ? raw.replaceAll(/\{\{([\s\S]+?)\*(\d+)\}\}/g, (_, text: string, times: string) => text.repeat(Number(times)))
    : raw
  return Buffer.from(expanded, 'latin1')
}

/** What must never happen is checked for every case, whatever it expects. */
export function judgeRequest(given: RequestCase, outcome: Outcome): Verdict {
  const { finals, closed, recording } = outcome
  const seen = recording.requests.length
  const first = finals[0]
  const isAlso = first !== undefined && (given.also ?? []).includes(first)
  const isForwarded = seen >= 1 && first !== undefined && ((first >= 200 && first < 300) || isAlso)
  const isRefused = seen === 0 && isRefusal(given, first, closed)
  const faults = [
    ...expectationFaults(given, { isForwarded, isRefused, isAlso }, outcome),
    ...contentFaults(given, isForwarded, recording),
  ]
  if (seen > given.max_backend) faults.push(`the endpoint saw ${seen} requests`)
  const smuggled = recording.requests.some(({ target }) => target.startsWith('/smuggled'))
  if (smuggled && given.max_backend < 2) faults.push('the endpoint executed a hidden request')
  faults.push(...recording.faults.map((fault) => `the endpoint was sent: ${fault}`))
  if (given.close === 'must' && !closed) faults.push('connection left open')
  const wantsRefusal = given.strict?.startsWith('reject')
  const isFree = given.expect !== 'either' || wantsRefusal === undefined
  const strict = isFree || (wantsRefusal ? isRefused : isForwarded || isAlso)
  return { faults, strict }
}

function isRefusal(given: RequestCase, status: number | undefined, closed: boolean): boolean {
  const allowsClose = given.expect !== 'reject-400'
  if (status === undefined) return allowsClose && closed
  if (status === 400 || (given.also ?? []).includes(status)) return true
  return allowsClose && ((status >= 400 && status < 500) || status === 501 || status === 505)
}

function expectationFaults(
  given: RequestCase,
  is: { readonly isForwarded: boolean; readonly isRefused: boolean; readonly isAlso: boolean },
  { finals, closed, recording }: Outcome,
): string[] {
  const met = given.expect.startsWith('reject')
    ? is.isRefused
    : is.isForwarded || is.isAlso || (given.expect === 'either' && is.isRefused)
  if (met) return []
  const got = `statuses [${finals.join(' ')}], ${recording.requests.length} forwarded, ${closed ? 'closed' : 'open'}`
  return [`expected ${given.expect}: ${got}`]
}

function contentFaults(given: RequestCase, isForwarded: boolean, { raw, requests }: Recording): string[] {
  const faults: string[] = []
  const lower = raw.toLowerCase()
  for (const text of given.backend_absent ?? []) {
    if (lower.includes(text.toLowerCase())) faults.push(`the endpoint received ${JSON.stringify(text)}`)
  }
  if (!isForwarded) return faults
  for (const text of given.backend_present ?? []) {
    if (!lower.includes(text.toLowerCase())) faults.push(`the endpoint did not receive ${JSON.stringify(text)}`)
  }
  const body = requests[0]!.body
  if (given.body !== undefined && body !== given.body) {
    faults.push(`the body arrived as ${JSON.stringify(body.slice(0, 60))}`)
  }
  return faults
}

/** The statuses of the responses in a byte stream, interim ones left out. */
export function finalStatuses(stream: string): number[] {
  const finals: number[] = []
  let at = 0
  while (stream.startsWith('HTTP/1.', at)) {
    const status = Number(stream.slice(at + 9, at + 12))
    if (status >= 200) finals.push(status)
    const end = stream.indexOf('\r\n\r\n', at)
    if (end < 0) break
    at = bodyEnd(stream, stream.slice(at, end), end + 4, status)
  }
  return finals
}

function bodyEnd(stream: string, head: string, start: number, status: number): number {
  // A head directly behind a head: an interim response, or one to HEAD.
  if (status < 200 || status === 204 || status === 304 || stream.startsWith('HTTP/1.', start)) return start
  if (/\r\ntransfer-encoding:.*chunked/i.test(head)) {
    const last = stream.indexOf('0\r\n\r\n', start)
    return last < 0 ? stream.length : last + 5
  }
  const length = /\r\ncontent-length:\s*(\d+)/i.exec(head)?.[1]
  return length === undefined ? stream.length : start + Number(length)
}

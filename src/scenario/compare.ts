/**
 * What was expected against what came, as differences a person can read. Pure.
 */
import { type PeerCertificate, checkServerIdentity } from 'node:tls'
import type { ClientResponse } from './client.ts'
import { fieldsOf } from './response-reader.ts'
import type { CountMatch, Expectation, ExpectedProblem, Line, TextMatch } from './scenario.ts'

/** One request with all that is known of its fate. */
export type Outcome = {
  readonly response: ClientResponse
  /** The stand-in that answered; `undefined` when the front door itself did. */
  readonly answeredBy: { readonly backend: string; readonly endpoint: string } | undefined
  /** As the stand-in received it. */
  readonly received: ReceivedRequest | undefined
}

export type ReceivedRequest = {
  readonly method: string
  readonly target: string
  /** Lower-case names; several values of one name are joined with `, `. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

export type Difference = { readonly line: Line; readonly expected: string; readonly found: string }

/** What a problem of the manifests looks like from here. */
export type FoundProblem = { readonly severity: string; readonly object: string | undefined; readonly text: string }

export function compareOutcomes(expectations: readonly Expectation[], outcomes: readonly Outcome[]): Difference[] {
  return expectations.flatMap((expectation) => compareAll(expectation, outcomes) ?? [])
}

/** Every expected problem must be among the found ones. An empty list expects that there is none. */
export function compareProblems(
  expected: readonly ExpectedProblem[],
  line: Line,
  found: readonly FoundProblem[],
): Difference[] {
  if (expected.length === 0 && found.length > 0) return [{ line, expected: 'no problem', found: listProblems(found) }]
  return expected.flatMap((each) => {
    const { severity, object, match } = each
    const fits = found.some(
      (one) =>
        (severity === undefined || one.severity === severity) &&
        (object === undefined || one.object === object) &&
        (match === undefined || matches(match, [one.text])),
    )
    const wanted = [severity ?? 'a problem', object, match === undefined ? undefined : printMatch(match)].filter(
      (part) => part !== undefined,
    )
    return fits
      ? []
      : [
          {
            line: each.line,
            expected: wanted.join(': '),
            found: found.length === 0 ? 'no problem' : listProblems(found),
          },
        ]
  })
}

function compareAll(expectation: Expectation, outcomes: readonly Outcome[]): Difference | undefined {
  const { line } = expectation
  switch (expectation.kind) {
    case 'statuses':
      return compareCounts(line, expectation.counts, outcomes)
    case 'endpoints-same':
    case 'endpoints-distinct':
    case 'endpoints-each':
      return compareEndpoints(expectation, outcomes)
    default: {
      const wrong = outcomes.map((outcome) => compareOne(expectation, outcome)).filter((each) => each !== undefined)
      const [first] = wrong
      if (first === undefined) return undefined
      return outcomes.length === 1
        ? { line, ...first }
        : { line, ...first, found: `${first.found} (${wrong.length} of ${outcomes.length} requests differ)` }
    }
  }
}

type Single = Exclude<Expectation, { kind: 'statuses' | 'endpoints-same' | 'endpoints-distinct' | 'endpoints-each' }>
type Contrast = { readonly expected: string; readonly found: string }

function compareOne(expectation: Single, { response, answeredBy, received }: Outcome): Contrast | undefined {
  switch (expectation.kind) {
    case 'status':
      return contrast(
        expectation.anyOf.includes(response.status),
        `status ${expectation.anyOf.join(' or ')}`,
        printStatus(response),
      )
    case 'backend': {
      const found = answeredBy?.backend ?? 'none'
      return contrast(
        found === expectation.backend,
        `backend ${expectation.backend}`,
        found === 'none' ? `backend none (${printStatus(response)})` : `backend ${found}`,
      )
    }
    case 'header':
      return compareText(`${expectation.name}: `, expectation.match, fieldsOf(response.fields, expectation.name))
    case 'body':
      return compareText('body ', expectation.match, [response.body])
    case 'certificate':
      return contrast(
        covers(response.certificate, expectation.name),
        `a certificate for ${expectation.name}`,
        printCertificate(response.certificate),
      )
    case 'cause': {
      const found = fieldsOf(response.fields, 'x-genkan-cause')[0]
      return contrast(
        found === expectation.cause,
        `cause ${expectation.cause}`,
        found === undefined ? `no cause (${printStatus(response)})` : `cause ${found}`,
      )
    }
    case 'upstream-method':
    case 'upstream-target':
    case 'upstream-header':
    case 'upstream-body':
      return compareReceived(expectation, received, response)
  }
}

type OfReceived = Extract<Single, { kind: `upstream-${string}` }>

function compareReceived(
  expectation: OfReceived,
  received: ReceivedRequest | undefined,
  response: ClientResponse,
): Contrast | undefined {
  if (received === undefined)
    return { expected: 'a request at the endpoint', found: `none arrived (${printStatus(response)})` }
  switch (expectation.kind) {
    case 'upstream-method':
      return contrast(received.method === expectation.method, `upstream method ${expectation.method}`, received.method)
    case 'upstream-target':
      return compareText('upstream target ', expectation.match, [received.target])
    case 'upstream-body':
      return compareText('upstream body ', expectation.match, [received.body])
    case 'upstream-header': {
      const value = received.headers[expectation.name]
      return compareText(`upstream ${expectation.name}: `, expectation.match, value === undefined ? [] : [value])
    }
  }
}

function compareCounts(
  line: Line,
  counts: ReadonlyMap<number, CountMatch>,
  outcomes: readonly Outcome[],
): Difference | undefined {
  const found = countBy(outcomes.map(({ response }) => String(response.status)))
  const wanted = [...counts].map(
    ([status, { min, max }]) => `${status}: ${min === max ? min : `${min} to ${max === Infinity ? 'any' : max}`}`,
  )
  const holds = [...counts].every(([status, { min, max }]) => within(found.get(String(status)) ?? 0, min, max))
  // A status that the scenario does not count must not come: it would hide among the counted ones.
  const isComplete = [...found.keys()].every((status) => counts.has(Number(status)))
  return holds && isComplete
    ? undefined
    : { line, expected: `statuses ${wanted.join(', ')}`, found: printCounts(found) }
}

type OfEndpoints = Extract<Expectation, { kind: `endpoints-${string}` }>

function compareEndpoints(expectation: OfEndpoints, outcomes: readonly Outcome[]): Difference | undefined {
  const { line } = expectation
  const answers = outcomes.map(({ answeredBy }) =>
    answeredBy === undefined ? 'none' : `${answeredBy.backend} at ${answeredBy.endpoint}`,
  )
  const found = countBy(answers)
  const isEverybody = !found.has('none')
  const say = (holds: boolean, expected: string): Difference | undefined =>
    holds ? undefined : { line, expected, found: printCounts(found) }
  switch (expectation.kind) {
    case 'endpoints-same':
      return say(isEverybody && found.size === 1, 'the same endpoint every time')
    case 'endpoints-distinct':
      return say(isEverybody && found.size === expectation.count, `${expectation.count} distinct endpoints`)
    case 'endpoints-each':
      return say(
        isEverybody && [...found.values()].every((count) => count >= expectation.count),
        `each endpoint at least ${expectation.count} times`,
      )
  }
}

function compareText(what: string, match: TextMatch, found: readonly string[]): Contrast | undefined {
  return contrast(
    matches(match, found),
    `${what}${printMatch(match)}`,
    found.length === 0 ? `${what}absent` : `${what}${found.map(shorten).join(' and ')}`,
  )
}

/** True when any of the values fits, or all of them as one list. */
function matches(match: TextMatch, found: readonly string[]): boolean {
  if (match.kind === 'absent') return found.every((value) => value === '')
  const values = found.length > 1 ? [...found, found.join(', ')] : found
  return values.some((value) => (match.kind === 'exact' ? value === match.text : match.regex.test(value)))
}

function covers(certificate: PeerCertificate | undefined, name: string): boolean {
  return certificate?.raw !== undefined && checkServerIdentity(name.replace(/^\*/, 'any'), certificate) === undefined
}

function contrast(holds: boolean, expected: string, found: string): Contrast | undefined {
  return holds ? undefined : { expected, found }
}

function printStatus({ status, fields, failure }: ClientResponse): string {
  const cause = fieldsOf(fields, 'x-genkan-cause')[0]
  if (status === 0) return `no response: ${failure ?? 'the connection ended'}`
  return `status ${status}${cause === undefined ? '' : `, cause ${cause}`}`
}

function printCertificate(certificate: PeerCertificate | undefined): string {
  if (certificate?.raw === undefined) return 'no certificate'
  return `one for ${(certificate.subjectaltname ?? String(certificate.subject?.CN)).replaceAll('DNS:', '')}`
}

function printMatch(match: TextMatch): string {
  if (match.kind === 'absent') return 'absent'
  return match.kind === 'exact' ? shorten(match.text) : String(match.regex)
}

function listProblems(found: readonly FoundProblem[]): string {
  return found.map(({ text }) => text).join('\n')
}

function printCounts(counts: ReadonlyMap<string, number>): string {
  return [...counts].map(([what, count]) => `${what}: ${count}`).join(', ')
}

function countBy(keys: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>()
  for (const key of keys.toSorted()) counts.set(key, (counts.get(key) ?? 0) + 1)
  return counts
}

function within(value: number, min: number, max: number): boolean {
  return value >= min && value <= max
}

/** Long bodies would bury what matters. */
function shorten(text: string): string {
  return text.length > 300
    ? `${JSON.stringify(text.slice(0, 300))} … (${text.length} characters)`
    : JSON.stringify(text)
}

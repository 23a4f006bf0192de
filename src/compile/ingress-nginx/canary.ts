/** Annotations that split traffic between two versions. */
import { isToken } from '#http/grammar.ts'
import { compilePattern } from '#lib/pattern.ts'
import type { CanarySpec } from '#snapshot/snapshot.ts'
import type { AnnotationGroup } from '../annotation.ts'
import { honoured } from '../annotation.ts'
import type { Scope } from '../setting.ts'
import { readBoolean, readInteger, readMatching, readText, readWord, report } from '../setting.ts'

const next = 'anything else asks the next rule (header, cookie, weight)'

export const canary: AnnotationGroup = {
  title: 'Canary',
  rows: [
    honoured(
      'canary',
      'true, false (false)',
      'The Ingress adds no routes: it takes a part of the traffic of the route with the same host, path and path type. In ingress-nginx it takes a part of the traffic of every route that leads to the same Service port. The oldest canary of a route counts. Timeouts, policies and limits are those of the main Ingress.',
    ),
    honoured(
      'canary-by-header',
      'a field name',
      `\`always\` goes to the canary and \`never\` to the main backend; ${next}.`,
    ),
    honoured(
      'canary-by-header-value',
      'a text',
      `This very value goes to the canary; ${next}. \`always\` and \`never\` then mean nothing.`,
    ),
    honoured(
      'canary-by-header-pattern',
      'a regular expression (RE2) of at most 512 characters',
      `A value in which it occurs goes to the canary; ${next}. Not used beside \`canary-by-header-value\`. With an expression that cannot be read the header decides nothing; ingress-nginx sends every request that carries it to the main backend.`,
    ),
    honoured(
      'canary-by-cookie',
      'a cookie name',
      `\`always\` goes to the canary and \`never\` to the main backend; ${next}.`,
    ),
    honoured(
      'canary-weight',
      'a whole number of at least 0 (0)',
      'So many of `canary-weight-total` requests, by chance. 0 is none, the total and above is all.',
    ),
    honoured('canary-weight-total', 'a whole number of at least 100 (100)', 'Less than 100 counts as 100.'),
    honoured(
      'affinity-canary-behavior',
      'sticky, legacy (sticky)',
      'On the main Ingress. `sticky`: a session stays with the version its affinity cookie names, and the canary has the same affinity. `legacy`: every request is judged again. It counts on the canary too where the main Ingress does not say it.',
    ),
  ],
}

/** How a canary decides; `affinity` is settled with its main Ingress. */
export type CanaryRules = Pick<CanarySpec, 'header' | 'cookie' | 'weight' | 'total'>

/** `undefined` when the Ingress is no canary. */
export function readCanary(scope: Scope): CanaryRules | undefined {
  if (!readBoolean(scope, 'canary', false)) {
    for (const { name } of canary.rows) {
      if (!name.startsWith('canary-') || readText(scope, name) === undefined) continue
      report(scope, name, {
        expected: 'canary: "true" beside it',
        instead: 'it is ignored, and the Ingress is an ordinary one',
      })
    }
    return undefined
  }
  const header = readHeader(scope)
  const cookie = readMatching(scope, 'canary-by-cookie', { test: isToken, expected: 'a cookie name' })
  const total = readInteger(scope, 'canary-weight-total', 100, { min: 100, max: 10 ** 9 })
  const weight = readInteger(scope, 'canary-weight', 0, { min: 0, max: 10 ** 9 })
  return {
    ...(header === undefined ? {} : { header }),
    ...(cookie === undefined ? {} : { cookie }),
    weight: Math.min(weight, total),
    total,
  }
}

export function readCanaryBehavior(scope: Scope): CanarySpec['affinity'] | undefined {
  return readWord(scope, 'affinity-canary-behavior', ['sticky', 'legacy'], 'sticky is used')
}

function readHeader(scope: Scope): CanarySpec['header'] {
  const name = readMatching(scope, 'canary-by-header', { test: isToken, expected: 'a field name' })?.toLowerCase()
  const value = readMatching(scope, 'canary-by-header-value', { test: isPrintable, expected: 'a printable text' })
  const pattern = readText(scope, 'canary-by-header-pattern')
  if (name === undefined) {
    for (const key of ['canary-by-header-value', 'canary-by-header-pattern']) {
      if (readText(scope, key) !== undefined)
        report(scope, key, { expected: 'canary-by-header beside it', instead: 'it is ignored' })
    }
    return undefined
  }
  if (value !== undefined) {
    if (pattern !== undefined)
      report(scope, 'canary-by-header-pattern', {
        expected: 'no canary-by-header-value beside it',
        instead: 'the value counts',
      })
    return { name, value }
  }
  if (pattern === undefined) return { name }
  const fault = faultOf(pattern)
  if (fault === undefined) return { name, pattern }
  const because = `this mistake: ${fault}`
  report(scope, 'canary-by-header-pattern', {
    expected: 'a regular expression (RE2)',
    because,
    instead: 'the header decides nothing',
  })
  return undefined
}

/** Values of fields are short; so are expressions about them. */
const longestPattern = 512

function faultOf(pattern: string): string | undefined {
  if (pattern.length > longestPattern) return `it is longer than ${longestPattern} characters`
  const result = compilePattern(pattern)
  return result.ok ? undefined : result.problem
}

function isPrintable(text: string): boolean {
  return /^[\x20-\x7e]+$/.test(text)
}

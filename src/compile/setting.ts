/**
 * Reading values as ingress-nginx's dialect writes them, from an annotation or a ConfigMap key. A value that cannot be
 * read is reported with its place and counts as not written.
 */
import { parseBytes } from '#lib/bytes.ts'
import { durationGrammar, longestTimerMs, parseDuration, printDuration } from '#lib/duration.ts'
import type { FieldPath } from '#resource/origin.ts'
import type { Problem } from '#resource/problem.ts'
import { problemOf } from '#resource/problem.ts'
import type { Resource } from '#resource/resource.ts'

/** Where values come from: one object, and how its keys become names. */
export type Scope = {
  readonly resource: Resource
  readonly value: (name: string) => string | undefined
  readonly at: (name: string) => FieldPath
  readonly problems: Problem[]
  /** It may name objects of other namespaces than its own. */
  readonly crossNamespace?: boolean
}

/** Whether values may name objects of this namespace. */
export function mayName({ resource, crossNamespace = false }: Scope, namespace: string): boolean {
  return crossNamespace || namespace === resource.metadata.namespace
}

/** The annotations of an object below a prefix. */
export function annotationScope(resource: Resource, prefix: string, problems: Problem[]): Scope {
  return {
    resource,
    problems,
    value: (name) => resource.metadata.annotations[prefix + name],
    at: (name) => ['metadata', 'annotations', prefix + name],
  }
}

export type Unreadable = {
  readonly expected: string
  readonly instead: string
  /** What in the value is wrong, where that is not plain. */
  readonly because?: string
  /** `error` where routes are closed because of it; else a warning. */
  readonly severity?: 'error' | 'warning'
}

export function report(
  scope: Scope,
  name: string,
  { expected, instead, because, severity = 'warning' }: Unreadable,
): void {
  const found = JSON.stringify(scope.value(name)) + (because === undefined ? '' : ` with ${because}`)
  const message = `${name}: expected ${expected}, found ${found}`
  scope.problems.push(
    problemOf(scope.resource, { severity, code: 'invalid-annotation-value', at: scope.at(name), message, instead }),
  )
}

/** The spellings Go's `strconv.ParseBool` takes. */
const booleans: ReadonlyMap<string, boolean> = new Map([
  ...['1', 't', 'T', 'TRUE', 'true', 'True'].map((text) => [text, true] as const),
  ...['0', 'f', 'F', 'FALSE', 'false', 'False'].map((text) => [text, false] as const),
])

export function readBoolean(scope: Scope, name: string, fallback: boolean): boolean {
  const text = scope.value(name)
  if (text === undefined || text.trim() === '') return fallback
  const value = booleans.get(text)
  if (value === undefined) report(scope, name, { expected: 'true or false', instead: `${fallback} is used` })
  return value ?? fallback
}

export type IntegerRange = { readonly min: number; readonly max: number; readonly unit?: string }

/** Decimal digits without unit or blanks, as Go's `Atoi` reads them. */
export function readInteger<Fallback extends number | undefined>(
  scope: Scope,
  name: string,
  fallback: Fallback,
  { min, max, unit }: IntegerRange,
): number | Fallback {
  const text = scope.value(name)
  if (text === undefined || text.trim() === '') return fallback
  const value = /^[+-]?\d{1,15}$/.test(text) ? Number(text) : Number.NaN
  if (value >= min && value <= max) return value
  const expected = `a whole number from ${min} to ${max}${unit === undefined ? '' : ` (${unit}, without a unit)`}`
  report(scope, name, { expected, instead: fallback === undefined ? ignored : `${fallback} is used` })
  return fallback
}

/** Bytes: digits and at most one letter b, k, m or g, as nginx writes sizes. */
export function readSize(scope: Scope, name: string, fallback: number): number {
  const text = scope.value(name)?.trim()
  if (text === undefined || text === '') return fallback
  const value = /^\d{1,15}[bkmg]?$/i.test(text) ? parseBytes(text) : undefined
  if (value === undefined)
    report(scope, name, {
      expected: 'a size such as 512k, 8m or 0 for no limit',
      instead: `${fallback} bytes are used`,
    })
  return value ?? fallback
}

/** Milliseconds; `undefined` when nothing readable is written. */
export function readDuration(scope: Scope, name: string, minMs: number): number | undefined {
  const text = readText(scope, name)
  if (text === undefined) return undefined
  const value = parseDuration(text)
  if (value !== undefined && value >= minMs && value <= longestTimerMs) return value
  const least = minMs > 1 ? ` of at least ${printDuration(minMs)}` : ''
  report(scope, name, { expected: `${durationGrammar}${least}`, instead: ignored })
  return undefined
}

/** One of a few words, letter by letter; `undefined` when nothing readable is written. */
export function readWord<Word extends string>(
  scope: Scope,
  name: string,
  words: readonly Word[],
  instead = ignored,
): Word | undefined {
  const text = readText(scope, name)
  if (text === undefined) return undefined
  const word = words.find((each) => each === text)
  if (word === undefined) report(scope, name, { expected: words.join(' or '), instead })
  return word
}

export type TextRule = {
  readonly test: (text: string) => boolean
  readonly expected: string
  readonly instead?: string
}

/** A text that passes a test; `undefined` when nothing readable is written. */
export function readMatching(
  scope: Scope,
  name: string,
  { test, expected, instead = ignored }: TextRule,
): string | undefined {
  const text = readText(scope, name)
  if (text === undefined || test(text)) return text
  report(scope, name, { expected, instead })
  return undefined
}

/** Parts with commas between, without blanks at their ends; empty ones are left out. */
export function readWords(scope: Scope, name: string): readonly string[] {
  return (scope.value(name) ?? '')
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
}

/** Without blanks at its ends; nothing but blanks counts as not written. */
export function readText(scope: Scope, name: string): string | undefined {
  const text = scope.value(name)?.trim()
  return text === '' ? undefined : text
}

const ignored = 'it is ignored'

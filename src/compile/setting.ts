/**
 * Reading values as ingress-nginx's dialect writes them, from an annotation or a ConfigMap key. A value that cannot be
 * read is reported with its place and counts as not written.
 */
import { parseBytes } from '#lib/bytes.ts'
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

export function report(scope: Scope, name: string, found: { readonly expected: string; readonly instead: string }): void {
  scope.problems.push(
    problemOf(scope.resource, {
      severity: 'warning',
      code: 'invalid-annotation-value',
      at: scope.at(name),
      message: `${name}: expected ${found.expected}, found ${JSON.stringify(scope.value(name))}`,
      instead: found.instead,
    }),
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
export function readInteger(scope: Scope, name: string, fallback: number, { min, max, unit }: IntegerRange): number {
  const text = scope.value(name)
  if (text === undefined || text.trim() === '') return fallback
  const value = /^[+-]?\d{1,15}$/.test(text) ? Number(text) : Number.NaN
  if (value >= min && value <= max) return value
  const expected = `a whole number from ${min} to ${max}${unit === undefined ? '' : ` (${unit}, without a unit)`}`
  report(scope, name, { expected, instead: `${fallback} is used` })
  return fallback
}

/** Bytes: digits and at most one letter b, k, m or g, as nginx writes sizes. */
export function readSize(scope: Scope, name: string, fallback: number): number {
  const text = scope.value(name)?.trim()
  if (text === undefined || text === '') return fallback
  const value = /^\d{1,15}[bkmg]?$/i.test(text) ? parseBytes(text) : undefined
  if (value === undefined) report(scope, name, { expected: 'a size such as 512k, 8m or 0 for no limit', instead: `${fallback} bytes are used` })
  return value ?? fallback
}

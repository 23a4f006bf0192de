/**
 * Decoders are values: each knows what it expects, reads one value, and reports everything that is wrong with it at the
 * value's path. They never throw, and a bad field does not hide the problems of its neighbours.
 */
import { nearest } from '#lib/nearest.ts'
import type { FieldPath } from './origin.ts'
import type { ProblemInit, Severity } from './problem.ts'
import type { Value } from './tree.ts'

/** What a decoder returns after it reported an error. */
export const bad: unique symbol = Symbol('bad')
export type Bad = typeof bad

export type Decoder<T> = {
  /** Completes "expected …". */
  readonly expected: string
  /** `undefined` stands for a field that is not written; Kubernetes treats `null` the same. */
  readonly read: (value: Value | undefined, report: Report) => T | Bad
}

/** Collects the problems of one object; `path` is where the decoders are at the moment. */
export class Report {
  readonly problems: ProblemInit[] = []
  readonly #path: (string | number)[] = []
  readonly #unknownFields: Severity

  constructor(unknownFields: Severity) {
    this.#unknownFields = unknownFields
  }

  get failed(): boolean {
    return this.failedSince(0)
  }

  /** Was an error reported since there were `count` problems? */
  failedSince(count: number): boolean {
    return this.problems.slice(count).some((problem) => problem.severity === 'error')
  }

  at<T>(step: string | number, read: () => T): T {
    this.#path.push(step)
    const result = read()
    this.#path.pop()
    return result
  }

  error(message: string, at: FieldPath = [], code = 'invalid-field'): Bad {
    this.problems.push({ severity: 'error', code, message, at: [...this.#path, ...at] })
    return bad
  }

  warn(message: string, init: { at?: FieldPath; code: string; instead?: string }): void {
    const { at = [], code, instead = '' } = init
    this.problems.push({ severity: 'warning', code, message, instead, at: [...this.#path, ...at] })
  }

  unknownField(name: string, known: readonly string[], hint: string | undefined): void {
    const severity = this.#unknownFields
    const message = `unknown field ${quote(name)}${hint === undefined ? didYouMean(name, known) : ` (${hint})`}`
    const instead = severity === 'error' ? '' : 'it is ignored'
    this.problems.push({ severity, code: 'unknown-field', message, instead, at: [...this.#path, name], part: 'key' })
  }
}

/** Reports what was expected and what was found; `hint` goes behind. */
export function mismatch(report: Report, expected: string, value: Value | undefined, hint = ''): Bad {
  if (value === undefined || value === null)
    return report.error(`expected ${expected}, but the field is missing`, [], 'missing-field')
  return report.error(`expected ${expected}, found ${describe(value)}${hint}`)
}

/** ` (did you mean Prefix?)`, or nothing. */
export function didYouMean(word: string, candidates: readonly string[]): string {
  // Longer words are not typed by hand, and comparing costs the product of the lengths.
  const guess = word.length > 256 ? undefined : nearest(word, candidates)
  return guess === undefined || guess === word ? '' : ` (did you mean ${guess}?)`
}

export function quote(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text)
}

export const string: Decoder<string> = {
  expected: 'a string',
  read: (value, report) => (typeof value === 'string' ? value : mismatch(report, 'a string', value, quoteHint(value))),
}

export const boolean: Decoder<boolean> = {
  expected: 'true or false',
  read: (value, report) => (typeof value === 'boolean' ? value : mismatch(report, 'true or false', value)),
}

/** A string that passes a test; `hint` may say what to write instead. */
export function stringThat(
  expected: string,
  test: (text: string) => boolean,
  hint?: (text: string) => string,
): Decoder<string> {
  return {
    expected,
    read: (value, report) => {
      if (typeof value !== 'string') return mismatch(report, expected, value, quoteHint(value))
      return test(value) ? value : mismatch(report, expected, value, hint?.(value) ?? '')
    },
  }
}

export function oneOf<T extends string>(...choices: readonly T[]): Decoder<T> {
  const expected = `one of ${choices.join(', ')}`
  return {
    expected,
    read: (value, report) => {
      const choice = choices.find((each) => each === value)
      return choice ?? mismatch(report, expected, value, typeof value === 'string' ? didYouMean(value, choices) : '')
    },
  }
}

export function integer(min: number, max: number): Decoder<number> {
  const expected = `an integer from ${min} to ${max}`
  return {
    expected,
    read: (value, report) => {
      if (typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max) return value
      const quoted = typeof value === 'string' && /^\d+$/.test(value)
      return mismatch(report, expected, value, quoted ? ' in quotes: write it without them' : '')
    },
  }
}

export function optional<T>(decoder: Decoder<T>): Decoder<T | undefined> {
  return withDefault<T | undefined>(decoder, undefined)
}

export function withDefault<T>(decoder: Decoder<T>, fallback: T): Decoder<T> {
  return {
    expected: decoder.expected,
    read: (value, report) => (isAbsent(value) ? fallback : decoder.read(value, report)),
  }
}

/** The API reads an empty text as no text in many places. */
export function emptyAsAbsent<T>(decoder: Decoder<T>): Decoder<T | undefined> {
  return {
    expected: decoder.expected,
    read: (value, report) => (isAbsent(value) || value === '' ? undefined : decoder.read(value, report)),
  }
}

/** An absent list is empty, as everywhere in the Kubernetes API. */
export function list<T>(item: Decoder<T>): Decoder<readonly T[]> {
  return {
    expected: 'a list',
    read: (value, report) => {
      if (isAbsent(value)) return []
      if (!isList(value)) return mismatch(report, 'a list', value)
      return allOrBad(value.map((each, index) => report.at(index, () => item.read(each, report))))
    },
  }
}

/** One for all who write none: most objects have neither labels nor annotations, and an empty one takes 200 bytes. */
const noStrings: Readonly<Record<string, string>> = Object.create(null)

/** Text by name. An absent map is empty; the result has no prototype, so no name finds what nobody wrote. */
export const stringMap: Decoder<Readonly<Record<string, string>>> = {
  expected: 'a mapping of strings',
  read: (value, report) => {
    if (isAbsent(value)) return noStrings
    if (!isMapping(value)) return mismatch(report, 'a mapping of strings', value)
    const result: Record<string, string> = Object.create(null)
    let ok = true
    for (const [name, each] of value) {
      // `key:` with nothing behind it is the empty string to the API server.
      const text = each === null ? '' : report.at(name, () => string.read(each, report))
      if (text === bad) ok = false
      else result[name] = text
    }
    return ok ? result : bad
  },
}

export type Fields<T> = { readonly [Name in keyof T]: Decoder<T[Name]> }

export type ObjectOptions = {
  /** Fields that the API defines and we have no use for. `*` accepts everything. */
  readonly unused?: readonly string[]
  /** What to say of fields of former API versions. */
  readonly hints?: Readonly<Record<string, string>>
}

export function object<T extends object>(fields: Fields<T>, options: ObjectOptions = {}): Decoder<T> {
  const names = Object.keys(fields)
  const unused = options.unused ?? []
  const known: readonly string[] = [...names, ...unused.filter((name) => name !== '*')]
  const knownSet = new Set(known)
  const lenient = unused.includes('*')
  return {
    expected: 'a mapping',
    read: (value, report) => {
      if (!isMapping(value)) return mismatch(report, 'a mapping', value)
      if (!lenient) {
        for (const name of value.keys())
          if (!knownSet.has(name)) report.unknownField(name, known, options.hints?.[name])
      }
      return readFields(fields, value, report)
    },
  }
}

/** The words of a text: for long lists of names. */
export function words(text: string): readonly string[] {
  return text.trim().split(/\s+/)
}

/** Turns what was read into something else; `convert` may report and return `bad`. */
export function mapped<A, B>(decoder: Decoder<A>, convert: (value: A, report: Report) => B | Bad): Decoder<B> {
  return {
    expected: decoder.expected,
    read: (value, report) => {
      const read = decoder.read(value, report)
      return read === bad ? bad : convert(read, report)
    },
  }
}

/** Every item, or `bad` when one is. The same list: one that is filtered has room for sixteen more items. */
function allOrBad<T>(items: readonly (T | Bad)[]): readonly T[] | Bad {
  return isAllGood(items) ? items : bad
}

function isAllGood<T>(items: readonly (T | Bad)[]): items is readonly T[] {
  return !items.includes(bad)
}

export function isAbsent(value: Value | undefined): value is null | undefined {
  return value === undefined || value === null
}

export function isMapping(value: Value | undefined): value is ReadonlyMap<string, Value> {
  return value instanceof Map
}

export function isList(value: Value | undefined): value is readonly Value[] {
  return Array.isArray(value)
}

function readFields<T extends object>(fields: Fields<T>, value: ReadonlyMap<string, Value>, report: Report): T | Bad {
  const names = Object.keys(fields) as (keyof T & string)[]
  const result: Partial<T> = {}
  let ok = true
  for (const name of names) {
    const read = report.at(name, () => fields[name].read(value.get(name), report))
    if (read === bad) ok = false
    else result[name] = read
  }
  // Every name of `fields` was assigned, or we return `bad`.
  return ok ? (result as T) : bad
}

function describe(value: Value): string {
  if (typeof value === 'string') return quote(value)
  if (value === null) return 'nothing'
  if (isMapping(value)) return 'a mapping'
  if (isList(value)) return 'a list'
  return `the ${typeof value} ${String(value)}`
}

function quoteHint(value: Value | undefined): string {
  return typeof value === 'number' || typeof value === 'boolean' ? ': put it in quotes' : ''
}

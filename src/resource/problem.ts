/**
 * What is wrong with something a user wrote, where, and what we do about it.
 */
import type { FieldPath, Origin, Place } from './origin.ts'
import { printPath } from './origin.ts'
import type { Resource } from './resource.ts'
import { objectName } from './resource.ts'

/** `error`: something asked for will not happen. `warning`: it happens differently. `info`: worth knowing. */
export type Severity = 'error' | 'warning' | 'info'

export type Problem = Place & {
  readonly severity: Severity
  /** Stable kebab-case name of the kind of problem: `invalid-field`, `path-conflict`, `unknown-annotation`. */
  readonly code: string
  /** `Ingress default/web`, or `undefined` when the document did not get as far as having a name. */
  readonly object: string | undefined
  /** `spec.rules[0].host`; empty for the document as a whole. */
  readonly path: string
  /** One sentence: what was expected and what was found. */
  readonly message: string
  /** One sentence: what is done instead. Empty when the message says it all. */
  readonly instead: string
}

export type ProblemInit = {
  readonly severity: Severity
  readonly code: string
  readonly message: string
  readonly instead?: string
  readonly at?: FieldPath
  readonly part?: 'key' | 'value'
}

/** A problem with one field of a decoded resource. */
export function problemOf(resource: Resource, init: ProblemInit): Problem {
  return problemAt(resource.origin, objectName(resource), init)
}

export function problemAt(origin: Origin, object: string | undefined, init: ProblemInit): Problem {
  const { severity, code, message, instead = '', at = [], part = 'value' } = init
  return { ...origin.locate(at, part), severity, code, object, path: printPath(at), message, instead }
}

/** An error with a file as a whole, of which nothing could be read. */
export function problemOfFile(file: string, code: string, message: string, instead = ''): Problem {
  return { file, line: 1, column: 1, severity: 'error', code, object: undefined, path: '', message, instead }
}

/** `shop.yaml:12:7: error: Ingress default/web: spec.rules[0].host: expected …` */
export function printProblem(problem: Problem): string {
  const subject = [problem.object, problem.path].filter((part) => part !== undefined && part !== '').join(': ')
  const text = problem.instead === '' ? problem.message : `${problem.message}; ${problem.instead}`
  return `${problem.file}:${problem.line}:${problem.column}: ${problem.severity}: ${subject === '' ? '' : `${subject}: `}${text}`
}

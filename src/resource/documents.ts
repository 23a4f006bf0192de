/**
 * The readings of all files → what a source has to say: resources, problems, and the state of each document.
 */
import type { Problem } from './problem.ts'
import type { Reading } from './read.ts'
import { readText } from './read.ts'
import type { Ingress, Resource } from './resource.ts'

/** What one document of a source is at this moment. */
export type DocumentState = {
  readonly file: string
  readonly line: number
  /** `undefined` when the document never got as far as having a name. */
  readonly object: string | undefined
  /**
   * `live`: read and served. `stale`: now broken, its last good version is served. `rejected`: broken and never good.
   * `ignored`: a kind we have no use for, or an object that an earlier document defines already.
   */
  readonly state: 'live' | 'stale' | 'rejected' | 'ignored'
}

export type Documents = {
  readonly resources: readonly Resource[]
  readonly problems: readonly Problem[]
  readonly documents: readonly DocumentState[]
  /** What is left of Ingresses that are broken; absent for none. */
  readonly remains?: readonly Ingress[]
}

/** A reading, and for a broken one what is served in its place. */
export type Held = Reading & { readonly lastGood: Resource | undefined }

/** All objects of one text, as a source would give them. */
export function readDocuments(text: string, file: string): Documents {
  return joinReadings(readText(text, file).map((reading) => ({ ...reading, lastGood: undefined })))
}

/** `held` in order: of two objects with the same name the first wins, and the other is reported. */
export function joinReadings(held: Iterable<Held>): Documents {
  const resources: Resource[] = []
  const problems: Problem[] = []
  const documents: DocumentState[] = []
  const remains: Ingress[] = []
  const seen = new Map<string, Held>()
  for (const each of held) {
    for (const problem of each.problems) problems.push(withConsequence(problem, each))
    if (each.remains !== undefined) remains.push(each.remains)
    const { file, line, object } = each
    const resource = each.resource ?? each.lastGood
    const first = resource === undefined || object === undefined ? undefined : seen.get(object)
    if (first !== undefined) {
      problems.push(duplicate(each, first))
      documents.push({ file, line, object, state: 'ignored' })
      continue
    }
    documents.push({ file, line, object, state: stateOf(each) })
    if (resource === undefined) continue
    resources.push(resource)
    if (object !== undefined) seen.set(object, each)
  }
  return { resources, problems, documents, ...(remains.length === 0 ? {} : { remains }) }
}

function stateOf({ state, lastGood }: Held): DocumentState['state'] {
  if (state === 'good') return 'live'
  if (state === 'ignored') return 'ignored'
  return lastGood === undefined ? 'rejected' : 'stale'
}

/** Says what is done about an error; a warning says so itself. */
function withConsequence(problem: Problem, { state, lastGood }: Held): Problem {
  if (state !== 'broken' || problem.severity !== 'error' || problem.instead !== '') return problem
  return {
    ...problem,
    instead: lastGood === undefined ? 'the object is left out' : 'its last good version stays in use',
  }
}

function duplicate({ file, line, object, resource, lastGood }: Held, first: Held): Problem {
  const place = (resource ?? lastGood)?.origin.locate([]) ?? { file, line, column: 1 }
  return {
    ...place,
    severity: 'warning',
    code: 'duplicate-object',
    object,
    path: '',
    message: `the object is defined already in ${first.file}:${first.line}`,
    instead: 'this one is ignored',
  }
}

/**
 * The text of a file → its objects, each good, broken or none of ours. A bad object costs only itself.
 */
import { isAbsent, isList, isMapping, Report } from './decoder.ts'
import { remainsOfIngress } from './decode.ts'
import type { FieldPath, Origin } from './origin.ts'
import type { PlaceTable } from './place-table.ts'
import { entryOf, lineOf, lineStartsOf, originOf, placeAt } from './place-table.ts'
import type { Problem, ProblemInit } from './problem.ts'
import { problemAt, problemOfFile } from './problem.ts'
import type { Identity } from './recognise.ts'
import { identify, recognise } from './recognise.ts'
import type { Ingress, Resource } from './resource.ts'
import { objectName } from './resource.ts'
import type { FileText } from './text.ts'
import { checkText, decodeBytes, splitDocuments } from './text.ts'
import type { Fault, Tree, Value } from './tree.ts'
import { parseTree } from './tree.ts'

/** One object of a file at one moment: a document, or an item of a `List`. */
export type Reading = {
  readonly file: string
  readonly line: number
  /** `Ingress default/web`; `undefined` when it did not get as far as having a name. */
  readonly object: string | undefined
  readonly state: 'good' | 'broken' | 'ignored'
  /** False when it is no YAML: it may then have swallowed its neighbours, or be the half of itself. */
  readonly wellFormed: boolean
  /** Set exactly when `state` is `good`. */
  readonly resource: Resource | undefined
  /** Of a broken Ingress whose metadata can be read: that, and no rules. Only for looking at. */
  readonly remains?: Ingress
  readonly problems: readonly Problem[]
}

/** Never throws. `file` is what problems call it. */
export function readBytes(bytes: Uint8Array, file: string): readonly Reading[] {
  return readFileText(decodeBytes(bytes), file)
}

/** The same for text. */
export function readText(text: string, file: string): readonly Reading[] {
  return readFileText(checkText(text), file)
}

/** A file of which nothing could be read, as one broken object without name. */
export function unreadable(file: string, code: string, message: string): Reading {
  return {
    file,
    line: 1,
    object: undefined,
    state: 'broken',
    wellFormed: false,
    resource: undefined,
    problems: [problemOfFile(file, code, message)],
  }
}

function readFileText(content: FileText, file: string): readonly Reading[] {
  if (content.kind === 'unusable') return [unreadable(file, content.code, content.message)]
  const lineStarts = lineStartsOf(content.text)
  return splitDocuments(content.text).flatMap((chunk) => readTree(parseTree(chunk, file, lineStarts)))
}

function readTree(tree: Tree): readonly Reading[] {
  const { value, places, faults } = tree
  const identity = identify(value)
  if (faults.some((fault) => fault.severity === 'error')) return [brokenTree(tree, identity)]
  // Nothing between two markers, or comments only.
  if (value === null && faults.length === 0) return []
  const warnings = faults.map((fault) => faultProblem(fault, places, identity.object))
  const items = listItems(value, identity)
  if (items === undefined) return [readObject({ value, places, root: 0, inherited: undefined, warnings })]
  const inherited = { kind: identity.kind!.slice(0, -'List'.length), apiVersion: identity.apiVersion }
  return items.map((item, index) =>
    readObject({
      value: item,
      places,
      root: entryOf(places, 0, ['items', index]) ?? 0,
      inherited,
      warnings: index === 0 ? warnings : [],
    }),
  )
}

function brokenTree({ places, faults }: Tree, { object }: Identity): Reading {
  const problems = faults.map((fault) => faultProblem(fault, places, object))
  return {
    file: places.file,
    line: lineOf(places, 0),
    object,
    state: 'broken',
    wellFormed: false,
    resource: undefined,
    problems,
  }
}

/** `kind: List`, and the typed lists that `kubectl get --raw` gives; an object of another sort may be called a list too. */
function listItems(value: Value, { kind }: Identity): readonly Value[] | undefined {
  if (kind === undefined || !kind.endsWith('List') || !isMapping(value)) return undefined
  const items = value.get('items')
  if (isList(items)) return items
  return isAbsent(items) && value.has('items') ? [] : undefined
}

type ObjectInit = {
  readonly value: Value
  readonly places: PlaceTable
  /** Entry of the object in `places`. */
  readonly root: number
  /** What the items of a typed list leave out. */
  readonly inherited: { readonly kind: string; readonly apiVersion: string | undefined } | undefined
  readonly warnings: readonly Problem[]
}

function readObject({ value, places, root, inherited, warnings }: ObjectInit): Reading {
  const { identity, complete } = inherit(value, inherited)
  const recognised = recognise(identity)
  const origin = originOf(places, root)
  const base = {
    file: places.file,
    line: lineOf(places, root),
    object: identity.object,
    wellFormed: true,
    resource: undefined,
  }
  const tell = (problem: ProblemInit): readonly Problem[] => [...warnings, problemAt(origin, identity.object, problem)]
  if (recognised.kind === 'ignored')
    return {
      ...base,
      state: 'ignored',
      problems: recognised.problem === undefined ? warnings : tell(recognised.problem),
    }
  const broken = (object: string | undefined, problems: readonly Problem[]): Reading => {
    const remains = identity.kind === 'Ingress' ? remainsOfIngress(complete, origin) : undefined
    return { ...base, object, state: 'broken', problems, ...(remains === undefined ? {} : { remains }) }
  }
  if (recognised.kind === 'wrong') return broken(identity.object, tell(recognised.problem))
  const report = new Report(recognised.decoder.unknownFields)
  const resource = recognised.decoder.decode(complete, origin, report)
  const object = resource === undefined ? identity.object : objectName(resource)
  const problems = [...warnings, ...report.problems.map((problem) => problemAt(origin, object, problem))].toSorted(
    byPlace,
  )
  return resource === undefined ? broken(object, problems) : { ...base, object, state: 'good', resource, problems }
}

/** Items of `IngressList` need not repeat their kind and version; those of plain `List` must say both. */
function inherit(
  value: Value,
  inherited: ObjectInit['inherited'],
): { readonly identity: Identity; readonly complete: Value } {
  const own = identify(value)
  if (
    inherited === undefined ||
    inherited.kind === '' ||
    own.kind !== undefined ||
    own.apiVersion !== undefined ||
    !isMapping(value)
  )
    return { identity: own, complete: value }
  const complete = new Map(value).set('kind', inherited.kind)
  if (inherited.apiVersion !== undefined) complete.set('apiVersion', inherited.apiVersion)
  return { identity: identify(complete), complete }
}

function faultProblem(fault: Fault, { file, lineStarts }: PlaceTable, object: string | undefined): Problem {
  const origin: Origin = { file, locate: () => placeAt(file, lineStarts, fault.offset) }
  return problemAt(origin, object, {
    severity: fault.severity,
    code: fault.code,
    message: fault.message,
    at: fault.path satisfies FieldPath,
  })
}

function byPlace(a: Problem, b: Problem): number {
  return a.line - b.line || a.column - b.column
}

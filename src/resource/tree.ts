/**
 * One YAML or JSON document → plain values and their places. The only file that knows the YAML library.
 *
 * Mappings become `Map`s, so that a key named `__proto__` is a key like any other.
 */
import type { Alias, Document, Node, Scalar, YAMLMap } from 'yaml'
import { isAlias, isMap, isScalar, isSeq, parseDocument } from 'yaml'
import type { FieldPath } from './origin.ts'
import type { LineStarts, PlaceTable } from './place-table.ts'
import { PlaceTableBuilder } from './place-table.ts'
import type { Chunk } from './text.ts'

/** Levels of nesting; the deepest field of a Pod is at 15. */
export const maxDepth = 100

/** Values that all aliases of one document may stand for together: what stops "a billion laughs". */
export const maxAliasValues = 10_000

export type Value = string | number | boolean | null | readonly Value[] | ReadonlyMap<string, Value>

/** Something wrong with the document as YAML. `offset` counts from the start of the file. */
export type Fault = {
  readonly severity: 'error' | 'warning'
  readonly code: string
  readonly message: string
  readonly offset: number
  readonly path: FieldPath
}

export type Tree = {
  /** What could be read; with faults it is good for no more than finding out the object's name. */
  readonly value: Value
  readonly places: PlaceTable
  readonly faults: readonly Fault[]
}

export function parseTree(chunk: Chunk, file: string, lineStarts: LineStarts): Tree {
  const document = parseDocument(chunk.text, {
    // Duplicates are found below with a Map: the library compares every pair of keys.
    uniqueKeys: false,
    prettyErrors: false,
    logLevel: 'silent',
    resolveKnownTags: false,
  })
  const walk = new Walk(chunk.start)
  const value = walk.read(document)
  // Far too deep a document makes the library run out of stack, which it reports as an error of syntax.
  const isTooDeep = walk.faults.some((fault) => fault.code === 'too-deep')
  const faults = isTooDeep ? walk.faults : [...syntaxFaults(document, chunk), ...walk.faults]
  return { value, places: walk.places.build(file, lineStarts), faults }
}

/** Only the first error: what follows it is mostly its echo. */
function syntaxFaults(document: Document.Parsed, { start, text }: Chunk): readonly Fault[] {
  const faults: Fault[] = []
  const error = document.errors[0]
  if (error !== undefined) {
    faults.push({
      severity: 'error',
      code: 'syntax',
      message: sentence(error.message),
      offset: start + pointedAt(text, error.pos[0]),
      path: [],
    })
  }
  for (const warning of document.warnings.slice(0, 10)) {
    faults.push({
      severity: 'warning',
      code: 'syntax',
      message: sentence(warning.message),
      offset: start + warning.pos[0],
      path: [],
    })
  }
  return faults
}

/** The word meant: not the indentation before it, and at the end of a document the last word, not the next document. */
function pointedAt(text: string, offset: number): number {
  let word = offset
  while (text[word] === ' ') word++
  return Math.min(word, text.trimEnd().length)
}

function sentence(message: string): string {
  return `cannot read this as YAML: ${message.slice(0, 1).toLowerCase()}${message.slice(1, 300).trimEnd()}`
}

class Walk {
  readonly places = new PlaceTableBuilder()
  readonly faults: Fault[] = []
  readonly #start: number
  readonly #path: (string | number)[] = []
  readonly #anchors = new Map<string, Node>()
  /** Anchored values we are inside of: an alias to one of them would never end. */
  readonly #open = new Set<Node>()
  #aliasDepth = 0
  #aliasValues = 0

  constructor(start: number) {
    this.#start = start
  }

  read(document: Document.Parsed): Value {
    return document.contents === null ? null : this.#value(document.contents, '', this.#start)
  }

  /** `keyOffset` counts from the start of the file; it is the value's own place in lists and at the root. */
  #value(node: Node, step: string | number, keyOffset: number): Value {
    const mark = this.places.open(step, keyOffset, this.#offsetOf(node, keyOffset))
    const value = this.#resolve(node)
    this.places.close(mark)
    return value
  }

  #resolve(node: Node): Value {
    if (this.#aliasDepth > 0 && ++this.#aliasValues > maxAliasValues) {
      if (this.#aliasValues === maxAliasValues + 1) {
        this.#fault(
          'too-many-aliases',
          `expected aliases that stand for at most ${maxAliasValues} values, found more`,
          node,
        )
      }
      return null
    }
    if (this.#path.length > maxDepth) {
      this.#fault('too-deep', `expected at most ${maxDepth} levels of nesting, found more`, node)
      return null
    }
    if (isAlias(node)) return this.#alias(node)
    if (isScalar(node)) return this.#scalar(node)
    return this.#collection(node)
  }

  #alias(node: Alias): Value {
    const target = this.#anchors.get(node.source)
    if (target === undefined || this.#open.has(target)) {
      const why =
        target === undefined ? 'no anchor of that name stands before it' : 'it stands inside of what it refers to'
      this.#fault('syntax', `cannot resolve the alias *${node.source}: ${why}`, node)
      return null
    }
    this.#aliasDepth++
    const value = this.#resolve(target)
    this.#aliasDepth--
    return value
  }

  #collection(node: Node): Value {
    this.#remember(node)
    this.#open.add(node)
    let value: Value = null
    if (isMap(node)) value = this.#mapping(node)
    else if (isSeq(node)) value = node.items.map((item, index) => this.#item(item, index))
    this.#open.delete(node)
    return value
  }

  #item(item: unknown, index: number): Value {
    this.#path.push(index)
    // The library builds sequences out of nodes only; pairs (`!!omap`) are switched off.
    const value = this.#value(item as Node, index, this.#offsetOf(item as Node, this.#start))
    this.#path.pop()
    return value
  }

  #mapping(node: YAMLMap): Value {
    const values = new Map<string, Value>()
    const merges: Node[] = []
    for (const pair of node.items) {
      // Parsed pairs hold nodes; a value that is not written at all is `null`.
      const key = pair.key as Node | null
      const name = this.#keyName(key)
      if (key === null || name === undefined) continue
      const value = pair.value as Node | null
      if (name === '<<' && isScalar(key) && key.type === 'PLAIN' && value !== null) {
        merges.push(value)
        continue
      }
      if (values.has(name)) {
        this.#path.push(name)
        this.#fault('duplicate-key', `the key ${JSON.stringify(name)} is written twice in this mapping`, key)
        this.#path.pop()
        continue
      }
      values.set(name, this.#member(name, key, value))
    }
    for (const merge of merges) this.#merge(merge, values)
    return values
  }

  #member(name: string, key: Node, value: Node | null): Value {
    const keyOffset = this.#offsetOf(key, this.#start)
    this.#path.push(name)
    let result: Value = null
    if (value === null) this.places.open(name, keyOffset, keyOffset)
    else result = this.#value(value, name, keyOffset)
    this.#path.pop()
    return result
  }

  /** `<<: *defaults` as Kubernetes' own reader has it (YAML 1.1): written keys win, then earlier merges. */
  #merge(node: Node, values: Map<string, Value>): void {
    const target = isAlias(node) ? this.#anchors.get(node.source) : node
    if (isSeq(target)) {
      for (const item of target.items) this.#merge(item as Node, values)
      return
    }
    if (!isMap(target) || this.#open.has(target)) {
      this.#fault('syntax', 'expected a mapping, or an alias of one, to merge with <<', node)
      return
    }
    if (!isAlias(node)) this.#remember(target)
    this.#aliasDepth++
    this.#open.add(target)
    for (const pair of target.items) {
      const key = pair.key as Node | null
      const name = this.#keyName(key)
      if (key === null || name === undefined || values.has(name)) continue
      if (name === '<<' && pair.value !== null) this.#merge(pair.value as Node, values)
      else values.set(name, this.#member(name, key, pair.value as Node | null))
    }
    this.#open.delete(target)
    this.#aliasDepth--
  }

  #keyName(key: Node | null): string | undefined {
    const target = isAlias(key) ? this.#anchors.get(key.source) : key
    if (isScalar(target)) {
      if (!isAlias(key)) this.#remember(target)
      return typeof target.value === 'string' ? target.value : (target.source ?? String(target.value))
    }
    if (key !== null)
      this.#fault('syntax', 'expected a word as key, found a mapping or a list (or an unfilled {{ template }})', key)
    return undefined
  }

  #scalar(node: Scalar): Value {
    this.#remember(node)
    const { value } = node
    if (typeof value === 'string') return node.type === 'PLAIN' ? fromYaml11(value) : value
    if (typeof value === 'number' || typeof value === 'boolean') return value
    return null
  }

  #remember(node: Node): void {
    if (this.#aliasDepth === 0 && 'anchor' in node && node.anchor !== undefined) this.#anchors.set(node.anchor, node)
  }

  #fault(code: string, message: string, node: Node): void {
    const offset = this.#offsetOf(node, this.#start)
    this.faults.push({ severity: 'error', code, message, offset, path: [...this.#path] })
  }

  /** A value of no length (`host:` and nothing) has no place of its own worth showing. */
  #offsetOf(node: Node, otherwise: number): number {
    const range = node.range
    if (range === null || range === undefined || (range[0] === range[1] && isScalar(node))) return otherwise
    return this.#start + range[0]
  }
}

/** Kubernetes reads these unquoted words as booleans (YAML 1.1), so reading them as text would mean something else. */
function fromYaml11(word: string): Value {
  if (/^(?:yes|Yes|YES|on|On|ON)$/.test(word)) return true
  return /^(?:no|No|NO|off|Off|OFF)$/.test(word) ? false : word
}

/**
 * Reads a YAML tree strictly: every value has one expected shape, every unknown key is a problem, and every problem
 * knows its line. What is broken reads as `undefined`; the caller goes on, so that all problems are told at once.
 */
import { isAlias, isMap, isScalar, isSeq, LineCounter, type Node, parseAllDocuments } from 'yaml'
import { durationGrammar, parseDuration } from '#lib/duration.ts'
import { didYouMean } from '#lib/nearest.ts'

export type ReadProblem = {
  readonly file: string
  readonly line: number
  readonly column: number
  readonly message: string
}

/** A value of the tree, or `null` where nothing is written. */
export type Tree = Node | null
export type Entry = { readonly key: string; readonly keyNode: Node; readonly value: Tree }

export class Reader {
  readonly problems: ReadProblem[] = []
  /** `null` when the text is no YAML at all. */
  readonly root: Tree
  readonly #file: string
  readonly #lines = new LineCounter()
  #isBroken = false

  constructor(file: string, text: string) {
    this.#file = file
    const parsed = parseAllDocuments(text, { lineCounter: this.#lines, prettyErrors: false, uniqueKeys: true })
    const documents = Array.isArray(parsed) ? parsed : []
    const error = documents.flatMap((document) => document.errors)[0]
    if (error !== undefined) this.#add(error.pos[0], error.message)
    this.#isBroken = error !== undefined
    if (documents.length > 1)
      this.#add(
        documents[1]!.range[0],
        'expected one scenario, found a second document (objects belong into `manifests: |`)',
      )
    this.root = documents[0]?.contents ?? null
  }

  line(node: Tree): number {
    return this.#lines.linePos(node?.range?.[0] ?? 0).line
  }

  /** `at` is where the problem is; `null` for the start of the file. */
  problem(at: Tree, message: string): undefined {
    this.#add(at?.range?.[0] ?? 0, message)
    return undefined
  }

  /** Entries of a mapping whose keys are all among `keys`. */
  mapping(node: Tree, what: string, keys: readonly string[]): ReadonlyMap<string, Entry> {
    const known = new Map<string, Entry>()
    for (const entry of this.entries(node, what)) {
      if (keys.includes(entry.key)) known.set(entry.key, entry)
      else
        this.problem(
          entry.keyNode,
          `${what} has no key ${entry.key}${didYouMean(entry.key, keys)} (it has ${keys.join(', ')})`,
        )
    }
    return known
  }

  /** Entries of a mapping with keys of any name. */
  entries(node: Tree, what: string): readonly Entry[] {
    if (!isMap(node)) {
      this.problem(node, `expected ${what} to be a mapping, found ${describe(node)}`)
      return []
    }
    return node.items.flatMap(({ key, value }) => {
      // The parser makes nodes of all keys and values of a document; JavaScript values stand only in built ones.
      const keyNode = key as Node
      return isScalar(keyNode) ? [{ key: String(keyNode.value), keyNode, value: value as Tree }] : []
    })
  }

  items(node: Tree, what: string): readonly Tree[] {
    if (isSeq(node)) return node.items as Tree[]
    this.problem(node, `expected ${what} to be a list, found ${describe(node)}`)
    return []
  }

  /** Numbers and switches count as the text they are written as. */
  text(node: Tree, what: string): string | undefined {
    if (!isScalar(node) || node.value === null)
      return this.problem(node, `expected ${what} to be text, found ${describe(node)}`)
    return typeof node.value === 'string' ? node.value : (node.source ?? JSON.stringify(node.value))
  }

  integer(node: Tree, what: string, min: number): number | undefined {
    const value = isScalar(node) ? node.value : undefined
    if (typeof value === 'number' && Number.isInteger(value) && value >= min) return value
    return this.problem(node, `expected ${what} to be a whole number of at least ${min}, found ${describe(node)}`)
  }

  boolean(node: Tree, what: string): boolean | undefined {
    const value = isScalar(node) ? node.value : undefined
    return typeof value === 'boolean'
      ? value
      : this.problem(node, `expected ${what} to be true or false, found ${describe(node)}`)
  }

  /** Milliseconds. */
  duration(node: Tree, what: string): number | undefined {
    const text = this.text(node, what)
    const ms = text === undefined ? undefined : parseDuration(text)
    if (text !== undefined && ms === undefined)
      this.problem(node, `expected ${what} to be ${durationGrammar}, found ${text}`)
    return ms
  }

  oneOf<const Choice extends string>(node: Tree, what: string, choices: readonly Choice[]): Choice | undefined {
    const text = this.text(node, what)
    if (text === undefined) return undefined
    const choice = choices.find((each) => each === text)
    return (
      choice ??
      this.problem(
        node,
        `expected ${what} to be one of ${choices.join(', ')}, found ${text}${didYouMean(text, choices)}`,
      )
    )
  }

  #add(offset: number, message: string): void {
    // What follows a mistake in the YAML itself is the parser's guess, and would be blamed on the wrong lines.
    if (this.#isBroken) return
    const { line, col } = this.#lines.linePos(offset)
    this.problems.push({ file: this.#file, line: Math.max(1, line), column: Math.max(1, col), message })
  }
}

export function isNothing(node: Tree): boolean {
  return node === null || (isScalar(node) && node.value === null)
}

function describe(node: Tree): string {
  if (isMap(node)) return 'a mapping'
  if (isSeq(node)) return 'a list'
  if (isAlias(node)) return 'an alias'
  if (isNothing(node)) return 'nothing'
  return isScalar(node) ? JSON.stringify(node.value) : 'something else'
}

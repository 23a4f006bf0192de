/**
 * Where every value of one document stands in its file, kept flat: about 15 bytes per value, so that ten thousand objects
 * can name the line of each of their fields without anybody keeping a syntax tree or parsing again.
 */
import type { FieldPath, Origin, Place } from './origin.ts'
import type { Packed } from './packed.ts'
import { numberAt, pack, packedLength } from './packed.ts'

/** Offsets at which the lines of a text begin. */
export type LineStarts = Packed

export function lineStartsOf(text: string): LineStarts {
  const starts = [0]
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) starts.push(at + 1)
  return pack(starts)
}

/** Values in document order; a value is followed by everything inside it, so spans are all the structure there is. */
export type PlaceTable = {
  readonly file: string
  readonly lineStarts: LineStarts
  /** The key or index of each value in its parent; the first is the root and has none. */
  readonly steps: readonly (string | number)[]
  /** Of each value: how many entries it takes, itself included, the offset of its key, and its own. */
  readonly numbers: Packed
}

const [span, keyOffset, valueOffset] = [0, 1, 2] as const

export class PlaceTableBuilder {
  readonly #steps: (string | number)[] = []
  readonly #numbers: number[] = []

  /** Returns a mark to be given to `close` when everything inside the value has been added. */
  open(step: string | number, key: number, value: number): number {
    this.#steps.push(step)
    this.#numbers.push(1, key, value)
    return this.#steps.length - 1
  }

  close(mark: number): void {
    this.#numbers[mark * 3 + span] = this.#steps.length - mark
  }

  build(file: string, lineStarts: LineStarts): PlaceTable {
    // A copy has no room to grow.
    return { file, lineStarts, steps: this.#steps.slice(), numbers: pack(this.#numbers) }
  }
}

export function placeAt(file: string, lineStarts: LineStarts, offset: number): Place {
  let low = 0
  let high = packedLength(lineStarts) - 1
  while (low < high) {
    const middle = (low + high + 1) >> 1
    if (numberAt(lineStarts, middle) <= offset) low = middle
    else high = middle - 1
  }
  return { file, line: low + 1, column: offset - numberAt(lineStarts, low) + 1 }
}

/** The origin of the object whose root is the value at `root`: 0 for a document, or an item of a `List`. */
export function originOf(table: PlaceTable, root = 0): Origin {
  return new TableOrigin(table, root)
}

/** A class, for it takes a third of what a function takes that knows the same. */
class TableOrigin implements Origin {
  readonly file: string
  readonly #table: PlaceTable
  readonly #root: number

  constructor(table: PlaceTable, root: number) {
    this.file = table.file
    this.#table = table
    this.#root = root
  }

  locate(path: FieldPath, part: 'key' | 'value' = 'value'): Place {
    const { entry, whole } = find(this.#table, this.#root, path)
    return placeOf(this.#table, entry, part === 'key' && whole ? keyOffset : valueOffset)
  }
}

/** Of a value; an empty document has none, and stands at the start of its file. */
export function lineOf(table: PlaceTable, entry: number): number {
  return placeOf(table, entry, valueOffset).line
}

function placeOf(table: PlaceTable, entry: number, which: number): Place {
  return placeAt(
    table.file,
    table.lineStarts,
    entry < table.steps.length ? numberAt(table.numbers, entry * 3 + which) : 0,
  )
}

/** The entry of one value inside another, or `undefined` where nothing is written. */
export function entryOf(table: PlaceTable, root: number, path: FieldPath): number | undefined {
  const { entry, whole } = find(table, root, path)
  return whole ? entry : undefined
}

function find(table: PlaceTable, root: number, path: FieldPath): { entry: number; whole: boolean } {
  let entry = root
  for (const step of path) {
    const child = childOf(table, entry, step)
    if (child === undefined) return { entry, whole: false }
    entry = child
  }
  return { entry, whole: true }
}

function childOf(table: PlaceTable, parent: number, step: string | number): number | undefined {
  const { steps, numbers } = table
  const end = parent < steps.length ? parent + numberAt(numbers, parent * 3 + span) : 0
  for (let entry = parent + 1; entry < end; entry += numberAt(numbers, entry * 3 + span)) {
    if (steps[entry] === step) return entry
  }
  return undefined
}

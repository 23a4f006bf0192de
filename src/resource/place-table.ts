/**
 * Where every value of one document stands in its file, kept as flat arrays: about 20 bytes per value, so that ten
 * thousand objects can name the line of each of their fields without anybody keeping a syntax tree or parsing again.
 */
import type { FieldPath, Origin, Place } from './origin.ts'

/** Offsets at which the lines of a text begin. */
export function lineStartsOf(text: string): Uint32Array {
  const starts = [0]
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) starts.push(at + 1)
  return Uint32Array.from(starts)
}

/** Values in document order; a value is followed by everything inside it, so `spans` is all the structure there is. */
export type PlaceTable = {
  readonly file: string
  readonly lineStarts: Uint32Array
  /** The key or index of each value in its parent; the first is the root and has none. */
  readonly steps: readonly (string | number)[]
  /** How many entries a value takes, itself included. */
  readonly spans: Uint32Array
  readonly keyOffsets: Uint32Array
  readonly valueOffsets: Uint32Array
}

export class PlaceTableBuilder {
  readonly #steps: (string | number)[] = []
  readonly #spans: number[] = []
  readonly #keyOffsets: number[] = []
  readonly #valueOffsets: number[] = []

  /** Returns a mark to be given to `close` when everything inside the value has been added. */
  open(step: string | number, keyOffset: number, valueOffset: number): number {
    this.#steps.push(step)
    this.#spans.push(1)
    this.#keyOffsets.push(keyOffset)
    this.#valueOffsets.push(valueOffset)
    return this.#steps.length - 1
  }

  close(mark: number): void {
    this.#spans[mark] = this.#steps.length - mark
  }

  build(file: string, lineStarts: Uint32Array): PlaceTable {
    return {
      file,
      lineStarts,
      steps: this.#steps,
      spans: Uint32Array.from(this.#spans),
      keyOffsets: Uint32Array.from(this.#keyOffsets),
      valueOffsets: Uint32Array.from(this.#valueOffsets),
    }
  }
}

export function placeAt(file: string, lineStarts: Uint32Array, offset: number): Place {
  let low = 0
  let high = lineStarts.length - 1
  while (low < high) {
    const middle = (low + high + 1) >> 1
    if (lineStarts[middle]! <= offset) low = middle
    else high = middle - 1
  }
  return { file, line: low + 1, column: offset - lineStarts[low]! + 1 }
}

/** The origin of the object whose root is the value at `root`: 0 for a document, or an item of a `List`. */
export function originOf(table: PlaceTable, root = 0): Origin {
  return {
    file: table.file,
    locate: (path, part = 'value') => {
      const { entry, whole } = find(table, root, path)
      const offsets = part === 'key' && whole ? table.keyOffsets : table.valueOffsets
      return placeAt(table.file, table.lineStarts, offsets[entry] ?? 0)
    },
  }
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
  const end = parent + (table.spans[parent] ?? 0)
  for (let entry = parent + 1; entry < end; entry += table.spans[entry]!) {
    if (table.steps[entry] === step) return entry
  }
  return undefined
}

/**
 * The YAML that people and tools write for Kubernetes → plain values and their places, in one pass over the text: about
 * twenty times as fast as a library that knows all of YAML, and with ten thousand files that is half of a start.
 *
 * It reads a strict subset and gives up at anything else: anchors, tags, block scalars, words over several lines, tabs,
 * complex keys, every mistake. What it reads, it reads as tree.ts does with the library; a test compares them.
 */
import { PlaceTableBuilder } from './place-table.ts'
import { plainValue } from './plain-scalar.ts'
import type { Chunk } from './text.ts'
import type { Value } from './tree.ts'
import { Words } from './words.ts'

export type PlainTree = { readonly value: Value; readonly places: PlaceTableBuilder }

/** `undefined` where the text is none of that subset. */
export function readPlain({ start, text }: Chunk): PlainTree | undefined {
  if (oddCharacter.test(text)) return undefined
  const reader = new PlainReader(text, start)
  try {
    return { value: reader.read(), places: reader.places }
  } catch (error) {
    if (error === notPlain) return undefined
    throw error
  }
}

/** Control characters with tabs and carriage returns, what other line breaks there are, and marks of byte order. */
const oddCharacter = /[^\P{Cc}\n]|[\u2028\u2029\ufeff]/u

/** Leaves all levels at once. */
const notPlain = new Error('not plain')

const maxNesting = 50
/** YAML allows 1,024 characters. */
const maxKeyLength = 1_000

const words = new Words()

const [newline, space, quote, hash, apostrophe] = [0x0a, 0x20, 0x22, 0x23, 0x27]
const [comma, dash, dot] = [0x2c, 0x2d, 0x2e]
const [colon, openList, backslash, closeList, openMap, closeMap] = [0x3a, 0x5b, 0x5c, 0x5d, 0x7b, 0x7d]

class PlainReader {
  readonly places = new PlaceTableBuilder()
  readonly #text: string
  readonly #start: number
  #at = 0
  #lineStart = 0
  /** Column of what comes next, where that begins a line or stands behind `- `; -1 at the end. */
  #indent = 0
  #nesting = 0

  constructor(text: string, start: number) {
    this.#text = text
    this.#start = start
  }

  read(): Value {
    this.#toContent()
    if (this.#indent === 0 && this.#text.startsWith('---', this.#at)) {
      this.#at += 3
      this.#endLine()
    }
    if (this.#indent < 0) throw notPlain
    const mark = this.places.open('', this.#start, this.#start + this.#at)
    const value = this.#node(-1)
    this.places.close(mark)
    if (this.#indent >= 0) throw notPlain
    return value
  }

  /** What stands here, at the column `#indent`; `outer` is the column that everything of it has to be right of. */
  #node(outer: number): Value {
    if (++this.#nesting > maxNesting) throw notPlain
    const code = this.#code()
    let value: Value
    if (code === openMap || code === openList) {
      value = this.#flow(code, outer)
      this.#endLine()
    } else value = this.#isDash() ? this.#sequence(this.#indent) : this.#mapping(this.#indent)
    this.#nesting--
    return value
  }

  #mapping(indent: number): Value {
    const values = new Map<string, Value>()
    do {
      const keyAt = this.#at
      const name = this.#key()
      if (values.has(name)) throw notPlain
      values.set(name, this.#member(name, keyAt, indent))
    } while (this.#indent === indent)
    if (this.#indent > indent) throw notPlain
    return values
  }

  /** The value of a key, from behind its colon on. */
  #member(name: string, keyAt: number, indent: number): Value {
    const key = this.#start + keyAt
    this.#skipSpaces()
    if (this.#isContent()) {
      const mark = this.places.open(name, key, this.#start + this.#at)
      const value = this.#inline(indent)
      this.places.close(mark)
      this.#endLine()
      return value
    }
    this.#endLine()
    const isNested = this.#indent > indent || (this.#indent === indent && this.#isDash())
    const mark = this.places.open(name, key, isNested ? this.#start + this.#at : key)
    const value = isNested ? this.#node(indent) : null
    this.places.close(mark)
    return value
  }

  #sequence(indent: number): Value {
    const items: Value[] = []
    while (this.#indent === indent && this.#isDash()) {
      this.#at++
      this.#skipSpaces()
      if (this.#isContent()) this.#indent = this.#at - this.#lineStart
      else this.#endLine()
      if (this.#indent <= indent) throw notPlain
      const place = this.#start + this.#at
      const mark = this.places.open(items.length, place, place)
      items.push(this.#isScalar() ? this.#lastOfLine(indent) : this.#node(indent))
      this.places.close(mark)
    }
    if (this.#indent > indent) throw notPlain
    return items
  }

  #lastOfLine(indent: number): Value {
    const value = this.#inline(indent)
    this.#endLine()
    return value
  }

  /** Neither a collection nor the key of one. */
  #isScalar(): boolean {
    const code = this.#code()
    if (code === openMap || code === openList || this.#isDash()) return false
    let end = code === quote || code === apostrophe ? this.#quotedEnd(code) + 1 : this.#plainEnd(false)
    while (this.#text.charCodeAt(end) === space) end++
    return this.#text.charCodeAt(end) !== colon
  }

  /** A value behind its key or dash. */
  #inline(outer: number): Value {
    const code = this.#code()
    if (code === openMap || code === openList) return this.#flow(code, outer)
    return code === quote || code === apostrophe ? this.#quoted(code) : this.#plain(false)
  }

  /** Ends behind the colon. */
  #key(): string {
    const from = this.#at
    const code = this.#code()
    let name
    if (code === quote || code === apostrophe) name = this.#quoted(code)
    else {
      const end = this.#plainEnd(false)
      name = this.#word(from, end)
      this.#at = end
    }
    this.#skipSpaces()
    if (this.#code() !== colon || this.#at - from > maxKeyLength) throw notPlain
    this.#at++
    if (!isBreak(this.#code())) throw notPlain
    return name
  }

  #flow(open: number, outer: number): Value {
    if (++this.#nesting > maxNesting) throw notPlain
    const value = open === openMap ? this.#flowMap(outer) : this.#flowList(outer)
    this.#nesting--
    return value
  }

  #flowMap(outer: number): Value {
    const values = new Map<string, Value>()
    this.#at++
    this.#skipLines(outer)
    if (this.#code() !== closeMap) {
      do {
        const keyAt = this.#at
        const name = this.#flowKey()
        if (values.has(name)) throw notPlain
        const mark = this.places.open(name, this.#start + keyAt, this.#start + this.#at)
        values.set(name, this.#flowValue(outer))
        this.places.close(mark)
      } while (this.#goesOn(closeMap, outer))
    }
    this.#at++
    return values
  }

  #flowList(outer: number): Value {
    const items: Value[] = []
    this.#at++
    this.#skipLines(outer)
    if (this.#code() !== closeList) {
      do {
        const place = this.#start + this.#at
        const mark = this.places.open(items.length, place, place)
        items.push(this.#flowValue(outer))
        this.places.close(mark)
      } while (this.#goesOn(closeList, outer))
    }
    this.#at++
    return items
  }

  /** Ends at the value. */
  #flowKey(): string {
    const from = this.#at
    const code = this.#code()
    const isQuoted = code === quote || code === apostrophe
    let name
    if (isQuoted) name = this.#quoted(code)
    else {
      const end = this.#plainEnd(true)
      name = this.#word(from, end)
      this.#at = end
    }
    this.#skipSpaces()
    if (this.#code() !== colon || this.#at - from > maxKeyLength) throw notPlain
    this.#at++
    if (!isQuoted && this.#code() !== space) throw notPlain
    this.#skipSpaces()
    return name
  }

  #flowValue(outer: number): Value {
    const code = this.#code()
    if (code === openMap || code === openList) return this.#flow(code, outer)
    return code === quote || code === apostrophe ? this.#quoted(code) : this.#plain(true)
  }

  /** Is there a comma? Ends at what follows it, or at the end. */
  #goesOn(close: number, outer: number): boolean {
    this.#skipLines(outer)
    const code = this.#code()
    if (code === close) return false
    if (code !== comma) throw notPlain
    this.#at++
    this.#skipLines(outer)
    return true
  }

  #quoted(mark: number): string {
    const from = this.#at + 1
    const end = this.#quotedEnd(mark)
    this.#at = end + 1
    const text = words.take(this.#text, from, end)
    if (mark === apostrophe) return text.includes("'") ? text.replaceAll("''", "'") : text
    if (!text.includes('\\')) return text
    // What is left after this test means the same in JSON.
    if (!/^(?:[^\\]|\\[nrt"\\/])*$/.test(text)) throw notPlain
    return JSON.parse(`"${text}"`) as string
  }

  /** Of a text in quotes that begins here and ends on the same line. */
  #quotedEnd(mark: number): number {
    for (let at = this.#at + 1; ; at++) {
      const code = this.#text.charCodeAt(at)
      if (code === newline || Number.isNaN(code)) throw notPlain
      if (code === backslash && mark === quote) at++
      else if (code === mark) {
        if (mark === quote || this.#text.charCodeAt(at + 1) !== apostrophe) return at
        at++
      }
    }
  }

  #plain(inFlow: boolean): Value {
    const end = this.#plainEnd(inFlow)
    const value = plainValue(this.#word(this.#at, end))
    if (value === undefined) throw notPlain
    this.#at = end
    return value
  }

  #word(from: number, to: number): string {
    return words.take(this.#text, from, to)
  }

  /** Of the word that begins here, without the spaces behind it. */
  #plainEnd(inFlow: boolean): number {
    const text = this.#text
    const second = text.charCodeAt(this.#at + 1)
    switch (this.#code()) {
      case dash:
        if (!isWordStart(second)) throw notPlain
        break
      case dot:
        // Three of them may end a document.
        if (second === dot) throw notPlain
        break
      default:
        if (!isWordStart(this.#code())) throw notPlain
    }
    let end = this.#at + 1
    for (let at = end; ; at++) {
      const code = text.charCodeAt(at)
      if (code === newline || Number.isNaN(code)) return end
      if (code > 0x7e) throw notPlain
      if (code === space) {
        if (text.charCodeAt(at + 1) === hash) return end
        continue
      }
      if (code === colon) {
        const next = text.charCodeAt(at + 1)
        if (isBreak(next) || (inFlow && isFlowMark(next))) return end
      }
      if (inFlow && isFlowMark(code)) return end
      end = at + 1
    }
  }

  /** Over nothing but a comment to the next line that has more, and to its first character. */
  #endLine(): void {
    const before = this.#at
    this.#skipSpaces()
    const code = this.#code()
    if (code === hash && this.#at > before) this.#skipComment()
    else if (code !== newline && !Number.isNaN(code)) throw notPlain
    this.#toContent()
  }

  #toContent(): void {
    for (;;) {
      this.#skipSpaces()
      const code = this.#code()
      if (code === hash) this.#skipComment()
      else if (code === newline) this.#lineStart = ++this.#at
      else {
        this.#indent = Number.isNaN(code) ? -1 : this.#at - this.#lineStart
        return
      }
    }
  }

  #skipComment(): void {
    const end = this.#text.indexOf('\n', this.#at)
    this.#at = end < 0 ? this.#text.length : end
  }

  #skipSpaces(): void {
    while (this.#text.charCodeAt(this.#at) === space) this.#at++
  }

  /** Inside of brackets: over spaces and line breaks. */
  #skipLines(outer: number): void {
    this.#skipSpaces()
    if (this.#code() !== newline) return
    do {
      this.#lineStart = ++this.#at
      this.#skipSpaces()
    } while (this.#code() === newline)
    if (this.#at - this.#lineStart <= outer) throw notPlain
  }

  /** Something stands here that is no comment. */
  #isContent(): boolean {
    const code = this.#code()
    return code !== newline && code !== hash && !Number.isNaN(code)
  }

  #isDash(): boolean {
    return this.#code() === dash && isBreak(this.#text.charCodeAt(this.#at + 1))
  }

  #code(): number {
    return this.#text.charCodeAt(this.#at)
  }
}

/** A space, or the end of a line or of everything. */
function isBreak(code: number): boolean {
  return code === space || code === newline || Number.isNaN(code)
}

function isFlowMark(code: number): boolean {
  return code === comma || code === openList || code === closeList || code === openMap || code === closeMap
}

/** Letters, digits and `/ _ ~ $ + (`: what begins an unquoted word and nothing else. */
function isWordStart(code: number): boolean {
  if ((code >= 0x61 && code <= 0x7a) || (code >= 0x41 && code <= 0x5a)) return true
  // The digits come behind `/`.
  if (code >= 0x2f && code <= 0x39) return true
  return code === 0x5f || code === 0x7e || code === 0x24 || code === 0x2b || code === 0x28
}

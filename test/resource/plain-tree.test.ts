import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { lineStartsOf } from '#resource/place-table.ts'
import { readPlain } from '#resource/plain-tree.ts'
import type { Chunk } from '#resource/text.ts'
import { splitDocuments } from '#resource/text.ts'
import { parseAnyTree, type Tree } from '#resource/tree.ts'

/** What the quick reader makes of a text, beside what the library makes of it; nothing where the quick one gives up. */
function bothOf(chunk: Chunk, text: string): { readonly quick: Tree; readonly library: Tree } | undefined {
  const lineStarts = lineStartsOf(text)
  const plain = readPlain(chunk)
  if (plain === undefined) return undefined
  const quick = { value: plain.value, places: plain.places.build('a.yaml', lineStarts), faults: [] }
  return { quick, library: parseAnyTree(chunk, 'a.yaml', lineStarts) }
}

/** True when it was read at all. */
function agrees(text: string): boolean {
  const both = splitDocuments(text).map((chunk) => bothOf(chunk, text))
  for (const each of both) if (each !== undefined) expect(each.quick).toEqual(each.library)
  return both.every((each) => each !== undefined)
}

const root = join(import.meta.dirname, '../..')
const examples = globSync('examples/**/*.yaml', { cwd: root }).map((file) => readFileSync(join(root, file), 'utf8'))

describe('what people write', () => {
  test.for([
    ['a mapping', 'a: 1\nb: two words # and why\nc:\nd: null\n'],
    ['behind a marker, with comments', '# of mine\n---\n  # more\n\na: x\n#\n'],
    ['no line break at the end', 'a: {b: [c]}'],
    [
      'nested, with lists at both depths',
      'a:\n  b:\n  - c: 1\n    d: 2\n  -   e: 3\n  f:\n    - - 1\n      - x\n    -\n      g: 4\n',
    ],
    ['brackets over several lines', 'a: {b: [1, x],\n   "c": "d"\n  ,\n  e: {}\n  }\nf: []\n'],
    ['JSON', '{\n  "a": [true, false, null, 1, "x\\"\\n\\/"],\n  "b":{"c":"d"}\n}\n'],
    ['quotes', `a: ""\n'b c': 'it''s'\n"d": "#: {"\ne: ['x', "é"]\n`],
    ['words with marks in them', 'a: http://x:80/#y\nb: -x\nc: 10s\nd: 127.0.0.1\ne: a, b [c] {d}\nf: x#y\n'],
    ['words that mean something', 'a: yes\nb: Off\nc: ~\nd: TRUE\ne: n\nyes: no\n8: 9\n'],
    ['fields of tools', 'f:spec:\n  .: {}\n  k:{"type":"Ready"}:\n    .: {}\n'],
    ['names with a prototype', '__proto__: 1\nconstructor: {toString: 2}\n'],
    ['longer than what is remembered', `a: ${'x'.repeat(100)}\nb: "${'y z '.repeat(40)}"\n`],
    ['an indented document', '  a: 1\n  b:\n  - 2\n'],
  ])('%s is read as the library reads it', ([, text]) => {
    expect(agrees(text!)).toBe(true)
  })

  test('examples are read as the library reads them, and most of their documents without it', () => {
    for (const text of examples) agrees(text)
    const documents = examples.flatMap((text) => splitDocuments(text))
    expect(documents.filter((each) => readPlain(each) !== undefined).length).toBeGreaterThan(documents.length * 0.9)
  })
})

describe('what is left to the library', () => {
  test.for([
    ['an anchor', 'a: &x 1\n'],
    ['an alias', 'a: *x\n'],
    ['a tag', 'a: !!str 1\n'],
    ['a block of text', 'a: |\n  x\n'],
    ['a word over two lines', 'a: x\n  y\n'],
    ['quotes over two lines', 'a: "x\n  y"\n'],
    ['a merge', '<<: {a: 1}\n'],
    ['a key that comes twice', 'a: 1\na: 2\n'],
    ['the same in brackets', '{a: 1, a: 2}\n'],
    ['a complex key', '? a\n: b\n'],
    ['a tab', 'a:\tb\n'],
    ['a carriage return', 'a: b\r\n'],
    ['a directive', '%YAML 1.2\n---\na: b\n'],
    ['an odd number', 'a: 0x10\n'],
    ['another', 'a: 1.5\n'],
    ['two mappings on one line', 'a: b: c\n'],
    ['wrong indentation', 'a:\n    b: 1\n  c: 2\n'],
    ['a bracket that is not closed', 'a: [1, 2\nb: 3\n'],
    ['a template', 'a: {{ name }}\n'],
    ['a comment without a space', 'a: "b"#c\n'],
    ['brackets that end too far left', 'a: {\n  b: 1\n}\nc: 2\n'],
    ['a pair in a list', 'a: [b: c]\n'],
    ['nothing', '# only this\n'],
    ['what is too deep', `a: ${'['.repeat(200)}${']'.repeat(200)}\n`],
  ])('%s', ([, text]) => {
    expect(splitDocuments(text!).some((chunk) => readPlain(chunk) !== undefined)).toBe(false)
  })
})

test('whatever it reads, it reads as the library does', () => {
  const bits = [': ', ':', ' ', '\n', '\n  ', '- ', '-', '#', ' #', '"', "'", '{', '}', '[', ']', ',', ', ', '&a', '*a']
  const more = ['!', '|', '>', '? ', '%', '\\', '\\n', '~', 'yes', '1', '1.0', '.5', '+1', 'é', '---', '...', '<<', '/']
  const bit = fc.constantFrom(...bits, ...more, 'a', 'key: v\n', '{}', '[]', '""', 'http://x:80', '"a\\"b"', "'it''s'")
  const documents = examples.flatMap((text) => splitDocuments(text)).map((chunk) => chunk.text)
  const edit = fc.record({ at: fc.nat(2_000), gone: fc.nat(3), bit })
  const edited = fc
    .tuple(fc.constantFrom(...documents), fc.array(edit, { maxLength: 4 }))
    .map(([text, edits]) => edits.reduce((now, each) => apply(now, each), text))
  const made = fc.array(bit, { maxLength: 16 }).map((each) => each.join(''))
  let read = 0
  fc.assert(
    fc.property(fc.oneof(edited, made), (text) => {
      if (agrees(text)) read++
    }),
    { numRuns: 3_000 },
  )
  expect(read).toBeGreaterThan(300)
})

function apply(text: string, { at, gone, bit }: { at: number; gone: number; bit: string }): string {
  const place = at % (text.length + 1)
  return text.slice(0, place) + bit + text.slice(place + gone)
}

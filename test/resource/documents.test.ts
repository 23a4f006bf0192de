import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { readDocuments } from '../../src/resource/documents.ts'
import { readBytes } from '../../src/resource/read.ts'
import { objectName } from '../../src/resource/resource.ts'
import { maxFileBytes } from '../../src/resource/text.ts'
import { maxAliasValues, maxDepth } from '../../src/resource/tree.ts'

const service = (name: string): string =>
  `apiVersion: v1\nkind: Service\nmetadata: {name: ${name}}\nspec: {ports: [{port: 80}]}\n`
const item = (name: string): string => `- ${service(name).trimEnd().replaceAll('\n', '\n  ')}\n`
const read = (bytes: Uint8Array): readonly string[] =>
  readBytes(bytes, 'f').flatMap(({ resource }) => (resource === undefined ? [] : [objectName(resource)]))
const names = (yaml: string): readonly string[] => readDocuments(yaml, 'f').resources.map(objectName)
const summary = (yaml: string): readonly string[] =>
  readDocuments(yaml, 'f').documents.map(({ line, object, state }) => `${line} ${object} ${state}`)
const problems = (yaml: string): readonly string[] =>
  readDocuments(yaml, 'f').problems.map(({ line, column, code }) => `${line}:${column} ${code}`)
const configMap = (data: string): string => `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\n${data}\n`
const dataOf = (yaml: string): unknown => {
  const [resource] = readDocuments(yaml, 'f').resources
  return resource?.kind === 'ConfigMap' ? Object.fromEntries(resource.data) : undefined
}

describe('documents of a file', () => {
  for (const [why, text, expected] of [
    ['one', service('a'), ['1 Service default/a live']],
    ['several', `${service('a')}---\n${service('b')}`, ['1 Service default/a live', '6 Service default/b live']],
    [
      'empty ones between them',
      `---\n---\n# nothing\n---\n${service('a')}---\n...\n---\n`,
      ['5 Service default/a live'],
    ],
    ['an end marker', `${service('a')}...\n${service('b')}`, ['1 Service default/a live', '6 Service default/b live']],
    [
      'directives',
      `%YAML 1.2\n---\n${service('a')}...\n# c\n%YAML 1.2\n---\n${service('b')}`,
      ['3 Service default/a live', '11 Service default/b live'],
    ],
    [
      'content behind the marker',
      `--- {apiVersion: v1, kind: Namespace, metadata: {name: a}}\n--- # comment\n${service('b')}`,
      ['1 Namespace default/a ignored', '3 Service default/b live'],
    ],
    [
      'Windows line ends',
      `${service('a')}---\n${service('b')}`.replaceAll('\n', '\r\n'),
      ['1 Service default/a live', '6 Service default/b live'],
    ],
    ['a byte order mark', `\ufeff${service('a')}`, ['1 Service default/a live']],
    ['no line end at the end', service('a').trimEnd(), ['1 Service default/a live']],
    ['nothing', '', []],
    ['comments only', '# nothing\n\n', []],
    [
      'JSON',
      '{\n\t"apiVersion": "v1", "kind": "Service",\r\n\t"metadata": {"name": "\\u0061"}, "spec": {"ports": [{"port": 80}]}}\n',
      ['1 Service default/a live'],
    ],
  ] as const) {
    test(why, () => expect(summary(text)).toEqual(expected))
  }

  test('a dashed line inside a block scalar does not end it unless it begins the line', () => {
    expect(dataOf(configMap('data:\n  pem: |\n    -----BEGIN-----\n    ---\n    x\n  a: "----"'))).toEqual({
      pem: '-----BEGIN-----\n---\nx\n',
      a: '----',
    })
  })

  for (const [why, broken, place] of [
    ['a flow list that never ends', 'a: [1, 2\n', '6:9'],
    ['a quote that never ends', 'a: "x\n\n', '6:6'],
    ['a tab for indentation', 'a:\n\tb: 1\n', '7:1'],
    ['a mapping in the wrong place', 'a: b: c\n', '6:4'],
    ['wrong indentation', 'a:\n  b: 1\n c: 1\n', '8:2'],
    ['an unfilled template', 'a: {{ .Values.a }}\n', '6:5'],
    ['an alias of nothing', 'a: *b\n', '6:4'],
  ] as const) {
    test(`${why} costs one document and is named by its place`, () => {
      const text = `${service('a')}---\n${broken}---\n${service('b')}`
      expect(names(text)).toEqual(['Service default/a', 'Service default/b'])
      expect(problems(text)).toEqual([`${place} syntax`])
    })
  }

  test('a broken document is named when its name can still be read', () => {
    expect(summary(`${service('a')}x: [`)).toEqual(['1 Service default/a rejected'])
  })

  test('a key written twice is an error at the second', () => {
    expect(problems(configMap('data:\n  a: b\n  c: d\n  a: e'))).toEqual(['7:3 duplicate-key'])
  })
})

describe('lists', () => {
  test('every item is an object of its own, with its own place and problems', () => {
    const text = `apiVersion: v1\nkind: List\nitems:\n${item('a')}${item('B')}${item('c')}`
    expect(summary(text)).toEqual([
      '4 Service default/a live',
      '8 Service default/B rejected',
      '12 Service default/c live',
    ])
    expect(problems(text)).toEqual(['10:20 invalid-field'])
    expect(readDocuments(text, 'f').resources[1]?.origin.locate(['spec', 'ports', 0, 'port'])).toEqual({
      file: 'f',
      line: 15,
      column: 25,
    })
  })

  test('items of a typed list need not repeat their kind', () => {
    expect(
      summary('apiVersion: v1\nkind: ServiceList\nitems: [{metadata: {name: a}, spec: {ports: [{port: 1}]}}]'),
    ).toEqual(['3 Service default/a live'])
  })

  test('items of a plain list do', () => {
    expect(problems('apiVersion: v1\nkind: List\nitems: [{metadata: {name: a}}]')).toEqual(['3:9 not-kubernetes'])
  })

  test('an empty list is nothing, and a kind that only sounds like a list is one object', () => {
    expect(
      summary('apiVersion: v1\nkind: List\nitems: []\n---\napiVersion: a.b/v1\nkind: AllowList\nmetadata: {name: a}'),
    ).toEqual(['5 AllowList default/a ignored'])
  })
})

describe('places', () => {
  test('name the value, the key, or the nearest written ancestor', () => {
    const [resource] = readDocuments(
      `# one\n---\napiVersion: v1\nkind: Service\nmetadata:\n  name: a\n  annotations:\n    x/y: z\nspec:\n  ports:\n  - port: 80\n`,
      'f',
    ).resources
    const place = (...of: Parameters<NonNullable<typeof resource>['origin']['locate']>): string => {
      const { line, column } = resource!.origin.locate(...of)
      return `${line}:${column}`
    }
    expect(place([])).toBe('3:1')
    expect(place(['metadata', 'annotations', 'x/y'])).toBe('8:10')
    expect(place(['metadata', 'annotations', 'x/y'], 'key')).toBe('8:5')
    expect(place(['spec', 'ports', 0, 'port'])).toBe('11:11')
    expect(place(['spec', 'ports', 0, 'name'])).toBe('11:5')
    expect(place(['spec', 'ports', 0, 'name'], 'key')).toBe('11:5')
    expect(place(['spec', 'type'])).toBe('10:3')
    expect(place(['spec', 'type'], 'key')).toBe('10:3')
    expect(place(['status', 'x'])).toBe('3:1')
  })

  test('do not count a byte order mark', () => {
    expect(problems('\ufeff{apiVersion: v1, kind: Service, metadata: {name: A}, spec: {ports: [{port: 1}]}}')).toEqual([
      '1:50 invalid-field',
    ])
  })

  test('of a field without value is its key', () => {
    expect(problems('apiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec:\n  ports:\n  - port:\n')).toEqual([
      '6:5 missing-field',
    ])
  })
})

describe('YAML as Kubernetes reads it', () => {
  for (const [why, data, expected] of [
    ['aliases', 'data: {a: &x one, b: *x}', { a: 'one', b: 'one' }],
    ['merge keys, written keys first', 'x: &x {a: 1st, b: "2"}\ndata: {<<: *x, b: own}', { a: '1st', b: 'own' }],
    [
      'lists of merges, earlier first',
      'x: &x {a: "1"}\ny: &y {a: "2", b: "3"}\ndata: {<<: [*x, *y]}',
      { a: '1', b: '3' },
    ],
    ['quoted words of the old booleans are text', 'data: {a: "on", b: \'no\'}', { a: 'on', b: 'no' }],
    ['folded and literal text', 'data:\n  a: |-\n    x\n    y\n  b: >\n    x\n    y\n', { a: 'x\ny', b: 'x y\n' }],
    ['a key that is a number', 'data: {80: a}', { 80: 'a' }],
    ['an explicit string', 'data: {a: !!str 80}', { a: '80' }],
    ['nothing for an empty text', 'data: {a: }', { a: '' }],
  ] as const) {
    test(why, () => expect(dataOf(configMap(data))).toEqual(expected))
  }

  test('keys that mean something to JavaScript are keys like any other', () => {
    const text =
      'apiVersion: v1\nkind: Service\nmetadata: {name: a, annotations: {constructor: x}, __proto__: {polluted: true}}\nspec: {ports: [{port: 1}], __proto__: {type: x}}\n'
    const [resource] = readDocuments(text, 'f').resources
    expect(resource?.metadata.annotations['constructor']).toBe('x')
    expect(resource?.metadata.annotations['toString']).toBeUndefined()
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined()
    expect(problems(text)).toEqual(['3:52 unknown-field', '4:28 unknown-field'])
  })
})

describe('hostile files', () => {
  const bomb = [
    'a: &a [x,x,x,x,x,x,x,x,x]',
    ...'bcdefghi'
      .split('')
      .map((name, index) => `${name}: &${name} [${Array(9).fill(`*${'abcdefgh'[index]}`).join()}]`),
  ].join('\n')

  for (const [why, text, expected] of [
    ['aliases of aliases', bomb, 'too-many-aliases'],
    ['many aliases', `a: &a [${'x,'.repeat(100)}x]\nb: [${'*a,'.repeat(maxAliasValues / 100)}*a]`, 'too-many-aliases'],
    [
      'merges of merges',
      `a: &a {x: 1}\n${'bcdefghijklmno'
        .split('')
        .map(
          (name, index) => `${name}: &${name} {p: {<<: *${'abcdefghijklmn'[index]}}, q: *${'abcdefghijklmn'[index]}}`,
        )
        .join('\n')}`,
      'too-many-aliases',
    ],
    ['an alias of itself', 'a: &a [*a]', 'syntax'],
    ['a merge of itself', 'a: &a {<<: *a}', 'syntax'],
    ['deep lists', `a: ${'['.repeat(maxDepth + 1)}${']'.repeat(maxDepth + 1)}`, 'too-deep'],
    ['very deep lists', `a: ${'['.repeat(50_000)}`, 'too-deep'],
    ['deep blocks', Array.from({ length: 300 }, (_, depth) => `${' '.repeat(depth)}a:`).join('\n'), 'too-deep'],
    ['deep compact lists', `${'- '.repeat(20_000)}a`, 'too-deep'],
    ['a mapping for a key', '? {a: b}\n: c', 'syntax'],
    ['a NUL', 'a: \0', 'binary-file'],
  ] as const) {
    test(`${why}: ${expected}`, () => {
      const documents = readDocuments(`${text}\n---\n${service('after')}`, 'f')
      expect(documents.problems[0]?.code).toBe(expected)
      if (expected !== 'binary-file') expect(documents.resources.map(objectName)).toEqual(['Service default/after'])
    })
  }

  test('a hundred thousand keys are compared in no time', () => {
    const keys = Array.from({ length: 50_000 }, (_, index) => `  k${index}: v`).join('\n')
    expect(readDocuments(configMap(`data:\n${keys}`), 'f').resources).toHaveLength(1)
  })

  for (const [why, bytes, code] of [
    ['too large', new Uint8Array(maxFileBytes + 1).fill(32), 'file-too-large'],
    ['no UTF-8', Uint8Array.of(0x61, 0xff), 'binary-file'],
    ['UTF-16', Uint8Array.of(0xff, 0xfe, 0x61, 0), 'binary-file'],
    ['an image', Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0, 0), 'binary-file'],
  ] as const) {
    test(`bytes that are ${why} are one problem`, () => {
      expect(readBytes(bytes, 'f').map(({ state, problems: [problem] }) => [state, problem?.code])).toEqual([
        ['broken', code],
      ])
    })
  }
})

describe('whatever happens to a good file', () => {
  const good = [
    service('a'),
    `apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata:\n  name: web\nspec:\n  rules:\n  - host: "a.b"\n    http:\n      paths:\n      - {path: /, pathType: Prefix, backend: {service: {name: a, port: {number: 80}}}}\n`,
    configMap('data:\n  a: |\n    text\n  b: &x "y"\n  c: *x'),
    service('d'),
  ]
  const bytes = new TextEncoder().encode(good.join('---\n'))
  const starts = good.map((_, index) => good.slice(0, index).join('---\n').length + (index === 0 ? 0 : 4))
  const expected = ['Service default/a', 'Ingress default/web', 'ConfigMap default/c', 'Service default/d']

  test('any byte may change without a throw and without loss of the documents before it', () => {
    const byte = fc.oneof(
      fc.integer({ min: 1, max: 127 }),
      fc.constantFrom(...'\n-:[]{}"\'#&*!|> '.split('').map((each) => each.charCodeAt(0))),
    )
    fc.assert(
      fc.property(fc.integer({ min: 0, max: bytes.length - 1 }), byte, (at, value) => {
        const mutated = Uint8Array.from(bytes)
        mutated[at] = value
        // The marker behind a document counts as part of it: without it, the document goes on.
        const before = starts.filter((start) => start <= at).length - 1
        expect(read(mutated).slice(0, before)).toEqual(expected.slice(0, before))
      }),
      { numRuns: 400 },
    )
  })

  test('any bytes at all never throw', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(bytes.length), (noise, at) => {
        readBytes(noise, 'f')
        readBytes(Uint8Array.of(...bytes.subarray(0, at), ...noise, ...bytes.subarray(at)), 'f')
      }),
      { numRuns: 200 },
    )
  })

  test('a file cut off anywhere keeps every document before the cut', () => {
    for (let end = 0; end < bytes.length; end++) {
      const whole = starts.filter((start) => start > 0 && start <= end).length
      expect(read(bytes.subarray(0, end)).slice(0, whole)).toEqual(expected.slice(0, whole))
    }
  })
})

import { describe, expect, test } from 'vitest'
import { compareOutcomes, compareProblems, type Outcome } from '../../src/scenario/compare.ts'
import type { Expectation } from '../../src/scenario/scenario.ts'

type Bare = Expectation extends infer Each ? (Each extends { line: number } ? Omit<Each, 'line'> : never) : never

const answered: Outcome = {
  response: {
    status: 200,
    fields: ['Content-Type', 'text/plain', 'Set-Cookie', 'a=1', 'set-cookie', 'b=2'],
    body: 'hello',
    failure: undefined,
    certificate: undefined,
  },
  answeredBy: { backend: 'default/web:80', endpoint: '0' },
  received: { method: 'GET', target: '/cart?id=1', headers: { host: 'shop.test' }, body: '' },
}
const refused: Outcome = {
  response: {
    status: 503,
    fields: ['x-genkan-cause', 'no_ready_endpoints'],
    body: 'unavailable',
    failure: undefined,
    certificate: undefined,
  },
  answeredBy: undefined,
  received: undefined,
}
const cut: Outcome = {
  ...refused,
  response: { status: 0, fields: [], body: '', failure: 'the connection was closed', certificate: undefined },
}

function at(endpoint: string): Outcome {
  return { ...answered, answeredBy: { backend: 'default/web:80', endpoint } }
}

function differences(expectation: Bare, ...outcomes: readonly Outcome[]): string[] {
  // `Bare` is an Expectation without its line.
  const whole = { ...expectation, line: 7 } as Expectation
  return compareOutcomes([whole], outcomes).map(({ line, expected, found }) => `${line}: ${expected} / ${found}`)
}

const exact = (text: string) => ({ kind: 'exact', text }) as const
const regex = (pattern: RegExp) => ({ kind: 'regex', regex: pattern }) as const
const absent = { kind: 'absent' } as const

describe('an expectation', () => {
  const rows: readonly (readonly [
    what: string,
    expectation: Bare,
    holds: readonly Outcome[],
    differs: readonly Outcome[],
    difference: string,
  ])[] = [
    [
      'status',
      { kind: 'status', anyOf: [200, 204] },
      [answered],
      [refused],
      '7: status 200 or 204 / status 503, cause no_ready_endpoints',
    ],
    [
      'no response',
      { kind: 'status', anyOf: [200] },
      [answered],
      [cut],
      '7: status 200 / no response: the connection was closed',
    ],
    [
      'backend',
      { kind: 'backend', backend: 'default/web:80' },
      [answered],
      [refused],
      '7: backend default/web:80 / backend none (status 503, cause no_ready_endpoints)',
    ],
    [
      'no backend',
      { kind: 'backend', backend: 'none' },
      [refused],
      [answered],
      '7: backend none / backend default/web:80',
    ],
    [
      'header',
      { kind: 'header', name: 'content-type', match: exact('text/plain') },
      [answered],
      [refused],
      '7: content-type: "text/plain" / content-type: absent',
    ],
    [
      'header by pattern',
      { kind: 'header', name: 'content-type', match: regex(/^text/) },
      [answered],
      [refused],
      '7: content-type: /^text/ / content-type: absent',
    ],
    [
      'absent header',
      { kind: 'header', name: 'content-type', match: absent },
      [refused],
      [answered],
      '7: content-type: absent / content-type: "text/plain"',
    ],
    [
      'one of several values',
      { kind: 'header', name: 'set-cookie', match: exact('b=2') },
      [answered],
      [refused],
      '7: set-cookie: "b=2" / set-cookie: absent',
    ],
    [
      'all values as one',
      { kind: 'header', name: 'set-cookie', match: exact('a=1, b=2') },
      [answered],
      [refused],
      '7: set-cookie: "a=1, b=2" / set-cookie: absent',
    ],
    ['body', { kind: 'body', match: exact('hello') }, [answered], [refused], '7: body "hello" / body "unavailable"'],
    [
      'cause',
      { kind: 'cause', cause: 'no_ready_endpoints' },
      [refused],
      [answered],
      '7: cause no_ready_endpoints / no cause (status 200)',
    ],
    [
      'certificate',
      { kind: 'certificate', name: 'shop.test' },
      [],
      [answered],
      '7: a certificate for shop.test / no certificate',
    ],
    [
      'upstream method',
      { kind: 'upstream-method', method: 'GET' },
      [answered],
      [refused],
      '7: a request at the endpoint / none arrived (status 503, cause no_ready_endpoints)',
    ],
    [
      'upstream target',
      { kind: 'upstream-target', match: exact('/cart?id=1') },
      [answered],
      [{ ...answered, received: { ...answered.received!, target: '/' } }],
      '7: upstream target "/cart?id=1" / upstream target "/"',
    ],
    [
      'upstream header',
      { kind: 'upstream-header', name: 'host', match: exact('shop.test') },
      [answered],
      [{ ...answered, received: { ...answered.received!, headers: {} } }],
      '7: upstream host: "shop.test" / upstream host: absent',
    ],
    [
      'counts',
      {
        kind: 'statuses',
        counts: new Map([
          [200, { min: 1, max: 2 }],
          [503, { min: 1, max: 1 }],
        ]),
      },
      [answered, refused],
      [answered, answered, answered],
      '7: statuses 200: 1 to 2, 503: 1 / 200: 3',
    ],
    [
      'uncounted status',
      { kind: 'statuses', counts: new Map([[200, { min: 1, max: 1 }]]) },
      [answered],
      [answered, refused],
      '7: statuses 200: 1 / 200: 1, 503: 1',
    ],
    [
      'same endpoint',
      { kind: 'endpoints-same' },
      [at('1'), at('1')],
      [at('0'), at('1')],
      '7: the same endpoint every time / default/web:80 at 0: 1, default/web:80 at 1: 1',
    ],
    [
      'distinct endpoints',
      { kind: 'endpoints-distinct', count: 2 },
      [at('0'), at('1')],
      [at('0'), refused],
      '7: 2 distinct endpoints / default/web:80 at 0: 1, none: 1',
    ],
    [
      'shares',
      { kind: 'endpoints-each', count: 2 },
      [at('0'), at('0')],
      [at('0'), at('0'), at('1')],
      '7: each endpoint at least 2 times / default/web:80 at 0: 2, default/web:80 at 1: 1',
    ],
  ]

  for (const [what, expectation, holds, differs, difference] of rows) {
    test(`of ${what} holds or differs`, () => {
      if (holds.length > 0) expect(differences(expectation, ...holds)).toEqual([])
      expect(differences(expectation, ...differs)).toEqual([difference])
    })
  }

  test('must hold for every one of many requests, and the difference says for how many it does not', () => {
    expect(differences({ kind: 'status', anyOf: [200] }, answered, refused, refused)).toEqual([
      '7: status 200 / status 503, cause no_ready_endpoints (2 of 3 requests differ)',
    ])
  })
})

describe('expected problems', () => {
  const found = [{ severity: 'error', object: 'Ingress default/web', text: 'a.yaml:1:1: error: bad pathType' }]

  test('hold when one of those found fits in all that is written', () => {
    expect(
      compareProblems(
        [{ line: 3, severity: 'error', object: 'Ingress default/web', match: regex(/pathType/) }],
        2,
        found,
      ),
    ).toEqual([])
    expect(
      compareProblems([{ line: 3, severity: undefined, object: undefined, match: regex(/pathType/) }], 2, found),
    ).toEqual([])
  })

  test('differ when none fits', () => {
    for (const wrong of [
      { severity: 'warning' as const },
      { object: 'Ingress default/other' },
      { match: regex(/host/) },
    ]) {
      const expected = { line: 3, severity: undefined, object: undefined, match: undefined, ...wrong }
      expect(compareProblems([expected], 2, found)).toMatchObject([
        { line: 3, found: 'a.yaml:1:1: error: bad pathType' },
      ])
    }
  })

  test('an empty list expects that there is none', () => {
    expect(compareProblems([], 2, [])).toEqual([])
    expect(compareProblems([], 2, found)).toMatchObject([{ line: 2, expected: 'no problem' }])
  })
})

import { describe, expect, test } from 'vitest'
import { decodeScenario } from '../../src/scenario/decode.ts'

const head = 'name: a name\nmanifests: ""\n'

function problemsOf(text: string): string[] {
  return decodeScenario('x.scenario.yaml', text).problems.map(({ line, message }) => `${line}: ${message}`)
}

function stepsOf(steps: string) {
  const { scenario, problems } = decodeScenario('x.scenario.yaml', `${head}steps:\n${steps}`)
  expect(problems).toEqual([])
  return scenario.steps
}

describe('a scenario file', () => {
  test('is decoded whole', () => {
    const { scenario, problems } = decodeScenario(
      'x.scenario.yaml',
      `
name: one sentence
flags: {compat: ingress-nginx, ingress-class: [a, b], forwarded: true, limit-header-bytes: 64k}
manifests: |
  kind: Ingress
files: [manifests]
stubs:
  none: true
  default/web:80:
    endpoints: 3
    unready: [2]
    protocol: h2c
    reply: {status: 201, headers: {x-a: "1"}, body: text, delay: 200ms, drop: body}
steps: []
`,
    )
    expect(problems).toEqual([])
    expect(scenario).toEqual({
      file: 'x.scenario.yaml',
      name: 'one sentence',
      flags: new Map([
        ['compat', 'ingress-nginx'],
        ['ingress-class', 'a,b'],
        ['forwarded', 'true'],
        ['limit-header-bytes', '64k'],
      ]),
      manifests: 'kind: Ingress\n',
      manifestsLine: 5,
      files: ['manifests'],
      stubs: {
        none: true,
        byPort: new Map([
          [
            'default/web:80',
            {
              endpoints: 3,
              unready: [2],
              protocol: 'h2c',
              reply: { status: 201, headers: [['x-a', '1']], body: 'text', delayMs: 200, drop: 'body' },
            },
          ],
        ]),
      },
      steps: [],
    })
  })

  test('sends a request as it is written, untidied', () => {
    const [step] = stepsOf(`
  - request: GET https://Shop.example:8443/a/../b//c?x=%2f
    headers: {x-a: [1, 2], x-empty: null}
    body: 5
    http: 2
    from: 127.0.0.5
    jar: alice
    times: 10
    concurrency: 2
`)
    expect(step).toMatchObject({
      kind: 'request',
      line: 5,
      method: 'GET',
      scheme: 'https',
      authority: 'Shop.example:8443',
      target: '/a/../b//c?x=%2f',
      headers: [
        ['x-a', '1'],
        ['x-a', '2'],
        ['x-empty', ''],
      ],
      body: '5',
      http: '2',
      from: '127.0.0.5',
      jar: 'alice',
      times: 10,
      concurrency: 2,
      expect: [],
    })
  })

  test('a URL without path asks for the root, with its query', () => {
    expect(stepsOf('  - request: GET http://a.test?x=1')[0]).toMatchObject({ authority: 'a.test', target: '/?x=1' })
  })

  test('knows the line of every expectation', () => {
    const [step] = stepsOf(`
  - request: GET http://a.test/
    expect:
      status: [200, 204]
      backend: none
      headers:
        location: https://a.test/
        x-b: /^a.c$/i
        x-gone: null
      body: text
      upstream:
        method: GET
        target: /cart/
        headers: {host: a.test}
      certificate: a.test
      cause: no_route
      statuses: {200: 5, 429: {min: 4}}
      endpoints: {distinct: 3, each-at-least: 2}
`)
    expect(step).toMatchObject({
      expect: [
        { kind: 'status', line: 7, anyOf: [200, 204] },
        { kind: 'backend', line: 8, backend: 'none' },
        { kind: 'header', line: 10, name: 'location', match: { kind: 'exact', text: 'https://a.test/' } },
        { kind: 'header', line: 11, name: 'x-b', match: { kind: 'regex', regex: /^a.c$/i } },
        { kind: 'header', line: 12, name: 'x-gone', match: { kind: 'absent' } },
        { kind: 'body', line: 13, match: { kind: 'exact', text: 'text' } },
        { kind: 'upstream-method', line: 15, method: 'GET' },
        { kind: 'upstream-target', line: 16, match: { kind: 'exact', text: '/cart/' } },
        { kind: 'upstream-header', line: 17, name: 'host' },
        { kind: 'certificate', line: 18, name: 'a.test' },
        { kind: 'cause', line: 19, cause: 'no_route' },
        {
          kind: 'statuses',
          line: 20,
          counts: new Map([
            [200, { min: 5, max: 5 }],
            [429, { min: 4, max: Infinity }],
          ]),
        },
        { kind: 'endpoints-distinct', line: 21, count: 3 },
        { kind: 'endpoints-each', line: 21, count: 2 },
      ],
    })
  })

  test('has steps of every kind', () => {
    const steps = stepsOf(`
  - apply: |
      kind: Ingress
  - delete: Ingress default/web
  - stub: {default/web:80: {unready: [0, 1]}}
  - wait: 500ms
  - problems:
      - {severity: error, object: Ingress default/web, match: /pathType/}
`)
    expect(steps).toMatchObject([
      { kind: 'apply', line: 5, manifests: 'kind: Ingress\n' },
      { kind: 'delete', line: 7, object: 'Ingress default/web' },
      { kind: 'stub', line: 8, byPort: new Map([['default/web:80', { unready: [0, 1] }]]) },
      { kind: 'wait', line: 9, ms: 500 },
      {
        kind: 'problems',
        line: 10,
        problems: [
          { line: 11, severity: 'error', object: 'Ingress default/web', match: { kind: 'regex', regex: /pathType/ } },
        ],
      },
    ])
  })
})

describe('a file that is no scenario', () => {
  for (const [what, text, ...problems] of [
    ['an unknown key', `${head}step: []\nsteps: []`, /^3: a scenario has no key step; do you mean steps\?/],
    [
      'an unknown key of a step',
      `${head}steps:\n  - request: GET http://a/\n    exspect: {}`,
      /^5: a request step has no key exspect; do you mean expect\?/,
    ],
    [
      'an unknown expectation',
      `${head}steps:\n  - request: GET http://a/\n    expect: {statu: 200}`,
      /^5: expect has no key statu/,
    ],
    [
      'an unknown stub key',
      `${head}steps: []\nstubs: {default/web:80: {endpoint: 2}}`,
      /^4: a stub has no key endpoint/,
    ],
    ['a stub without port', `${head}steps: []\nstubs: {default/web: {}}`, /^4: expected namespace\/service:port/],
    ['nothing to test', 'name: x\n', /a scenario needs steps/, /a scenario needs manifests or files/],
    ['a flag nobody has', `${head}steps: []\nflags: {compt: none}`, /^4: there is no flag compt; do you mean compat\?/],
    [
      'a flag with a wrong value',
      `${head}steps: []\nflags: {compat: traefik}`,
      /^4: compat: expected none or ingress-nginx/,
    ],
    ["a flag that is the runner's", `${head}steps: []\nflags: {http-port: 80}`, /^4: a scenario cannot set http-port/],
    [
      'a request that is none',
      `${head}steps:\n  - request: shop.example/cart`,
      /^4: expected METHOD http\(s\):\/\/host\/path/,
    ],
    [
      'a step of no kind',
      `${head}steps:\n  - expect: {status: 200}`,
      /^4: expected a step to have one of request, apply/,
    ],
    ['a step of two kinds', `${head}steps:\n  - wait: 1s\n    delete: Ingress a`, /^4: .*found delete and wait/],
    [
      'a strange client',
      `${head}steps:\n  - request: GET http://a/\n    from: 8.8.8.8`,
      /^5: expected from to be a loopback address/,
    ],
    [
      'a broken regular expression',
      `${head}steps:\n  - request: GET http://a/\n    expect: {body: "/(/"}`,
      /^5: Invalid regular expression/,
    ],
    [
      'a list where a mapping belongs',
      `${head}steps:\n  - request: GET http://a/\n    expect: [200]`,
      /^5: expected expect to be a mapping, found a list/,
    ],
    [
      'a count that is no number',
      `${head}steps:\n  - request: GET http://a/\n    times: many`,
      /^5: expected times to be a whole number of at least 1, found "many"/,
    ],
    ['YAML that is broken', 'name: [', /^1: /],
    ['two documents', `${head}steps: []\n---\nkind: Ingress\n`, /^4: expected one scenario, found a second document/],
  ] as const) {
    test(`${what} is a problem with its line`, () => {
      const found = problemsOf(text)
      expect(found).toHaveLength(problems.length)
      for (const [index, problem] of problems.entries()) expect(found[index]).toMatch(problem)
    })
  }

  test('all problems are told at once, by line', () => {
    expect(
      problemsOf(`${head}steps:\n  - request: GET x\n    times: 0\n  - wait: soon\n`).map((each) => each.split(':')[0]),
    ).toEqual(['4', '5', '6'])
  })
})

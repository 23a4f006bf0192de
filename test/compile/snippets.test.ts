import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { compile } from '#compile/compile.ts'
import type { Compiled } from '#compile/compile.ts'
import { safePolicy } from '#compile/ingress-nginx/safe-snippet.ts'
import { adviceFor } from '#compile/ingress-nginx/snippet-advice.ts'
import { statementsOf } from '#compile/ingress-nginx/snippet-text.ts'
import { compileOptions } from '../support/compile-options.ts'
import { resourcesFrom } from '../support/resources.ts'

describe('the text of a snippet', () => {
  test('is taken apart into statements with their lines', () => {
    const text =
      '# first\nmore_set_headers "X-A: b; c"   \'X-B: \\\'d\\\'\';\nif ($http_x = "a b") {\n  return 403;\n}\nadd_header X-C\n  d always;'
    expect(statementsOf(text)).toEqual([
      { line: 2, name: 'more_set_headers', words: ['X-A: b; c', "X-B: 'd'"], block: false, depth: 0 },
      { line: 3, name: 'if', words: ['($http_x', '=', 'a b', ')'], block: true, depth: 0 },
      { line: 4, name: 'return', words: ['403'], block: false, depth: 1 },
      { line: 6, name: 'add_header', words: ['X-C', 'd', 'always'], block: false, depth: 0 },
    ])
  })

  test.each(['add_header A b', 'add_header "A b;', 'if (a) {', '}', ';', 'a {b}', 'a \\'])('%j is none', (text) => {
    expect(statementsOf(text)).toBeUndefined()
  })

  test('never throws, and loses no statement', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('a', ' ', ';', '{', '}', '"', "'", '\\', '\n', '#') }), (text) => {
        const statements = statementsOf(text)
        if (statements !== undefined && !/["'#\\]/.test(text))
          expect(statements.length).toBe(text.split(/[;{]/).length - 1)
      }),
    )
  })
})

const one = (text: string): unknown => safePolicy(statementsOf(text)![0]!)
const response = (header: object): object => ({ kind: 'response-headers', config: { headers: [header] } })

const always = (answer: object): object => ({
  kind: 'conditional-return',
  config: { subject: [], test: { kind: 'always' }, answer },
})

describe('the safe subset', () => {
  const safe: [string, unknown][] = [
    ['add_header X-A b always;', response({ name: 'X-A', value: 'b', mode: 'add' })],
    [
      'add_header X-A "b c";',
      response({
        name: 'X-A',
        value: 'b c',
        mode: 'add',
        statuses: [200, 201, 204, 206, 301, 302, 303, 304, 307, 308],
      }),
    ],
    ['more_set_headers "X-A: b: c";', response({ name: 'X-A', value: 'b: c', mode: 'set' })],
    ['more_set_headers "X-A:";', response({ name: 'X-A', value: '', mode: 'remove' })],
    [
      'more_set_headers -s "404 500" "X-A: b";',
      response({ name: 'X-A', value: 'b', mode: 'set', statuses: [404, 500] }),
    ],
    ['more_clear_headers Server;', response({ name: 'Server', value: '', mode: 'remove' })],
    ['proxy_hide_header X-A;', response({ name: 'X-A', value: '', mode: 'remove' })],
    ['proxy_set_header X-A b;', { kind: 'request-headers', config: { fields: ['X-A', 'b'] } }],
    ['proxy_set_header X-A "";', { kind: 'request-headers', config: { fields: ['X-A', ''] } }],
    [
      'more_set_input_headers "X-A: b" "X-C: d";',
      { kind: 'request-headers', config: { fields: ['X-A', 'b', 'X-C', 'd'] } },
    ],
    [
      'return 301 https://new.test$request_uri;',
      always({ kind: 'redirect', status: 301, location: ['https://new.test', { variable: 'request_uri' }] }),
    ],
    [
      'return 308 $scheme://new.test/;',
      always({ kind: 'redirect', status: 308, location: [{ variable: 'scheme' }, '://new.test/'] }),
    ],
    ['return https://new.test/;', always({ kind: 'redirect', status: 302, location: ['https://new.test/'] })],
    ['return 403;', always({ kind: 'status', status: 403 })],
    ['return 200 ok;', always({ kind: 'status', status: 200, page: { type: 'text/html', text: 'ok' } })],
    [
      'return 503 "Back \\"soon\\"";',
      always({ kind: 'status', status: 503, page: { type: 'text/html', text: 'Back "soon"' } }),
    ],
    [
      'rewrite ^/a/(.*)$ /b/$1 permanent;',
      { kind: 'path-redirect', config: { pattern: '^/a/(.*)$', location: '/b/$1', status: 301 } },
    ],
    [
      'rewrite ^/a https://new.test/ redirect;',
      { kind: 'path-redirect', config: { pattern: '^/a', location: 'https://new.test/', status: 302 } },
    ],
  ]
  test.each(safe)('%s', (text, policy) => {
    expect(one(text)).toEqual(policy)
  })

  test.each([
    'add_header X-A $remote_addr;',
    'add_header "X A" b;',
    'add_header X-A "b\r\nX-C: d";',
    'add_header Content-Length 5;',
    'add_header A b c;',
    'more_set_headers -t text/html "X-A: b";',
    'more_clear_headers "X-*";',
    'proxy_set_header X-A $host;',
    'proxy_set_header Host other;',
    'proxy_set_header X-Forwarded-For 1.2.3.4;',
    'proxy_set_header Connection close;',
    'return 444;',
    'return 204 text;',
    'return 302;',
    'return 200 $host;',
    "return 200 'a\\nb';",
    'return 200 a b;',
    'return 100;',
    'return 301 $http_x;',
    'return 301 //evil.test;',
    'return 301 https://a.test/$nothing;',
    'rewrite ^/a /b last;',
    'rewrite ^/a /b;',
    'rewrite ^/a(?=b) /b redirect;',
    'rewrite ^/a https://$host/ redirect;',
    'if ($a) { }',
    'proxy_pass http://x;',
    'access_by_lua "x";',
    'location /a { }',
    'deny all;',
    'set $a b;',
  ])('does not hold %s', (text) => {
    expect(one(text)).toBeUndefined()
  })
})

function compiled(snippet: string, allow?: string, snippets: 'none' | 'safe' = 'none'): Compiled {
  const nginx = { 'nginx.ingress.kubernetes.io/configuration-snippet': snippet }
  const annotations = allow === undefined ? nginx : { ...nginx, 'genkan.dev/allow-snippets': allow }
  return compile(
    resourcesFrom(`
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web, annotations: ${JSON.stringify(annotations)}}
spec: {rules: [{host: a.test, http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}]}}]}
`),
    { ...compileOptions, snippets },
  )
}

const told = ({ problems }: Compiled): string[] =>
  problems
    .filter(({ code }) => code !== 'service-unknown')
    .map(({ severity, code, message, instead }) => `${severity} ${code}: ${message}; ${instead}`)

describe('snippets of an Ingress', () => {
  test('are explained statement by statement', () => {
    const result = compiled('more_set_headers "X-A: b";\nadd_header Access-Control-Allow-Origin *;\ngzip on;')
    expect(result.snapshot.routes[0]).toMatchObject({ upstream: 'default/web:80', policies: [] })
    expect(told(result)).toEqual(
      [
        'error annotation-refused: configuration-snippet is refused: nginx configuration text is never run; the routes are served without it',
        'info snippet-statement: configuration-snippet, line 1: more_set_headers X-A: b; custom-headers does this, and so does genkan.dev/allow-snippets: safe',
        'info snippet-statement: configuration-snippet, line 2: add_header Access-Control-Allow-Origin *; enable-cors and cors-* do this',
        'info snippet-statement: configuration-snippet, line 3: gzip on; genkan.dev/compress compresses responses',
      ].toSorted(byNothing),
    )
  })

  test('become policies where somebody allows the safe ones', () => {
    const result = compiled('more_set_headers "X-A: b";\nreturn 301 /new;\ngzip on;', 'safe')
    expect(result.snapshot.routes[0]?.policies.map(({ kind }) => kind)).toEqual([
      'conditional-return',
      'response-headers',
    ])
    expect(told(result)).toEqual([
      'warning snippet-statement: configuration-snippet, line 3: gzip on; genkan.dev/compress compresses responses',
    ])
  })

  test.each([
    ['deny all;\nmore_set_headers "X-A: b";'],
    ['if (-f $request_filename) { return 301 /; }'],
    ['if ($http_x) { return 200 $http_y; }'],
    ['if ($http_x) { set $a b; return 403; }'],
    ['if ($http_x) { return 403; add_header X-A b; }'],
    ['if ($unknown) { return 403; }'],
    ['if ($http_x ~ "(?!a)") { return 403; }'],
    ['if ($http_x = $http_y) { return 403; }'],
    ['if ($http_x) { return 444; }'],
    ['if ($http_x) { if ($http_y) { return 403; } }'],
    ['default_type $http_x;\nreturn 200 ok;\nset $a b;\ndeny all;'],
    ['location /a { return 403; }'],
    ['access_by_lua_block { ngx.exit(403) }'],
    ['more_set_headers "X-A: b"; }'],
  ])('close the routes when they hold more than that: %s', (snippet) => {
    const { snapshot, problems } = compiled(snippet, 'safe')
    expect(snapshot.routes[0]).toMatchObject({ upstream: undefined, policies: [] })
    expect(problems.map(({ code }) => code)).toContain('annotation-refused')
  })

  const uri = [{ variable: 'uri' }]
  const forbidden = { kind: 'status', status: 403 }
  test.each<[string, object]>([
    ['if ($uri) { return 403; }', { subject: uri, test: { kind: 'set' }, answer: forbidden }],
    [
      'if ($uri = "/a b") { return 403; }',
      { subject: uri, test: { kind: 'equals', text: '/a b', negated: false }, answer: forbidden },
    ],
    [
      'if ($uri != "") { return 403; }',
      { subject: uri, test: { kind: 'equals', text: '', negated: true }, answer: forbidden },
    ],
    [
      'if ($uri ~* (a|b)) { return 403; }',
      {
        subject: uri,
        test: { kind: 'matches', match: { kind: 'pattern', source: '(a|b)', ignoreCase: true }, negated: false },
        answer: forbidden,
      },
    ],
    [
      'if ($uri !~ "^/a") { return 302 https://b.test$request_uri; }',
      {
        subject: uri,
        test: { kind: 'matches', match: { kind: 'pattern', source: '^/a', ignoreCase: false }, negated: true },
        answer: { kind: 'redirect', status: 302, location: ['https://b.test', { variable: 'request_uri' }] },
      },
    ],
  ])('may hold %s', (snippet, config) => {
    const { snapshot, problems } = compiled(`${snippet}\nadd_header X-A b;`, 'safe')
    expect(snapshot.routes[0]?.policies).toMatchObject([
      { kind: 'conditional-return', config },
      { kind: 'response-headers' },
    ])
    expect(problems.filter(({ code }) => code !== 'service-unknown')).toEqual([])
  })

  test('answer in the order in which they are written', () => {
    const { snapshot, problems } = compiled(
      'rewrite ^/a /b redirect;\nreturn 200 "{}";\nif ($http_x) { return 403; }\nrewrite ^/c /d redirect;\ndefault_type application/json;',
      'safe',
    )
    const page = { type: 'application/json', text: '{}' }
    expect(snapshot.routes[0]?.policies).toMatchObject([
      { kind: 'path-redirect', config: { location: '/b' } },
      { kind: 'conditional-return', config: { answer: { kind: 'status', status: 200, page } } },
      { kind: 'conditional-return', config: { answer: { kind: 'status', status: 403 } } },
      { kind: 'path-redirect', config: { location: '/d' } },
    ])
    expect(problems.filter(({ code }) => code !== 'service-unknown')).toEqual([])
  })

  test('are interpreted for the whole process, and an annotation counts before that', () => {
    const prepared = (allow?: string): Compiled => {
      const { snapshot } = compiled('more_set_headers "X-A: b";', allow)
      expect(snapshot.routes[0]?.policies).toEqual(allow === 'safe' ? [expect.anything()] : [])
      return compiled('more_set_headers "X-A: b";', allow, 'safe')
    }
    expect(prepared().snapshot.routes[0]?.policies).toHaveLength(1)
    expect(prepared('none').snapshot.routes[0]?.policies).toEqual([])
  })

  test('are not interpreted for any other word', () => {
    const { snapshot, problems } = compiled('more_set_headers "X-A: b";', 'yes')
    expect(snapshot.routes[0]?.policies).toEqual([])
    expect(problems.map(({ code }) => code)).toContain('invalid-annotation-value')
  })
})

/** Problems are sorted by place, code and message; the expectation above is written in that order already. */
const byNothing = (): number => 0

describe('advice', () => {
  test.each([
    'deny all;',
    'auth_basic x;',
    'limit_req zone=a;',
    'proxy_set_header Host x;',
    'client_max_body_size 5m;',
    'return 301 /x;',
    'if (a) { }',
    'content_by_lua_block { }',
    'proxy_pass http://a;',
  ])('is given for %s', (text) => {
    expect(adviceFor(statementsOf(text)![0]!)).toBeDefined()
  })
})

describe('a server-snippet that is refused', () => {
  const rules = (host: string, path: string): string =>
    `{rules: [{host: ${host}, http: {paths: [{path: ${path}, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}]}}]}`
  const named = (name: string, spec: string, snippet = ''): string => `
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: ${name}, annotations: {${snippet === '' ? '' : `nginx.ingress.kubernetes.io/server-snippet: ${JSON.stringify(snippet)}`}}}
spec: ${spec}`

  test.each([
    ['deny all;', [['Ingress default/beside', 'warning']]],
    ['gzip on;', []],
  ])('%s: others of the host are told', (snippet, expected) => {
    const documents = [
      named('a', rules('a.test', '/a'), snippet),
      named('beside', rules('a.test', '/b')),
      named('elsewhere', rules('b.test', '/')),
    ]
    const { problems } = compile(resourcesFrom(documents.join('\n---')), compileOptions)
    const reported = problems.filter(({ code }) => code === 'host-snippet-refused')
    expect(reported.map(({ object, severity }) => [object, severity])).toEqual(expected)
  })
})

describe('allow-snippet-annotations of the global ConfigMap', () => {
  const map = (value: string): string =>
    JSON.stringify({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'c' },
      data: { 'allow-snippet-annotations': value },
    })

  test.each([
    ['true', 'none', new Set<string>(), 'safe'],
    ['false', 'safe', new Set<string>(), 'none'],
    ['true', 'none', new Set(['allow-snippets']), 'none'],
    ['false', 'safe', new Set(['allow-snippets']), 'safe'],
  ] as const)('%s beside --allow-snippets %s, of which are given %j: %s', (value, snippets, givenFlags, expected) => {
    const options = { ...compileOptions, configMap: 'default/c', snippets, givenFlags }
    const result = compile(resourcesFrom(map(value)), options)
    expect(result.snippets).toBe(expected)
    expect(result.problems.map(({ code }) => code)).toEqual(givenFlags.size === 0 ? [] : ['flag-counts'])
  })
})

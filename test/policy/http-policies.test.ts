import { conditionalReturn, type ConditionalReturnConfig } from '#policy/conditional-return.ts'
import { describe, expect, test } from 'vitest'
import { get } from '#http/fields.ts'
import { ByteBudget } from '#lib/byte-budget.ts'
import { appRoot } from '#policy/app-root.ts'
import { cookieAttributes } from '#policy/cookie-attributes.ts'
import { cors } from '#policy/cors.ts'
import type { CorsConfig } from '#policy/cors.ts'
import { forwardedPrefix } from '#policy/forwarded-prefix.ts'
import { hostRedirect } from '#policy/host-redirect.ts'
import { locationPrefix } from '#policy/location-prefix.ts'
import { longestCopy } from '#policy/body-copy.ts'
import { mirror, mostCopies } from '#policy/mirror.ts'
import type { BodyWatcher, FilterContext, Policy, Question } from '#policy/policy.ts'
import { pathRedirect } from '#policy/path-redirect.ts'
import { redirect } from '#policy/redirect.ts'
import { policies } from '#policy/registry.ts'
import { requestHeaders } from '#policy/request-headers.ts'
import { responseHeaders } from '#policy/response-headers.ts'
import type { ResponseHeader } from '#policy/response-headers.ts'
import { rewrite } from '#policy/rewrite.ts'
import { upstreamVhost } from '#policy/upstream-vhost.ts'
import { filterEnv } from '../support/filter-env.ts'

type Asked = {
  readonly method?: string
  readonly url?: string
  readonly fields?: readonly string[]
  readonly sent?: readonly string[]
}

/** A request for `http://shop.test/…` as filters see it. */
function contextOf({ method = 'GET', url = 'http://shop.test/a', fields = [], sent = [] }: Asked = {}): FilterContext {
  const { protocol, host, hostname, pathname, search } = new URL(url)
  const scheme = protocol === 'https:' ? 'https' : 'http'
  const target = pathname + search
  return {
    connection: { tls: scheme === 'https' ? { serverName: hostname } : undefined },
    client: { address: '127.0.0.1', scheme, port: scheme === 'https' ? 443 : 80 },
    received: { method, target, version: '1.1', fields: ['host', host, ...fields] },
    host: hostname,
    path: pathname,
    query: search,
    sent: { method, target, fields: ['Host', host, ...sent, 'X-Forwarded-Host', host] },
  }
}

/** The target that the endpoint gets, or the status of the refusal. */
async function targetAfter(policy: Policy, config: unknown, url: string): Promise<string | number> {
  const context = contextOf({ url })
  const reply = await policy.create(config, filterEnv()).onRequest?.(context)
  return reply?.status ?? context.sent.target
}

describe('rewrite', () => {
  const pattern = (path: string): string => `^(?:${path})`
  test.each([
    ['/api(/|$)(.*)', '/$2', '/api/v1/x?y=1', '/v1/x?y=1'],
    ['/api(/|$)(.*)', '/$2', '/api', '/'],
    ['/foo/?(.*)', '/$1', '/foo', '/'],
    ['/foo/?(.*)', '/$1', '/FOO/bar/', '/bar/'],
    ['/foo', '/', '/foo/bar', '/'],
    ['/foo.+', '/new/backend', '/foo/bar/baz?q', '/new/backend?q'],
    ['/foo/bar/(.+)', '/new/backend/$1', '/foo/bar/bar', '/new/backend/bar'],
    ['/a(/x)?', '/b$1$2', '/a', '/b'],
    ['/a/(.*)', '$1', '/a/b', '/b'],
    ['/a/(.*)', '/$1?from=a', '/a/b?c=d', '/b?from=a&c=d'],
    ['/a/(.*)', '/$1?from=$1', '/a/b', '/b?from=b'],
    ['/a/(.*)', '//$1//c', '/a/b', '/b/c'],
    // What is escaped stays escaped.
    ['/a/(.*)', '/$1', '/a/b%2Fc%20d', '/b%2Fc%20d'],
    // The result is read like a path of a client's: dots are resolved, and nothing climbs out.
    ['/a/(.*)', '/x/$1', '/a/..b', '/x/..b'],
    ['/a(.*)', '/x/.$1', '/a.', '/'],
    ['/a(.*)', '/.$1', '/a./b', 400],
    ['/a(.)', '/$1', '/a%20', 400],
  ])('%s with target %s makes of %s %s', async (path, target, url, expected) => {
    expect(await targetAfter(rewrite, { pattern: pattern(path), target }, `http://shop.test${url}`)).toBe(expected)
  })

  test.each([
    ['/docs/(.*)', 'https://docs.test/v2/$1', '/docs/a/b?c=d', 'https://docs.test/v2/a/b?c=d'],
    ['/docs', 'https://docs.test', '/docs', 'https://docs.test'],
    ['/docs/(.*)', 'http://docs.test:8080/?page=$1', '/docs/a?c=d', 'http://docs.test:8080/?page=a&c=d'],
  ])('%s with target %s sends the client of %s to %s', async (path, target, url, location) => {
    const reply = await rewrite
      .create({ pattern: pattern(path), target }, filterEnv())
      .onRequest?.(contextOf({ url: `http://shop.test${url}` }))
    expect(reply).toMatchObject({ status: 302, fields: ['Location', location] })
  })

  test('a path asked for again is rewritten as before, with the query of its own time, whatever came between', async () => {
    const filter = rewrite.create({ pattern: pattern('/a/(.*)'), target: '/$1?id=$1' }, filterEnv())
    const rewritten = async (url: string): Promise<string | number> => {
      const context = contextOf({ url: `http://shop.test${url}` })
      return (await filter.onRequest?.(context))?.status ?? context.sent.target
    }
    for (const turn of [1, 2, 3]) {
      for (let page = 0; page < 1_500; page++)
        expect(await rewritten(`/a/${page}?t=${turn}`)).toBe(`/${page}?id=${page}&t=${turn}`)
      const long = 'x'.repeat(300)
      expect(await rewritten(`/a/${long}`)).toBe(`/${long}?id=${long}`)
      expect(await rewritten('/a/%20')).toBe('/%20?id=%20')
      expect(await rewritten('/a/7')).toBe('/7?id=7')
      expect(await rewritten('/a/7?u')).toBe('/7?id=7&u')
    }
  })

  test('a hostile expression costs no more than its bound', async () => {
    const url = `http://shop.test/${'a'.repeat(8_000)}!`
    expect(await targetAfter(rewrite, { pattern: '^(?:/(a+)+$)', target: '/$1' }, url)).toBe('/')
  })

  test('tells the endpoint what was taken away', () => {
    const context = contextOf({ url: 'http://shop.test/api/v1', sent: ['x-forwarded-prefix', '/old'] })
    void forwardedPrefix.create({ pattern: pattern('/(api)/(.*)'), prefix: '/$1' }, filterEnv()).onRequest!(context)
    expect(get(context.sent.fields, 'x-forwarded-prefix')).toBe('/api')
  })
})

describe('redirects', () => {
  const redirects: [Policy, unknown, string, number | undefined, string?][] = [
    [appRoot, { target: '/foo' }, 'http://shop.test/', 302, 'http://shop.test/foo'],
    [appRoot, { target: '/foo' }, 'https://shop.test:8443/?a', 302, 'https://shop.test:8443/foo'],
    [appRoot, { target: '/foo' }, 'http://shop.test/foo', undefined],
    [
      redirect,
      { status: 301, location: ['http://new.test'], relative: false },
      'http://shop.test/a?b',
      301,
      'http://new.test',
    ],
    [
      redirect,
      { status: 301, location: ['/new'], relative: false },
      'http://shop.test:8080/a',
      301,
      'http://shop.test:8080/new',
    ],
    [redirect, { status: 301, location: ['/new'], relative: true }, 'http://shop.test/a', 301, '/new'],
    [
      redirect,
      { status: 302, location: ['https://new.test', { variable: 'request_uri' }], relative: false },
      'http://shop.test/a?b=c',
      302,
      'https://new.test/a?b=c',
    ],
    [
      pathRedirect,
      { status: 301, pattern: '^/old/(.*)$', location: '/new/$1' },
      'http://shop.test:81/old/a?b',
      301,
      'http://shop.test:81/new/a?b',
    ],
    [
      pathRedirect,
      { status: 302, pattern: '^/old/(.*)$', location: 'https://new.test/$1?x=$1' },
      'http://shop.test/old/a?b',
      302,
      'https://new.test/a?x=a&b',
    ],
    [
      pathRedirect,
      { status: 302, pattern: '^/old/(.*)$', location: 'https://new.test/$1?' },
      'http://shop.test/old/a?b',
      302,
      'https://new.test/a',
    ],
    [pathRedirect, { status: 302, pattern: '^/old/', location: '/new' }, 'http://shop.test/OLD/a', undefined],
    [hostRedirect, { host: 'shop.test', status: 308 }, 'http://www.shop.test/foo?a', 308, 'http://shop.test/foo?a'],
    [hostRedirect, { host: 'shop.test', status: 308 }, 'https://www.shop.test:8443/', 308, 'https://shop.test:8443/'],
  ]
  test.each(redirects)('%# %o', async (...[policy, config, url, ...answer]) => {
    const [status, location] = answer
    const reply = await policy.create(config, filterEnv()).onRequest!(contextOf({ url }))
    expect(reply?.status).toBe(status)
    expect(reply?.fields).toEqual(status === undefined ? undefined : ['Location', location])
  })
})

const defaults: CorsConfig = {
  origins: '*',
  methods: 'GET',
  headers: 'X-A',
  credentials: true,
  expose: '',
  maxAge: 5,
  anyOptions: false,
}

describe('cors', () => {
  const allowed = async (origins: CorsConfig['origins'], origin: string | undefined): Promise<string | undefined> => {
    const head = {
      status: 200,
      reason: '',
      fields: ['access-control-allow-origin', 'https://endpoint.test', 'Access-Control-X', 'y'],
    }
    const context = contextOf({ fields: origin === undefined ? [] : ['Origin', origin] })
    cors.create({ ...defaults, origins }, filterEnv()).onResponse!(context, head)
    expect(get(head.fields, 'access-control-x')).toBeUndefined()
    return get(head.fields, 'access-control-allow-origin')
  }
  const rows: [CorsConfig['origins'], string | undefined, string | undefined][] = [
    ['*', 'http://any.test', '*'],
    ['*', undefined, '*'],
    [['https://a.test:8080'], 'https://a.test:8080', 'https://a.test:8080'],
    [['https://a.test:8080'], 'https://A.test:8080', 'https://A.test:8080'],
    [['https://a.test:8080'], 'https://a.test', undefined],
    [['https://a.test'], 'https://a.test:8080', undefined],
    [['https://a.test'], 'http://a.test', undefined],
    [['https://a.test'], 'https://a.test.evil.test', undefined],
    [['https://a.test'], undefined, undefined],
    [['http://*.a.test', 'http://b.test'], 'http://x.a.test', 'http://x.a.test'],
    [['http://*.a.test', 'http://b.test'], 'http://b.test', 'http://b.test'],
    [['http://*.a.test'], 'http://a.test', undefined],
    [['http://*.a.test'], 'http://x.y.a.test', undefined],
    [['http://*.a.test'], 'http://.a.test', undefined],
    [['http://*.a.test'], 'http://evil.test/.a.test', undefined],
    [['http://*.a.test:80'], 'http://x.a.test', undefined],
    [['tauri://localhost:3000'], 'tauri://localhost:3000', 'tauri://localhost:3000'],
  ]
  test.each(rows)('%j allows %s: %s', async (origins, origin, expected) => {
    expect(await allowed(origins, origin)).toBe(expected)
  })

  test('says everything that is configured, and that answers differ by origin', () => {
    const head = { status: 200, reason: '', fields: ['Vary', 'Accept-Encoding'] }
    const config: CorsConfig = { ...defaults, origins: ['https://a.test'], expose: 'X-B, X-C', methods: 'GET, POST' }
    cors.create(config, filterEnv()).onResponse!(contextOf({ fields: ['Origin', 'https://a.test'] }), head)
    expect(head.fields).toEqual([
      'Vary',
      'Accept-Encoding, Origin',
      'Access-Control-Allow-Origin',
      'https://a.test',
      'Access-Control-Allow-Credentials',
      'true',
      'Access-Control-Allow-Methods',
      'GET, POST',
      'Access-Control-Allow-Headers',
      'X-A',
      'Access-Control-Expose-Headers',
      'X-B, X-C',
      'Access-Control-Max-Age',
      '5',
    ])
  })

  test('a refused origin leaves only Vary', () => {
    const head = { status: 200, reason: '', fields: [] as string[] }
    cors.create({ ...defaults, origins: ['https://a.test'] }, filterEnv()).onResponse!(
      contextOf({ fields: ['Origin', 'https://b.test'] }),
      head,
    )
    expect(head.fields).toEqual(['Vary', 'Origin'])
  })

  const preflight = ['Origin', 'https://a.test', 'Access-Control-Request-Method', 'PUT']
  const preflights: [string, readonly string[], Partial<CorsConfig>, number | undefined][] = [
    ['OPTIONS', preflight, {}, 204],
    ['OPTIONS', preflight, { origins: ['https://a.test'] }, 204],
    ['OPTIONS', preflight, { origins: ['https://b.test'] }, undefined],
    ['OPTIONS', ['Origin', 'https://a.test'], {}, undefined],
    ['OPTIONS', [], {}, undefined],
    ['OPTIONS', [], { anyOptions: true }, 204],
    ['OPTIONS', [], { anyOptions: true, origins: ['https://a.test'] }, undefined],
    ['GET', preflight, { anyOptions: true }, undefined],
  ]
  test.each(preflights)('%s with %j under %j is answered with %s', async (method, fields, config, status) => {
    const reply = await cors.create({ ...defaults, ...config }, filterEnv()).onRequest!(contextOf({ method, fields }))
    expect(reply?.status).toBe(status)
  })
})

describe('fields', () => {
  test('for the endpoint replace those of the client, and an empty value takes them away', () => {
    const context = contextOf({ sent: ['x-a', '1', 'X-B', '2'] })
    void requestHeaders.create({ fields: ['X-A', 'ours', 'X-B', '', 'X-C', '3'] }, filterEnv()).onRequest!(context)
    expect(context.sent.fields).toEqual([
      'Host',
      'shop.test',
      'X-A',
      'ours',
      'X-Forwarded-Host',
      'shop.test',
      'X-C',
      '3',
    ])
  })

  test('Host becomes another one, X-Forwarded-Host does not', () => {
    const context = contextOf()
    void upstreamVhost.create({ host: 'inner.test' }, filterEnv()).onRequest!(context)
    expect(context.sent.fields).toEqual(['Host', 'inner.test', 'X-Forwarded-Host', 'shop.test'])
  })

  const headers: [ResponseHeader, number, string[]][] = [
    [{ name: 'X-A', value: 'n', mode: 'set' }, 200, ['X-A', 'n', 'x-b', '2']],
    [{ name: 'X-C', value: 'n', mode: 'set' }, 200, ['x-a', '1', 'x-b', '2', 'X-C', 'n']],
    [{ name: 'X-A', value: 'n', mode: 'add' }, 200, ['x-a', '1', 'x-b', '2', 'X-A', 'n']],
    [{ name: 'X-A', value: '', mode: 'remove' }, 200, ['x-b', '2']],
    [{ name: 'X-A', value: 'n', mode: 'set', statuses: [200] }, 404, ['x-a', '1', 'x-b', '2']],
  ]
  test.each(headers)('for the client: %j on %d', (header, status, fields) => {
    const head = { status, reason: '', fields: ['x-a', '1', 'x-b', '2'] }
    responseHeaders.create({ headers: [header] }, filterEnv()).onResponse!(contextOf(), head)
    expect(head.fields).toEqual(fields)
  })
})

describe('what endpoints say of themselves', () => {
  test.each([
    ['a=b; Domain=localhost; Path=/one/x', 'a=b; Domain=example.org; Path=/x'],
    ['a=b; domain=.LOCALHOST;path=/one/', 'a=b; domain=example.org;path=/'],
    ['a=b; Domain=other.test; Path=/two', 'a=b; Domain=other.test; Path=/two'],
    ['a="Path=/one/"; HttpOnly', 'a="Path=/one/"; HttpOnly'],
    ['a=b', 'a=b'],
  ])('the cookie %s becomes %s', (cookie, expected) => {
    const head = { status: 200, reason: '', fields: ['Set-Cookie', 'x=y', 'set-cookie', cookie] }
    const config = { domain: { from: 'localhost', to: 'example.org' }, path: { from: '/one/', to: '/' } }
    cookieAttributes.create(config, filterEnv()).onResponse!(contextOf(), head)
    expect(head.fields).toEqual(['Set-Cookie', 'x=y', 'set-cookie', expected])
  })

  test.each([
    ['Location', 'http://inner.test/a', 'https://shop.test/a'],
    ['Location', 'http://other.test/a', 'http://other.test/a'],
    ['Refresh', '5; url=http://inner.test/a', '5; url=https://shop.test/a'],
    ['Refresh', '5', '5'],
    ['X-Location', 'http://inner.test/a', 'http://inner.test/a'],
  ])('%s: %s becomes %s', (name, value, expected) => {
    const head = { status: 302, reason: '', fields: [name, value] }
    locationPrefix.create({ from: 'http://inner.test/', to: 'https://shop.test/' }, filterEnv()).onResponse!(
      contextOf(),
      head,
    )
    expect(head.fields).toEqual([name, expected])
  })
})

describe('mirror', () => {
  const config = {
    origin: 'https://m.test',
    target: ['/copy', { variable: 'request_uri' }],
    host: 'm.test',
    body: true,
    connectMs: 1,
    readMs: 2,
  }

  test('asks for the same somewhere else, without what belongs to the connection, and waits for nothing', () => {
    const asked: Question[] = []
    const ask = (question: Question): Promise<undefined> => {
      asked.push(question)
      return new Promise(() => {})
    }
    const { onRequest } = mirror.create(config, filterEnv({ ask }))
    const context = contextOf({
      method: 'POST',
      url: 'http://shop.test/a?b',
      sent: ['Content-Length', '3', 'X-A', '1'],
    })
    expect(onRequest!(context)).toBeUndefined()
    expect(asked).toEqual([
      {
        to: { kind: 'origin', origin: 'https://m.test' },
        method: 'POST',
        target: '/copy/a?b',
        fields: ['Host', 'm.test', 'X-A', '1', 'X-Forwarded-Host', 'shop.test'],
        connectMs: 1,
        readMs: 2,
        optional: true,
      },
    ])
  })

  test('leaves copies out while too many are on their way, whatever became of the others', async () => {
    const ends: (() => void)[] = []
    const { onRequest } = mirror.create(
      config,
      filterEnv({ ask: () => new Promise((_, reject) => ends.push(() => reject(new Error('gone')))) }),
    )
    for (let n = 0; n < mostCopies + 5; n += 1) void onRequest!(contextOf())
    expect(ends.length).toBe(mostCopies)
    ends[0]!()
    await new Promise((resolve) => setImmediate(resolve))
    void onRequest!(contextOf())
    expect(ends.length).toBe(mostCopies + 1)
  })

  /** A request with a body, whose pieces the test makes up. */
  const bodied = (): { context: FilterContext; watcher: () => BodyWatcher } => {
    let watching: BodyWatcher | undefined
    const watchBody = (watcher: BodyWatcher): boolean => {
      watching = watcher
      return true
    }
    return { context: { ...contextOf({ method: 'POST' }), watchBody }, watcher: () => watching! }
  }

  test('asks when the body has come, as the request was when it was seen', () => {
    const asked: Question[] = []
    const { onRequest } = mirror.create(
      config,
      filterEnv({ ask: (question) => (asked.push(question), Promise.resolve(undefined)) }),
    )
    const { context, watcher } = bodied()
    void onRequest!(context)
    context.sent.fields.push('X-Later', '1')
    const piece = Buffer.from('one')
    watcher().onBody(piece)
    // The bytes are the lane's, and change.
    piece.fill(0)
    watcher().onBody(Buffer.from('two'))
    expect(asked).toEqual([])
    watcher().onBodyEnd(true)
    expect(asked.map(({ body, fields }) => [String(body), fields.includes('X-Later')])).toEqual([['onetwo', false]])
  })

  test('keeps bodies only while there is memory for them, and gives it back when they are done', async () => {
    const notes: string[] = []
    const ends: (() => void)[] = []
    const copies = new ByteBudget(2 * longestCopy)
    const note = (message: string): void => void notes.push(message)
    const ask = (): Promise<undefined> => new Promise((done) => ends.push(() => done(undefined)))
    const { onRequest } = mirror.create(config, filterEnv({ ask, copies, note }))
    const begin = (bytes: number): BodyWatcher => {
      const { context, watcher } = bodied()
      void onRequest!(context)
      watcher().onBody(Buffer.alloc(bytes))
      return watcher()
    }
    const [first, second] = [begin(longestCopy), begin(longestCopy)]
    begin(1).onBodyEnd(true)
    expect([ends.length, notes]).toEqual([0, [expect.stringContaining('too much memory')]])

    second.onBodyEnd(false)
    first.onBodyEnd(true)
    ends[0]!()
    await new Promise((resolve) => setImmediate(resolve))
    const tooLong = begin(longestCopy)
    tooLong.onBody(Buffer.alloc(1))
    tooLong.onBodyEnd(true)
    expect([ends.length, notes.slice(1)]).toEqual([
      1,
      [expect.stringContaining('not received in full'), expect.stringContaining('too long')],
    ])
    expect([copies.take(2 * longestCopy), copies.take(1)]).toEqual([true, false])
  })
})

test('redirects come before what decides who may pass, and a rewrite after it', () => {
  const order = [...policies.keys()]
  const redirecting = [
    'host-redirect',
    'app-root',
    'conditional-return',
    'path-redirect',
    'redirect',
    'cors',
    'https-redirect',
  ]
  // Whose connection it is, and whom nobody serves, comes before them.
  expect(order.slice(0, redirecting.length + 2)).toEqual(['client-certificate', 'blocklist', ...redirecting])
  expect(order.indexOf('rewrite')).toBeGreaterThan(order.indexOf('mirror'))
})

test('a condition on a text too long to be judged holds where the answer is a refusal, and not where it is a redirect', () => {
  const context = contextOf({ fields: ['X-A', 'a'.repeat(10_000)] })
  const subject = [{ variable: 'http_x_a' }]
  const match = { kind: 'pattern', source: 'b', ignoreCase: false } as const
  const condition = { kind: 'matches', match, negated: false } as const
  const ask = (answer: ConditionalReturnConfig['answer']): unknown =>
    conditionalReturn.create({ subject, test: condition, answer }, filterEnv()).onRequest!(context)
  expect(ask({ kind: 'status', status: 403 })).toMatchObject({ status: 403, cause: 'access_denied' })
  expect(ask({ kind: 'redirect', status: 302, location: ['https://b.test'] })).toBeUndefined()
})

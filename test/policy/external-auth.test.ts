import { describe, expect, test } from 'vitest'
import { all, get } from '#http/fields.ts'
import { externalAuth, type ExternalAuthConfig } from '#policy/external-auth.ts'
import type { Answer, FilterContext, FilterEnv, Question, Reply } from '#policy/policy.ts'
import { satisfyAny } from '#policy/satisfy-any.ts'
import type { VariableText } from '#policy/variables.ts'
import { type AskedRequest, filterContext } from '../support/filter-context.ts'
import { filterEnv } from '../support/filter-env.ts'

const config: ExternalAuthConfig = {
  id: 'default/web a.test Prefix /',
  to: { kind: 'origin', scheme: 'https', authority: ['auth.test'] },
  host: ['auth.test'],
  target: ['/check?from=', { variable: 'host' }],
  method: 'GET',
  fields: [],
  responseFields: ['x-user', 'x-groups'],
  signIn: undefined,
  redirect: [{ variable: 'request_uri' }],
  cache: undefined,
  alwaysSetCookie: false,
  connectMs: 1_000,
  readMs: 2_000,
}

type Asked = {
  readonly reply: Reply | undefined
  readonly context: FilterContext
  readonly questions: readonly Question[]
  readonly cookies: (status: number) => readonly string[]
}

async function ask(
  answer: Answer | undefined,
  request: AskedRequest = {},
  changes: Partial<ExternalAuthConfig> = {},
  env?: FilterEnv,
): Promise<Asked> {
  const questions: Question[] = []
  const context = filterContext(request)
  const world = {
    ...(env ?? filterEnv()),
    ask: (question: Question) => (questions.push(question), Promise.resolve(answer)),
  }
  const filter = externalAuth.create({ ...config, ...changes }, world)
  const reply = await filter.onRequest!(context)
  const cookies = (status: number): readonly string[] => {
    const head = { status, reason: '', fields: [] as string[] }
    filter.onResponse!(context, head)
    return all(head.fields, 'set-cookie')
  }
  return { reply, context, questions, cookies }
}

describe('the answer', () => {
  const rows: readonly [answer: Answer | undefined, status: number][] = [
    [{ status: 200, fields: [] }, 0],
    [{ status: 204, fields: [] }, 0],
    [{ status: 401, fields: [] }, 401],
    [{ status: 403, fields: [] }, 403],
    [{ status: 302, fields: ['Location', '/x'] }, 500],
    [{ status: 404, fields: [] }, 500],
    [{ status: 500, fields: [] }, 500],
    [{ status: 101, fields: [] }, 500],
    [undefined, 500],
  ]
  test.each(rows)('%o is %s', async (answer, status) => {
    expect((await ask(answer)).reply?.status ?? 0).toBe(status)
  })

  test('of 401 brings its challenge', async () => {
    const { reply } = await ask({ status: 401, fields: ['WWW-Authenticate', 'Bearer realm="x"'] })
    expect(get(reply!.fields, 'www-authenticate')).toBe('Bearer realm="x"')
  })
})

describe('fields that the service vouches for', () => {
  const forged = { fields: ['X-User', 'root', 'x-groups', 'admin', 'x-user', 'again', 'X-Other', 'kept'] }

  test("are the answer's or none", async () => {
    const { context } = await ask({ status: 200, fields: ['X-User', 'ann', 'X-Secret', 'no'] }, forged)
    expect(all(context.sent.fields, 'x-user')).toEqual(['ann'])
    expect(all(context.sent.fields, 'x-groups')).toEqual([])
    expect(all(context.sent.fields, 'x-secret')).toEqual([])
    expect(all(context.sent.fields, 'x-other')).toEqual(['kept'])
  })

  test('are taken from the client before the service is asked', async () => {
    const { questions } = await ask({ status: 200, fields: [] }, forged)
    expect(get(questions[0]!.fields, 'x-user')).toBeUndefined()
  })

  test('are taken from the client even when another check lets it pass', async () => {
    const context = filterContext({ ...forged, address: '10.0.0.1' })
    const all2 = { access: { deny: [], allow: ['10.0.0.0/8'] }, basicAuth: undefined, externalAuth: config }
    expect(await satisfyAny.create(all2, filterEnv()).onRequest!(context)).toBeUndefined()
    expect(get(context.sent.fields, 'x-user')).toBeUndefined()
  })
})

describe('the question', () => {
  test('says what the request is, and carries no body', async () => {
    const fields = [
      'Cookie',
      's=1',
      'Content-Length',
      '5',
      'Content-Type',
      'text/plain',
      'Authorization',
      'Bearer x',
      'Expect',
      '100-continue',
    ]
    const { questions } = await ask(
      { status: 200, fields: [] },
      { method: 'POST', target: '/a b?c=d', scheme: 'https', fields },
    )
    const [question] = questions
    expect(question).toMatchObject({
      to: { kind: 'origin', origin: 'https://auth.test' },
      method: 'GET',
      target: '/check?from=a.test',
      connectMs: 1_000,
      readMs: 2_000,
    })
    const field = (name: string): string | undefined => get(question!.fields, name)
    expect([field('host'), field('cookie'), field('authorization')]).toEqual(['auth.test', 's=1', 'Bearer x'])
    expect([field('x-original-method'), field('x-original-url'), field('x-original-uri')]).toEqual([
      'POST',
      'https://a.test/a b?c=d',
      '/a b?c=d',
    ])
    expect(field('x-auth-request-redirect')).toBe('/a b?c=d')
    expect([field('content-length'), field('content-type'), field('expect'), field('transfer-encoding')]).toEqual([
      undefined,
      undefined,
      undefined,
      undefined,
    ])
  })

  test('has credentials that another check has taken out of the request', async () => {
    const context = filterContext({ fields: ['Authorization', 'Basic x'] })
    context.sent.fields = ['Host', 'a.test']
    const questions: Question[] = []
    await externalAuth.create(
      config,
      filterEnv({ ask: (question) => (questions.push(question), Promise.resolve(undefined)) }),
    ).onRequest!(context)
    expect(get(questions[0]!.fields, 'authorization')).toBe('Basic x')
  })

  test("has the fields that are to be added, instead of the client's", async () => {
    const { questions } = await ask(
      undefined,
      { fields: ['X-Team', 'forged'] },
      { fields: [{ name: 'X-Team', value: ['blue ', { variable: 'request_method' }] }] },
    )
    expect(all(questions[0]!.fields, 'x-team')).toEqual(['blue GET'])
  })

  test("goes to the client's own host when that is asked for, over its own scheme", async () => {
    const { questions } = await ask(
      undefined,
      { host: 'shop.test', scheme: 'https' },
      { to: { kind: 'origin', scheme: 'client', authority: [{ variable: 'host' }] } },
    )
    expect(questions[0]!.to).toEqual({ kind: 'origin', origin: 'https://shop.test' })
  })
})

describe('signing in', () => {
  const signIn = (url: VariableText, parameter = 'rd'): Partial<ExternalAuthConfig> => ({ signIn: { url, parameter } })
  const rows: readonly [why: string, changes: Partial<ExternalAuthConfig>, location: string][] = [
    ['adds the way back', signIn(['https://auth.test/start']), 'https://auth.test/start?rd=https://a.test%2Fx%3Fy%3D1'],
    [
      'adds it to a query',
      signIn(['https://auth.test/start?a=b']),
      'https://auth.test/start?a=b&rd=https://a.test%2Fx%3Fy%3D1',
    ],
    [
      'under another name',
      signIn(['https://auth.test/start'], 'orig'),
      'https://auth.test/start?orig=https://a.test%2Fx%3Fy%3D1',
    ],
    [
      'leaves a way back alone',
      signIn(['https://', { variable: 'host' }, '/start?rd=', { variable: 'escaped_request_uri' }]),
      'https://a.test/start?rd=%2Fx%3Fy%3D1',
    ],
    [
      'tells names apart',
      signIn(['https://auth.test/start?xrd=b']),
      'https://auth.test/start?xrd=b&rd=https://a.test%2Fx%3Fy%3D1',
    ],
  ]
  test.each(rows)('%s', async (_, changes, location) => {
    const { reply } = await ask({ status: 401, fields: [] }, { target: '/x?y=1', scheme: 'https' }, changes)
    expect(reply).toMatchObject({ status: 302, cause: 'unauthenticated' })
    expect(get(reply!.fields, 'location')).toBe(location)
  })

  test('is not for those who are forbidden', async () => {
    expect((await ask({ status: 403, fields: [] }, {}, signIn(['https://auth.test/']))).reply?.status).toBe(403)
  })
})

describe('cookies of the service', () => {
  const answer = { status: 200, fields: ['Set-Cookie', 'a=1', 'Set-Cookie', 'b=2'] }

  test('reach the client with good responses only', async () => {
    const { cookies } = await ask(answer)
    expect([200, 204, 302, 304, 400, 401, 500, 503].map((status) => cookies(status).length)).toEqual([
      2, 2, 2, 2, 0, 0, 0, 0,
    ])
  })

  test('reach it with all of them when that is asked for', async () => {
    expect((await ask(answer, {}, { alwaysSetCookie: true })).cookies(503)).toEqual(['a=1', 'b=2'])
  })
})

describe('remembering answers', () => {
  const cache: ExternalAuthConfig['cache'] = {
    key: [{ variable: 'cookie_s' }],
    durations: [
      { status: 200, ms: 1_000 },
      { status: 401, ms: 100 },
    ],
  }
  const of = (session: string): AskedRequest => ({ fields: ['Cookie', `s=${session}`] })

  test('asks once for each key, rule and time, and keeps what the endpoint needs', async () => {
    const clock = { now: 1_000 }
    const env = filterEnv({ now: () => clock.now })
    const good = { status: 200, fields: ['X-User', 'ann', 'X-Long', 'forgotten'] }
    const count = async (request: AskedRequest, changes: Partial<ExternalAuthConfig> = {}): Promise<number> =>
      (await ask(good, request, { cache, ...changes }, env)).questions.length
    expect(await count(of('a'))).toBe(1)
    expect(await count(of('a'))).toBe(0)
    expect(await count(of('b'))).toBe(1)
    expect(await count(of('a'), { id: 'another rule' })).toBe(1)
    const { context } = await ask(undefined, of('a'), { cache }, env)
    expect(get(context.sent.fields, 'x-user')).toBe('ann')
    clock.now += 1_000
    expect(await count(of('a'))).toBe(1)
  })

  const unremembered: readonly (readonly [why: string, answer: Answer | undefined])[] = [
    ['sets a cookie', { status: 200, fields: ['Set-Cookie', 'a=1'] }],
    ['says that it is private', { status: 200, fields: ['Cache-Control', 'private'] }],
    ['has a status that is not among them', { status: 403, fields: [] }],
    ['did not come', undefined],
  ]
  test.each(unremembered)('not one that %s', async (_, answer) => {
    const env = filterEnv()
    await ask(answer, of('a'), { cache }, env)
    expect((await ask(answer, of('a'), { cache }, env)).questions).toHaveLength(1)
  })
})

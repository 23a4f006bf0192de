import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { get } from '#http/fields.ts'
import { access, type AccessConfig } from '#policy/access.ts'
import { basicAuth } from '#policy/basic-auth.ts'
import { networkPolicy, type NetworkPolicyConfig } from '#policy/network-policy.ts'
import type { FilterContext, FilterEnv, Reply } from '#policy/policy.ts'
import { satisfyAny, type SatisfyAnyConfig } from '#policy/satisfy-any.ts'
import { filterContext } from '../support/filter-context.ts'
import { filterEnv } from '../support/filter-env.ts'

const credentials = (text: string): readonly string[] => [
  'Authorization',
  `Basic ${Buffer.from(text).toString('base64')}`,
]
/** `{SHA}` of `secret`. */
const secret = '{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ='

describe('address lists', () => {
  const rows: readonly [config: AccessConfig, address: string, passes: boolean][] = [
    [{ deny: [], allow: ['10.0.0.0/8'] }, '10.9.9.9', true],
    [{ deny: [], allow: ['10.0.0.0/8'] }, '11.0.0.0', false],
    [{ deny: ['10.1.0.0/16'], allow: ['10.0.0.0/8'] }, '10.1.2.3', false],
    [{ deny: ['10.1.0.0/16'], allow: ['10.0.0.0/8'] }, '10.2.2.3', true],
    [{ deny: ['10.1.0.0/16'], allow: undefined }, '192.0.2.1', true],
    [{ deny: ['192.0.2.1'], allow: undefined }, '192.0.2.1', false],
    [{ deny: [], allow: [] }, '192.0.2.1', false],
    [{ deny: [], allow: ['0.0.0.0/0'] }, '2001:db8::1', false],
    [{ deny: [], allow: ['2001:db8::/32'] }, '2001:db8:1::1', true],
    [{ deny: ['192.0.2.0/24'], allow: undefined }, '::ffff:192.0.2.7', false],
    [{ deny: [], allow: ['0.0.0.0/0', '::/0'] }, 'not an address', false],
  ]
  test.each(rows)('%o for %s: %s', (config, address, passes) => {
    const reply = access.create(config, filterEnv()).onRequest!(filterContext({ address }))
    expect(reply === undefined).toBe(passes)
    if (!passes) expect(reply).toMatchObject({ status: 403, cause: 'access_denied' })
  })
})

describe('network policies', () => {
  const rows: readonly [why: string, config: NetworkPolicyConfig, address: string, passes: boolean][] = [
    ['nobody without a block', { blocks: [], policies: [] }, '10.0.0.1', false],
    ['a block', { blocks: [{ cidr: '10.0.0.0/8', except: [] }], policies: [] }, '10.0.0.1', true],
    ['its exception', { blocks: [{ cidr: '10.0.0.0/8', except: ['10.1.0.0/16'] }], policies: [] }, '10.1.0.1', false],
    [
      'an exception of one block that another has',
      {
        blocks: [
          { cidr: '10.0.0.0/8', except: ['10.1.0.0/16'] },
          { cidr: '10.1.1.0/24', except: [] },
        ],
        policies: [],
      },
      '10.1.1.1',
      true,
    ],
  ]
  test.each(rows)('%s', (_, config, address, passes) => {
    const reply = networkPolicy.create(config, filterEnv()).onRequest!(filterContext({ address }))
    expect(reply === undefined).toBe(passes)
  })
})

describe('basic authentication', () => {
  const config = {
    realm: 'the "house"',
    users: [
      { name: 'ann', secret },
      { name: 'bob', secret: '{SHA}x' },
      { name: 'ann', secret: '{SHA}y' },
    ],
  }
  const ask = (
    fields: readonly string[],
    env: FilterEnv = filterEnv(),
  ): { reply: Reply | undefined | Promise<Reply | undefined>; context: FilterContext } => {
    const context = filterContext({ fields })
    return { reply: basicAuth.create(config, env).onRequest!(context), context }
  }

  test('lets the right password in and keeps it from the endpoint', () => {
    const { reply, context } = ask(credentials('ann:secret'))
    expect(reply).toBeUndefined()
    expect(get(context.sent.fields, 'authorization')).toBeUndefined()
    expect(get(context.received.fields, 'authorization')).toBeDefined()
  })

  const refused: readonly (readonly [why: string, fields: readonly string[]])[] = [
    ['nothing', []],
    ['a wrong password', credentials('ann:wrong')],
    ['somebody unknown with the password of another', credentials('eve:secret')],
    ['nobody', credentials(':secret')],
    ['no colon', credentials('annsecret')],
    ['another scheme', ['Authorization', 'Bearer abc']],
    ['no base64', ['Authorization', 'Basic ann:secret']],
    ['the hash itself', credentials(`ann:${secret}`)],
    ['the prototype of objects', credentials('__proto__:secret')],
    ['the second of two of a name', credentials('ann:y')],
  ]
  test.each(refused)('refuses %s', (_, fields) => {
    const { reply } = ask(fields)
    expect(reply).toMatchObject({ status: 401, cause: 'unauthenticated' })
    expect(get((reply as Reply).fields, 'www-authenticate')).toBe('Basic realm="the \\"house\\"", charset="UTF-8"')
  })

  test('takes the scheme in any case, and passwords with colons and letters of any alphabet', () => {
    const asked: string[] = []
    const env = filterEnv({ passwords: { check: (password) => asked.push(password) > 0 } })
    ask(['authorization', `bAsIc  ${Buffer.from('ann:a:b:ü').toString('base64')}`], env)
    expect(asked).toEqual(['a:b:ü'])
  })

  test('asks for the password of somebody unknown, too, so that the time tells nothing', () => {
    const asked: string[] = []
    ask(
      credentials('eve:guess'),
      filterEnv({ passwords: { check: (password, hash) => (asked.push(password, hash), false) } }),
    )
    expect(asked).toEqual(['guess', secret])
  })

  test('waits for slow hashes, and gives up when there are too many', async () => {
    const slow = (verdict: boolean | 'busy'): FilterEnv =>
      filterEnv({ passwords: { check: () => Promise.resolve(verdict) } })
    expect(await ask(credentials('ann:x'), slow(true)).reply).toBeUndefined()
    expect(await ask(credentials('ann:x'), slow(false)).reply).toMatchObject({ status: 401 })
    expect(await ask(credentials('ann:x'), slow('busy')).reply).toMatchObject({ status: 503, cause: 'auth_failed' })
    expect(await ask(credentials('eve:x'), slow(true)).reply).toMatchObject({ status: 401 })
  })

  test('lets nobody in when there is no user', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const context = filterContext({ fields: credentials(text) })
        expect(basicAuth.create({ realm: 'x', users: [] }, filterEnv()).onRequest!(context)).toMatchObject({
          status: 401,
        })
      }),
    )
  })
})

describe('satisfy any', () => {
  const config: SatisfyAnyConfig = {
    access: { deny: [], allow: ['10.0.0.0/8'] },
    basicAuth: { realm: 'x', users: [{ name: 'ann', secret }] },
    externalAuth: undefined,
  }
  const ask = (
    address: string,
    fields: readonly string[],
    changed = config,
  ): { reply: unknown; context: FilterContext } => {
    const context = filterContext({ address, fields })
    return { reply: satisfyAny.create(changed, filterEnv()).onRequest!(context), context }
  }

  test('one success is enough, and credentials never go on', () => {
    const inside = ask('10.0.0.1', credentials('ann:wrong'))
    expect(inside.reply).toBeUndefined()
    expect(get(inside.context.sent.fields, 'authorization')).toBeUndefined()
    expect(ask('192.0.2.1', credentials('ann:secret')).reply).toBeUndefined()
  })

  test('without any success the client learns how to sign in', () => {
    expect(ask('192.0.2.1', []).reply).toMatchObject({ status: 401 })
    expect(ask('192.0.2.1', [], { ...config, basicAuth: undefined }).reply).toMatchObject({ status: 403 })
  })
})

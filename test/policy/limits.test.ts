import { describe, expect, test } from 'vitest'
import { all, get } from '#http/fields.ts'
import { concurrencyLimit, type ConcurrencyLimitConfig } from '#policy/concurrency-limit.ts'
import { keyReader, type LimitKey } from '#policy/limit-key.ts'
import type { FilterContext, Reply } from '#policy/policy.ts'
import { rateLimit, type RateLimitConfig } from '#policy/rate-limit.ts'
import { type AskedRequest, filterContext } from '../support/filter-context.ts'
import { filterEnv } from '../support/filter-env.ts'

const rate: RateLimitConfig = {
  id: 'default/web',
  windows: [{ count: 2, windowMs: 60_000, burst: 2 }],
  key: { kind: 'client' },
  exempt: [],
  status: 429,
  advertise: false,
  shadow: false,
}

/** Statuses of the refusals, 0 for each that was let through. */
function statuses(config: RateLimitConfig, requests: readonly AskedRequest[], env = filterEnv()): readonly number[] {
  const filter = rateLimit.create(config, env)
  return requests.map((request) => (filter.onRequest!(filterContext(request)) as Reply | undefined)?.status ?? 0)
}

describe('a rate limit', () => {
  test('refuses what is too much, says when to come back and where the client stands', () => {
    const filter = rateLimit.create(rate, filterEnv())
    void filter.onRequest!(filterContext())
    void filter.onRequest!(filterContext())
    const reply = filter.onRequest!(filterContext()) as Reply
    expect(reply).toMatchObject({ status: 429, cause: 'rate_limited', body: '429 Too Many Requests\n' })
    expect(get(reply.fields, 'retry-after')).toBe('30')
    expect(get(reply.fields, 'ratelimit-policy')).toBe('"2-per-60s";q=2;w=60')
    expect(get(reply.fields, 'ratelimit')).toBe('"2-per-60s";r=0;t=60')
  })

  test('of several windows counts only requests that find room in all', () => {
    const clock = { now: 1_000 }
    const env = filterEnv({ now: () => clock.now })
    const windows = [
      { count: 10, windowMs: 1_000_000, burst: 10 },
      { count: 1, windowMs: 1_000, burst: 1 },
    ]
    const requests = Array.from({ length: 20 }, () => ({}))
    expect(statuses({ ...rate, windows }, requests, env).filter((status) => status === 0)).toHaveLength(1)
    // The nineteen that were refused used up nothing of the long window: nine more seconds, nine more requests.
    let passed = 0
    for (let second = 0; second < 20; second++) {
      clock.now += 1_000
      passed += statuses({ ...rate, windows }, [{}], env).filter((status) => status === 0).length
    }
    expect(passed).toBe(9)
  })

  test('does not count who is exempt', () => {
    expect(
      statuses(
        { ...rate, exempt: ['10.0.0.0/8'] },
        [1, 2, 3, 4].map(() => ({ address: '10.1.1.1' })),
      ),
    ).toEqual([0, 0, 0, 0])
  })

  test('counts together what has the same id, and apart what has not', () => {
    const env = filterEnv()
    expect(statuses(rate, [{}, {}], env)).toEqual([0, 0])
    expect(statuses(rate, [{}], env)).toEqual([429])
    expect(statuses({ ...rate, id: 'default/other' }, [{}], env)).toEqual([0])
  })

  test('tells everybody where they stand when it is asked to', () => {
    const filter = rateLimit.create({ ...rate, advertise: true }, filterEnv())
    const standing = (): readonly string[] => {
      const context = filterContext()
      const head = { status: 200, reason: '', fields: [] as string[] }
      void filter.onRequest!(context)
      filter.onResponse!(context, head)
      return all(head.fields, 'ratelimit')
    }
    expect([standing(), standing()]).toEqual([['"2-per-60s";r=1;t=30'], ['"2-per-60s";r=0;t=60']])
  })

  test('in shadow mode lets everybody through and notes whom it would have refused', () => {
    const notes: string[] = []
    const env = filterEnv({ note: (_, id) => void notes.push(id) })
    expect(statuses({ ...rate, shadow: true }, [{}, {}, {}], env)).toEqual([0, 0, 0])
    expect(notes).toEqual(['default/web'])
  })
})

describe('the key of a limit', () => {
  const rows: readonly [
    why: string,
    key: LimitKey,
    requests: readonly [AskedRequest, AskedRequest],
    isSame: boolean,
  ][] = [
    ['addresses are apart', { kind: 'client' }, [{ address: '192.0.2.1' }, { address: '192.0.2.2' }], false],
    ['IPv6 counts by its /64', { kind: 'client' }, [{ address: '2001:db8::1' }, { address: '2001:db8::ffff:1' }], true],
    [
      'another /64 is another client',
      { kind: 'client' },
      [{ address: '2001:db8::1' }, { address: '2001:db8:0:1::1' }],
      false,
    ],
    ['a header', { kind: 'header', name: 'x-key' }, [{ fields: ['X-Key', 'a'] }, { fields: ['x-key', 'b'] }], false],
    [
      'a header from elsewhere',
      { kind: 'header', name: 'x-key' },
      [{ fields: ['X-Key', 'a'], address: '192.0.2.9' }, { fields: ['x-key', 'a'] }],
      true,
    ],
    ['without the header the address counts', { kind: 'header', name: 'x-key' }, [{ address: '192.0.2.9' }, {}], false],
    [
      'a header cannot be an address',
      { kind: 'header', name: 'x-key' },
      [{ fields: ['x-key', '192.0.2.1'], address: '192.0.2.9' }, {}],
      false,
    ],
    [
      'a cookie',
      { kind: 'cookie', name: 's' },
      [{ fields: ['Cookie', 'x=1; s=a'] }, { fields: ['Cookie', 's=b'] }],
      false,
    ],
    ['a cookie of a longer name is another', { kind: 'cookie', name: 's' }, [{ fields: ['Cookie', 'ss=a'] }, {}], true],
    ['the path without query', { kind: 'path' }, [{ target: '/a?1' }, { target: '/a?2', address: '192.0.2.9' }], true],
    ['everybody together', { kind: 'route' }, [{ target: '/a' }, { address: '192.0.2.9' }], true],
  ]
  test.each(rows)('%s', (_, key, [a, b], isSame) => {
    expect(keyReader(key)(filterContext(a)) === keyReader(key)(filterContext(b))).toBe(isSame)
  })
})

describe('a concurrency limit', () => {
  const config: ConcurrencyLimitConfig = {
    id: 'x',
    limit: 1,
    queue: 0,
    waitMs: 0,
    key: { kind: 'client' },
    exempt: [],
    status: 503,
    shadow: false,
  }
  const ask = (filter: ReturnType<typeof concurrencyLimit.create>, context: FilterContext): unknown =>
    filter.onRequest!(context)

  test('refuses the next request until the one before is over', () => {
    const filter = concurrencyLimit.create(config, filterEnv())
    const [first, second, third] = [filterContext(), filterContext(), filterContext()]
    expect(ask(filter, first)).toBeUndefined()
    expect(ask(filter, second)).toMatchObject({ status: 503, cause: 'concurrency_limited' })
    filter.onFinish!(second)
    expect(ask(filter, second)).toMatchObject({ status: 503 })
    filter.onFinish!(first)
    expect(ask(filter, third)).toBeUndefined()
  })

  test('keeps its counts when the snapshot changes under it', () => {
    const env = filterEnv()
    const first = filterContext()
    const before = concurrencyLimit.create(config, env)
    const after = concurrencyLimit.create(config, env)
    ask(before, first)
    expect(ask(after, filterContext())).toMatchObject({ status: 503 })
    before.onFinish!(first)
    expect(ask(after, filterContext())).toBeUndefined()
  })

  test('lets the next one wait for a place', async () => {
    const filter = concurrencyLimit.create({ ...config, queue: 1, waitMs: 1_000 }, filterEnv())
    const [first, second] = [filterContext(), filterContext()]
    ask(filter, first)
    const waiting = ask(filter, second)
    filter.onFinish!(first)
    expect(await waiting).toBeUndefined()
    expect(ask(filter, filterContext())).toBeInstanceOf(Promise)
  })

  test('does not count who is exempt, and in shadow mode refuses nobody', () => {
    const exempt = concurrencyLimit.create({ ...config, exempt: ['192.0.2.0/24'] }, filterEnv())
    expect([1, 2].map(() => ask(exempt, filterContext()))).toEqual([undefined, undefined])
    const shadow = concurrencyLimit.create({ ...config, shadow: true, queue: 5 }, filterEnv())
    expect([1, 2].map(() => ask(shadow, filterContext()))).toEqual([undefined, undefined])
  })
})

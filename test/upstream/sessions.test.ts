import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { EndpointSpec } from '#snapshot/snapshot.ts'
import { newToken, type Session, SessionSeal } from '#upstream/session.ts'
import { type Asker, Upstream } from '#upstream/upstream.ts'
import { endpointOf } from '../support/door.ts'
import { seededRandom, testSeal, upstreamEnv } from '../support/proxy-env.ts'

const id = 'test/web:80'

function cookie(...values: readonly string[]): string[] {
  return ['Host', 'a.test', 'Cookie', values.map((value) => `S=${value}`).join('; ')]
}

describe('a sealed session', () => {
  const session: Session = { mode: 'persistent', upstream: id, token: testSeal.endpointTag(id, '10.0.0.1:80') }

  test('is read by whoever has the key, and tells nothing of addresses or names', () => {
    const value = testSeal.seal(session)
    expect(testSeal.open(cookie(value), 'S', id)).toEqual(session)
    expect(new SessionSeal(new Uint8Array(32).fill(7)).open(cookie(value), 'S', 'other', id)).toEqual(session)
    expect(value).toMatch(/^p[\w-]{16}\.[\w-]{16}\.[\w-]{16}$/)
    expect(value).not.toMatch(/10|web|test/)
  })

  test('is not read with another key, for another upstream, or under another name', () => {
    const value = testSeal.seal(session)
    expect(new SessionSeal(new Uint8Array(32).fill(8)).open(cookie(value), 'S', id)).toBeUndefined()
    expect(testSeal.open(cookie(value), 'S', 'test/api:80')).toBeUndefined()
    expect(testSeal.open(cookie(value), 's', id)).toBeUndefined()
  })

  test('changed in any one character it is ignored', () => {
    const value = testSeal.seal(session)
    fc.assert(
      fc.property(fc.nat(value.length - 1), fc.constantFrom(...Array.from('ABCxyz019-_.p b')), (at, character) => {
        if (value[at] === character) return
        expect(testSeal.open(cookie(value.slice(0, at) + character + value.slice(at + 1)), 'S', id)).toBeUndefined()
      }),
    )
  })

  test('that is known is read again for its own upstream alone, and a changed one is as wrong as before', () => {
    const seal = new SessionSeal(new Uint8Array(32).fill(7))
    const value = seal.seal(session)
    for (let time = 0; time < 3; time++) {
      expect(seal.open(cookie(value), 'S', id)).toEqual(session)
      expect(seal.open(cookie(value), 'S', 'other', id)).toEqual(session)
      expect(seal.open(cookie(value), 'S', 'other', 'test/api:80')).toBeUndefined()
      for (let at = 0; at < value.length; at++) {
        const changed = value.slice(0, at) + (value[at] === 'A' ? 'B' : 'A') + value.slice(at + 1)
        expect(seal.open(cookie(changed), 'S', id)).toBeUndefined()
      }
      expect(seal.open(cookie(`${value}A`), 'S', id)).toBeUndefined()
    }
  })

  test('is read however many others were read before', () => {
    const seal = new SessionSeal(new Uint8Array(32).fill(7))
    const random = seededRandom(3)
    const first = seal.seal({ mode: 'balanced', upstream: id, token: newToken(random) })
    for (let count = 0; count < 20_000; count++) {
      const each: Session = { mode: 'balanced', upstream: id, token: newToken(random) }
      expect(seal.open(cookie(seal.seal(each)), 'S', id)).toEqual(each)
    }
    expect(seal.open(cookie(first), 'S', id)?.mode).toBe('balanced')
  })

  test('is found behind cookies of the same name that are forged, of other routes, or nonsense', () => {
    const forged = `p${'A'.repeat(16)}.${'A'.repeat(16)}.${'A'.repeat(16)}`
    const other = testSeal.seal({ ...session, upstream: 'test/api:80' })
    expect(testSeal.open(cookie('', 'x', forged, other, testSeal.seal(session), 'y'), 'S', id)).toEqual(session)
    const fields = [...cookie(forged), 'cookie', `a=b;S="${testSeal.seal(session)}"`]
    expect(testSeal.open(fields, 'S', id)).toEqual(session)
  })
})

const asker: Asker = {
  received: { method: 'GET', target: '/', version: '1.1', fields: [] },
  client: { address: '10.1.1.1', scheme: 'http' },
  host: '',
  path: '/',
  query: '',
}

function upstreamOf(
  specs: readonly Partial<EndpointSpec>[],
  change: { readonly random?: () => number; readonly now?: () => number } = {},
): Upstream {
  const upstream = new Upstream(id, upstreamEnv(change))
  apply(upstream, specs)
  return upstream
}

function apply(upstream: Upstream, specs: readonly Partial<EndpointSpec>[]): void {
  upstream.update({
    upstream: id,
    state: 'live',
    mode: 'slices',
    endpoints: specs.map((spec, at) => endpointOf({ port: at + 1, ...spec })),
  })
}

const five = [{}, {}, {}, {}, {}]

describe.each(['persistent', 'balanced'] as const)('a %s session', (mode) => {
  test('leads to its endpoint in every process that has the key', () => {
    const upstream = upstreamOf(five)
    const elsewhere = upstreamOf(five, { random: seededRandom(99) })
    for (let at = 0; at < 200; at++) {
      const { session, endpoint } = upstream.bind(asker, [], mode)!
      expect(upstream.bound(session)).toBe(endpoint)
      expect(elsewhere.bound(session)?.id).toBe(endpoint.id)
    }
  })

  test('stays with an endpoint that is on its way out while that serves, and new ones go elsewhere', () => {
    const upstream = upstreamOf(five)
    const sessions = Array.from({ length: 100 }, () => upstream.bind(asker, [], mode)!.session)
    const ports = sessions.map((session) => upstream.bound(session)!.spec.port)
    apply(upstream, [{}, {}, { ready: false, serving: true, terminating: true }, {}, {}])
    expect(sessions.map((session) => upstream.bound(session)!.spec.port)).toEqual(ports)
    for (let at = 0; at < 100; at++) {
      const { session, endpoint } = upstream.bind(asker, [], mode)!
      expect(endpoint.spec.port).not.toBe(3)
      expect(upstream.bound(session)).toBe(endpoint)
    }
    apply(upstream, [{}, {}, { ready: false, serving: false, terminating: true }, {}, {}])
    for (const [at, session] of sessions.entries()) {
      const port = upstream.bound(session)?.spec.port
      if (ports[at] === 3) expect(port).not.toBe(3)
      else expect(port).toBe(ports[at])
    }
  })

  test('1,000 sessions: the loss of one of five endpoints moves only that fifth', () => {
    const upstream = upstreamOf(five)
    const sessions = Array.from({ length: 1_000 }, () => upstream.bind(asker, [], mode)!)
    const lost = sessions.filter(({ endpoint }) => endpoint.spec.port === 2)
    expect(Math.abs(lost.length - 200)).toBeLessThan(50)
    apply(upstream, [{}, { ready: false, serving: false }, {}, {}, {}])
    for (const { session, endpoint } of sessions) {
      const now = upstream.bound(session)
      if (!lost.some((each) => each.session === session)) expect(now).toBe(endpoint)
      else if (mode === 'persistent') expect(now).toBeUndefined()
      else expect(now).not.toBe(endpoint)
    }
  })

  test('is never begun at an endpoint that was tried', () => {
    const upstream = upstreamOf([{}, {}])
    const [first] = [...upstream.endpoints()]
    for (let at = 0; at < 50; at++) expect(upstream.bind(asker, [first!], mode)!.endpoint.spec.port).toBe(2)
    expect(upstream.bind(asker, [...upstream.endpoints()], mode)).toBeUndefined()
  })
})

test('tokens are random and of the form that is read', () => {
  const random = seededRandom(5)
  const tokens = new Set(Array.from({ length: 100 }, () => newToken(random)))
  expect(tokens.size).toBe(100)
  for (const token of tokens)
    expect(testSeal.open(cookie(testSeal.seal({ mode: 'balanced', upstream: id, token })), 'S', id)?.token).toBe(token)
})

describe('clients by address', () => {
  const from = (address: string): Asker => ({ ...asker, client: { address, scheme: 'http' } })
  const sticky = (now: () => number): Upstream => {
    const upstream = upstreamOf(five, { now })
    upstream.configure({ protocol: 'http', affinity: { kind: 'clientIP', timeoutMs: 1_000 } }, Infinity)
    return upstream
  }

  test('stay with their endpoint whatever comes and goes, until it is gone', () => {
    const upstream = sticky(() => 5)
    const clients = Array.from({ length: 50 }, (_, at) => from(`10.0.0.${at}`))
    const before = clients.map((client) => upstream.pick(client, [])!.spec.port)
    expect(new Set(before).size).toBe(5)
    apply(upstream, [...five, {}, {}])
    expect(clients.map((client) => upstream.pick(client, [])!.spec.port)).toEqual(before)
    apply(upstream, [{ ready: false, serving: true, terminating: true }, {}, {}, {}, {}])
    expect(clients.map((client) => upstream.pick(client, [])!.spec.port)).toEqual(before)
    apply(upstream, [{ ready: false, serving: false }, {}, {}, {}, {}])
    for (const [at, client] of clients.entries()) {
      const { port } = upstream.pick(client, [])!.spec
      if (before[at] === 1) expect(port).not.toBe(1)
      else expect(port).toBe(before[at])
    }
  })

  test('two workers that never talk choose alike', () => {
    const [one, two] = [sticky(() => 5), sticky(() => 5)]
    for (let at = 0; at < 50; at++)
      expect(one.pick(from(`10.0.0.${at}`), [])!.id).toBe(two.pick(from(`10.0.0.${at}`), [])!.id)
  })

  test('are forgotten after the timeout, counted from their last request', () => {
    let now = 0
    const upstream = sticky(() => now)
    const client = from('10.0.0.1')
    const home = upstream.pick(client, [])!
    // Only memory keeps it there: by hash it would go to one of the new ones some day.
    const others = Array.from({ length: 200 }, () => ({}))
    apply(upstream, [...five, ...others])
    now = 900
    expect(upstream.pick(client, [])).toBe(home)
    now = 1_800
    expect(upstream.pick(client, [])).toBe(home)
    now = 2_801
    expect(upstream.pick(client, [])).not.toBe(home)
  })

  test('go elsewhere when it fails, and stay there', () => {
    const upstream = sticky(() => 5)
    const client = from('10.0.0.1')
    const home = upstream.pick(client, [])!
    const next = upstream.pick(client, [home])!
    expect(next).not.toBe(home)
    expect(upstream.pick(client, [])).toBe(next)
  })
})

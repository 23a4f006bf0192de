import type { ServerResponse } from 'node:http'
import { describe, expect, test } from 'vitest'
import type { AffinityCookieSpec, EndpointSpec, UpstreamSpec } from '#snapshot/snapshot.ts'
import { type Door, endpointOf, openDoor, type DoorOptions, routeOf, setOf, upstreamOf } from '../support/door.ts'
import { describeLanes } from '../support/lanes.ts'
import { closedPort, startOrigin } from '../support/origin.ts'
import { connectRaw, type RawClient, talk } from '../support/raw-client.ts'
import { until } from '../support/until.ts'

const plain: AffinityCookieSpec = { name: 'S', path: '/', secure: 'auto', changeOnFailure: false }
type Mode = 'balanced' | 'persistent'

function sticky(mode: Mode, cookie: Partial<AffinityCookieSpec> = {}): Pick<DoorOptions, 'route' | 'upstream'> {
  return {
    route: { affinityCookie: { ...plain, ...cookie } },
    upstream: { affinity: { kind: 'cookie', mode, cookieName: 'S' } },
  }
}

/** Each answers with its number. */
async function numbered(count: number): Promise<number[]> {
  const origins = await Promise.all(
    Array.from({ length: count }, (_, at) =>
      startOrigin((_request, response) => response.writeHead(200, { 'content-length': 2 }).end(`#${at}`)),
    ),
  )
  return origins.map(({ port }) => port)
}

type Answer = { readonly who: string; readonly cookie: string | undefined; readonly line: string | undefined }

type Question = { readonly cookie?: string | undefined; readonly host?: string }

/** Requests on one connection, written at once and answered in turn. */
class Talker {
  readonly #client: RawClient
  #seen = 0

  constructor(client: RawClient) {
    this.#client = client
  }

  static async to(door: Door): Promise<Talker> {
    return new Talker(await connectRaw(door.http))
  }

  async ask(cookie?: string, host?: string): Promise<Answer> {
    return (await this.all([{ cookie, ...(host === undefined ? {} : { host }) }]))[0]!
  }

  async all(questions: readonly Question[]): Promise<Answer[]> {
    const heads = questions.map(
      ({ cookie, host = 'a.test' }) =>
        `GET / HTTP/1.1\r\nHost: ${host}\r\n${cookie === undefined ? '' : `Cookie: ${cookie}\r\n`}\r\n`,
    )
    this.#client.write(heads.join(''))
    await new Promise<void>((resolve) => {
      const look = (): void => {
        const text = this.#client.received.slice(this.#seen)
        if (text.split('HTTP/1.1 ').length <= questions.length || this.#answers().length < questions.length) return
        this.#client.socket.off('data', look)
        resolve()
      }
      this.#client.socket.on('data', look)
    })
    const answers = this.#answers()
    this.#seen = this.#client.received.length
    return answers
  }

  /** Bodies are `#0` and the like, or those of our own answers. */
  #answers(): Answer[] {
    const texts =
      this.#client.received.slice(this.#seen).match(/HTTP\/1\.1 \d{3} (?:.+\r\n)+\r\n(?:#\d|\d{3} [\w ]+\n)/g) ?? []
    return texts.map((text) => {
      const line = /^Set-Cookie: (.*)\r$/im.exec(text)?.[1]
      return { who: /#\d$/.exec(text)?.[0] ?? text.slice(9, 12), cookie: line?.split(';')[0], line }
    })
  }
}

function endpoints(
  ports: readonly number[],
  change: (port: number) => Partial<EndpointSpec>,
): ReturnType<typeof setOf> {
  return setOf([], { state: 'live', endpoints: ports.map((port) => endpointOf({ port, ...change(port) })) })
}

describeLanes(() => {
  describe.each(['balanced', 'persistent'] as const)('%s sessions', (mode) => {
    test('a cookie is set once, names no address, and is honoured from then on', async () => {
      const ports = await numbered(3)
      const door = await openDoor({ endpoints: ports, ...sticky(mode) })
      const talker = await Talker.to(door)
      const first = await talker.ask()
      expect(first.line).toMatch(/^S=[pb][\w-]{16}\.[\w-]{16}\.[\w-]{16}; Path=\/; HttpOnly$/)
      for (const port of ports) expect(first.line).not.toContain(String(port))
      for (let at = 0; at < 6; at++)
        expect(await talker.ask(first.cookie)).toMatchObject({ who: first.who, cookie: undefined })
      const others = new Set<string>()
      for (let at = 0; at < 30; at++) others.add((await talker.ask()).who)
      expect(others.size).toBe(3)
    })

    test('a cookie that somebody made up or changed is replaced', async () => {
      const door = await openDoor({ endpoints: await numbered(3), ...sticky(mode) })
      const talker = await Talker.to(door)
      const { cookie } = await talker.ask()
      const changed = `${cookie!.slice(0, -1)}${cookie!.endsWith('A') ? 'B' : 'A'}`
      for (const bad of [changed, 'S=127.0.0.1:80', 'S=', 'S']) expect((await talker.ask(bad)).cookie).toMatch(/^S=/)
      expect((await talker.ask(`S=junk; ${cookie}`)).cookie).toBeUndefined()
    })

    test('1,000 sessions: a reload moves nobody, a restart moves nobody, the loss of one of five endpoints moves that fifth, once', async () => {
      const ports = await numbered(5)
      const door = await openDoor({ endpoints: ports, ...sticky(mode) })
      const talker = await Talker.to(door)
      const sessions = (await talker.all(Array.from({ length: 1_000 }, () => ({})))).map(({ who, cookie }) => ({
        who,
        cookie: cookie!,
      }))
      const stay = async (on: Talker): Promise<void> => {
        const expected = sessions.map(({ who }) => ({ who, cookie: undefined, line: undefined }))
        expect(await on.all(sessions)).toEqual(expected)
      }
      door.apply({})
      await stay(talker)
      const restarted = await openDoor({ endpoints: ports, ...sticky(mode) })
      const again = await Talker.to(restarted)
      await stay(again)
      restarted.apply({ endpoints: ports.filter((_, at) => at !== 2) })
      let moved = 0
      for (const [at, { who, cookie }] of (await again.all(sessions)).entries()) {
        const session = sessions[at]!
        if (session.who !== '#2') expect(who).toBe(session.who)
        else moved++
        // A persistent session is bound anew and told so; a balanced one follows its hash.
        expect(cookie !== undefined).toBe(mode === 'persistent' && session.who === '#2')
        session.who = who
        session.cookie = cookie ?? session.cookie
      }
      expect(Math.abs(moved - 200)).toBeLessThan(60)
      await stay(again)
    })

    test('an endpoint on its way out keeps its sessions while it serves, and gets no new ones', async () => {
      const ports = await numbered(3)
      const door = await openDoor({ endpoints: ports, ...sticky(mode) })
      const talker = await Talker.to(door)
      const { cookie, who } = await talker.ask()
      const leaving = ports[Number(who.slice(1))]!
      const mine = (change: Partial<EndpointSpec>) => endpoints(ports, (port) => (port === leaving ? change : {}))
      door.frontDoor.endpoints([mine({ ready: false, serving: true, terminating: true })])
      for (let at = 0; at < 3; at++) expect(await talker.ask(cookie)).toMatchObject({ who, cookie: undefined })
      for (let at = 0; at < 30; at++) expect((await talker.ask()).who).not.toBe(who)
      door.frontDoor.endpoints([mine({ ready: false, serving: false, terminating: true })])
      const moved = await talker.ask(cookie)
      expect(moved.who).not.toBe(who)
      expect(moved.cookie !== undefined).toBe(mode === 'persistent')
      expect(await talker.ask(moved.cookie ?? cookie)).toMatchObject({ who: moved.who, cookie: undefined })
    })

    test.each([[false], [true]])(
      'a session whose endpoint fails is answered by another; change on failure: %s',
      async (changeOnFailure) => {
        const ports = await numbered(2)
        const dead = await closedPort()
        const door = await openDoor({ endpoints: ports, ...sticky(mode, { changeOnFailure }) })
        const talker = await Talker.to(door)
        const { cookie, who } = await talker.ask()
        const at = Number(who.slice(1))
        // The same identity, but nobody is there any more.
        const broken = setOf([], {
          state: 'live',
          endpoints: ports.map((port) =>
            endpointOf({ port, ...(port === ports[at] ? { id: `127.0.0.1:${port}`, port: dead } : {}) }),
          ),
        })
        const fresh = await openDoor({ ...sticky(mode, { changeOnFailure }) })
        fresh.frontDoor.endpoints([broken])
        const other = await Talker.to(fresh)
        const answered = await other.ask(cookie)
        expect(answered.who).toBe(`#${1 - at}`)
        expect(answered.cookie !== undefined).toBe(changeOnFailure)
        const next = await fresh.nth(1)
        expect(next.tried.map(({ id }) => id)).toEqual([`127.0.0.1:${ports[at]}`, `127.0.0.1:${ports[1 - at]}`])
        if (!changeOnFailure) return
        expect(await other.ask(answered.cookie)).toMatchObject({ who: answered.who, cookie: undefined })
        expect((await fresh.nth(2)).attempts).toBe(1)
      },
    )
  })

  test('attributes are as the route says', async () => {
    const full = {
      path: '/shop',
      domain: 'a.test',
      maxAge: 60,
      expires: 120,
      sameSite: 'None',
      conditionalSameSiteNone: true,
      secure: 'always',
    } as const
    const door = await openDoor({ endpoints: await numbered(1), ...sticky('persistent', full) })
    const { line } = await (await Talker.to(door)).ask()
    expect(line).toMatch(
      /^S=[^;]+; Path=\/shop; Domain=a\.test; Expires=\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT; Max-Age=60; Secure; HttpOnly; SameSite=None$/,
    )
    const old = await talk(
      door.http,
      'GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\nUser-Agent: Mozilla/5.0 (iPhone; CPU iPhone OS 12_4 like Mac OS X) AppleWebKit/605.1.15\r\n\r\n',
    )
    expect(old).toMatch(/Set-Cookie: [^\r]*; HttpOnly\r\n/)
  })

  test('a route that sets no cookie honours one of its upstream, and sets none', async () => {
    const ports = await numbered(3)
    const { route, upstream } = sticky('persistent')
    const routes = [routeOf({ id: 'a', host: 'a.test', ...route }), routeOf({ id: 'b', host: 'b.test' })]
    const door = await openDoor({ endpoints: ports, snapshot: { routes, upstreams: [upstreamOf(upstream!)] } })
    const talker = await Talker.to(door)
    const { cookie, who } = await talker.ask()
    for (let at = 0; at < 5; at++) expect(await talker.ask(cookie, 'b.test')).toMatchObject({ who, cookie: undefined })
    expect((await talker.ask(undefined, 'b.test')).cookie).toBeUndefined()
  })

  test('an answer that would have been a reason to go elsewhere, had there been anywhere, begins a session', async () => {
    const sick = await startOrigin((_request, response) => response.writeHead(503, { 'content-length': 2 }).end('#0'))
    const { route, upstream } = sticky('persistent')
    const door = await openDoor({
      endpoints: [sick.port],
      upstream: upstream!,
      route: { ...route, retry: { on: ['http_503'], tries: 3, withinMs: 0 } },
    })
    const talker = await Talker.to(door)
    const { cookie } = await talker.ask()
    expect(cookie).toMatch(/^S=p/)
    expect((await talker.ask(cookie)).cookie).toBeUndefined()
  })

  test('when nobody is left the session gets 503 and no cookie', async () => {
    const door = await openDoor({ endpoints: await numbered(2), ...sticky('persistent') })
    const talker = await Talker.to(door)
    const { cookie } = await talker.ask()
    door.apply({ endpoints: [] })
    expect(await talker.ask(cookie)).toMatchObject({ who: '503', cookie: undefined })
  })

  test('a session whose endpoint is full waits for it', async () => {
    const open: ServerResponse[] = []
    const slow = await startOrigin((_request, response) => void open.push(response))
    const upstream: Partial<UpstreamSpec> = {
      ...sticky('persistent').upstream,
      bounds: { connections: 1, pendingMs: 5_000 },
    }
    const door = await openDoor({ endpoints: [slow.port], ...sticky('persistent'), upstream })
    const [first, second] = [await connectRaw(door.http), await connectRaw(door.http)]
    first.write('GET / HTTP/1.1\r\nHost: a.test\r\n\r\n')
    await until(() => open.length === 1)
    open[0]!.end('#0')
    const cookie = /Set-Cookie: (S=[^;]+)/.exec(await first.until(/#0/))![1]!
    const get = `GET / HTTP/1.1\r\nHost: a.test\r\nCookie: ${cookie}\r\n\r\n`
    first.write(get)
    await until(() => open.length === 2)
    const other = await startOrigin((_request, response) => response.end('#1'))
    door.apply({ endpoints: [slow.port, other.port] })
    second.write(get)
    await until(() => door.inFlight() === 2)
    open[1]!.end('#0')
    await until(() => open.length === 3)
    open[2]!.end('#0')
    expect(await second.until(/#\d/)).toMatch(/#0/)
  })
})

/** The control loop beside workers that only remember what they are given. */
import { describe, expect, test, vi } from 'vitest'
import type { ControlInit } from '../../src/control/loop.ts'
import { ControlLoop } from '../../src/control/loop.ts'
import { compiling } from '../../src/compile/compile.ts'
import type { Snapshot } from '../../src/snapshot/snapshot.ts'
import { MemorySource } from '../../src/source/memory.ts'
import { silentLog } from '../../src/telemetry/log.ts'
import { after } from '../support/closing.ts'

const ingress = (host: string): string => `
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: ${host.replace('.', '-')}}
spec: {rules: [{host: ${host}, http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}]}}]}
`

type Bench = {
  readonly source: MemorySource
  readonly loop: ControlLoop
  readonly applied: readonly Snapshot[]
  readonly errors: readonly string[]
}

async function start(init: Partial<ControlInit> = {}): Promise<Bench> {
  const source = new MemorySource()
  const applied: Snapshot[] = []
  const errors: string[] = []
  // The loop asks no more of them than this.
  const pool = {
    apply: async (snapshot: Snapshot) => void applied.push(snapshot),
    endpoints: () => {},
    settled: async () => {},
  } as unknown as ControlInit['pool']
  const discovery = { follow: async () => {}, current: () => [] } as unknown as ControlInit['discovery']
  const health = { follow: async () => {}, current: () => [] } as unknown as ControlInit['health']
  const loop = new ControlLoop({
    sources: [source],
    options: { ingressClasses: ['genkan'], compat: 'none', configMap: undefined, discovery: ['slices'] },
    discovery,
    health,
    pool,
    log: { ...silentLog, error: (message) => void errors.push(message) },
    now: () => 0,
    ...init,
  })
  after(() => loop.close())
  await loop.start()
  return { source, loop, applied, errors }
}

const isShort = (changes: readonly string[]): boolean => changes.length === 11 && changes[10] === '… and 10 more'

const hosts = (snapshot: Snapshot | undefined): readonly string[] => snapshot?.routes.map(({ host }) => host) ?? []

describe('the control loop', () => {
  test('leaves what is live when compiling throws, and goes on with the next change', async () => {
    const { source, loop, applied, errors } = await start({
      compile: function* (resources, options, memo) {
        if (resources.list('Ingress').some(({ metadata }) => metadata.name === 'bad-test'))
          throw new Error('a bug of ours')
        return yield* compiling(resources, options, memo)
      },
    })
    source.apply(ingress('a.test'))
    await loop.settled()
    source.apply(ingress('bad.test'))
    await loop.settled()
    expect(hosts(applied.at(-1))).toEqual(['a.test'])
    expect(errors).toEqual(['a change could not be applied; the last good configuration stays'])
    source.delete('Ingress default/bad-test')
    source.apply(ingress('b.test'))
    await loop.settled()
    expect(hosts(applied.at(-1))).toEqual(['a.test', 'b.test'])
  })

  test('says in the log what a change did, in a few lines', async () => {
    const told: unknown[] = []
    const { source, loop } = await start({ log: { ...silentLog, info: (...said) => void told.push(said) } })
    source.apply(ingress('a.test'))
    await loop.settled()
    source.apply(ingress('a.test'))
    await loop.settled()
    source.apply(Array.from({ length: 20 }, (_, n) => ingress(`b${n}.test`)).join('---'))
    await loop.settled()
    expect(told).toEqual([
      ['a new configuration is applied', { generation: 1, routes: 0 }],
      [
        'a new configuration is applied',
        {
          generation: 2,
          routes: 1,
          changes: ['+ route default/a-test a.test Prefix / -> default/web:80', '+ upstream default/web:80'],
        },
      ],
      ['a new configuration is applied', { generation: 3, routes: 21, changes: expect.toSatisfy(isShort) as unknown }],
    ])
  })

  test('lets others have the core while it takes up a change, but not before the first configuration', async () => {
    let rests = 0
    const { source, loop, applied } = await start({ rest: async () => void (rests += 1) })
    expect(applied.length).toBe(1)
    expect(rests).toBe(0)
    source.apply(Array.from({ length: 2_000 }, (_, n) => ingress(`b${n}.test`)).join('---'))
    await loop.settled()
    expect(applied.at(-1)!.routes.length).toBe(2_000)
    // At least one for each of its parts, and several in the compilation.
    expect(rests).toBeGreaterThan(8)
  })

  test('takes what comes while it rests into the same turn, and loses nothing that comes later', async () => {
    const waiting: (() => void)[] = []
    const rest = (): Promise<void> => new Promise((resolve) => waiting.push(resolve))
    const { source, loop, applied } = await start({ rest })
    source.apply(ingress('a.test'))
    source.apply(ingress('b.test'))
    const goOn = async (): Promise<void> => {
      await vi.waitFor(() => expect(waiting.length).toBe(1))
      waiting.pop()!()
    }
    // The first rest ends where the resources are taken; the second is behind it.
    await goOn()
    await vi.waitFor(() => expect(waiting.length).toBe(1))
    source.apply(ingress('c.test'))
    const settled = loop.settled()
    const restless = setInterval(() => waiting.splice(0).forEach((go) => go()))
    await settled
    clearInterval(restless)
    expect(applied.map(hosts)).toEqual([[], ['a.test', 'b.test'], ['a.test', 'b.test', 'c.test']])
  })

  test('takes up what comes in the very moment in which a turn ends', async () => {
    const bench: { loop?: ControlLoop } = {}
    let turns = 0
    let ticks = 0
    const later = async (): Promise<void> => {
      for (let tick = 0; tick < ticks; tick++) await Promise.resolve()
      bench.loop?.turn()
    }
    const onTurn = (): void => {
      turns += 1
      if (turns % 2 === 0) void later()
    }
    const { loop } = await start({ onTurn })
    bench.loop = loop
    for (; ticks < 12; ticks++) {
      loop.turn()
      await vi.waitFor(() => expect(turns).toBe(3 + ticks * 2))
      await loop.settled()
    }
  })

  test('tells nobody of a turn in the middle of which it is closed', async () => {
    const resting: (() => void)[] = []
    let turns = 0
    const { source, loop, applied } = await start({
      rest: () => new Promise((go) => resting.push(go)),
      onTurn: () => void (turns += 1),
    })
    source.apply(ingress('a.test'))
    const settled = loop.settled()
    await vi.waitFor(() => expect(resting.length).toBe(1))
    resting.pop()!()
    await vi.waitFor(() => expect(resting.length).toBe(1))
    loop.close()
    const restless = setInterval(() => resting.splice(0).forEach((go) => go()))
    await settled
    clearInterval(restless)
    expect([applied.length, turns]).toEqual([1, 1])
  })

  test('numbers what differs, and publishes nothing that does not', async () => {
    const { source, loop, applied } = await start()
    source.apply(ingress('a.test'))
    await loop.settled()
    source.apply(ingress('a.test'))
    await loop.settled()
    expect(applied.map(({ generation }) => generation)).toEqual([1, 2])
  })

  test('publishes the same objects for what a change left alone', async () => {
    const { source, loop, applied } = await start()
    source.apply(`${ingress('a.test')}---${ingress('b.test')}`)
    await loop.settled()
    source.apply(ingress('b.test').replace('path: /,', 'path: /b,'))
    await loop.settled()
    const [, before, now] = applied
    expect(now!.routes[0]).toBe(before!.routes[0])
    expect(now!.routes[1]).not.toBe(before!.routes[1])
    expect(now!.upstreams[0]).toBe(before!.upstreams[0])
  })
})

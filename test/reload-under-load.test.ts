/** A change never closes a connection: many of them, under load, with everything open that stays open. */
import { expect, test } from 'vitest'
import { MemorySource } from '../src/source/memory.ts'
import { after } from './support/closing.ts'
import { siteManifests, startFrontDoor } from './support/front-door.ts'
import { openStreams, startStreamOrigin } from './support/open-streams.ts'
import { steadyLoad } from './support/steady-load.ts'
import { describeLanes, leftToGeneral } from './support/lanes.ts'

/** `bench/reload.ts --changes 1000 --streams 10` does more of it. */
const changes = 100

describeLanes(() => {
  test('a hundred changes under load close no stream and fail no request', async () => {
    leftToGeneral('upgrade')
    const origin = await startStreamOrigin()
    after(() => origin.close())
    const source = new MemorySource()
    const apply = (change: number): void => {
      const path = `/change-${change}`
      const others = [
        { host: `b-${change % 3}.test`, port: origin.port },
        {
          host: 'c.test',
          port: origin.port,
          annotations: { 'nginx.ingress.kubernetes.io/proxy-read-timeout': String(60 + change) },
        },
      ]
      source.apply(
        siteManifests([
          { host: 'a.test', port: origin.port, annotations: { 'nginx.ingress.kubernetes.io/app-root': path } },
          ...others,
        ]),
        `change-${change}.yaml`,
      )
    }
    apply(0)
    const { genkan } = await startFrontDoor('', { sources: [source], workers: 2 })
    after(() => genkan.close())
    const streams = await openStreams({ http: genkan.ports.http, https: genkan.ports.https, host: 'a.test', each: 3 })
    after(() => streams.close())
    const load = steadyLoad(genkan.ports.http, 'a.test', { path: '/steady' })
    await load.more(20)
    const before = genkan.generation()
    for (let change = 1; change <= changes; change++) {
      apply(change)
      await genkan.settled()
      await load.more(5)
    }
    await streams.alive()
    expect(genkan.generation()).toBe(before + changes)
    expect(streams.broken).toEqual([])
    const { bad } = await load.stop()
    expect(bad).toEqual([])
  }, 60_000)
})

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type FrontDoor, siteManifests, startFrontDoor, reasonsLeft } from '../support/front-door.ts'
import { describeLanes, leftToGeneral } from '../support/lanes.ts'
import type { Delivery } from '../support/wire-client.ts'
import { exceptions as ofFastLane } from './fast-lane-exceptions.ts'
import { exceptions as ofGeneralLane } from './general-lane-exceptions.ts'
import { type Verdict, loadRequestCases } from './request-case.ts'
import { type Slot, openSlots, runRequestCases } from './run-requests.ts'

const cases = loadRequestCases()
const exceptionsOf = { general: ofGeneralLane, fast: ofFastLane }

/** Connections, over the three deliveries, with requests that the fast lane leaves; it judges all the others itself. */
const leftOf = {
  general: {},
  fast: { coding: 72, expect: 15, http2: 3, method: 15, tabs: 9, target: 36, upgrade: 27, version: 15 },
}

describeLanes((name) => {
  leftToGeneral('coding', 'expect', 'http2', 'method', 'tabs', 'target', 'upgrade', 'version')
  const exceptions = exceptionsOf[name]
  const excepted = new Set(exceptions.map(({ id }) => id))
  let slots: readonly Slot[]
  let frontDoor: FrontDoor

  beforeAll(async () => {
    slots = await openSlots()
    const sites = slots.map(({ letter, origin }) => ({ host: `${letter}.test`, port: origin.port }))
    frontDoor = await startFrontDoor(siteManifests(sites))
  })

  afterAll(async () => {
    await frontDoor.genkan.close()
    for (const { origin } of slots) origin.close()
  })

  test('every exception names a case', () => {
    const ids = new Set(cases.map(({ id }) => id))
    expect(exceptions.filter(({ id }) => !ids.has(id))).toEqual([])
  })

  describe.each<Delivery>(['whole', 'lines', 'bytes'])('requests delivered as %s', (delivery) => {
    let verdicts: ReadonlyMap<string, Verdict>
    beforeAll(async () => {
      verdicts = await runRequestCases(frontDoor.genkan.ports.http, slots, cases, delivery)
    }, 60_000)

    test.each(cases.filter(({ id }) => !excepted.has(id)))('$id: $expect', ({ id }) => {
      expect(verdicts.get(id)).toEqual({ faults: [], strict: true })
    })

    test.each(exceptions)('$id $verdict: $reason', ({ id, verdict }) => {
      const { faults, strict } = verdicts.get(id)!
      expect(faults.length > 0 ? 'fails' : strict ? 'passes' : 'lenient', faults.join('; ')).toBe(verdict)
    })
  })

  test('are judged by this lane but for what the fast one leaves', async () => {
    expect(countsOf(await reasonsLeft(frontDoor.genkan))).toEqual(leftOf[name])
  })
})

function countsOf(texts: readonly string[]): Readonly<Record<string, number>> {
  return Object.fromEntries([...new Set(texts)].map((text) => [text, texts.filter((each) => each === text).length]))
}

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type FrontDoor, siteManifests, startFrontDoor } from '../support/front-door.ts'
import { describeLanes } from '../support/lanes.ts'
import type { Delivery } from '../support/wire-client.ts'
import { loadResponseCases } from './response-case.ts'
import { type ResponseSlot, openResponseSlots, runResponseCases } from './run-responses.ts'

// The slowest first, so that the others run beside it.
const cases = loadResponseCases().toSorted((a, b) => Number(b.end === 'hang') - Number(a.end === 'hang'))
const annotations = { 'nginx.ingress.kubernetes.io/proxy-read-timeout': '1' }

describeLanes(() => {
  let slots: readonly ResponseSlot[]
  let frontDoor: FrontDoor

  beforeAll(async () => {
    slots = await openResponseSlots()
    const sites = slots.map(({ host, origin }) => ({ host, port: origin.port, annotations }))
    frontDoor = await startFrontDoor(siteManifests(sites))
  })

  afterAll(async () => {
    await frontDoor.genkan.close()
    for (const { origin } of slots) origin.close()
  })

  describe.each<Delivery>(['whole', 'lines', 'bytes'])('responses delivered as %s', (delivery) => {
    let faults: ReadonlyMap<string, readonly string[]>
    beforeAll(async () => {
      faults = await runResponseCases(frontDoor.genkan.ports.http, slots, cases, delivery)
    }, 60_000)

    test.each(cases)('$id: $expect', ({ id }) => {
      expect(faults.get(id)).toEqual([])
    })
  })
})

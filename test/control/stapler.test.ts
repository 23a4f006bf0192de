import { describe, expect, test } from 'vitest'
import { Stapler } from '#control/stapler.ts'
import type { Snapshot } from '#snapshot/snapshot.ts'
import type { Staple } from '#snapshot/staple.ts'
import { silentLog } from '#telemetry/log.ts'
import { certificateSpec } from '../support/certificate-pair.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { type Answer, answerTo, ocspCertificate } from '../support/responder.ts'
import { until } from '../support/until.ts'

type Wanted = Pick<Snapshot, 'certificates' | 'listener'>

const on: Wanted = { certificates: [ocspCertificate, certificateSpec('shop')], listener: { tls: { ocsp: true } } }
const [minute, hour] = [60_000, 3_600_000]

function stapling(): {
  readonly stapler: Stapler
  readonly clock: FakeClock
  readonly told: (readonly Staple[])[]
  /** How often somebody was asked. */
  readonly asked: () => number
  /** What is answered from now on, by hours from the time of the question; `undefined` for nothing. */
  answers: Partial<Answer> | undefined
} {
  const clock = new FakeClock()
  const told: (readonly Staple[])[] = []
  let count = 0
  const ask = async (_: string, request: Uint8Array): Promise<Uint8Array> => {
    count++
    if (state.answers === undefined) throw new Error('nobody answers')
    const [thisUpdate, nextUpdate] = [new Date(clock.now()), new Date(clock.now() + 2 * hour)]
    return answerTo(request, { thisUpdate, nextUpdate, ...state.answers })
  }
  const stapler = new Stapler({ ask, clock, log: silentLog, onChange: (staples) => void told.push(staples) })
  const state = { stapler, clock, told, asked: () => count, answers: {} as Partial<Answer> | undefined }
  return state
}

describe('what is stapled', () => {
  test('is nothing, and nobody is asked, where nobody wants it', () => {
    const { stapler, clock, told, asked } = stapling()
    stapler.use({ certificates: [ocspCertificate], listener: {} })
    expect([clock.pending, told.length, asked(), stapler.counts()]).toEqual([0, 0, 0, undefined])
  })

  test('is a good answer, which is asked for again at half its time', async () => {
    const { stapler, clock, told, asked } = stapling()
    stapler.use(on)
    await until(() => told.length === 1)
    expect(told[0]).toHaveLength(1)
    expect(stapler.counts()).toEqual({ asked: 1, stapled: 1, failures: 0 })
    stapler.use(on)
    clock.advance(hour - 1)
    expect(asked()).toBe(1)
    clock.advance(1)
    await until(() => told.length === 2)
    expect(asked()).toBe(2)
  })

  test('lasts until its end where nobody answers any more, and not longer', async () => {
    const state = stapling()
    const { stapler, clock, told } = state
    stapler.use(on)
    await until(() => told.length === 1)
    state.answers = undefined
    clock.advance(hour)
    await until(() => stapler.counts()?.failures === 1)
    for (let left = hour; left > 0; left -= minute) {
      expect(stapler.counts()?.stapled).toBe(1)
      clock.advance(minute)
      await new Promise(setImmediate)
    }
    await until(() => told.length === 2)
    expect(told[1]).toEqual([])
    state.answers = {}
    clock.advance(hour)
    await until(() => told.length === 3)
    expect(told[2]).toHaveLength(1)
  })

  test.each<[string, Partial<Answer>]>([
    ['is revoked', { status: 'revoked' }],
    ['gets an answer of a stranger', { signer: 'leaf' }],
    ['gets an answer that lasts for no time', { nextUpdate: new Date(1_800_000_000_000 + 1_000) }],
  ])('is nothing for a certificate that %s, and it is asked again later and later', async (_, answer) => {
    const state = stapling()
    state.answers = answer
    const { stapler, clock, told, asked } = state
    stapler.use(on)
    for (const [index, pause] of [1, 2, 4].entries()) {
      await until(() => stapler.counts()?.failures === index + 1)
      clock.advance(pause * minute - 1)
      expect(asked()).toBe(index + 1)
      clock.advance(1)
    }
    expect(told).toEqual([])
  })

  test('goes at once when the authority revokes the certificate', async () => {
    const state = stapling()
    const { stapler, clock, told } = state
    stapler.use(on)
    await until(() => told.length === 1)
    state.answers = { status: 'revoked' }
    clock.advance(hour)
    await until(() => told.length === 2)
    expect(told[1]).toEqual([])
  })

  test('goes when it is not wanted any more', async () => {
    const { stapler, clock, told } = stapling()
    stapler.use(on)
    await until(() => told.length === 1)
    stapler.use({ ...on, listener: {} })
    expect([told.at(-1), clock.pending]).toEqual([[], 0])
  })
})

/** The system's clock is set back while the process runs: what was to be over in a moment must not last for that hour. */
import { afterEach, expect, test, vi } from 'vitest'
import { systemClock } from '#discovery/clock.ts'
import { HealthGate } from '#health/gate.ts'
import { silentLog } from '#telemetry/log.ts'
import { after } from '../support/closing.ts'
import { probeSpec, setOf, upstreamId, upstreamSpec } from '../support/scripted-probe.ts'
import { until } from '../support/until.ts'

const hour = 3_600_000

function setBack(): void {
  const { now } = Date
  vi.spyOn(Date, 'now').mockImplementation(() => now() - hour)
}

afterEach(() => vi.restoreAllMocks())

test('an endpoint that was ejected comes back in its time', async () => {
  const gate = new HealthGate({
    clock: systemClock,
    random: () => 0,
    probe: () => Promise.resolve({ ok: true, says: '' }),
    onChange: () => {},
    log: silentLog,
  })
  after(() => gate.close())
  const isReady = (): boolean => gate.current()[0]!.endpoints[0]!.ready
  const outlier = { consecutiveFailures: 1, baseEjectionMs: 100, maxEjectionMs: 100, maxEjectedPercent: 100 }
  await gate.follow([upstreamSpec({ outlier })], [setOf([1, 2])])
  gate.outcomes([{ upstream: upstreamId, endpoint: '10.0.0.1:80', recovered: false, failures: 5 }])
  expect(isReady()).toBe(false)
  setBack()
  await until(isReady)
})

test('an endpoint is probed again in its time', async () => {
  let probes = 0
  const gate = new HealthGate({
    clock: systemClock,
    random: () => 0,
    probe: async () => {
      // In the middle of it.
      if (++probes === 1) setBack()
      return { ok: true, says: '' }
    },
    onChange: () => {},
    log: silentLog,
  })
  after(() => gate.close())
  await gate.follow([upstreamSpec({ probe: probeSpec({ periodMs: 50 }) })], [setOf([1])])
  await until(() => probes > 2)
})

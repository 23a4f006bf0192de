import { expect, test } from 'vitest'
import { family, type MetricFamily } from '#telemetry/metric.ts'
import { Departed } from '#worker/departed.ts'
import { upstreamSpec } from '../snapshot/arbitrary.ts'
import { routeSpec } from '../support/route-spec.ts'

const route = routeSpec('shop.test', 'prefix', '/', { id: 'a' })
const upstream = upstreamSpec('b')

function familiesOf(value: number): MetricFamily[] {
  return [
    family('counter', 'requests', 'r', [
      { value, labels: { route: 'a', backend: 'b' } },
      { value, labels: { route: '', backend: '' } },
    ]),
    family('histogram', 'seconds', 's', [
      { metricName: 'seconds_bucket', value, labels: { le: 1, route: 'a', backend: 'b' } },
      { metricName: 'seconds_sum', value, labels: { route: 'a', backend: 'b' } },
    ]),
    family('counter', 'retries', 't', [{ value, labels: { backend: 'b' } }]),
    family('gauge', 'in_flight', 'g', [{ value, labels: {} }]),
  ]
}

test('counters and histograms of several are one, and gauges are none', () => {
  const departed = new Departed()
  departed.add(familiesOf(1))
  departed.add(familiesOf(2))
  expect(departed.families()).toEqual(familiesOf(3).slice(0, 3))
})

test('what routes and backends had is forgotten with them', () => {
  const departed = new Departed()
  departed.add(familiesOf(1))
  departed.keep({ routes: [route], upstreams: [upstream] })
  expect(departed.families()).toEqual(familiesOf(1).slice(0, 3))
  departed.keep({ routes: [], upstreams: [upstream] })
  expect(departed.families().map(({ values }) => values.length)).toEqual([1, 0, 1])
  departed.keep({ routes: [], upstreams: [] })
  expect(departed.families().map(({ values }) => values.length)).toEqual([1, 0, 0])
})

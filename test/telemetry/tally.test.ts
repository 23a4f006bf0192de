import { describe, expect, test } from 'vitest'
import { Exposition } from '#telemetry/exposition.ts'
import type { Finished } from '#telemetry/tally.ts'
import { Tally } from '#telemetry/tally.ts'

const good: Finished = {
  route: 'default/web shop.test Prefix /',
  backend: 'default/web:80',
  status: 200,
  cause: '',
  durationMs: 4,
  requestBytes: 3,
  responseBytes: 10,
}

async function linesOf(...tallies: Tally[]): Promise<string[]> {
  const groups = tallies.map((tally) => tally.families())
  return Buffer.from(await new Exposition().print(groups, []))
    .toString()
    .split('\n')
}

describe('what a worker counts', () => {
  test('a finished request shows with its route, backend, status class and cause', async () => {
    const tally = new Tally()
    tally.started()
    tally.finished(good)
    tally.started()
    tally.finished({ ...good, status: 502, cause: 'connect_failed' })
    const lines = await linesOf(tally)
    const labels = 'route="default/web shop.test Prefix /",backend="default/web:80"'
    expect(lines).toContain(`genkan_requests_total{${labels},status="2xx",cause=""} 1`)
    expect(lines).toContain(`genkan_requests_total{${labels},status="5xx",cause="connect_failed"} 1`)
    expect(lines).toContain('genkan_requests_in_flight 0')
    expect(lines).toContain(`genkan_response_body_bytes_total{${labels}} 20`)
  })

  test('durations fall into cumulative buckets, a bound belonging to its own bucket', async () => {
    const tally = new Tally()
    for (const durationMs of [1, 1.5, 5, 100_000]) tally.finished({ ...good, durationMs })
    const lines = await linesOf(tally)
    const bucket = (le: string): string | undefined =>
      lines.find((line) => line.startsWith(`genkan_request_duration_seconds_bucket{le="${le}"`))
    expect(bucket('0.001')).toMatch(/ 1$/)
    expect(bucket('0.0025')).toMatch(/ 2$/)
    expect(bucket('0.005')).toMatch(/ 3$/)
    expect(bucket('60')).toMatch(/ 3$/)
    expect(bucket('+Inf')).toMatch(/ 4$/)
  })

  test('counts of several workers are summed', async () => {
    const [one, other] = [new Tally(), new Tally()]
    one.finished(good)
    other.finished(good)
    expect((await linesOf(one, other)).find((line) => line.startsWith('genkan_requests_total'))).toMatch(/ 2$/)
  })

  test('a client that nobody answered is counted with status none', async () => {
    const tally = new Tally()
    tally.finished({ ...good, status: 0, cause: 'client_abort' })
    expect((await linesOf(tally)).join('\n')).toContain('status="none",cause="client_abort"')
  })

  test('routes that are gone are forgotten, requests without a route are not', async () => {
    const tally = new Tally()
    tally.finished(good)
    tally.finished({ ...good, route: '', backend: '', status: 404, cause: 'no_route' })
    tally.keep(new Set())
    const text = (await linesOf(tally)).join('\n')
    expect(text).not.toContain('shop.test')
    expect(text).toContain('cause="no_route"')
  })

  test('connections, tunnels and dropped log lines have their own families', async () => {
    const tally = new Tally()
    tally.connectionOpened('https')
    tally.connectionOpened('https')
    tally.connectionClosed('https')
    tally.connectionRefused('http')
    tally.tunnel(1)
    tally.logLinesDropped(1)
    const lines = await linesOf(tally)
    expect(lines).toContain('genkan_connections{listener="https"} 1')
    expect(lines).toContain('genkan_connections_total{listener="https"} 2')
    expect(lines).toContain('genkan_connections_refused_total{listener="http"} 1')
    expect(lines).toContain('genkan_tunnels 1')
    expect(lines).toContain('genkan_access_log_dropped_total 1')
  })
})

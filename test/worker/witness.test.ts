import { expect, test } from 'vitest'
import type { AccessLogSpec } from '#snapshot/snapshot.ts'
import { Tally } from '#telemetry/tally.ts'
import { createWitness } from '../../src/worker/witness.ts'
import { openDoor, routeOf } from '../support/door.ts'
import { describeLanes } from '../support/lanes.ts'
import { startOrigin } from '../support/origin.ts'
import { talk } from '../support/raw-client.ts'

const paths = ['/a', '/health?x', '/HEALTHZ', '/quiet', '/nowhere'] as const

/** The targets of the requests that are in the log. */
async function loggedOf(accessLog: AccessLogSpec | undefined): Promise<readonly string[]> {
  const targets: string[] = []
  const origin = await startOrigin((_request, response) => void response.end('ok'))
  const routes = [
    routeOf({ id: 'quiet', path: { kind: 'exact', value: '/quiet' }, logged: false }),
    routeOf({ id: 'a', path: { kind: 'exact', value: '/a' } }),
    routeOf({ id: 'health', path: { kind: 'exact', value: '/health' } }),
    routeOf({ id: 'healthz', path: { kind: 'exact', value: '/HEALTHZ' } }),
  ]
  const witness = createWitness({
    tally: new Tally(),
    accessLog: {
      write: (_, asked) => void targets.push(/"target":"([^"]*)"/.exec(asked)![1]!),
      close: () => Promise.resolve(),
    },
    onSuspect: () => {},
    onOutcome: () => {},
  })
  const door = await openDoor({
    endpoints: [origin.port],
    snapshot: { routes, ...(accessLog === undefined ? {} : { accessLog }) },
  })
  for (const path of paths) await talk(door.http, `GET ${path} HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n`)
  await door.nth(paths.length)
  for (const exchange of door.finished) {
    witness.onStart(exchange)
    witness.onFinish(exchange)
  }
  return targets
}

describeLanes(() => {
  test.each<[AccessLogSpec | undefined, readonly string[]]>([
    [undefined, ['/a', '/health?x', '/HEALTHZ', '/nowhere']],
    [{ off: true }, []],
    [{ unmatched: false }, ['/a', '/health?x', '/HEALTHZ']],
    [{ skip: [{ kind: 'text', text: '/healthz' }] }, ['/a', '/health?x', '/nowhere']],
    [{ skip: [{ kind: 'pattern', source: '^/health', ignoreCase: false }], unmatched: false }, ['/a', '/HEALTHZ']],
  ])('with %j the log has %j', async (spec, expected) => {
    expect(await loggedOf(spec)).toEqual(expected)
  })

  test('what goes to the default backend counts as what no rule takes', async () => {
    const origin = await startOrigin((_request, response) => void response.end('page'))
    const unmatched = routeOf({ id: 'default backend test/web:80' })
    const door = await openDoor({
      endpoints: [origin.port],
      snapshot: { routes: [], unmatched, accessLog: { unmatched: false } },
    })
    expect(await talk(door.http, 'GET /x HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n')).toMatch(/page$/)
    const exchange = await door.nth(1)
    expect(exchange.runtime.keepsFromLog?.('/x', exchange.route === exchange.runtime.unmatched)).toBe(true)
  })
})

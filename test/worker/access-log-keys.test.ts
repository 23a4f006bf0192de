/** The keys of ingress-nginx about the log of requests, from the ConfigMap to the file; numbers are its own cases. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { after } from '../support/closing.ts'
import { siteManifests, startFrontDoor } from '../support/front-door.ts'
import { describeLanes } from '../support/lanes.ts'
import { startOrigin } from '../support/origin.ts'
import { talk } from '../support/raw-client.ts'

/** What is in the log of one request that a rule takes and one that none does. */
async function logWith(data: Readonly<Record<string, string>>): Promise<readonly Record<string, unknown>[]> {
  const folder = mkdtempSync(join(tmpdir(), 'genkan-log-'))
  after(() => rmSync(folder, { recursive: true }))
  const origin = await startOrigin((_request, response) => void response.end('ok'))
  const settings = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'settings', namespace: 'edge' }, data }
  const site = siteManifests([{ host: 'a.test', port: origin.port }])
  const file = join(folder, 'access.log')
  const { genkan } = await startFrontDoor(`${site}\n---\n${JSON.stringify(settings)}`, {
    configMap: 'edge/settings',
    accessLog: { file },
  })
  const statuses: string[] = []
  for (const host of ['a.test', 'nobody.test']) {
    const request = `GET /a HTTP/1.1\r\nHost: ${host}\r\nUser-Agent: "quoted" \\\r\nConnection: close\r\n\r\n`
    statuses.push((await talk(genkan.ports.http, request)).slice(9, 12))
  }
  expect(statuses).toEqual(['200', '404'])
  await genkan.drain()
  const lines = readFileSync(file, 'utf8').split('\n')
  // JSON.parse gives what it gives; only members that are compared are looked at.
  return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as Record<string, unknown>)
}

describeLanes(() => {
  test.each<[cases: string, data: Readonly<Record<string, string>>, logged: readonly string[]]>([
    ['none: every request', {}, ['a.test', 'nobody.test']],
    ['147', { 'disable-access-log': 'true' }, []],
    ['148', { 'disable-http-access-log': 'true' }, []],
    ['149: that of streams alone', { 'disable-stream-access-log': 'true' }, ['a.test', 'nobody.test']],
    ['239', { 'enable-access-log-for-default-backend': 'true' }, ['a.test', 'nobody.test']],
    ['240', { 'enable-access-log-for-default-backend': 'false' }, ['a.test']],
    ['388: always escaped', { 'log-format-escape-json': 'true' }, ['a.test', 'nobody.test']],
    ['389: always escaped', { 'log-format-escape-json': 'false' }, ['a.test', 'nobody.test']],
    ['390: always escaped', { 'log-format-escape-none': 'true' }, ['a.test', 'nobody.test']],
  ])('%s: %j', async (_, data, logged) => {
    const lines = await logWith(data)
    expect(lines.map(({ host }) => host)).toEqual(logged)
    for (const line of lines) expect(line).toMatchObject({ userAgent: '"quoted" \\' })
  })
})

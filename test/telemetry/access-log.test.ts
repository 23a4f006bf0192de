import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { AccessRecord } from '#telemetry/access-log.ts'
import { createAccessLog } from '#telemetry/access-log.ts'

const record: AccessRecord = {
  time: '2026-01-01T00:00:00.000Z',
  client: '127.0.0.5',
  scheme: 'https',
  method: 'GET',
  host: 'shop.test',
  target: '/a?b=1',
  protocol: 'HTTP/2',
  status: 200,
  cause: undefined,
  detail: undefined,
  duration: 1.25,
  requestBytes: 0,
  responseBytes: 2,
  route: 'r',
  backend: 'b',
  endpoint: 'e',
  retried: undefined,
  attempts: 1,
  upstreamStatus: 200,
  requestId: 'id',
  userAgent: 'curl',
  referer: undefined,
  tls: 'TLSv1.3',
  sni: 'shop.test',
  lane: 'general',
}

describe('the access log', () => {
  let folder: string
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'genkan-log-'))
  })
  afterEach(() => rmSync(folder, { recursive: true }))

  test('is one JSON object a line, without what is not known', async () => {
    const file = join(folder, 'deep', 'access.log')
    const log = createAccessLog({ destination: file, onDrop: () => expect.unreachable() })
    log.write(record)
    log.write({ ...record, status: 502, cause: 'connect_failed', detail: 'ECONNREFUSED' })
    await log.close()
    const [first, second] = readFileSync(file, 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>)
    expect(first).toMatchObject({ client: '127.0.0.5', target: '/a?b=1', status: 200 })
    expect(first).not.toHaveProperty('cause')
    expect(second).toMatchObject({ cause: 'connect_failed', detail: 'ECONNREFUSED' })
  })

  test('control characters of a client cannot forge a line', async () => {
    const file = join(folder, 'access.log')
    const log = createAccessLog({ destination: file, onDrop: () => expect.unreachable() })
    log.write({ ...record, userAgent: 'a\r\n{"status":200}\u001b[31m"' })
    await log.close()
    const lines = readFileSync(file, 'utf8').trim().split('\n')
    expect(lines).toHaveLength(1)
    expect(JSON.parse(lines[0]!)).toMatchObject({ userAgent: 'a\r\n{"status":200}\u001b[31m"' })
  })

  test('a full disk drops lines and says so, and nothing else happens', async () => {
    let dropped = 0
    const log = createAccessLog({ destination: '/dev/full', onDrop: () => dropped++ })
    log.write(record)
    await log.close()
    expect(dropped).toBeGreaterThan(0)
  })
})

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createTurn, Turn } from '#lib/turn.ts'
import { printAsked } from '#telemetry/access-line.ts'
import { createAccessLog } from '#telemetry/access-log.ts'
import { accessAsked, accessRecord } from '../support/access-record.ts'

const asked = printAsked(accessAsked())
const turn = new Turn(createTurn(), 0)
const onDrop = (): never => expect.unreachable()

describe('the access log', () => {
  let folder: string
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'genkan-log-'))
  })
  afterEach(() => rmSync(folder, { recursive: true }))

  test('is one JSON object a line, without what is not known', async () => {
    const file = join(folder, 'deep', 'access.log')
    const log = createAccessLog({ destination: file, turn, onDrop })
    log.write(accessRecord(), asked)
    log.write(accessRecord({ status: 502, cause: 'connect_failed', detail: 'ECONNREFUSED' }), asked)
    await log.close()
    const [first, second] = readFileSync(file, 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>)
    expect(first).toMatchObject({ client: '127.0.0.5', target: '/a?b=1', status: 200 })
    expect(first).not.toHaveProperty('cause')
    expect(second).toMatchObject({ cause: 'connect_failed', detail: 'ECONNREFUSED' })
  })

  test('adds to what is there, in the order of its lines, however many come at once', async () => {
    const file = join(folder, 'access.log')
    writeFileSync(file, 'before\n')
    const log = createAccessLog({ destination: file, turn, onDrop })
    for (let attempts = 0; attempts < 2_000; attempts++) log.write(accessRecord({ attempts }), asked)
    await log.close()
    const [before, ...lines] = readFileSync(file, 'utf8').trim().split('\n')
    expect(before).toBe('before')
    expect(lines.map((line) => (JSON.parse(line) as { attempts: number }).attempts)).toEqual(
      Array.from({ length: 2_000 }, (_, count) => count),
    )
  })

  test('a full disk drops lines and says how many, and nothing else happens', async () => {
    let dropped = 0
    const log = createAccessLog({ destination: '/dev/full', turn, onDrop: (lines) => (dropped += lines) })
    for (let count = 0; count < 7; count++) log.write(accessRecord(), asked)
    await log.close()
    expect(dropped).toBe(7)
    log.write(accessRecord(), asked)
    expect(dropped).toBe(8)
  })
})

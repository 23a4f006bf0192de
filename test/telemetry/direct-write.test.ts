import { execFileSync } from 'node:child_process'
import { closeSync, constants, mkdtempSync, openSync, readFileSync, readSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { directWriter } from '#telemetry/direct-write.ts'

describe.runIf(process.platform === 'linux')('writing directly', () => {
  let folder: string
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'genkan-direct-'))))
  afterEach(() => rmSync(folder, { recursive: true }))

  test('to a local file lets it rest for a while when it was slow', () => {
    const path = join(folder, 'file')
    const fd = openSync(path, 'a')
    let now = 10_000
    let writeMs = 0
    // Asked before and behind every write.
    const writer = directWriter(fd, () => (now += writeMs))!
    expect(writer.write(Buffer.from('_one'), 1)).toBe(3)
    writeMs = 50
    expect(writer.write(Buffer.from('two'), 0)).toBe(3)
    writeMs = 0
    now += 4_999
    expect(writer.write(Buffer.from('three'), 0)).toBe(0)
    now += 1
    expect(writer.write(Buffer.from('four'), 0)).toBe(4)
    expect(readFileSync(path, 'latin1')).toBe('onetwofour')
    closeSync(fd)
  })

  test('to a pipe never waits for its reader, even where the pipe itself would', () => {
    execFileSync('mkfifo', [join(folder, 'pipe')])
    const reader = openSync(join(folder, 'pipe'), constants.O_RDONLY | constants.O_NONBLOCK)
    const blocking = openSync(join(folder, 'pipe'), constants.O_WRONLY)
    const writer = directWriter(blocking, () => 0)!
    const bytes = Buffer.alloc(1024 * 1024)
    const first = writer.write(bytes, 0)
    expect(first).toBeGreaterThan(0)
    expect(first).toBeLessThan(bytes.length)
    expect(writer.write(bytes, first)).toBe(0)
    readSync(reader, Buffer.alloc(first))
    expect(writer.write(bytes, first)).toBeGreaterThan(0)
    closeSync(reader)
    expect(() => writer.write(bytes, 0)).toThrow('EPIPE')
    writer.close()
    closeSync(blocking)
  })

  test('is not done to anything else', () => {
    const device = openSync('/dev/null', 'a')
    expect(directWriter(device, () => 0)).toBeUndefined()
    closeSync(device)
  })
})

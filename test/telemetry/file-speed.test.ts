import { closeSync, mkdtempSync, openSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { FileSpeed } from '#telemetry/file-speed.ts'

describe.runIf(process.platform === 'linux')('a file', () => {
  let folder: string
  let fd: number
  let now: number
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'genkan-speed-'))
    fd = openSync(join(folder, 'file'), 'a')
    now = 10_000
  })
  afterEach(() => {
    closeSync(fd)
    rmSync(folder, { recursive: true })
  })

  test('on a local disk is quick until a write shows otherwise, and again after a while', () => {
    const speed = new FileSpeed(fd, () => now)
    expect(speed.isQuick).toBe(true)
    expect(speed.watch(() => 7)).toBe(7)
    expect(speed.isQuick).toBe(true)
    speed.watch(() => (now += 50))
    expect(speed.isQuick).toBe(false)
    now += 4_999
    expect(speed.isQuick).toBe(false)
    now += 1
    expect(speed.isQuick).toBe(true)
  })

  test('whose write fails slowly is not quick either', () => {
    const speed = new FileSpeed(fd, () => now)
    const fail = (): number => {
      now += 50
      throw new Error('no space')
    }
    expect(() => speed.watch(fail)).toThrow('no space')
    expect(speed.isQuick).toBe(false)
  })

  test('that is none is never quick', () => {
    const device = openSync('/dev/null', 'a')
    expect(new FileSpeed(device, () => now).isQuick).toBe(false)
    closeSync(device)
  })
})

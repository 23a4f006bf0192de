import { execFileSync } from 'node:child_process'
import { closeSync, constants, mkdtempSync, openSync, readFileSync, readSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createTurn, endTurn, Turn } from '#lib/turn.ts'
import { LineSink } from '#telemetry/line-sink.ts'

/** Longer than what any pipe takes in one piece (PIPE_BUF). */
const long = 9_000

describe('several who write to one pipe', () => {
  let folder: string
  let reader: number
  let cell: SharedArrayBuffer
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'genkan-sink-'))
    execFileSync('mkfifo', [join(folder, 'pipe')])
    cell = createTurn()
    reader = openSync(join(folder, 'pipe'), constants.O_RDONLY | constants.O_NONBLOCK)
  })
  afterEach(() => {
    closeSync(reader)
    rmSync(folder, { recursive: true })
  })

  /** Not blocking, as standard output is when it is a pipe: a full one takes a part, or nothing. */
  function sinkOf(row: number, onDrop: (lines: number) => void = () => expect.unreachable()): LineSink {
    const fd = openSync(join(folder, 'pipe'), constants.O_WRONLY | constants.O_NONBLOCK)
    // A busy machine may take its time.
    return new LineSink({ fd, turn: new Turn(cell, row), onDrop, closeMs: 60_000 })
  }

  /** Reads, in small pieces, until they say that all is through. */
  async function drained(...ends: readonly Promise<void>[]): Promise<string> {
    let over = false
    const all = Promise.all(ends).then(() => (over = true))
    const piece = Buffer.alloc(3_000)
    let text = ''
    for (;;) {
      const last = over
      const length = readSome(reader, piece)
      text += piece.toString('latin1', 0, length)
      if (last && length === 0) break
      await setImmediate()
    }
    await all
    return text
  }

  test('never cut each other’s lines, however long those are', async () => {
    const sinks = [0, 1, 2].map((row) => sinkOf(row))
    for (let count = 0; count < 60; count++)
      for (const [row, sink] of sinks.entries()) sink.add(`${String(row).repeat(count % 7 === 0 ? long : 100)}\n`)
    const text = await drained(...sinks.map((sink) => sink.close()))
    const lines = text.split('\n').slice(0, -1)
    expect(lines).toHaveLength(180)
    for (const line of lines) expect(line).toMatch(/^(?:0+|1+|2+)$/)
  })

  test('get the turn of one that died with it', async () => {
    expect(new Turn(cell, 1).take()).toBe(true)
    const sink = sinkOf(0)
    sink.add('waits\n')
    const closed = sink.close()
    endTurn(cell, 0)
    await setImmediate()
    expect(readSome(reader, Buffer.alloc(10))).toBe(0)
    endTurn(cell, 1)
    expect(await drained(closed)).toBe('waits\n')
  })

  test('drop lines, and say how many, when nobody reads', async () => {
    let dropped = 0
    const sink = sinkOf(0, (lines) => (dropped += lines))
    const lines = 1_000
    for (let count = 0; count < lines; count++) sink.add(`${'x'.repeat(long)}\n`)
    expect(dropped).toBeGreaterThan(lines / 2)
    const text = await drained(sink.close())
    expect(text.split('\n').slice(0, -1)).toHaveLength(lines - dropped)
  })

  test('lose their lines, and nothing else, when the reader is gone', async () => {
    let dropped = 0
    const sink = sinkOf(0, (lines) => (dropped += lines))
    closeSync(reader)
    for (let count = 0; count < 20; count++) sink.add(`${'x'.repeat(long)}\n`)
    await sink.close()
    expect(dropped).toBe(20)
    reader = openSync(join(folder, 'pipe'), constants.O_RDONLY | constants.O_NONBLOCK)
  })

  test('write nothing to whoever gets their descriptor when they did not finish in time', async () => {
    const fd = openSync(join(folder, 'pipe'), constants.O_WRONLY)
    const sink = new LineSink({ fd, turn: new Turn(cell, 0), onDrop: () => expect.unreachable(), closeMs: 1 })
    const line = `${'x'.repeat(long - 1)}\n`
    for (let count = 0; count < 40; count++) sink.add(line)
    await sink.close()
    const others = Array.from({ length: 4 }, (_, n) => join(folder, `other-${n}`))
    const descriptors = others.map((path) => openSync(path, 'a'))
    const piece = Buffer.alloc(64 * 1024)
    let bytes = 0
    const isElsewhere = (): boolean => others.some((path) => readFileSync(path).length > 0)
    while (bytes < 40 * long && !isElsewhere()) {
      bytes += readSome(reader, piece)
      await setImmediate()
    }
    expect(isElsewhere()).toBe(false)
    for (const each of [fd, ...descriptors]) closeSync(each)
  })

  test('begin anew behind a line that was cut short', async () => {
    const { promise: lost, resolve } = Promise.withResolvers<void>()
    const sink = sinkOf(0, () => resolve())
    for (let count = 0; count < 20; count++) sink.add(`${'x'.repeat(long)}\n`)
    // What is there is as much as the pipe takes, with a part of a line at its end.
    while (readSome(reader, Buffer.alloc(1)) === 0) await setImmediate()
    closeSync(reader)
    await lost
    reader = openSync(join(folder, 'pipe'), constants.O_RDONLY | constants.O_NONBLOCK)
    sink.add('next\n')
    const lines = (await drained(sink.close())).split('\n')
    expect(lines.slice(-2)).toEqual(['next', ''])
    // The first one lacks what was read before.
    const lengths = lines.slice(1, -2).map((line) => line.length)
    expect(Math.max(...lengths)).toBe(long)
    expect(lengths.filter((length) => length < long)).toHaveLength(1)
  })
})

describe.runIf(process.platform === 'linux')('a local file', () => {
  let folder: string
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'genkan-sink-'))))
  afterEach(() => rmSync(folder, { recursive: true }))

  const chunk = `${'x'.repeat(64 * 1024)}\n`
  const onDrop = (): void => expect.unreachable()
  const sinkFor = (path: string, now: () => number): LineSink =>
    new LineSink({ fd: openSync(path, 'a'), turn: new Turn(createTurn(), 0), onDrop, closeMs: 60_000, now })

  test('has a chunk as soon as that is full', async () => {
    const path = join(folder, 'log')
    const sink = sinkFor(path, () => 0)
    sink.add('first\n')
    expect(readFileSync(path, 'latin1')).toBe('')
    sink.add(chunk)
    expect(readFileSync(path, 'latin1')).toBe(`first\n${chunk}`)
    await sink.close()
  })

  test('whose disk is behind gets its chunks in the background for a while, in order', async () => {
    const path = join(folder, 'log')
    let now = 0
    const sink = sinkFor(path, () => (now += 100))
    const added = ['0', '1', '2'].map((digit) => chunk.replaceAll('x', digit))
    sink.add(added[0]!)
    expect(readFileSync(path, 'latin1')).toBe(added[0])
    // The background has one at a time, and hears only in the next turn of the event loop that one is through.
    sink.add(added[1]!)
    sink.add(added[2]!)
    expect(readFileSync(path, 'latin1')).not.toContain(added[2])
    await sink.close()
    expect(readFileSync(path, 'latin1')).toBe(added.join(''))
  })
})

/** 0 when there is nothing. */
function readSome(fd: number, into: Buffer): number {
  try {
    return readSync(fd, into)
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EAGAIN') return 0
    throw error
  }
}

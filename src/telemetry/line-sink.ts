/**
 * Lines on their way to a file or a pipe: collected, and written a chunk of whole lines at a time, directly where that does
 * not wait and otherwise in the background. Who adds one never waits; when the destination is too slow, lines are dropped
 * and counted instead of remembered.
 *
 * Several workers may have the same destination. A regular file takes every write whole (POSIX: `O_APPEND`), but a pipe
 * or a terminal may take a part of a large one and then one of somebody else. So whoever writes to those has the turn
 * until its chunk is through.
 */
import { close, fstatSync, write, writeSync } from 'node:fs'
import type { Turn } from '#lib/turn.ts'
import { type DirectWriter, directWriter } from './direct-write.ts'

export type LineSinkInit = {
  /** Closed at the end unless it is one of the standard ones. */
  readonly fd: number
  readonly turn: Turn
  /** So many lines are lost. */
  readonly onDrop: (lines: number) => void
  /** What a slow destination may take at the end; a second unless said. */
  readonly closeMs?: number
  /** Milliseconds on a clock that never goes back; the process's unless given. */
  readonly now?: () => number
}

/** Enough for a quarter of a second of a busy worker; beyond it lines are dropped. */
const mostBytes = 4 * 1024 * 1024
/** Written at once: a write costs about as much as ten lines, so that it should carry many more. */
const chunkBytes = 64 * 1024
/** The longest that a line waits for others. */
const gatherMs = 100
/** Until the turn, or room in a pipe that does not block, is asked for again. */
const againMs = 5
const defaultCloseMs = 1_000
const lineBreak = 0x0a
const endOfLine = Buffer.of(lineBreak)

export class LineSink {
  readonly #init: LineSinkInit
  /** `undefined` where nobody can come between. */
  readonly #turn: Turn | undefined
  #direct: DirectWriter | undefined
  /** Not in a chunk yet. */
  #text: string
  readonly #chunks: Buffer[]
  /** Of all of them and the text. */
  #heldBytes: number
  #writing: Buffer | undefined
  /** Bytes of it that are through. */
  #written: number
  /** The last line there was cut short by an error. */
  #isTorn: boolean
  #timer: NodeJS.Timeout | undefined
  #isClosed: boolean
  #onIdle: (() => void) | undefined

  constructor(init: LineSinkInit) {
    this.#init = init
    this.#turn = fstatSync(init.fd).isFile() ? undefined : init.turn
    this.#direct = directWriter(init.fd, init.now ?? (() => performance.now()))
    this.#text = ''
    this.#chunks = []
    this.#heldBytes = 0
    this.#writing = undefined
    this.#written = 0
    this.#isTorn = false
    this.#timer = undefined
    this.#isClosed = false
    this.#onIdle = undefined
    process.once('exit', this.#onExit)
  }

  /** ASCII, the line break at its end. */
  add(line: string): void {
    if (this.#isClosed || this.#heldBytes + line.length > mostBytes) return this.#init.onDrop(1)
    this.#heldBytes += line.length
    this.#text += line
    if (this.#text.length >= chunkBytes) this.#go()
    else if (this.#timer === undefined) this.#goAfter(gatherMs)
  }

  /** Resolves when everything added so far is through or lost, or has had its time. */
  async close(): Promise<void> {
    const idle = new Promise<void>((resolve) => (this.#onIdle = resolve))
    this.#isClosed = true
    const limit = setTimeout(() => this.#onIdle?.(), this.#init.closeMs ?? defaultCloseMs)
    this.#go()
    await idle
    clearTimeout(limit)
    clearTimeout(this.#timer)
    process.removeListener('exit', this.#onExit)
    this.#direct?.close()
    // What a write that hangs has behind it must not go to whoever gets that descriptor next.
    this.#direct = undefined
    // One that a write still hangs in would hang, too.
    if (this.#init.fd > 2 && this.#writing === undefined) close(this.#init.fd, () => {})
  }

  #goAfter(ms: number): void {
    this.#timer = setTimeout(this.#onTimer, ms).unref()
  }

  readonly #onTimer = (): void => {
    this.#timer = undefined
    this.#go()
  }

  #go(): void {
    this.#gather()
    if (this.#writing !== undefined) return
    if (this.#chunks.length === 0) return this.#onIdle?.()
    if (this.#turn?.take() === false) {
      if (this.#timer === undefined) this.#goAfter(againMs)
      return
    }
    this.#writing = this.#chunks.shift()
    this.#written = 0
    this.#write()
  }

  #gather(): void {
    if (this.#text === '') return
    this.#chunks.push(Buffer.from(this.#text, 'latin1'))
    this.#text = ''
  }

  readonly #write = (): void => {
    const { fd } = this.#init
    // Behind a line that was cut short nothing of the next one would be understood.
    if (this.#isTorn) write(fd, endOfLine, 0, undefined, null, this.#onWritten)
    else if (!this.#writeDirectly()) write(fd, this.#writing!, this.#written, undefined, null, this.#onWritten)
  }

  /** False when that would have to wait. */
  #writeDirectly(): boolean {
    let count = 0
    try {
      count = this.#direct?.write(this.#writing!, this.#written) ?? 0
    } catch (error) {
      // Nothing but the system's own errors comes from there.
      this.#onWritten(error as NodeJS.ErrnoException, 0)
      return true
    }
    if (count > 0) this.#onWritten(null, count)
    return count > 0
  }

  readonly #onWritten = (error: NodeJS.ErrnoException | null, count: number): void => {
    if (error?.code === 'EAGAIN') return void setTimeout(this.#write, againMs).unref()
    const bytes = this.#writing!
    if (error === null && this.#isTorn) this.#isTorn = false
    else this.#written += count
    if (error === null && this.#written < bytes.length) return this.#write()
    // A reader that went away (EPIPE) or a full disk must not take the front door down.
    if (error !== null) this.#init.onDrop(linesIn(bytes, this.#written))
    if (this.#written > 0) this.#isTorn = bytes[this.#written - 1] !== lineBreak
    this.#heldBytes -= bytes.length
    this.#writing = undefined
    this.#turn?.pass()
    this.#go()
  }

  /** What is left when a worker fails. A pipe that did not keep up must not hold it back. */
  readonly #onExit = (): void => {
    this.#gather()
    if (this.#turn !== undefined && (this.#writing !== undefined || !this.#turn.take())) return
    for (const bytes of this.#chunks) {
      try {
        writeSync(this.#init.fd, bytes)
      } catch {
        return
      }
    }
  }
}

/** Line breaks from there on. */
function linesIn(bytes: Buffer, from: number): number {
  let lines = 0
  for (let at = bytes.indexOf(lineBreak, from); at >= 0; at = bytes.indexOf(lineBreak, at + 1)) lines++
  return lines
}

/**
 * What is known of every file: contents decide whether anything changed, and unchanged files are not read again.
 */
import { hash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { basename, dirname } from 'node:path'
import type { Documents, Held } from '#resource/documents.ts'
import { joinReadings } from '#resource/documents.ts'
import type { Problem } from '#resource/problem.ts'
import type { Reading } from '#resource/read.ts'
import { readBytes, unreadable } from '#resource/read.ts'
import { maxFileBytes } from '#resource/text.ts'
import { holdLastGood } from './hold.ts'
import { inBatches } from './in-batches.ts'
import type { Blocked, Scan, ScannedFile } from './scan.ts'
import { codeOf, isResourceFile, reasonOf } from './scan.ts'

/**
 * File systems stamp times in steps of several milliseconds, so a file read this soon (in milliseconds) after its last
 * change may have changed once more without showing it.
 */
const racyMs = 1_000

/** A file that is written all the time is taken as it is after this many times `settleMs`. */
const patience = 5

type FileState = {
  readonly signature: string
  /** Of the contents; what went wrong, for a file that cannot be read. */
  readonly digest: string
  readonly bytes: number
  readonly held: readonly Held[]
}

export type UpdateInit = {
  /** Milliseconds since the epoch. */
  readonly now: number
  /** Read every file, whatever its signature says. */
  readonly everything: boolean
  /** A file that changed less than this many milliseconds ago and looks cut off is given time; 0 takes it as it is. */
  readonly settleMs: number
}

/** `unsettled`: some files were given time, so look again soon. */
export type Update = { readonly changed: boolean; readonly unsettled: boolean }

export class FileTable {
  #files = new Map<string, FileState>()
  #problems: readonly Problem[] = []
  /** Since when each unsettled file is given time, in milliseconds since the epoch. */
  #unsettled = new Map<string, number>()

  /** Brings the table up to date. Rejects for nothing found on the disk. */
  async update(scan: Scan, init: UpdateInit): Promise<Update> {
    const next = new Map<string, FileState>()
    const unsettled = new Map<string, number>()
    let changed = false
    const news: ScannedFile[] = []
    for (const scanned of scan.files) {
      const before = this.#files.get(scanned.file)
      if (before === undefined || init.everything || before.signature !== scanned.signature) news.push(scanned)
      else next.set(scanned.file, before)
    }
    await inBatches(news, async (scanned) => {
      const before = this.#files.get(scanned.file)
      const since = this.#unsettled.get(scanned.file) ?? init.now
      const settleMs = init.now - since > init.settleMs * patience ? 0 : init.settleMs
      const result = await readFileState(scanned, before, { ...init, settleMs })
      const after = result === 'unsettled' ? before : result
      if (result === 'unsettled') unsettled.set(scanned.file, since)
      if (after !== undefined) next.set(scanned.file, after)
      if (after?.held !== before?.held) changed = true
    })
    for (const blocked of scan.blocked) if (this.#keepBelow(blocked, next)) changed = true
    for (const file of this.#files.keys()) if (!next.has(file)) changed = true
    if (JSON.stringify(scan.problems) !== JSON.stringify(this.#problems)) changed = true
    this.#files = next
    this.#problems = scan.problems
    this.#unsettled = unsettled
    return { changed, unsettled: unsettled.size > 0 }
  }

  /** Everything known, files in the order of their names. */
  documents(): Documents {
    const files = [...this.#files].toSorted(([a], [b]) => (a < b ? -1 : 1))
    const joined = joinReadings(files.flatMap(([, { held }]) => held))
    return { ...joined, problems: [...this.#problems, ...joined.problems] }
  }

  get size(): number {
    return this.#files.size
  }

  /** Nothing at or below a path that cannot be looked at is deleted. True when that is news. */
  #keepBelow({ file, reason, isLink }: Blocked, next: Map<string, FileState>): boolean {
    let changed = false
    const known = [...this.#files.keys()].filter((each) => each === file || isBelow(each, file))
    // A link that never led to anything and is not called like a file of ours is none of our business.
    if (known.length === 0 && isLink && !isResourceFile(basename(file))) return false
    for (const each of known.length > 0 ? known : [file]) {
      const before = this.#files.get(each)
      const after = failed(each, reason, before)
      if (after !== before) changed = true
      next.set(each, after)
    }
    return changed
  }
}

function isBelow(file: string, folder: string): boolean {
  for (let parent = dirname(file); ; parent = dirname(parent)) {
    if (parent === folder) return true
    if (parent === dirname(parent)) return false
  }
}

async function readFileState(
  scanned: ScannedFile,
  before: FileState | undefined,
  init: UpdateInit,
): Promise<FileState | 'unsettled' | undefined> {
  const { file } = scanned
  let readings: readonly Reading[]
  let digest: string
  try {
    const content = await readContent(scanned)
    if (content.digest === before?.digest) return { ...before, signature: trusted(scanned, init.now) }
    digest = content.digest
    readings = content.read()
  } catch (error) {
    // Deleted since it was scanned.
    return codeOf(error) === 'ENOENT' ? undefined : failed(file, reasonOf(error), before)
  }
  if (looksCutOff(readings, scanned, before) && isYoung(scanned, init.now, init.settleMs)) return 'unsettled'
  return {
    signature: trusted(scanned, init.now),
    digest,
    bytes: scanned.bytes,
    held: holdLastGood(before?.held ?? [], readings),
  }
}

type Content = { readonly digest: string; readonly read: () => readonly Reading[] }

async function readContent({ file, bytes }: ScannedFile): Promise<Content> {
  if (bytes > maxFileBytes) {
    const message = `expected at most ${maxFileBytes} bytes, found ${bytes}`
    return { digest: `too large: ${bytes}`, read: () => [unreadable(file, 'file-too-large', message)] }
  }
  const contents = await readFile(file)
  return { digest: hash('sha256', contents), read: () => readBytes(contents, file) }
}

function failed(file: string, reason: string, before: FileState | undefined): FileState {
  const digest = `unreadable: ${reason}`
  if (before?.digest === digest) return before
  const reading = unreadable(file, 'unreadable', `cannot read this: ${reason}`)
  return { signature: '', digest, bytes: 0, held: holdLastGood(before?.held ?? [], [reading]) }
}

/** Broken, unfinished, shorter than before or without objects it had before: perhaps somebody is still writing. */
function looksCutOff(readings: readonly Reading[], { bytes }: ScannedFile, before: FileState | undefined): boolean {
  if (readings.some(isUnfinished)) return true
  if (before === undefined) return false
  const present = new Set(readings.map((reading) => reading.object))
  return bytes < before.bytes || before.held.some(({ object }) => !present.has(object))
}

function isUnfinished({ state, object, problems }: Reading): boolean {
  return state === 'broken' || (state === 'ignored' && (object === undefined || problems.length > 0))
}

/** A time in the future is a clock gone wrong, and no reason to wait for it. */
function isYoung({ changedAt }: ScannedFile, now: number, settleMs: number): boolean {
  return changedAt <= now && now - changedAt < settleMs
}

function trusted({ signature, changedAt }: ScannedFile, now: number): string {
  return now - changedAt < racyMs ? '' : signature
}

/**
 * Folders and files → the files that may hold resources, with a signature that changes when their contents may have.
 */
import type { BigIntStats } from 'node:fs'
import { lstat, readdir, realpath, stat } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import type { Problem } from '#resource/problem.ts'
import { problemOfFile } from '#resource/problem.ts'
import { inBatches } from './in-batches.ts'

export type ScannedFile = {
  /** As problems name it: the path given to us joined with the path below it. */
  readonly file: string
  /** Differs when the file was written, replaced or retargeted since. */
  readonly signature: string
  readonly bytes: number
  /** Milliseconds since the epoch. */
  readonly changedAt: number
}

export type Scan = {
  readonly files: readonly ScannedFile[]
  readonly problems: readonly Problem[]
  /** Files and folders that are there but cannot be looked at, so nothing below them counts as deleted. */
  readonly blocked: readonly Blocked[]
  /** Real paths outside of the given folders that links lead to. */
  readonly linked: readonly string[]
  /** Names of the folders in `files` by their absolute and their real path. */
  readonly folders: ReadonlyMap<string, string>
  /** No links and nothing in the way: every file stands where its name says, and nothing else leads to it. */
  readonly isPlain: boolean
}

export type Blocked = { readonly file: string; readonly reason: string; readonly isLink: boolean }

/**
 * `.yaml`, `.yml` and `.json`, except for what editors leave lying about (dot-files, `#x#`, `x~`, `x.swp`, `x.tmp`) and
 * for routing tests, which may lie beside the manifests they test.
 */
export function isResourceFile(name: string): boolean {
  return /^[^.#].*(?<!\.scenario)\.(?:ya?ml|json)$/i.test(name)
}

/** Dot-folders hold other people's things (`.git`), among them the versions behind a mounted ConfigMap's `..data`. */
export function isResourceFolder(name: string): boolean {
  return !name.startsWith('.') && name !== 'node_modules'
}

/** Never rejects for anything found on the disk. Files come sorted by name. */
export async function scan(paths: readonly string[]): Promise<Scan>
/** The same, but `undefined` as soon as `isGivenUp` says so, which is asked after every few files. */
export async function scan(paths: readonly string[], isGivenUp: () => boolean): Promise<Scan | undefined>
export async function scan(paths: readonly string[], isGivenUp = (): boolean => false): Promise<Scan | undefined> {
  const scanner = new Scanner(isGivenUp)
  for (const path of paths) await scanner.root(path)
  if (scanner.isGivenUp) return undefined
  const { files, problems, blocked, linked, folders, isPlain } = scanner
  files.sort((a, b) => (a.file < b.file ? -1 : 1))
  return { files, problems, blocked, linked: [...linked], folders, isPlain: isPlain && blocked.length === 0 }
}

/**
 * What a scan would find now, when since `before` nothing happened but to these files (by any of their paths);
 * `undefined` when only a scan can tell. Never rejects for anything found on the disk.
 */
export async function scanAgain(before: Scan, paths: Iterable<string>): Promise<Scan | undefined> {
  if (!before.isPlain) return undefined
  const found = new Map<string, ScannedFile | undefined>()
  for (const path of paths) {
    const name = basename(path)
    const folder = before.folders.get(dirname(resolve(path)))
    if (folder === undefined) return undefined
    if (!isResourceFile(name)) continue
    const file = join(folder, name)
    try {
      const stats = await lstat(path, { bigint: true })
      if (!stats.isFile()) return undefined
      found.set(file, scannedFile(file, stats))
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') return undefined
      found.set(file, undefined)
    }
  }
  const kept = before.files.filter(({ file }) => !found.has(file))
  const fresh = [...found.values()].filter((each) => each !== undefined)
  const files = [...kept, ...fresh].toSorted((a, b) => (a.file < b.file ? -1 : 1))
  return { ...before, files }
}

type Target = { readonly file: string; readonly real: string }

class Scanner {
  readonly files: ScannedFile[] = []
  readonly problems: Problem[] = []
  readonly blocked: Blocked[] = []
  readonly linked = new Set<string>()
  readonly folders = new Map<string, string>()
  isPlain = true
  isGivenUp = false
  readonly #givesUp: () => boolean
  /** Real paths seen: what ends loops, and what keeps a file that two links lead to from being a duplicate of itself. */
  readonly #seen = new Set<string>()

  constructor(givesUp: () => boolean) {
    this.#givesUp = givesUp
  }

  async root(given: string): Promise<void> {
    const file = join(given)
    try {
      const real = await realpath(file)
      const stats = await stat(real, { bigint: true })
      this.linked.add(real)
      if (stats.isDirectory()) await this.#folder({ file, real })
      else if (stats.isFile()) this.#file({ file, real }, stats)
      else this.#problem(file, 'unreadable', 'expected a folder or a file, found something else')
    } catch (error) {
      if (codeOf(error) === 'ENOENT')
        this.#problem(file, 'missing-folder', 'no such folder or file', 'it is picked up when it appears')
      else this.#block(file, error)
    }
  }

  async #folder({ file, real }: Target): Promise<void> {
    if (this.#isRepeated(real)) {
      this.isPlain = false
      return
    }
    this.folders.set(resolve(file), file).set(real, file)
    let entries
    try {
      entries = await readdir(file, { withFileTypes: true })
    } catch (error) {
      // Gone since its parent was read.
      if (codeOf(error) !== 'ENOENT') this.#block(file, error)
      return
    }
    entries.sort((a, b) => (a.name < b.name ? -1 : 1))
    const plain: Target[] = []
    for (const entry of entries) {
      const below = join(file, entry.name)
      const target = { file: below, real: real === file ? below : join(real, entry.name) }
      if (entry.isSymbolicLink()) await this.#link(target, entry.name)
      else if (entry.isDirectory() && isResourceFolder(entry.name)) await this.#folder(target)
      else if (entry.isFile() && isResourceFile(entry.name)) plain.push(target)
    }
    await inBatches(
      plain,
      (target) => this.#plainFile(target),
      () => (this.isGivenUp ||= this.#givesUp()),
    )
  }

  async #link(target: Target, name: string): Promise<void> {
    if (!isResourceFile(name) && !isResourceFolder(name)) return
    this.isPlain = false
    try {
      const real = await realpath(target.file)
      const stats = await stat(real, { bigint: true })
      if (stats.isDirectory() && isResourceFolder(name)) {
        this.linked.add(real)
        await this.#folder({ file: target.file, real })
      } else if (stats.isFile() && isResourceFile(name)) {
        this.linked.add(real)
        this.#file({ file: target.file, real }, stats)
      }
    } catch (error) {
      this.#block(target.file, error, { isLink: true })
    }
  }

  async #plainFile(target: Target): Promise<void> {
    try {
      this.#file(target, await stat(target.file, { bigint: true }))
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') this.#block(target.file, error)
    }
  }

  #file({ file, real }: Target, stats: BigIntStats): void {
    if (this.#isRepeated(real)) this.isPlain = false
    else this.files.push(scannedFile(file, stats))
  }

  #isRepeated(real: string): boolean {
    if (this.#seen.has(real)) return true
    this.#seen.add(real)
    return false
  }

  #block(file: string, error: unknown, { isLink } = { isLink: false }): void {
    this.blocked.push({ file, reason: reasonOf(error), isLink })
  }

  #problem(file: string, code: string, message: string, instead = ''): void {
    this.problems.push(problemOfFile(file, code, message, instead))
  }
}

function scannedFile(file: string, { dev, ino, size, mtimeNs, ctimeNs }: BigIntStats): ScannedFile {
  // Whichever is later: a file that was moved here keeps its old time of writing.
  const changedAt = Number((mtimeNs > ctimeNs ? mtimeNs : ctimeNs) / 1_000_000n)
  return { file, signature: `${dev}:${ino}:${size}:${mtimeNs}:${ctimeNs}`, bytes: Number(size), changedAt }
}

/** The system's code for what went wrong: `ENOENT`. */
export function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined
}

const reasons: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  ENOENT: 'the link leads nowhere',
  ELOOP: 'the links lead in a circle',
  EISDIR: 'it is a folder',
}

/** In words where we know them. */
export function reasonOf(error: unknown): string {
  const code = codeOf(error)
  if (code !== undefined) return Object.hasOwn(reasons, code) ? reasons[code]! : code
  return error instanceof Error ? error.message : String(error)
}

/**
 * Folders and files → the files that may hold resources, with a signature that changes when their contents may have.
 */
import type { BigIntStats } from 'node:fs'
import { readdir, realpath, stat } from 'node:fs/promises'
import { join } from 'node:path'
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
export async function scan(paths: readonly string[]): Promise<Scan> {
  const scanner = new Scanner()
  for (const path of paths) await scanner.root(path)
  const { files, problems, blocked, linked } = scanner
  files.sort((a, b) => (a.file < b.file ? -1 : 1))
  return { files, problems, blocked, linked: [...linked] }
}

type Target = { readonly file: string; readonly real: string }

class Scanner {
  readonly files: ScannedFile[] = []
  readonly problems: Problem[] = []
  readonly blocked: Blocked[] = []
  readonly linked = new Set<string>()
  /** Real paths seen: what ends loops, and what keeps a file that two links lead to from being a duplicate of itself. */
  readonly #seen = new Set<string>()

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
    if (this.#isRepeated(real)) return
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
      const target = { file: join(file, entry.name), real: join(real, entry.name) }
      if (entry.isSymbolicLink()) await this.#link(target, entry.name)
      else if (entry.isDirectory() && isResourceFolder(entry.name)) await this.#folder(target)
      else if (entry.isFile() && isResourceFile(entry.name)) plain.push(target)
    }
    await inBatches(plain, (target) => this.#plainFile(target))
  }

  async #link(target: Target, name: string): Promise<void> {
    if (!isResourceFile(name) && !isResourceFolder(name)) return
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

  #file({ file, real }: Target, { dev, ino, size, mtimeNs, ctimeNs }: BigIntStats): void {
    if (this.#isRepeated(real)) return
    // Whichever is later: a file that was moved here keeps its old time of writing.
    const changedAt = Number((mtimeNs > ctimeNs ? mtimeNs : ctimeNs) / 1_000_000n)
    this.files.push({ file, signature: `${dev}:${ino}:${size}:${mtimeNs}:${ctimeNs}`, bytes: Number(size), changedAt })
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

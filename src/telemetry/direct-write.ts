/**
 * Writing without another thread where that does not wait. The kernel takes 64 KiB for a local file or a pipe in some
 * 20 µs, while two threads that wake one another on a busy core need ten times that.
 *
 * A disk may be behind, and then the kernel makes writers wait: a file that was slow once is let rest. A file on the
 * network is never written to this way. A pipe is opened again, so as not to block; it may be shared with others who
 * want to wait for it.
 */
import { closeSync, constants, fstatSync, openSync, statfsSync, writeSync } from 'node:fs'

export interface DirectWriter {
  /** How many of the bytes from there on are written; 0 when one would have to wait. Throws what the system says. */
  write(bytes: Buffer, from: number): number
  close(): void
}

/** `undefined` where one might have to wait. `now`: milliseconds on a clock that never goes back. */
export function directWriter(fd: number, now: () => number): DirectWriter | undefined {
  // Elsewhere there is no saying what a descriptor leads to.
  if (process.platform !== 'linux') return undefined
  const stats = fstatSync(fd)
  if (stats.isFile()) return isLocal(fd) ? new FileWriter(fd, now) : undefined
  return stats.isFIFO() ? pipeWriter(fd) : undefined
}

/** A write that takes longer shows a disk that is behind. */
const slowMs = 5
/** So long it is left to catch up. */
const restMs = 5_000

class FileWriter implements DirectWriter {
  readonly #fd: number
  readonly #now: () => number
  #restsUntil: number

  constructor(fd: number, now: () => number) {
    this.#fd = fd
    this.#now = now
    this.#restsUntil = -Infinity
  }

  write(bytes: Buffer, from: number): number {
    const start = this.#now()
    if (start < this.#restsUntil) return 0
    try {
      return writeSync(this.#fd, bytes, from)
    } finally {
      const end = this.#now()
      if (end - start > slowMs) this.#restsUntil = end + restMs
    }
  }

  /** The descriptor is somebody else's. */
  close(): void {}
}

class PipeWriter implements DirectWriter {
  readonly #fd: number

  constructor(fd: number) {
    this.#fd = fd
  }

  write(bytes: Buffer, from: number): number {
    try {
      return writeSync(this.#fd, bytes, from)
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'EAGAIN') return 0
      throw error
    }
  }

  close(): void {
    closeSync(this.#fd)
  }
}

function pipeWriter(fd: number): DirectWriter | undefined {
  try {
    return new PipeWriter(openSync(pathOf(fd), constants.O_WRONLY | constants.O_NONBLOCK))
  } catch {
    // No /proc, or nobody reads yet.
    return undefined
  }
}

/** What statfs(2) says of the file systems that keep their data on this machine. */
const localTypes: ReadonlySet<number> = new Set([
  0xef53, // ext2, ext3, ext4
  0x58465342, // xfs
  0x9123683e, // btrfs
  0xf2f52010, // f2fs
  0x2fc12fc1, // zfs
  0x01021994, // tmpfs
  0x794c7630, // overlayfs
])

function isLocal(fd: number): boolean {
  try {
    return localTypes.has(statfsSync(pathOf(fd)).type)
  } catch {
    return false
  }
}

function pathOf(fd: number): string {
  return `/proc/self/fd/${fd}`
}

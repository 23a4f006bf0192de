/**
 * Whether a file takes what is written to it so quickly that handing it to a thread would cost more than it saves. The
 * kernel copies 64 KiB for a local file in some 20 µs, while two threads that wake one another on a busy core need ten
 * times that. But a disk may be behind, and then the kernel makes writers wait; and a server on the network may be gone.
 */
import { fstatSync, statfsSync } from 'node:fs'

/** A write that takes longer shows a disk that is behind. */
const slowMs = 5
/** So long it is left to catch up. */
const restMs = 5_000

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

export class FileSpeed {
  readonly #isLocal: boolean
  readonly #now: () => number
  #slowUntil: number

  /** `now`: milliseconds on a clock that never goes back. */
  constructor(fd: number, now: () => number) {
    this.#isLocal = isLocalFile(fd)
    this.#now = now
    this.#slowUntil = 0
  }

  /** Whoever writes to it now will most likely not have to wait. */
  get isQuick(): boolean {
    return this.#isLocal && (this.#slowUntil === 0 || this.#now() >= this.#slowUntil)
  }

  /** Does a write, and remembers when it was slow. */
  watch(write: () => number): number {
    const start = this.#now()
    try {
      return write()
    } finally {
      const end = this.#now()
      this.#slowUntil = end - start > slowMs ? end + restMs : 0
    }
  }
}

function isLocalFile(fd: number): boolean {
  if (process.platform !== 'linux' || !fstatSync(fd).isFile()) return false
  try {
    return localTypes.has(statfsSync(`/proc/self/fd/${fd}`).type)
  } catch {
    // No /proc: what cannot be known is taken for slow.
    return false
  }
}

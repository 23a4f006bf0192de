/**
 * Resources from folders and files, watched: events only say when to look, contents decide.
 */
import type { Problem } from '#resource/problem.ts'
import type { Log } from '#telemetry/log.ts'
import { Batcher } from './batcher.ts'
import { FileTable } from './file-table.ts'
import type { Scan } from './scan.ts'
import { reasonOf, scan, scanAgain } from './scan.ts'
import type { Batch, Source } from './source.ts'
import type { StartWatcher, Watcher } from './watch.ts'
import { startWatcher } from './watch.ts'

/** All in milliseconds. */
export type FolderTimings = {
  /** Changes are taken up when none came for this long, */
  readonly quietMs: number
  /** but no later than this after the first. */
  readonly maxWaitMs: number
  /** A file that looks cut off is given this long since its last change before it counts as it is. */
  readonly settleMs: number
  /** Everything is looked at this often even without any event: for network drives and exhausted watches. */
  readonly pollMs: number
  /** The first pause after a failure of the watcher or of a scan; it doubles up to `maxBackOffMs`. */
  readonly backOffMs: number
  readonly maxBackOffMs: number
}

const defaultFolderTimings: FolderTimings = {
  quietMs: 50,
  maxWaitMs: 400,
  settleMs: 300,
  pollMs: 10_000,
  backOffMs: 1_000,
  maxBackOffMs: 60_000,
}

/** More than these are quicker found by looking everywhere. */
const fewFiles = 256

export type FolderSourceInit = {
  /** Folders, read at any depth, and single files. */
  readonly paths: readonly string[]
  readonly log: Log
  readonly timings?: Partial<FolderTimings>
  /** Milliseconds since the epoch. */
  readonly now?: () => number
  readonly startWatcher?: StartWatcher
}

export class FolderSource implements Source {
  readonly name: string
  readonly #paths: readonly string[]
  readonly #log: Log
  readonly #timings: FolderTimings
  readonly #now: () => number
  readonly #startWatcher: StartWatcher
  readonly #batcher: Batcher
  readonly #table = new FileTable()
  #watcher: Watcher | undefined
  #watchProblem: Problem | undefined
  /** Set when the state of watching changed, which is news even if no file changed. */
  #isNews = true
  #reload = true
  #backOffMs: number
  #watchPaths: readonly string[]
  /** Files that something happened to since we last looked; `undefined` when it may have been any. */
  #hinted: Set<string> | undefined = new Set()
  #lastScan: Scan | undefined
  /** In milliseconds since the epoch: when we last looked everywhere. */
  #scannedAt = 0

  constructor({ paths, log, timings, now = Date.now, startWatcher: start = startWatcher }: FolderSourceInit) {
    this.name = `folder ${paths.join(', ')}`
    this.#paths = paths
    this.#log = log
    this.#timings = { ...defaultFolderTimings, ...timings }
    this.#now = now
    this.#startWatcher = start
    this.#batcher = new Batcher(this.#timings)
    this.#backOffMs = this.#timings.backOffMs
    this.#watchPaths = paths
  }

  async run(emit: (batch: Batch) => void, signal: AbortSignal): Promise<void> {
    this.#watch(signal)
    let pauseMs = this.#timings.backOffMs
    while (!signal.aborted) {
      let waitMs
      try {
        const { unsettled } = await this.#look(emit, signal)
        waitMs = this.#untilNext()
        if (unsettled) waitMs = Math.min(waitMs, this.#timings.settleMs)
        pauseMs = this.#timings.backOffMs
      } catch (error) {
        this.#log.error('looking through the folders failed', {
          paths: this.#paths,
          reason: reasonOf(error),
          retryMs: pauseMs,
        })
        this.#isNews = true
        waitMs = pauseMs
        pauseMs = Math.min(pauseMs * 2, this.#timings.maxBackOffMs)
      }
      await this.#batcher.wait(waitMs, signal)
    }
    this.#watcher?.close()
  }

  reload(): void {
    this.#reload = true
    this.#batcher.fire()
  }

  async #look(emit: (batch: Batch) => void, signal: AbortSignal): Promise<{ unsettled: boolean }> {
    const everything = this.#reload
    const isNews = this.#isNews
    this.#reload = false
    this.#isNews = false
    const found = await this.#scan(everything || isNews)
    if (found === undefined) return { unsettled: false }
    this.#follow(found)
    const { changed, unsettled } = await this.#table.update(found, {
      now: this.#now(),
      everything,
      // Whoever asks for everything now does not want to wait.
      settleMs: everything ? 0 : this.#timings.settleMs,
    })
    if (signal.aborted || !(changed || isNews)) return { unsettled }
    const batch = this.#batch()
    this.#log.info('read the folders', {
      paths: this.#paths,
      files: this.#table.size,
      resources: batch.resources.length,
      problems: batch.problems.length,
    })
    this.#logIgnored(batch)
    emit(batch)
    return { unsettled }
  }

  /**
   * Where hints name a few files, only these are looked at: a change should not wait for a look at ten thousand others.
   * That look comes when it is due and nobody hints, and at the latest when it is due once more. `undefined` when it was
   * given up because of a hint.
   */
  async #scan(everywhere: boolean): Promise<Scan | undefined> {
    const last = this.#lastScan
    const isLate = this.#sinceScan() >= 2 * this.#timings.pollMs
    const mustLook = everywhere || isLate || last === undefined || this.#hinted === undefined
    const hinted = this.#takeHinted()
    const again = mustLook || !isFew(hinted) ? undefined : await scanAgain(last, hinted)
    if (again !== undefined) return (this.#lastScan = again)
    const isPatient = !mustLook && hinted.size === 0
    const now = this.#now()
    // A scan that fails has told us nothing.
    this.#lastScan = undefined
    const found = await scan(this.#paths, () => isPatient && this.#hinted !== undefined && isFew(this.#hinted))
    if (found === undefined) this.#lastScan = last
    else {
      this.#lastScan = found
      this.#scannedAt = now
    }
    return found
  }

  /** Milliseconds until everything is due; where there are hints, these come first, and the batcher says when. */
  #untilNext(): number {
    const dueMs = Math.max(0, this.#timings.pollMs - this.#sinceScan())
    const isHinted = this.#hinted === undefined || this.#hinted.size > 0
    return isHinted ? Math.max(dueMs, this.#timings.maxWaitMs) : dueMs
  }

  /** Milliseconds. */
  #sinceScan(): number {
    return Math.abs(this.#now() - this.#scannedAt)
  }

  #takeHinted(): ReadonlySet<string> {
    const hinted = this.#hinted ?? new Set()
    this.#hinted = new Set()
    return hinted
  }

  #hint(file: string | undefined): void {
    if (file === undefined) this.#hinted = undefined
    else this.#hinted?.add(file)
    this.#batcher.hint()
  }

  #batch(): Batch {
    const batch = this.#table.documents()
    return this.#watchProblem === undefined ? batch : { ...batch, problems: [this.#watchProblem, ...batch.problems] }
  }

  #logIgnored({ documents }: Batch): void {
    for (const { file, line, object, state } of documents) {
      if (state === 'ignored') this.#log.debug('ignored a document', { file, line, object })
    }
  }

  /** Links may lead out of the folders, where only their targets can be watched. */
  #follow({ linked }: Scan): void {
    this.#watchPaths = [...new Set([...this.#paths, ...linked])]
    this.#watcher?.watch(this.#watchPaths)
  }

  #watch(signal: AbortSignal): void {
    if (signal.aborted) return
    let failed = false
    const onError = (error: unknown): void => {
      if (failed || signal.aborted) return
      failed = true
      this.#watchFailed(error, signal)
    }
    const onReady = (): void => {
      if (failed) return
      this.#backOffMs = this.#timings.backOffMs
      if (this.#watchProblem !== undefined) this.#isNews = true
      this.#watchProblem = undefined
      // What changed before the watcher stood has caused no event.
      this.#hint(undefined)
    }
    try {
      this.#watcher = this.#startWatcher(this.#watchPaths, { onHint: (file) => this.#hint(file), onReady, onError })
    } catch (error) {
      onError(error)
    }
  }

  #watchFailed(error: unknown, signal: AbortSignal): void {
    const retryMs = this.#backOffMs
    this.#backOffMs = Math.min(retryMs * 2, this.#timings.maxBackOffMs)
    this.#watcher?.close()
    this.#watcher = undefined
    const problem = this.#problemOf(error)
    if (problem.message !== this.#watchProblem?.message) this.#isNews = true
    this.#watchProblem = problem
    this.#log.warn('watching for changes failed', {
      paths: this.#paths,
      reason: reasonOf(error),
      retryMs,
      pollMs: this.#timings.pollMs,
    })
    this.#hint(undefined)
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', stop)
      this.#watch(signal)
    }, retryMs)
    const stop = (): void => clearTimeout(timer)
    signal.addEventListener('abort', stop, { once: true })
  }

  #problemOf(error: unknown): Problem {
    return {
      file: this.#paths[0] ?? '.',
      line: 1,
      column: 1,
      severity: 'warning',
      code: 'watch-failed',
      object: undefined,
      path: '',
      message: `cannot watch for changes: ${reasonOf(error)}`,
      instead: `changes are found every ${this.#timings.pollMs / 1_000} seconds`,
    }
  }
}

function isFew(hinted: ReadonlySet<string>): boolean {
  return hinted.size > 0 && hinted.size <= fewFiles
}

/**
 * Hints that something changed in a set of folders. Hints may be missed or come for nothing: nobody relies on them for
 * more than being quick.
 */
import { basename } from 'node:path'
import { FSWatcher } from 'chokidar'
import { isResourceFolder } from './scan.ts'

export interface Watcher {
  /** Watch exactly these files and folders, folders with everything below them; what is watched already goes on. */
  watch(paths: readonly string[]): void
  close(): void
}

export type WatchHandlers = {
  /** Something happened to this file, as it is watched; `undefined`: to more than one file, or to a folder. */
  readonly onHint: (file: string | undefined) => void
  /** Everything that was asked for is being watched. */
  readonly onReady: () => void
  /** Watching may be incomplete from here on. */
  readonly onError: (error: unknown) => void
}

export type StartWatcher = (paths: readonly string[], handlers: WatchHandlers) => Watcher

/** Links are watched as links: the scan resolves them, and names the real paths to watch. */
export const startWatcher: StartWatcher = (paths, { onHint, onReady, onError }) => {
  const watcher = new FSWatcher({
    ignoreInitial: true,
    followSymlinks: false,
    ignorePermissionErrors: true,
    ignored: isIgnored,
  })
  let watched = new Set(paths)
  watcher.on('all', (event, path) => onHint(fileEvents.has(event) ? path : undefined))
  watcher.on('ready', onReady)
  watcher.on('error', onError)
  watcher.add([...watched])
  return {
    watch: (next) => {
      const wanted = new Set(next)
      const gone = watched.difference(wanted)
      const fresh = wanted.difference(watched)
      watched = wanted
      if (gone.size > 0) watcher.unwatch([...gone])
      if (fresh.size > 0) watcher.add([...fresh])
    },
    close: () => {
      watcher.close().catch(() => {})
    },
  }
}

const fileEvents: ReadonlySet<string> = new Set(['add', 'change', 'unlink'])

/** `..data` and its like must be seen: swapping that link is how a mounted ConfigMap changes. */
function isIgnored(path: string): boolean {
  const name = basename(path)
  return !isResourceFolder(name) && !name.startsWith('..')
}

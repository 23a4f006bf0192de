// Keeps what Node makes of our sources (types stripped, compiled) on the disk, so that the next start need not make it
// again: for 300 files, in the main thread and in every worker, that is half of a start. Plain JavaScript, for it has to
// run before any other file is compiled.
import { mkdirSync, realpathSync, statSync } from 'fs'
import module from 'module'
import { homedir } from 'os'
import { dirname, join } from 'path'

// Does nothing where somebody has chosen a folder (NODE_COMPILE_CACHE) or wants none (NODE_DISABLE_COMPILE_CACHE=1), and
// where there is no folder that is ours alone: Node runs what lies there as it would run our sources.
export function useCompileCache() {
  if (process.geteuid === undefined || module.getCompileCacheDir() !== undefined) return
  try {
    const named = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'genkan', 'compiled')
    mkdirSync(named, { recursive: true, mode: 0o700 })
    // By its real name: a link on the way there may be somebody else's, who may let it lead elsewhere later.
    const folder = realpathSync(named)
    if (!isOursAlone(folder)) return
    const { status } = module.enableCompileCache(folder)
    // Threads look for it here.
    if (status === module.constants.compileCacheStatus.ENABLED) process.env.NODE_COMPILE_CACHE = folder
  } catch {
    // No home, or one that cannot be written: a start takes longer, and that is all.
  }
}

// Nobody else may look into it, or put another in its place: `sudo` may keep the home of whoever called it.
function isOursAlone(folder) {
  const own = process.geteuid()
  const { uid, mode } = statSync(folder)
  if (uid !== own || (mode & 0o077) !== 0) return false
  for (let each = dirname(folder); ; each = dirname(each)) {
    const parent = statSync(each)
    const isSticky = (parent.mode & 0o1000) !== 0
    if ((parent.uid !== own && parent.uid !== 0) || ((parent.mode & 0o022) !== 0 && !isSticky)) return false
    if (each === dirname(each)) return true
  }
}

/**
 * Folders read once and compiled: what the commands that start nothing look at.
 */
import { type Compiled, compile } from '#compile/compile.ts'
import type { Problem } from '#resource/problem.ts'
import type { Ingress } from '#resource/resource.ts'
import { ResourceSet } from '#resource/resource-set.ts'
import { loadOnce } from '#source/load.ts'
import type { DocumentState } from '#source/source.ts'
import type { Io } from './command.ts'
import type { FlagValues } from './flags.ts'
import { requireFolders } from './folders.ts'
import { type compileFlags, toCompileOptions } from './settings.ts'

export type Offline = {
  readonly resources: ResourceSet
  readonly compiled: Compiled
  /** Of reading and compiling, by file, line and column. */
  readonly problems: readonly Problem[]
  readonly documents: readonly DocumentState[]
  /** What is left of Ingresses that are broken: their annotations can be judged all the same. */
  readonly remains: readonly Ingress[]
}

/** Throws UserError for folders that are not there; everything inside them is a problem at worst. */
export async function readOffline(
  folders: readonly string[],
  flags: FlagValues<(typeof compileFlags)[number]>,
  env: Io['env'],
): Promise<Offline> {
  requireFolders(folders)
  const batch = await loadOnce(folders)
  const resources = new ResourceSet(batch.resources)
  const compiled = compile(resources, toCompileOptions(flags, Date.now(), env))
  return {
    resources,
    compiled,
    problems: [...batch.problems, ...compiled.problems].toSorted(byPlace),
    documents: batch.documents,
    remains: batch.remains ?? [],
  }
}

function byPlace(a: Problem, b: Problem): number {
  if (a.file !== b.file) return a.file < b.file ? -1 : 1
  return a.line - b.line || a.column - b.column || (a.message < b.message ? -1 : 1)
}

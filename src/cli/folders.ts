/**
 * The folders named on the command line, judged before anything starts.
 */
import { accessSync, constants, statSync } from 'node:fs'
import { explainErrno, UserError } from './user-error.ts'

/** Throws one UserError that names everything that is missing or cannot be read. Single files are welcome, too. */
export function requireFolders(folders: readonly string[]): void {
  const problems = folders.map(complaint).filter((each) => each !== undefined)
  if (problems.length > 0) throw new UserError(problems.join('\n'), 2)
}

function complaint(folder: string): string | undefined {
  try {
    const isFolder = statSync(folder).isDirectory()
    accessSync(folder, isFolder ? constants.R_OK | constants.X_OK : constants.R_OK)
    return undefined
  } catch (error) {
    const looksLikeUrl = /^https?:\/\//.test(folder)
    return `${folder}: ${looksLikeUrl ? 'this is a URL, where a folder of YAML files is wanted' : explainErrno(error)}`
  }
}

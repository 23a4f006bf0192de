/**
 * A mistake of the person at the keyboard or of the machine around us: printed as the sentence it is, without a stack.
 */

/** 1: what was asked for did not work out. 2: what was asked for could not be understood. */
export type ExitCode = 0 | 1 | 2

export class UserError extends Error {
  override readonly name = 'UserError'
  readonly exitCode: ExitCode

  /** `message` may have several lines; each is printed behind `genkan: ` or an indent of the same width. */
  constructor(message: string, exitCode: ExitCode = 1) {
    super(message)
    this.exitCode = exitCode
  }
}

/** The system's own code of an error (`ENOENT`), if it has one. */
export function errnoOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined
  return typeof error.code === 'string' ? error.code : undefined
}

/** What a person says for the codes that reading and writing files gives. */
export function explainErrno(error: unknown): string {
  const said: Record<string, string> = {
    ENOENT: 'there is no such file or folder',
    EACCES: 'this user may not read or write it',
    EPERM: 'this user may not read or write it',
    EISDIR: 'it is a folder',
    ENOTDIR: 'a part of its path is no folder',
    EMFILE: 'too many files are open; see `ulimit -n`',
    ENOSPC: 'the disk is full',
    EROFS: 'the file system is read-only',
  }
  const code = errnoOf(error)
  return (code !== undefined ? said[code] : undefined) ?? (error instanceof Error ? error.message : String(error))
}

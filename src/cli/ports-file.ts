/**
 * `--ports-file`: the ports as JSON, for scripts that start a front door on free ones. The file is there and whole, or
 * not there at all, so that waiting for it to appear is enough.
 */
import { renameSync, rmSync, writeFileSync } from 'node:fs'
import { explainErrno, UserError } from './user-error.ts'

/** Takes away what an earlier run left, so that nobody reads old ports. */
export function clearPortsFile(path: string): void {
  guarded(path, () => rmSync(path, { force: true }))
}

export function writePortsFile(path: string, ports: Readonly<Record<string, number>>): void {
  const written = `${path}.${process.pid}.tmp`
  guarded(path, () => {
    writeFileSync(written, `${JSON.stringify({ ...ports, pid: process.pid })}\n`)
    renameSync(written, path)
  })
}

function guarded(path: string, act: () => void): void {
  try {
    act()
  } catch (error) {
    throw new UserError(`--ports-file ${path} cannot be written: ${explainErrno(error)}`)
  }
}

/**
 * Everything in some folders and files, read once: for commands that do not stay.
 */
import { FileTable } from './file-table.ts'
import { scan } from './scan.ts'
import type { Batch } from './source.ts'

/** Never rejects for what it finds; a path that does not exist is a problem in the batch. */
export async function loadOnce(paths: readonly string[]): Promise<Batch> {
  const table = new FileTable()
  await table.update(await scan(paths), { now: Date.now(), everything: true, settleMs: 0 })
  return table.documents()
}

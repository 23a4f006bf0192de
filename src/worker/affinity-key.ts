/**
 * The key that session cookies are signed with. Replicas that share it honour each other's cookies, and a process that
 * finds the one it used before honours its own.
 */
import { createHash, randomBytes, randomUUID } from 'node:crypto'
import { link, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { affinityKeyBytes } from '#upstream/session.ts'

export type AffinityKeySource =
  /** Any secret of at least 32 bytes, text or not. */
  | { readonly kind: 'file'; readonly path: string }
  /** Kept there, and made when it is not there yet. */
  | { readonly kind: 'folder'; readonly path: string }
  /** For this process only. */
  | { readonly kind: 'process' }

export type AffinityKey = {
  readonly key: Uint8Array
  /** Why sessions will not outlive this process, although they should. */
  readonly warning: string | undefined
}

const fileName = 'affinity.key'

/** Rejects with a sentence for people when a named file cannot be used; a folder that cannot be is a warning. */
export async function readAffinityKey(source: AffinityKeySource): Promise<AffinityKey> {
  switch (source.kind) {
    case 'file':
      return { key: await readSecret(source.path), warning: undefined }
    case 'folder':
      try {
        return { key: await readOrMake(source.path), warning: undefined }
      } catch (error) {
        const warning = `sticky sessions will not survive a restart: no key can be kept in ${source.path} (${reasonOf(error)}); choose another folder with --state-dir, or a key with --affinity-key-file`
        return { key: randomBytes(affinityKeyBytes), warning }
      }
    case 'process':
      return { key: randomBytes(affinityKeyBytes), warning: undefined }
  }
}

async function readSecret(path: string): Promise<Uint8Array> {
  const bytes = await readFile(path).catch((error: unknown) =>
    Promise.reject(new Error(`--affinity-key-file: ${path} cannot be read (${reasonOf(error)})`)),
  )
  if (bytes.length < affinityKeyBytes)
    throw new Error(
      `--affinity-key-file: ${path} holds ${bytes.length} bytes, but a key has at least ${affinityKeyBytes}; make one with: head -c 32 /dev/urandom | base64`,
    )
  // An editor's last line break makes no other key.
  const text = bytes.toString('latin1').replace(/[\r\n]+$/, '')
  return createHash('sha256').update(text, 'latin1').digest()
}

/** Two processes that begin at once end up with the same key: whoever links first has made it. */
async function readOrMake(folder: string): Promise<Uint8Array> {
  const path = join(folder, fileName)
  const known = await readKept(path)
  if (known !== undefined) return known
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const draft = join(folder, `.${fileName}.${randomUUID()}`)
  try {
    await writeFile(draft, randomBytes(affinityKeyBytes), { mode: 0o600, flag: 'wx' })
    await link(draft, path).catch((error: unknown) => (codeOf(error) === 'EEXIST' ? undefined : Promise.reject(error)))
  } finally {
    await rm(draft, { force: true })
  }
  const made = await readKept(path)
  if (made === undefined) throw new Error('it vanished')
  return made
}

async function readKept(path: string): Promise<Uint8Array | undefined> {
  try {
    const bytes = await readFile(path)
    if (bytes.length !== affinityKeyBytes) throw new Error(`${path} is no key: it holds ${bytes.length} bytes`)
    return bytes
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    throw error
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : ''
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { readAffinityKey } from '#worker/affinity-key.ts'
import { after } from '../support/closing.ts'

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'genkan-key-'))
  after(() => rmSync(path, { recursive: true, force: true }))
  return path
}

describe('the key of session cookies', () => {
  test('is made once, kept for nobody else to read, and found again', async () => {
    const path = join(folder(), 'deep', 'state')
    const first = await readAffinityKey({ kind: 'folder', path })
    expect(first.warning).toBeUndefined()
    expect(first.key.length).toBe(32)
    expect(Buffer.from((await readAffinityKey({ kind: 'folder', path })).key)).toEqual(Buffer.from(first.key))
    expect(readdirSync(path)).toEqual(['affinity.key'])
    expect(statSync(join(path, 'affinity.key')).mode & 0o777).toBe(0o600)
    expect(statSync(path).mode & 0o777).toBe(0o700)
  })

  test('is the same for processes that begin at once', async () => {
    const path = folder()
    const keys = await Promise.all(Array.from({ length: 10 }, () => readAffinityKey({ kind: 'folder', path })))
    expect(new Set(keys.map(({ key }) => Buffer.from(key).toString('hex'))).size).toBe(1)
    expect(readdirSync(path)).toEqual(['affinity.key'])
  })

  test('where none can be kept it is one for this process, with a warning', async () => {
    const path = join(folder(), 'file')
    writeFileSync(path, 'in the way')
    const { key, warning } = await readAffinityKey({ kind: 'folder', path })
    expect(key.length).toBe(32)
    expect(warning).toMatch(/will not survive a restart.*--state-dir/)
  })

  test('a kept file that is no key is not overwritten', async () => {
    const path = folder()
    writeFileSync(join(path, 'affinity.key'), 'short')
    expect((await readAffinityKey({ kind: 'folder', path })).warning).toMatch(/is no key/)
    expect(readFileSync(join(path, 'affinity.key'), 'utf8')).toBe('short')
  })

  test('any secret of 32 bytes will do, and the line break an editor adds makes no other', async () => {
    const path = join(folder(), 'secret')
    const read = async (content: string): Promise<string> => {
      writeFileSync(path, content)
      return Buffer.from((await readAffinityKey({ kind: 'file', path })).key).toString('hex')
    }
    const one = await read('x'.repeat(44))
    expect(await read(`${'x'.repeat(44)}\n`)).toBe(one)
    expect(await read('y'.repeat(44))).not.toBe(one)
    await expect(read('too short')).rejects.toThrow(/holds 9 bytes/)
    chmodSync(path, 0o600)
    rmSync(path)
    await expect(readAffinityKey({ kind: 'file', path })).rejects.toThrow(/--affinity-key-file: .* cannot be read/)
  })
})

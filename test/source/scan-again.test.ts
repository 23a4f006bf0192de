/** Looking only at what something happened to must find what looking everywhere finds. */
import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type Scan, scan, scanAgain } from '../../src/source/scan.ts'

let root: string
const at = (...names: readonly string[]): string => join(root, ...names)

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'genkan-scan-'))
  await mkdir(at('deep', 'er'), { recursive: true })
  await writeFile(at('b.yaml'), 'b')
  await writeFile(at('deep', 'er', 'c.yaml'), 'c')
})
afterEach(() => rm(root, { recursive: true }))

const again = async (before: Scan, ...files: readonly string[]): Promise<Scan | undefined> =>
  scanAgain(
    before,
    files.map((file) => at(file)),
  )

test('finds what was written, replaced, taken away and put there', async () => {
  let known = await scan([root])
  const steps: readonly (readonly [file: string, change: () => Promise<void>])[] = [
    ['a.yaml', () => writeFile(at('a.yaml'), 'new')],
    ['b.yaml', () => writeFile(at('b.yaml'), 'longer than before')],
    ['deep/er/c.yaml', () => rm(at('deep/er/c.yaml'))],
    ['deep/er/d.yml', () => writeFile(at('deep/er/d.yml'), 'd')],
    ['a.yaml', () => rename(at('deep/er/d.yml'), at('a.yaml'))],
    ['deep/er/d.yml', async () => {}],
    ['notes.txt', () => writeFile(at('notes.txt'), 'no resource')],
    ['never.yaml', async () => {}],
  ]
  for (const [file, change] of steps) {
    await change()
    const found = await again(known, file, ...(file === 'a.yaml' ? ['deep/er/d.yml'] : []))
    expect(found).toEqual(await scan([root]))
    known = found!
  }
})

test('knows a file by its real path, too, where the folder was given by a link', async () => {
  await symlink(at('deep'), at('link'))
  const known = await scan([at('link')])
  await writeFile(at('deep', 'er', 'c.yaml'), 'changed')
  expect(await again(known, 'deep/er/c.yaml')).toEqual(await scan([at('link')]))
})

test('leaves it to a scan where a link, a new folder or anything else is in question', async () => {
  const plain = await scan([root])
  await symlink(at('b.yaml'), at('deep', 'b.yaml'))
  expect(await again(plain, 'deep/b.yaml')).toBeUndefined()
  expect(await again(plain, 'elsewhere/a.yaml')).toBeUndefined()
  await mkdir(at('folder.yaml'))
  expect(await again(plain, 'folder.yaml')).toBeUndefined()
  // Whatever a link leads to may be read under the name of the link.
  const linked = await scan([root])
  await writeFile(at('b.yaml'), 'changed')
  expect(await again(linked, 'b.yaml')).toBeUndefined()
})

test('says nothing of a scan that was given up', async () => {
  let asked = 0
  expect(await scan([root], () => ++asked > 0)).toBeUndefined()
  expect(await scan([root], () => false)).toEqual(await scan([root]))
})

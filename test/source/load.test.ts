import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { loadOnce } from '../../src/source/load.ts'
import { FileTable } from '../../src/source/file-table.ts'
import { scan } from '../../src/source/scan.ts'
import { FolderBench, served } from '../support/folder-bench.ts'

let bench: FolderBench
beforeEach(async () => {
  bench = await FolderBench.create()
})
afterEach(() => bench.close())

const service = (name: string): string =>
  `apiVersion: v1\nkind: Service\nmetadata: {name: ${name}}\nspec: {ports: [{port: 80}]}\n`

test('everything is read once, and a path that does not exist is a problem', async () => {
  await bench.write('a.yaml', service('a'))
  await bench.write('b.txt', service('b'))
  const batch = await loadOnce([bench.path('a.yaml'), bench.path('b.txt'), bench.path('c')])
  expect(served(batch)).toEqual(['Service default/a', 'Service default/b'])
  expect(batch.problems.map(({ file, code }) => [file, code])).toEqual([[bench.path('c'), 'missing-folder']])
})

test('folders given twice, or one inside the other, are read once', async () => {
  await bench.write('x/a.yaml', service('a'))
  const batch = await loadOnce([bench.path('x'), bench.root, `${bench.path('x')}/`])
  expect(batch.documents).toHaveLength(1)
  expect(batch.problems).toEqual([])
})

test('a file that is too large is a problem and is not read', async () => {
  await bench.write('a.yaml', Buffer.alloc(5 * 1024 * 1024, ' '))
  expect((await loadOnce([bench.root])).problems.map(({ code }) => code)).toEqual(['file-too-large'])
})

test('what stands below a folder that cannot be looked at is not deleted', async () => {
  await bench.write('x/a.yaml', service('a'))
  await bench.write('xy/b.yaml', service('b'))
  const table = new FileTable()
  const found = await scan([bench.root])
  const init = { now: Date.now(), everything: false, settleMs: 0 }
  await table.update(found, init)
  const blocked = {
    ...found,
    files: [],
    blocked: [{ file: bench.path('x'), reason: 'permission denied', isLink: false }],
  }
  expect(await table.update(blocked, init)).toEqual({ changed: true, unsettled: false })
  const { documents, problems } = table.documents()
  expect(documents.map(({ object, state }) => `${object} ${state}`)).toEqual(['Service default/a stale'])
  expect(problems.map(({ message }) => message)).toEqual(['cannot read this: permission denied'])
  expect(await table.update(blocked, init)).toEqual({ changed: false, unsettled: false })
  await table.update(found, init)
  expect(table.documents().problems).toEqual([])
})

test('a file is read again when its signature changed, or when it was too fresh for its signature to be trusted', async () => {
  await bench.write('a.yaml', service('a'))
  const found = await scan([bench.root])
  const changedAt = found.files[0]!.changedAt
  const table = new FileTable()
  const update = (now: number): Promise<{ changed: boolean }> =>
    table.update(found, { now, everything: false, settleMs: 0 })
  await update(changedAt + 10)
  await bench.write('a.yaml', service('b'))
  expect((await update(changedAt + 60_000)).changed).toBe(true)
  await bench.write('a.yaml', service('c'))
  expect((await update(changedAt + 60_000)).changed).toBe(false)
  expect((await table.update(found, { now: changedAt + 60_000, everything: true, settleMs: 0 })).changed).toBe(true)
  expect(
    (await table.update(await scan([bench.root]), { now: changedAt + 60_000, everything: false, settleMs: 0 })).changed,
  ).toBe(false)
})

describe('a file that looks cut off', () => {
  const full = `${service('a')}---\n${service('b')}`
  for (const [why, text] of [
    ['breaks off', full.slice(0, -9)],
    ['has lost a document', service('a')],
    ['is empty', ''],
    ['begins a document', `${service('a')}---\napiVersion: v1\nkind: S`],
    ['has become shorter', full.replaceAll('80', '8')],
    ['has another name', `${full}x`.replace('name: b', 'name: other').slice(0, -1)],
  ] as const) {
    test(`because it ${why} is given time, but not for ever`, async () => {
      const table = new FileTable()
      const init = { everything: false, settleMs: 100 }
      await bench.write('a.yaml', full)
      await table.update(await scan([bench.root]), { ...init, now: Date.now() + 60_000 })
      await bench.write('a.yaml', text)
      const found = await scan([bench.root])
      const { changedAt } = found.files[0]!
      expect(await table.update(found, { ...init, now: changedAt + 99 })).toEqual({ changed: false, unsettled: true })
      expect(await table.update(found, { ...init, now: changedAt + 100 })).toEqual({ changed: true, unsettled: false })
    })
  }

  test('is taken as it is when it is written all the time', async () => {
    const table = new FileTable()
    const init = { everything: false, settleMs: 100 }
    await bench.write('a.yaml', 'kind: [')
    const found = await scan([bench.root])
    const now = found.files[0]!.changedAt
    const again = (later: number): Promise<unknown> => {
      const files = found.files.map((file) => ({ ...file, signature: String(later), changedAt: now + later }))
      return table.update({ ...found, files }, { ...init, now: now + later })
    }
    for (const later of [0, 90, 180, 270, 360, 450])
      expect(await again(later)).toEqual({ changed: false, unsettled: true })
    expect(await again(540)).toEqual({ changed: true, unsettled: false })
  })

  test('is taken at once when it is whole', async () => {
    const table = new FileTable()
    await bench.write('a.yaml', full)
    const found = await scan([bench.root])
    const now = found.files[0]!.changedAt
    expect(await table.update(found, { everything: false, settleMs: 100, now })).toEqual({
      changed: true,
      unsettled: false,
    })
  })
})
